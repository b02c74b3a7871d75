// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 96cd746ee730
/* Where the tokens of a text look, in each head of a model. */

"use strict";

/* Weights, in steps of 1/255, by layer, head, and the two tokens. */
function steps({ tokens, weights }, [, heads]) {
  const kept = Uint8Array.from(atob(weights), (c) => c.charCodeAt());
  const before = (rows) => (rows * (rows + 1)) / 2;
  return (layer, head, from, to) => {
    const matrix = (layer * heads + head) * before(tokens.length);
    return to > from ? 0 : kept[matrix + before(from) + to];
  };
}

/* Draw a head, a pixel for a weight: dark by its square root. */
function drawHead(canvas, n, step) {
  canvas.width = canvas.height = n;
  const image = new ImageData(n, n);
  for (let from = 0; from < n; from++)
    for (let to = 0; to <= from; to++) {
      const dark = Math.sqrt(step(from, to) * 255);
      image.data.set([138, 43, 29, dark], 4 * (from * n + to));
    }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

kinds.attention = (box, { heads: [layers, heads], first, texts }) => {
  let [layer, head] = first;
  let text, step, from;
  const list = element("div", { className: "tokens looks" });
  const words = element("p", { className: "note", role: "status" });
  const grid = element("div", { className: "heads" });
  const large = element("canvas", {});
  const row = element("div", { className: "row" });
  const title = element("p", { className: "note" });
  list.role = "listbox";
  list.ariaLabel = "The token that looks";
  list.setAttribute("aria-orientation", "horizontal");
  grid.role = "radiogroup";
  grid.ariaLabel = "Head";
  grid.style.setProperty("--heads", heads);
  large.role = "img";
  for (let n = 0; n < layers * heads; n++) {
    const one = element("button", { type: "button", role: "radio" });
    one.ariaLabel = called(Math.floor(n / heads), n % heads);
    one.append(element("canvas", {}));
    grid.append(one);
  }

  function called(layer, head) {
    return `Layer ${layer + 1}, head ${head + 1}`;
  }

  /* Turn to a text, and to its last token. */
  function read(n) {
    text = Object.values(texts)[n];
    step = steps(text, [layers, heads]);
    from = text.tokens.length - 1;
    list.replaceChildren(...text.tokens.map((token) => {
      const shown = token.replace(/[\n\t]/g, visible);
      const one = element("span", { className: "token" }, shown);
      one.role = "option";
      one.ariaLabel = visible(token);
      return one;
    }));
    grid.querySelectorAll("canvas").forEach((canvas, n) =>
      drawHead(canvas, text.tokens.length, (...at) =>
        step(Math.floor(n / heads), n % heads, ...at)));
    chooseHead(layer * heads + head);
    choose(from);
  }

  /* Show where a token looks. */
  function look(at) {
    from = at;
    const all = text.tokens.map((_, to) => step(layer, head, from, to));
    const percent = (n) => Math.round(all[n] / 2.55);
    [...list.children].forEach((one, to) => {
      one.style.setProperty("--weight", Math.sqrt(all[to] / 255));
      one.dataset.percent = percent(to) || "\u00a0";
      one.classList.toggle("later", to > from);
    });
    const most = [...all.keys()].sort((a, b) => all[b] - all[a]);
    const best = most.slice(0, 3).filter((to) => all[to]);
    const told = best.map((to) =>
      `${visible(text.tokens[to])} ${percent(to)} %`);
    words.textContent =
      `${visible(text.tokens[from])} looks at ${told.join(", ")}.`;
    row.style.top = `${(100 * from) / all.length}%`;
    row.style.height = `${100 / all.length}%`;
  }

  const choose = roving(list, "option", 1, look);
  const chooseHead = roving(grid, "radio", heads, (n) => {
    layer = Math.floor(n / heads);
    head = n % heads;
    drawHead(large, text.tokens.length, (...at) =>
      step(layer, head, ...at));
    title.textContent = large.ariaLabel = called(layer, head);
    look(from);
  });
  const tries = element("div", { className: "tries" });
  tries.role = "radiogroup";
  tries.ariaLabel = "Text";
  for (const name of Object.keys(texts))
    tries.append(
      element("button", { type: "button", role: "radio" }, name));
  const chooseText = roving(tries, "radio", 1, read);
  tries.hidden = tries.childElementCount < 2;
  for (const kind of ["pointerdown", "pointermove"])
    large.addEventListener(kind, ({ offsetY }) => {
      const n = text.tokens.length;
      const at = Math.floor((offsetY / large.clientHeight) * n);
      choose(Math.max(0, Math.min(at, n - 1)));
    });
  const picture = element("div", { className: "matrix" }, large, row);
  const left = element("p", { className: "note" },
    "All heads, a row for each layer");
  const both = element("div", { className: "both" },
    element("div", {}, left, grid), element("div", {}, title, picture));
  box.append(tries, list, words, both);
  chooseText(0);
};
