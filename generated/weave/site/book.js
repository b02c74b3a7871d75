// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 162e146c5fe6
/* Copying and tabs. The pages are whole without this script. */

"use strict";

/* A button that copies a chunk as the tangler would write it. */
function addCopyButton(chunk) {
  const code = chunk.querySelector("pre");
  const button = document.createElement("button");
  button.className = "copy";
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
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const at = tabs.indexOf(document.activeElement) + step;
    const next = tabs[(at + tabs.length) % tabs.length];
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

document.querySelectorAll(".chunk").forEach(addCopyButton);
document.querySelectorAll(".backends").forEach(addTabs);
show(localStorage.getItem("backend"));
letScroll();
openTarget();
addEventListener("resize", letScroll);
addEventListener("hashchange", openTarget);
