"""Which units are called by tests, and missed by none of them.

python emptied.py ROOT CHAPTER prints their keys, as JSON.

The package and the tests are loaded once. Then, for each unit, a copy
of the process empties its functions and runs the tests that call them.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from learn.lesson import Lesson, Unit
from learn.trial import LIMIT, Finder, Watch, load_all, within

AT_ONCE = 2  # processes
OPTIONS = ["-q", "-c", os.devnull, "--import-mode=importlib", "--rootdir", ".",
           "-p", "no:cacheprovider"]


class Emptier:
    """A plugin of pytest: its loop is over units, not over tests."""

    def __init__(self, lesson: Lesson, tree: Path) -> None:
        self.lesson, self.watch = lesson, Watch(tree)
        self.failed = False
        self.running: dict[int, Unit] = {}
        self.unmissed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try each unit, AT_ONCE of them at a time."""
        functions = self.functions()
        items = {item.nodeid: item for item in session.items}
        for unit in self.lesson.units:
            tests = [items[test] for test in self.lesson.tests_of(unit)]
            if not tests:
                continue
            if len(self.running) == AT_ONCE:
                self.wait()
            pid = os.fork()
            if not pid:
                for name in unit.names:
                    for function in functions[f"{unit.file}:{name}"]:
                        function.__code__ = stub(function.__code__)
                os._exit(self.passes(tests))
            self.running[pid] = unit
        while self.running:
            self.wait()
        return True

    def functions(self) -> dict[str, list[FunctionType]]:
        """The package's functions by the definition they belong to."""
        found = defaultdict(list)
        for x in gc.get_objects():
            if isinstance(x, FunctionType):
                found[self.watch.name(x.__code__)].append(x)
        return found

    def passes(self, tests: list[pytest.Item]) -> bool:
        """Whether all of these tests pass."""
        for test in tests:
            test.ihook.pytest_runtest_protocol(item=test, nextitem=None)
            if self.failed:
                return False
        return True

    def wait(self) -> None:
        """Note how one of the copies ended."""
        pid, status = os.wait()
        unit = self.running.pop(pid)
        if os.waitstatus_to_exitcode(status):
            self.unmissed.append(unit.key)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Any:
        with within(LIMIT):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed


def stub(code: CodeType) -> CodeType:
    """Code that raises, with as many free variables."""
    names = ", ".join(f"_{k}" for k in range(len(code.co_freevars)))
    scope: dict[str, Any] = {}
    exec(
        f"def outer({names}):\n"
        "    def inner(*args, **kwargs):\n"
        f"        [{names}]\n"
        "        raise NotImplementedError\n"
        "    return inner",
        scope,
    )
    return scope["outer"](*code.co_freevars).__code__


def main(root: str, number: str) -> None:
    lesson = Lesson(Path(root), number)
    tree = lesson.snapshot()
    finder = Finder({"tree": tree})
    sys.meta_path.insert(0, finder)
    load_all(finder, LIMIT)
    emptier = Emptier(lesson, tree)
    reach = {test for unit in lesson.units for test in lesson.tests_of(unit)}
    files = sorted({test.split("::")[0] for test in reach})
    with tempfile.TemporaryDirectory(prefix="learn-") as place:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = place
        pytest.main([*OPTIONS, *files], plugins=[emptier])
    print("\n" + json.dumps(emptier.unmissed))


if __name__ == "__main__":
    main(*sys.argv[1:])
