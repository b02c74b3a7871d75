// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 85e8efacbb37
/* Copying, tabs, drawers. The pages are whole without this script. */

"use strict";

/* A button that copies a chunk as the tangler would write it. */
function addCopyButton(chunk) {
  const code = chunk.querySelector("pre");
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.setAttribute("aria-live", "polite");
  button.textContent = "Copy";
  const whole = chunk.dataset.copy;
  if (whole !== undefined) button.title = "Copy with all that it uses";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(whole ?? code.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  chunk.append(button);
}

/* Tabs over the backends of one thing; the choice holds everywhere. */
function addTabs(backends, index) {
  const chunks = [...backends.querySelectorAll(":scope > .chunk")];
  const bar = document.createElement("div");
  bar.className = "tabs";
  bar.setAttribute("role", "tablist");
  bar.setAttribute("aria-label", "Backend");
  const tabs = chunks.map((chunk, at) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.textContent = chunk.querySelector(".backend-name").textContent;
    tab.id = `tab-${index}-${at}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", chunk.id);
    chunk.setAttribute("role", "tabpanel");
    chunk.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => choose(tab.textContent));
    bar.append(tab);
    return tab;
  });
  bar.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const goal = { ArrowLeft: at - 1, ArrowRight: at + 1,
      Home: 0, End: -1 }[event.key];
    if (goal === undefined) return;
    const next = tabs.at(goal % tabs.length);
    event.preventDefault();
    choose(next.textContent);
    next.focus();
  });
  backends.prepend(bar);
  backends.classList.add("tabbed");
}

function choose(name) {
  localStorage.setItem("backend", name);
  show(name);
}

/* Show this backend wherever there is one of its name. */
function show(name) {
  for (const backends of document.querySelectorAll(".tabbed")) {
    const tabs = [...backends.querySelectorAll("[role=tab]")];
    const found = tabs.find((tab) => tab.textContent === name);
    const shown = found ?? tabs[0];
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", tab === shown);
      tab.tabIndex = tab === shown ? 0 : -1;
      const panel = tab.getAttribute("aria-controls");
      document.getElementById(panel).hidden = tab !== shown;
    }
  }
}

/* What scrolls must be reachable with the keyboard. */
function letScroll() {
  const boxes = "article pre, .formula, .table-wrapper";
  for (const box of document.querySelectorAll(boxes)) {
    const wide = box.scrollWidth > box.clientWidth;
    const tall = box.scrollHeight > box.clientHeight;
    if (wide || tall) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

/* A link to a chunk in a hidden tab opens that tab. */
function openTarget() {
  const target = document.getElementById(
    decodeURIComponent(location.hash.slice(1)),
  );
  const panel = target?.closest("[role=tabpanel][hidden]");
  if (!panel) return;
  choose(panel.querySelector(".backend-name").textContent);
  panel.scrollIntoView();
}

/* A drawer of narrow screens: its name, where the keyboard goes. */
function addDrawer(box, className, name) {
  const toggle = document.getElementById(box);
  const drawer = document.querySelector("." + className);
  drawer.setAttribute("aria-label", name);
  toggle.addEventListener("change", () => {
    if (!toggle.checked) return;
    const stops = [...drawer.querySelectorAll("a[href], input")];
    stops.find((stop) => stop.checkVisibility()).focus();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !toggle.checked) return;
    toggle.checked = false;
    toggle.focus();
  });
}

/* The page of the search comes without a heading. */
function nameSearch() {
  const heading = document.createElement("h1");
  heading.textContent = "Search";
  document.getElementById("search-results")?.before(heading);
}

document.querySelectorAll(".chunk").forEach(addCopyButton);
document.querySelectorAll(".backends").forEach(addTabs);
show(localStorage.getItem("backend"));
letScroll();
openTarget();
addDrawer("__navigation", "sidebar-drawer", "The book");
addDrawer("__toc", "toc-drawer", "On this page");
nameSearch();
addEventListener("resize", letScroll);
addEventListener("hashchange", openTarget);
