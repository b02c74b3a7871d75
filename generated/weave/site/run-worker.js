// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 15fea7db45b5
/* Python in a thread of its own: the page stays alive, and a loop that
   has no end can be ended with its thread. */

import { loadPyodide } from "./pyodide/pyodide.mjs";

const HOME = "/home/pyodide";
const say = (kind, text) => postMessage([kind, text]);
let opened, tester;

/* If a file doesn't come, Pyodide waits for it forever; we tell. */
const load = fetch;
self.fetch = async (url, options) => {
  const none = () => Response.error();
  const answer = await load(url, options).catch(none);
  const name = String(url).split("/").pop();
  if (!answer.ok) say("failed", `no ${name}`);
  return answer;
};

const get = (name) => fetch(new URL(name, import.meta.url));

/* Start Python, and give it the modules and the blocks of a page. */
async function open(page) {
  const [python, { files, blocks }] = await Promise.all([
    loadPyodide(),
    get(`run/${page}.json`).then((answer) => answer.json()),
  ]);
  for (const [name, text] of Object.entries(files)) {
    const path = `${HOME}/${name}`;
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    python.FS.writeFile(path, text);
  }
  const { Desk } = python.pyimport("weave.worker");
  return [python, Desk(JSON.stringify(blocks), say)];
}

/* Exercises are tested with pytest itself. */
async function addTester(python) {
  const pack = await (await get("run/pytest.zip")).arrayBuffer();
  python.FS.writeFile(`${HOME}/pytest.zip`, new Uint8Array(pack));
  python.runPython(`import sys; sys.path.append("${HOME}/pytest.zip")`);
}

onmessage = async ({ data: { page, at, tests, edited } }) => {
  try {
    const [python, desk] = await (opened ??= open(page));
    if (tests) await (tester ??= addTester(python));
    say("running");
    desk.run(at, JSON.stringify(edited));
  } catch (error) {
    say("failed", error.message.trim().split("\n").pop());
  }
};
