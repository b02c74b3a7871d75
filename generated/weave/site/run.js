// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 223dc976894b
/* Blocks that run on the page. Python is loaded when the first of them
   is run; without this script, the page has the blocks alone. */

"use strict";

{
  const { src, dataset } = document.currentScript;
  const blocks = [];
  let worker, page, running, loaded;

  function make(tag, attributes, text = "") {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      made.setAttribute(name, value);
    made.textContent = text;
    return made;
  }

  /* Its code, in the place of which a text area stands while it is
     edited; its buttons; its output, in the place of the book's. */
  class Block {
    constructor(chunk) {
      [this.page, this.at] = chunk.dataset.run.split("#");
      this.tests = chunk.classList.contains("stub");
      this.shown = chunk.querySelector(".highlight");
      const text = this.shown.textContent.trimEnd();
      this.code = chunk.dataset.copy ?? text;
      this.printed = outputs(chunk);
      this.output = make("div", { "aria-live": "polite" });
      chunk.after(this.output);
      this.bar = make("div", { class: "run-bar" });
      chunk.append(this.bar);
      this.go = this.button(this.verb, () => this.press());
      this.edit = this.button("Edit", () => this.open());
      this.reset = this.button("Reset", () => this.restore());
      this.reset.hidden = true;
      this.status = make("span", { role: "status" });
      this.bar.append(this.status);
    }

    get verb() {
      return this.tests ? "Test" : "Run";
    }

    button(text, press) {
      const made = make("button", { type: "button" }, text);
      made.addEventListener("click", press);
      this.bar.append(made);
      return made;
    }

    press() {
      if (running === this) fail("Stopped.");
      else this.run();
    }

    run() {
      if (running) return;
      running = this;
      this.news = false;
      this.stream = undefined;
      this.go.textContent = "Stop";
      for (const block of blocks) block.go.disabled = block !== this;
      ask(this);
    }

    ended(said) {
      running = undefined;
      this.go.textContent = this.verb;
      for (const block of blocks) block.go.disabled = false;
      this.reset.hidden = false;
      this.status.textContent = said;
      for (const pre of this.output.querySelectorAll("pre"))
        if (pre.scrollWidth > pre.clientWidth) pre.tabIndex = 0;
    }

    /* Nothing yet; the book's output only if there is no news. */
    clear(news) {
      this.news = news;
      this.stream = undefined;
      this.output.replaceChildren();
      for (const output of this.printed) output.hidden = news;
    }

    put(kind, content) {
      if (!this.news) this.clear(true);
      const piece = make("div", { class: `output ${kind}` });
      piece.append(content);
      this.output.append(piece);
    }

    /* Add text to the output, where the last of it ended. */
    print(text) {
      if (!this.stream) {
        const box = lines("");
        this.put("text", box);
        this.stream = box.firstChild;
      }
      this.stream.append(text);
    }

    show({ value, error, svg, markdown, seconds }) {
      if (!this.news) this.clear(true);
      if (value) this.put("text", lines(value));
      if (markdown) this.put("table-wrapper", table(markdown));
      if (svg) this.put("drawing", drawing(svg));
      if (error) this.put("error", lines(error.trimEnd()));
      const took = +seconds ? `Done in ${seconds} s.` : "Done.";
      this.ended(error ? "Ended with an error." : took);
    }

    /* Let the reader write. */
    open() {
      const id = `hint-${blocks.indexOf(this)}`;
      const keys = "Ctrl-Enter runs. Escape, then Tab, leaves.";
      const area = make("textarea", {
        "aria-label": "Code",
        "aria-describedby": id,
        autocapitalize: "off",
        spellcheck: "false",
        wrap: "off",
      });
      area.value = this.code;
      area.addEventListener("keydown", (event) => this.key(event));
      area.addEventListener("input", () => this.fit());
      this.area = area;
      this.hint = make("p", { class: "run-hint", id }, keys);
      this.bar.before(area, this.hint);
      this.fit();
      this.shown.hidden = this.edit.hidden = true;
      this.reset.hidden = false;
      area.focus();
      area.setSelectionRange(0, 0);
    }

    fit() {
      this.area.rows = this.area.value.split("\n").length;
    }

    /* Keys that do more in code than in prose. Escape gives Tab its
       meaning back, so that nobody is caught in here. */
    key(event) {
      const above = this.area.value.slice(0, this.area.selectionStart);
      const line = above.split("\n").pop();
      const leaving = this.leaving;
      this.leaving = event.key === "Escape";
      let text;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        this.run();
      } else if (event.key === "Enter") {
        const deeper = line.trimEnd().endsWith(":") ? "    " : "";
        text = "\n" + line.match(/^ */)[0] + deeper;
      } else if (event.key === "Tab" && !event.shiftKey && !leaving) {
        text = " ".repeat(4 - (line.length % 4));
      } else {
        return;
      }
      event.preventDefault();
      // Old, but the one way that the reader can undo.
      if (text) document.execCommand("insertText", false, text);
    }

    /* Back to the book's code and output. */
    restore() {
      if (running === this) fail("Stopped.");
      this.clear(false);
      this.area?.remove();
      this.hint?.remove();
      this.area = undefined;
      this.shown.hidden = this.edit.hidden = false;
      this.reset.hidden = true;
      this.status.textContent = "";
      this.go.focus();
    }
  }

  /* What the book has as the output of a block, unless it became the
     picture of a figure. */
  function outputs(chunk) {
    const found = [];
    let next = chunk.nextElementSibling;
    while (found.length < chunk.dataset.outputs) {
      if (!next?.matches(".output")) break;
      found.push(next);
      next = next.nextElementSibling;
    }
    return found;
  }

  function lines(text) {
    const box = make("div", { class: "highlight" });
    box.append(make("pre", {}, text));
    return box;
  }

  /* A drawing as a picture, which can neither run nor load anything. */
  function drawing(svg) {
    const src = "data:image/svg+xml," + encodeURIComponent(svg);
    return make("img", { src, alt: "What the code drew" });
  }

  /* A pipe table, as weave.show makes it. */
  function table(markdown) {
    const cells = (line) => line.slice(2, -2).split(/(?<!\\) \| /);
    const rows = markdown.trim().split("\n").map(cells);
    const [rules] = rows.splice(1, 1);
    const sides = { "--:": "right", ":-:": "center" };
    const made = make("table", { class: "docutils booktabs" });
    rows.forEach((row, n) => {
      const line = made.insertRow();
      row.forEach((text, at) => {
        const side = { class: sides[rules[at]] ?? "left" };
        const shown = text.replaceAll("\\|", "|");
        line.append(make(n ? "td" : "th", side, shown));
      });
    });
    return made;
  }

  /* Have a block run, after those above it, as they stand here. */
  function ask(block) {
    if (location.protocol === "file:")
      return fail("This needs a server: python -m http.server here.");
    if (!worker || page !== block.page) start(block);
    const edited = {};
    for (const { page: home, at, area, code } of blocks)
      if (home === page && area && area.value !== code)
        edited[at] = area.value;
    const { at, tests } = block;
    worker.postMessage({ page, at: Number(at), tests, edited });
  }

  function start(block) {
    worker?.terminate();
    page = block.page;
    loaded = false;
    say(`Loading Python, ${dataset.size}, once…`);
    const script = new URL("run-worker.js", src);
    worker = new Worker(script, { type: "module" });
    worker.onerror = () => told.failed("no worker");
    worker.onmessage = ({ data: [kind, text] }) => told[kind](text);
  }

  const told = {
    above: (text) => say(`Running what stands above, ${text}…`),
    running: () => say("Running…", (loaded = true)),
    printed: (text) => running.print(text),
    done: (text) => running.show(JSON.parse(text)),
    failed: (text) => {
      const how = loaded ? "broke off" : "could not be loaded";
      fail(`Python ${how}: ${text}`);
    },
  };

  function say(text) {
    running.status.textContent = text;
  }

  /* End the thread, and with it the session. */
  function fail(text) {
    worker?.terminate();
    worker = undefined;
    running.ended(text);
  }

  for (const chunk of document.querySelectorAll("[data-run]"))
    blocks.push(new Block(chunk));
  for (const chunk of document.querySelectorAll("[data-needs]")) {
    const words = `On your machine only: it needs `;
    const bar = make("p", { class: "run-bar" }, words);
    bar.append(chunk.dataset.needs, ".");
    chunk.append(bar);
  }
}
