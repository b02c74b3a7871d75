# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. a48f63e9d7f8
"""Runs the blocks of a page in the reader's browser.

The page is a program that is read from the top: before a block runs,
those above it have run, each once, as they stand on the page.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import linecache
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from weave import session

PAUSE = 0.1  # seconds between two messages to the page
ENOUGH = 100_000  # characters that a block may print
OURS = (__file__, session.__file__)
PYTEST = [
    *("-q", "-rN", "--tb=short", "--color=no", "--rootdir=."),
    *("--import-mode=importlib", "-p", "no:cacheprovider"),
    *("-o", "console_output_style=classic"),
]
Say = Callable[[str, str], None]
Names = dict[str, Any]


class Stuck(Exception):
    """A block above failed, so that this one was not run."""


class Printed(io.TextIOBase):
    """Text on its way to the page, a tenth of a second's at a time."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.text, self.size = "", 0
        self.sent = 0.0

    def write(self, text: str) -> int:
        """Keep some text, and send what is kept if it is time."""
        left = ENOUGH - self.size
        self.size += len(text)
        if left > 0:
            self.text += text[:left]
            if self.size >= ENOUGH:
                self.text += f"\n[cut after {ENOUGH:,} characters]\n"
        if time.monotonic() - self.sent > PAUSE:
            self.send()
        return len(text)

    def send(self) -> None:
        """Send what is kept."""
        if self.text:
            self.say("printed", self.text)
        self.text, self.sent = "", time.monotonic()


class Desk:
    """The session of a page, and how far it has come.

    `blocks` is JSON: the blocks in their order, each with its code, a
    name for tracebacks, whether it raises and, if it is the stub of
    an exercise, the test. `say(kind, text)` tells the page something.
    """

    def __init__(self, blocks: str, say: Say) -> None:
        self.blocks: list[dict[str, Any]] = json.loads(blocks)
        self.say = say
        self.session = session.Session("")
        # The code of each block that has run; None if it failed.
        self.ran: list[str | None] = []
        # What the names meant before a block that readers asked for.
        self.before = {0: duplicate(self.session.names)}

    def run(self, at: int, edited: str) -> None:
        """Run a block, and tell the page what came of it.

        `edited` is JSON: the code of the blocks that the reader has
        altered, by their numbers.
        """
        printed = Printed(self.say)
        began = time.monotonic()
        result = {"value": "", "markdown": "", "svg": "", "error": ""}
        try:
            codes = self.codes(at, json.loads(edited))
            self.come_to(at, codes)
            self.say("running", "")
            began = time.monotonic()
            with heard(printed):
                result |= self.outcome(at, codes[at])
        except Stuck as problem:
            result["error"] = str(problem)
        except BaseException as problem:
            result["error"] = told(problem)
        printed.send()
        result["seconds"] = f"{time.monotonic() - began:.2f}"
        self.say("done", json.dumps(result))

    def codes(self, at: int, edited: dict[str, str]) -> list[str]:
        """The code of all blocks up to this one, as on the page."""
        return [
            edited.get(str(n), block["code"])
            if n == at or "test" not in block
            else ""  # a stub is no part of the session
            for n, block in enumerate(self.blocks[: at + 1])
        ]

    def come_to(self, at: int, codes: list[str]) -> None:
        """Bring the session to just before a block."""
        if "test" in self.blocks[at]:
            return
        same = 0
        while same < min(at, len(self.ran)) and (
            self.ran[same] == codes[same]
        ):
            same += 1
        if same < len(self.ran):
            self.go_back(max(n for n in self.before if n <= same))
        for n in range(len(self.ran), at):
            self.say("above", f"{n + 1} of {at}")
            self.pass_by(n, codes[n])
        with contextlib.suppress(Exception):  # some things have no copy
            self.before[at] = duplicate(self.session.names)

    def go_back(self, at: int) -> None:
        """Let the names mean what they meant before a block."""
        names = self.session.names  # functions refer to this very dict
        names.clear()
        names.update(duplicate(self.before[at]))
        del self.ran[at:]
        self.before = {n: b for n, b in self.before.items() if n <= at}

    def pass_by(self, at: int, code: str) -> None:
        """Run a block above the one asked for, in silence."""
        try:
            with heard(io.StringIO()):
                self.execute(at, code)
        except BaseException as problem:
            if not self.blocks[at]["raises"]:
                last = traceback.format_exception_only(problem)[-1]
                raise Stuck(
                    f"This block has not run, for above it\n"
                    f"{self.blocks[at]['name']} ended with\n{last}"
                ) from None

    def execute(self, at: int, code: str) -> object:
        """Run a block in the session; the value of its last line."""
        name = self.blocks[at]["name"]
        lines = code.splitlines(keepends=True)
        linecache.cache[name] = len(code), None, lines, name
        self.session.path = name
        self.ran.append(code if self.blocks[at]["raises"] else None)
        value = self.session.python({"code": code, "line": 0})
        self.ran[at] = code
        return value

    def outcome(self, at: int, code: str) -> session.Result:
        """The value of a block in its forms; or an exercise tested."""
        if test := self.blocks[at].get("test"):
            examine(code, test)
            return {}
        return session.shown(self.execute(at, code), "python")


@contextlib.contextmanager
def heard(by: io.TextIOBase) -> Iterator[None]:
    """All that is printed goes there."""
    with contextlib.redirect_stdout(by), contextlib.redirect_stderr(by):
        yield


def duplicate(names: Names) -> Names:
    """The names with copies of their values, but the same modules."""
    same = {
        id(value): value
        for name, value in names.items()
        if isinstance(value, ModuleType) or name == "__builtins__"
    }
    return copy.deepcopy(names, same)


def told(problem: BaseException) -> str:
    """A traceback without the frames that are ours."""
    whole = traceback.TracebackException.from_exception(problem)
    links = [whole]
    for link in links:
        links += filter(None, [link.__cause__, link.__context__])
        theirs = (f for f in link.stack if f.filename not in OURS)
        link.stack[:] = list(theirs)
    return "".join(whole.format()).replace(f"{Path.cwd()}/", "")


def examine(code: str, test: str) -> None:
    """Test the reader's solution of an exercise."""
    import pytest

    sys.dont_write_bytecode = True  # two edits can come in one second
    sys.modules.pop("exercise", None)
    file = Path("exercise.py")
    file.write_text(f"{code}\n\n\n{test}\n", "utf-8")
    pytest.main([str(file), *PYTEST])
