// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 123a0b2760d2
/* Figures that answer. Each is a picture until it comes near. */

"use strict";

/* By its kind, what fills the box of a widget from its data. */
const kinds = {};

/* Put a widget where its picture is, if all of it can be had. */
async function wake(figure) {
  const box = figure.querySelector(".widget");
  const name = box.dataset.widget;
  try {
    await loadScript(`widgets/${name}.js`);
    const { kind } = self.widgets[name];
    if (!kinds[kind]) await loadScript(`_static/${kind}.js`);
  } catch {
    return;
  }
  box.hidden = false;
  figure.classList.add("live");
  kinds[self.widgets[name].kind](box, self.widgets[name]);
}

const near = new IntersectionObserver(
  (met) => {
    for (const { isIntersecting, target } of met) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      wake(target);
    }
  },
  { rootMargin: "600px" },
);
for (const box of document.querySelectorAll(".widget"))
  near.observe(box.parentElement);

/* Let one of the items in a box be chosen, by keys and by pointing.
   Up and down lead `columns` items on. Returns what chooses; `chosen`
   is told which. */
function roving(box, role, columns, chosen) {
  const state = role === "option" ? "aria-selected" : "aria-checked";
  const items = () => [...box.querySelectorAll(`[role=${role}]`)];
  const choose = (at) => {
    items().forEach((item, n) => {
      item.tabIndex = n === at ? 0 : -1;
      item.setAttribute(state, n === at);
    });
    chosen(at);
  };
  const point = ({ target }) => {
    const at = items().indexOf(target.closest(`[role=${role}]`));
    if (at >= 0) choose(at);
  };
  box.addEventListener("click", point);
  if (role === "option") box.addEventListener("mouseover", point);
  box.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(event.target);
    const goal = { ArrowLeft: at - 1, ArrowRight: at + 1,
      ArrowUp: at - columns, ArrowDown: at + columns,
      Home: 0, End: all.length - 1 }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    if (!all[goal]) return;
    choose(goal);
    all[goal].focus();
  });
  return choose;
}

const SIGNS = { " ": "·", "\n": "↵", "\t": "⇥", "\u00a0": "NBSP",
  "\u00ad": "SHY", "\u200b": "ZWSP", "\u200d": "ZWJ",
  "\u202e": "RLO", "\ufe0f": "VS16", "\ufeff": "BOM" };
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;

function codePoint(character) {
  const digits = character.codePointAt().toString(16).toUpperCase();
  return `U+${digits.padStart(4, "0")}`;
}

/* A text in which every character can be seen. */
function visible(text) {
  return Array.from(text, (one) => {
    if (SIGNS[one]) return SIGNS[one];
    if (UNSEEN.test(one)) return codePoint(one);
    return /\p{M}/u.test(one) ? `◌${one}` : one;
  }).join("");
}
