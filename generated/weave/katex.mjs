// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 3e3ee806cf41
// One formula a line on standard input, as JSON; one answer a line on
// standard output. Ends when its input does.
import katex from "katex";
import { createInterface } from "node:readline";

// MathML has one script alphabet and TeX two: in the copy made for
// print the second is marked by an address that no reader will see.
const roundhand = { "\\mathscr": "\\href{scr:}{\\mathcal{#1}}" };

function render({ tex, display, macros }) {
  const make = (output, more) =>
    katex.renderToString(tex, {
      displayMode: display,
      output,
      macros: { ...macros, ...more },
      strict: "error",
      trust: ({ protocol }) => protocol === "scr",
    });
  return {
    html: make("htmlAndMathml"),
    mathml: make("mathml"),
    print: make("mathml", roundhand),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = render(JSON.parse(line));
  } catch (error) {
    if (!(error instanceof katex.ParseError)) throw error;
    answer = { error: error.rawMessage ?? error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
