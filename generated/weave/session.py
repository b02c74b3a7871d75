# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 723d83ef7c43
"""The child process in which one chapter's blocks are executed.

Reads a job as JSON from standard input, writes the results as JSON to
the file named by the first argument. A failing block ends the session
with the one line that says where and why.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from weave import show

Result = dict[str, Any]


class Failed(Exception):
    """A block did not do what the chapter says it does."""


class CommandFailed(Exception):
    """A shell block ended with this status, having printed this."""


class Session:
    """One namespace, shared by a chapter's blocks in their order."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: dict[str, Any] = {
            "__name__": "__main__",
            "show": show,
            "measured": show.measured,
        }

    def run(self, item: dict[str, Any]) -> Result:
        """Execute one item; what it printed, left and returned."""
        work = {"inline": self.inline, "bash": self.shell}
        printed = io.StringIO()
        value, error = None, ""
        try:
            with contextlib.redirect_stdout(printed):
                value = work.get(item["kind"], self.python)(item)
        except Exception as problem:
            error = self.describe(problem)
            if not item["raises"]:
                raise Failed(self.place(problem, item, error)) from None
        if item["raises"] and not error:
            raise Failed(
                f"{self.path}:{item['line']}: the block raised nothing;"
                " drop .raises, or make it fail as the text says"
            )
        figures = open_figures()
        if figures and item["kind"] == "python":
            value = None  # the picture says what the handle would
        return {
            "stdout": without_paths(printed.getvalue()),
            "error": without_paths(error),
            "figures": figures,
            **shown(value, item["kind"]),
        }

    def inline(self, item: dict[str, Any]) -> object:
        """The value of an expression in a sentence."""
        tree = ast.parse(item["code"].strip(), self.path, "eval")
        ast.increment_lineno(tree, item["line"])
        return eval(compile(tree, self.path, "eval"), self.names)

    def python(self, item: dict[str, Any]) -> object:
        """Run a block; the value of its last expression, if any."""
        tree = ast.parse(item["code"], self.path)
        ast.increment_lineno(tree, item["line"])
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        exec(compile(tree, self.path, "exec"), self.names)
        if not isinstance(last, ast.Expr):
            return None
        value = ast.Expression(last.value)
        return eval(compile(value, self.path, "eval"), self.names)

    def shell(self, item: dict[str, Any]) -> None:
        """Run a shell block; what it prints is printed here."""
        done = subprocess.run(
            ["sh", "-c", item["code"]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        print(done.stdout, end="")
        if done.returncode:
            raise CommandFailed(done.returncode, done.stdout)

    def describe(self, problem: Exception) -> str:
        """The last line of the traceback."""
        if isinstance(problem, CommandFailed):
            return f"exit status {problem.args[0]}"
        lines = traceback.format_exception_only(problem)
        return lines[-1].strip()

    def place(
        self, problem: Exception, item: dict[str, Any], error: str
    ) -> str:
        """The error with the chapter's line it goes back to."""
        line = item["line"]
        if isinstance(problem, CommandFailed):
            error += ": " + " / ".join(problem.args[1].split("\n")[-3:])
        if isinstance(problem, SyntaxError):
            line += problem.lineno or 0
        inner = ""
        for frame in traceback.extract_tb(problem.__traceback__):
            if frame.filename == self.path:
                line, inner = frame.lineno or line, ""
            elif frame.filename != __file__:
                inner = f" (from {frame.filename}:{frame.lineno})"
        return f"{self.path}:{line}: {error}{inner}"


def without_paths(text: str) -> str:
    """`text` as it would be anywhere: paths relative to the tree."""
    root = os.environ["NAND2LLM_ROOT"]
    return text.replace(f"{os.getcwd()}/", "").replace(f"{root}/", "")


def shown(value: object, kind: str) -> Result:
    """The forms in which a value can be set on the page."""
    forms: Result = dict.fromkeys(("markdown", "svg", "widget"), "")
    if value is None or kind == "inline":
        return {"value": "" if value is None else str(value), **forms}
    for form in forms:
        method = getattr(value, f"_repr_{form}_", None)
        forms[form] = method() if callable(method) else ""
    if isinstance(value, str) and value.lstrip().startswith("<svg"):
        forms["svg"] = value
    plain = repr(value) if not any(forms.values()) else ""
    return {"value": plain, **forms}


def open_figures() -> list[str]:
    """Save and close the matplotlib figures a block left open."""
    plt = sys.modules.get("matplotlib.pyplot")
    if plt is None:
        return []
    drawn = []
    for number in plt.get_fignums():
        drawn.append(show.svg(plt.figure(number)))
    plt.close("all")
    return drawn


def main() -> int:
    """Serve one job."""
    job = json.load(sys.stdin)
    sys.path[:0] = job["paths"]
    os.chdir(job["cwd"])
    if job["fonts"]:
        show.house_style(Path(job["fonts"]))
    session = Session(job["path"])
    results = []
    for item in job["items"]:
        try:
            results.append(session.run(item))
        except Failed as problem:
            print(problem, file=sys.stderr)
            return 1
    Path(sys.argv[1]).write_text(json.dumps(results), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
