# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 0e230f538056
"""Programs of the reader's own, run with what the book lends.

It is also a plugin of pytest, which a workspace's pytest.ini names.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import tangle
from learn import LearnError
from learn.grade import Grader
from learn.lesson import Lesson, Unit
from learn.trial import Finder, library
from learn.workspace import Workspace


class Lender:
    """Knows what a workspace lacks, and whose its lines are."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.place = workspace.place.resolve()
        self.lesson = Lesson(workspace.root, workspace.number)
        self.grader = Grader(self.lesson, workspace)

    def lend(self) -> int:
        """Have the package imported with the book's definitions where
        the reader's are missing; how many units these are."""
        take: dict[str, list[str]] = {}
        lent = 0
        for unit in self.lesson.units:
            if unit.file not in self.grader.broken:
                names = self.grader.missing(unit)
                take.setdefault(unit.file, []).extend(names)
                lent += bool(names)
        tree = self.lesson.snapshot()
        finder = Finder(
            {"tree": tree, "own": self.place, "take": take}
        )
        sys.meta_path.insert(0, finder)
        os.environ |= library(tree) | dict(os.environ)
        return lent

    def unit(self, path: str, line: int) -> Unit | None:
        """The unit to which a line of a file belongs."""
        file = (Path.cwd() / path).resolve()
        if not file.is_relative_to(self.place):
            return None
        name = file.relative_to(self.place).as_posix()
        text = self.workspace.text(name) or ""
        return self.lesson.around(name, text, line)

    def told(self, unit: Unit) -> str:
        """Where the book tells of a unit."""
        line = unit.line
        return (
            f"⟨{unit.chunk}⟩ is told at {self.lesson.place(line)} "
            f"({self.lesson.section(line)})"
        )

    def units(self, error: BaseException) -> list[Unit]:
        """The units that an error passed, the innermost first."""
        trace = traceback.walk_tb(error.__traceback__)
        places = [(f.f_code.co_filename, line) for f, line in trace]
        if isinstance(error, SyntaxError) and error.filename:
            places.append((error.filename, error.lineno or 1))
        found = [self.unit(*place) for place in reversed(places)]
        return list(dict.fromkeys(unit for unit in found if unit))


def run(lender: Lender, command: Sequence[str]) -> int:
    """Run a script; of an error, tell also which unit to reread."""
    script, *words = command
    lent = lender.lend()
    if lent:
        note = f"learn: {lent} chunks are the book's, not written yet"
        print(note, file=sys.stderr)
    sys.argv = [script, *words]
    sys.path.insert(0, str(Path(script).resolve().parent))
    try:
        runpy.run_path(script, run_name="__main__")
    except Exception as error:
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename != script:
            trace = trace.tb_next  # ours, and runpy's
        if isinstance(error, SyntaxError):
            trace = None
        traceback.print_exception(error.with_traceback(trace))
        for unit in lender.units(error)[:1]:
            print(f"learn: {lender.told(unit)}", file=sys.stderr)
        return 1
    return 0


def translated(lender: Lender, command: Sequence[str]) -> int:
    """Run a command, adding the book's places to what it says."""
    last = None
    tools = [str(Path(sys.executable).parent), os.environ["PATH"]]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PATH": os.pathsep.join(tools)},
        encoding="utf-8", errors="replace",
    ) as child:
        for line in child.stdout or ():
            print(line, end="", flush=True)
            for unit in named(lender, line):
                if unit != last:
                    print(f"    {lender.told(unit)}", flush=True)
                last = unit
    status = child.returncode
    return status if status >= 0 else 128 - status


def named(lender: Lender, line: str) -> Iterator[Unit]:
    """The units to which the places named in a line belong."""
    for found in tangle.PLACE.finditer(line):
        path = found["file"] or found["path"]
        at = int(found["at"] or found["line"])
        if unit := lender.unit(path, at):
            yield unit


def pytest_configure(config: pytest.Config) -> None:
    """Lend what the workspace lacks."""
    try:
        plugin = Told(Lender(Workspace(config.rootpath)))
    except (LearnError, tangle.TangleError) as problem:
        raise pytest.UsageError(f"learn: {problem}") from None
    config.pluginmanager.register(plugin)


class Told:
    """Tells which units to reread, after the tests have been run."""

    def __init__(self, lender: Lender) -> None:
        self.lender = lender
        self.lent = lender.lend()
        self.failed: dict[str, Unit] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: Any, call: Any
    ) -> Any:
        """Note the unit in which a test failed."""
        report = yield
        if report.failed:
            found = self.suspects(item.nodeid, call.excinfo.value)
            for unit in found[:1]:
                self.failed[item.nodeid] = unit
        return report

    def pytest_collectreport(self, report: Any) -> None:
        """Note the unit for which a test file cannot be imported."""
        if report.failed:
            for unit in named(self.lender, str(report.longrepr)):
                self.failed[report.nodeid] = unit

    def suspects(self, test: str, error: BaseException) -> list[Unit]:
        """The units that may be wrong, the likeliest first."""
        lender = self.lender
        return lender.units(error) or [
            unit for unit in lender.lesson.units
            if test in lender.lesson.tests_of(unit)
            and unit.file not in lender.grader.broken
            and not lender.grader.missing(unit)
        ]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell what is lent, and what to reread."""
        write = terminalreporter.write_line
        if self.lent:
            write(f"{self.lent} chunks are the book's, not written yet")
        for test, unit in self.failed.items():
            write(f"{test}: {self.lender.told(unit)}")
