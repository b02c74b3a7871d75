// Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. ec258ab4efd9
// The modules of Python that are of use in a browser, as JSON.
import { loadPyodide } from "pyodide";

// Some can be imported everywhere, and do nothing in a browser: of
// these it is asked whether they can do what they are there for.
const ask = `
import importlib, json, sys, warnings

DO = {
    "asyncio": "asyncio.run(asyncio.sleep(0))",
    "multiprocessing": "multiprocessing.Process(target=int).start()",
    "subprocess": "subprocess.run(['true'])",
    "threading": "threading.Thread(target=int).start()",
}

def works(name):
    try:
        module = importlib.import_module(name)
        exec(DO.get(name, ""), {name: module})
    except BaseException:
        return False
    return True

warnings.simplefilter("ignore")
names = sorted(sys.stdlib_module_names - {"antigravity", "this"})
json.dumps([name for name in names if works(name)])
`;

const python = await loadPyodide();
process.stdout.write(python.runPython(ask));
