// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. f3fed3d8374b
/* A tokenizer to be tried: the reader's text, in tokens. */

"use strict";

const UTF8 = new TextEncoder();

/* Text to ids, as the book's package has it. */
class Encoder {
  constructor({ pattern, flags, alike, runs, merges }) {
    this.pattern = new RegExp(pattern, flags);
    this.standIns = new Uint8Array(0x110000);
    let at = 0;
    runs.forEach((length, n) => {
      this.standIns.fill(alike.charCodeAt(n), at, at + length);
      at += length;
    });
    this.bytes = Array.from({ length: 256 }, (_, byte) => [byte]);
    this.parts = [];
    this.ranks = new Map();
    for (let n = 0; n < merges.length; n += 2) {
      const [left, right] = merges.slice(n, n + 2);
      this.parts[this.bytes.length] = [left, right];
      this.ranks.set(left * 65536 + right, this.bytes.length);
      this.bytes.push([...this.bytes[left], ...this.bytes[right]]);
    }
  }

  /* The pieces of a text, which no token will reach across. */
  pieces(text) {
    const at = text.search(/\p{Cs}/u);
    if (at >= 0)
      throw new Error(
        `${codePoint(text[at])} at place ` +
        `${Array.from(text.slice(0, at)).length} is half of a ` +
        "surrogate pair; UTF-8 has no bytes for it");
    const points = Array.from(text);
    const codes = points.map((one) => this.standIns[one.codePointAt()]);
    const ascii = codes.map((one) => String.fromCharCode(one)).join("");
    const found = [...ascii.matchAll(this.pattern)];
    return found.map(({ 0: { length }, index }) =>
      points.slice(index, index + length).join(""));
  }

  /* The ids of a piece: its bytes, joined as long as that goes. */
  join(piece) {
    let row = [...UTF8.encode(piece)];
    for (;;) {
      let first = Infinity;
      for (let i = 1; i < row.length; i++) {
        const rank = this.ranks.get(row[i - 1] * 65536 + row[i]);
        if (rank < first) first = rank;
      }
      if (first === Infinity) return row;
      row = this.merged(row, first);
    }
  }

  /* The row with one token for each occurrence of its two parts. */
  merged(row, token) {
    const [left, right] = this.parts[token];
    const out = [];
    for (let i = 0; i < row.length; i++) {
      const here = row[i] === left && row[i + 1] === right;
      out.push(here ? token : row[i]);
      if (here) i++;
    }
    return out;
  }

  encode(text) {
    return this.pieces(text).flatMap((piece) => this.join(piece));
  }

  /* The tokens of a text. Of each: what it shows; its piece, and the ids
     of that; if it has bytes of a character, but not all, that part. */
  *tokens(text) {
    for (const piece of this.pieces(text)) {
      const whole = Array.from(piece).flatMap((character) => {
        const { length } = UTF8.encode(character);
        return Array.from({ length }, (_, at) =>
          ({ character, at, length }));
      }); // for each byte, the character that it belongs to
      const ids = this.join(piece);
      let from = 0;
      for (const id of ids) {
        const bytes = this.bytes[id];
        const to = from + bytes.length;
        let shown = "", part;
        for (let i = from; i < to; i++) {
          const { character, at, length } = whole[i];
          if (i - at >= from && i - at + length <= to) {
            if (at === 0) shown += visible(character);
          } else {
            shown += (shown && " ") + hex([bytes[i - from]]);
            part ??= { character, first: at, length };
            part.last = at;
          }
        }
        yield { id, bytes, shown, part, piece, ids };
        from = to;
      }
    }
  }
}

function hex(bytes) {
  const digits = Array.from(bytes, (one) =>
    one.toString(16).toUpperCase().padStart(2, "0"));
  return digits.join(" ");
}

kinds.playground = (box, data) => {
  const MOST = 1000; // tokens that are drawn
  const encoder = new Encoder(data);
  const area = element("textarea", { rows: 3, spellcheck: false });
  const name = element("span", {}, "Your text");
  const tries = element("p", { className: "tries" }, "Or try:");
  const counts = element("p", { className: "counts" });
  const note = element("p", { className: "note" });
  const list = element("div", { className: "tokens" });
  const panel = element("div", { className: "chosen" });
  let tokens = [];
  list.role = "listbox";
  list.ariaLabel = "Tokens";
  list.setAttribute("aria-orientation", "horizontal");
  for (const [sample, text] of Object.entries(data.samples)) {
    const button = element("button", { type: "button" }, sample);
    button.addEventListener("click", () => start(text));
    tries.append(" ", button);
  }

  function start(text) {
    area.value = text;
    draw();
  }

  function draw() {
    note.textContent = "";
    try {
      tokens = [...encoder.tokens(area.value)];
    } catch (problem) {
      tokens = [];
      note.textContent = problem.message;
    }
    list.replaceChildren();
    let home = list; // a character's box, while tokens share it
    tokens.slice(0, MOST).forEach(({ id, bytes, shown, part }, n) => {
      if (!part) home = list;
      else if (!part.first) home = shared(part.character);
      const token = element("span", { className: "token" }, shown);
      token.role = "option";
      token.ariaLabel = `${shown}, id ${id}`;
      token.dataset.tint = n % 4;
      home.append(token);
      for (const byte of bytes)
        if (byte === 10) list.append(element("br", {}));
    });
    list.hidden = panel.hidden = !tokens.length;
    count();
    if (tokens.length) choose(0);
  }

  function shared(character) {
    const made = element("span", { className: "shared" });
    made.dataset.character = visible(character);
    list.append(made);
    return made;
  }

  function count() {
    const n = (number) => number.toLocaleString("en");
    const characters = Array.from(area.value).length;
    const bytes = UTF8.encode(area.value).length;
    let said = `${n(characters)} characters, ${n(bytes)} bytes, `;
    said += `${n(tokens.length)} tokens`;
    if (tokens.length)
      said += `: ${(bytes / tokens.length).toFixed(2)} bytes per token`;
    if (tokens.length > MOST)
      said += `. Drawn are the first ${n(MOST)}`;
    counts.textContent = note.textContent ? "" : `${said}.`;
    for (const [name, id] of Object.entries(data.specials))
      if (area.value.includes(name))
        note.append(`${name} is text here, like any other. The special ` +
          `token of that name, ${id}, is never made from text. `);
  }

  /* Tell of a token, and of the merges in its piece. */
  function tell(at) {
    const { id, bytes, shown, part, piece, ids } = tokens[at];
    const of = tokens.map((one) => one.ids === ids);
    list.querySelectorAll(".token").forEach((token, n) =>
      token.classList.toggle("mate", of[n]));
    const words = element("p", {}, element("b", {}, shown));
    const s = bytes.length > 1 ? "s" : "";
    words.append(` is token ${id}, byte${s} ${hex(bytes)}`);
    if (part) {
      const { character, first, last, length } = part;
      const which = first === last ? "" : `–${last + 1}`;
      words.append(`: no. ${first + 1}${which} of the ${length} bytes ` +
        `of ${visible(character)}`);
      const point = codePoint(character);
      if (point !== visible(character)) words.append(`, ${point}`);
    }
    words.append(".");
    const all = UTF8.encode(piece).length <= 40 ? ids : [id];
    const trees = element("div", { className: "trees" });
    const merges = new Set();
    const mine = all === ids ? at - of.indexOf(true) : 0;
    all.forEach((one, n) => {
      const tree = grown(one, merges);
      if (n === mine) tree.classList.add("mine");
      trees.append(tree);
    });
    trees.role = "img";
    const said = [...merges].sort((a, b) => a[0] - b[0]);
    trees.ariaLabel = said.map(([n, what]) => `merge ${n}: ${what}`)
      .join("; ") || "No merges.";
    panel.replaceChildren(words, trees);
  }

  /* The tree of a token; its merges are added to a set. */
  function grown(id, merges) {
    if (id < 256) {
      const character = visible(String.fromCharCode(id));
      const shown = id < 0x80 ? character : hex(encoder.bytes[id]);
      return element("span", { className: "leaf" }, shown);
    }
    const [left, right] = encoder.parts[id];
    const rank = id - 255;
    merges.add([rank, `${spelled(left)} + ${spelled(right)}`]);
    const number = element("span", { className: "rank" }, rank);
    const pair = element("span", { className: "pair" });
    pair.append(grown(left, merges), grown(right, merges));
    return element("span", { className: "joint" }, number, pair);
  }

  function spelled(id) {
    const bytes = Uint8Array.from(encoder.bytes[id]);
    const text = new TextDecoder().decode(bytes);
    return text.includes("\ufffd") ? hex(bytes) : visible(text);
  }

  const choose = roving(list, "option", 1, tell);
  area.addEventListener("input", draw);
  box.append(
    element("label", {}, name, area), tries, list, counts, note, panel);
  start(Object.values(data.samples)[0]);
};
