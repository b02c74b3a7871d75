// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. caca72d55497
/* Beside each chunk a panel: its place in the file, names, tests. */

"use strict";

/* An element with its properties and its children. */
function element(tag, properties, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

/* Data are scripts: pages opened from a disk can load them too. */
function loadScript(path) {
  const root = document.documentElement.dataset.content_root ?? "./";
  return new Promise((onload, onerror) => {
    const src = root + path;
    document.head.append(element("script", { src, onload, onerror }));
  });
}

async function loadSheet(name) {
  if (!self.sheets?.[name]) await loadScript(`sheets/${name}.js`);
  return self.sheets[name];
}

/* The button that opens the panel, and fills it the first time. */
function addAbout(chunk) {
  const head = chunk.querySelector(".chunk-head");
  const label = `About ${head.firstChild.textContent}`;
  const id = `about-${chunk.id}`;
  const panel = element("div", { className: "about", id });
  const style = { className: "show-about" };
  const button = element("button", style, "About");
  panel.role = "group";
  panel.ariaLabel = button.ariaLabel = label;
  button.setAttribute("aria-controls", id);
  const open = (yes) => {
    panel.hidden = !yes;
    button.ariaExpanded = String(yes);
  };
  open(false);
  button.addEventListener("click", async () => {
    open(panel.hidden);
    panel.querySelector("input")?.click(); // as told
    if (panel.childElementCount) return;
    try {
      fill(panel, chunk, await loadSheet(chunk.dataset.sheet));
    } catch {
      panel.textContent = "What belongs here could not be loaded.";
    }
  });
  head.after(button, panel);
}

function fill(panel, chunk, sheet) {
  const { at, defines, uses } = sheet.chunks[chunk.id];
  const [first, last] = at;
  const all = [...sheet.lines.keys()].slice(first, last + 1);
  const own = all.filter((line) => {
    const [href] = sheet.links[sheet.lines[line][1]] ?? [];
    return href === `#${chunk.id}`;
  });
  const views = [["told", "as told"], ["file", `in ${sheet.file}`]];
  if (own.length < all.length) {
    views.splice(1, 0, ["expanded", "expanded"]);
  }
  const names = defines.map(([name, used]) => {
    const line = element("div", {}, element("code", {}, name));
    if (used.length) line.append(", used in ", ...links(sheet, used));
    return line;
  });
  const facts = element("dl", {});
  const tell = (term, said) => {
    const there = element("dd", {}, ...said);
    if (said.length) facts.append(element("dt", {}, term), there);
  };
  tell("Tests", tested(sheet, own));
  tell("Defines", names);
  tell("Uses", links(sheet, uses));
  panel.replaceChildren(choice(chunk, views, sheet, at, own), facts);
}

/* The links of a sheet that have these numbers. */
function links(sheet, numbers) {
  return numbers.flatMap((number, at) => {
    const [href, text] = sheet.links[number];
    const link = element("a", { href }, text);
    return at ? [", ", link] : [link];
  });
}

/* What the tests did with a chunk's own lines. */
function tested(sheet, own) {
  if (sheet.unknown) return [sheet.unknown];
  const can = own.filter((line) => line in sheet.tests);
  if (!can.length) return ["It has no statement that could be run."];
  const ran = can.filter((line) => sheet.tests[line]);
  const tests = new Set(ran.flatMap((line) => sheet.tests[line]));
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  let said = `${ran.length} of ${count(can.length, "statement")} run`;
  if (tests.size) said += `, by ${count(tests.size, "test")}`;
  else if (ran.length) said += ", on import alone";
  const never = can.length - ran.length;
  said += never && ran.length ? `; ${never} never.` : ".";
  if (!tests.size) return [said];
  const which = element("summary", {}, said);
  return [element("details", {}, which, ...links(sheet, [...tests]))];
}

/* Which form of the code is shown: as told, expanded, in the file. */
function choice(chunk, views, sheet, at, own) {
  const code = chunk.querySelector(".highlight");
  const other = element("div", { className: "highlight sheet" });
  other.hidden = true;
  code.after(other);
  const show = (view) => {
    const all = [0, sheet.lines.length - 1, 0];
    const lines = listing(sheet, own, view === "file" ? all : at);
    other.replaceChildren(lines);
    code.hidden = view !== "told";
    other.hidden = !code.hidden;
    const start = lines.querySelector(".own")?.offsetTop ?? 0;
    if (view === "file") lines.scrollTop = start - 60;
    letScroll();
  };
  const set = element("fieldset", {});
  const legend = { className: "visually-hidden" };
  set.append(element("legend", legend, "Show the code"));
  for (const [value, words] of views) {
    const name = `view-${chunk.id}`;
    const given = { type: "radio", name, value };
    const radio = element("input", given);
    radio.checked = value === "told";
    radio.addEventListener("change", () => show(value));
    set.append(element("label", {}, radio, words));
  }
  return set;
}

/* Lines of a sheet; above those of each chunk, its name. */
function listing(sheet, own, [first, last, indent]) {
  const made = element("pre", { role: "group", ariaLabel: sheet.file });
  if (sheet.tests) made.append(row("columns", "", "line", "tests"));
  let chunk = -1;
  for (let at = first; at <= last; at++) {
    const [html, link] = sheet.lines[at];
    if (link !== chunk && link >= 0) {
      const [label] = links(sheet, [link]);
      label.className = "chunk-ref";
      made.append(label);
    }
    chunk = link;
    const tests = sheet.tests?.[at];
    const count = tests === null ? 0 : tests?.length || "";
    const line = row("line", html, at + 1, count);
    dedent(line, indent);
    line.classList.toggle("own", own.includes(at));
    if (tests === null) {
      line.classList.add("never");
      const never = { className: "visually-hidden" };
      line.append(element("span", never, " (never run by a test)"));
    }
    made.append(line);
  }
  return made;
}

/* A line of code, left of it two numbers that are no text. */
function row(className, innerHTML, number, tests) {
  const code = element("span", { innerHTML });
  const line = element("span", { className }, code);
  line.dataset.number = number;
  code.dataset.tests = tests;
  return line;
}

/* Take white space from the beginning of a line. */
function dedent(line, columns) {
  const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  while (columns && texts.nextNode()) {
    const { data } = texts.currentNode;
    texts.currentNode.data = data.slice(columns);
    columns -= Math.min(columns, data.length);
  }
}

document.querySelectorAll("[data-sheet]").forEach(addAbout);
addEventListener("toggle", letScroll, true); // patches open, too
