# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 774d9feb02bc
"""How far a reader is: each chunk and exercise, judged."""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from learn.lesson import Exercise, Lesson, Unit
from learn.stubs import definitions, missing, same
from learn.trial import LIMIT, hold
from learn.workspace import Workspace

NOT_YET, BEGUN, DONE = "not yet", "begun", "done"
WRONG = "wrong"
UNREAD = "unread"  # something else in the file keeps it from being read
UNSEEN = "no test here looks at it"
Failures = dict[str, str]  # the tests that failed, and what they said


@dataclass(frozen=True)
class Verdict:
    """What was found about a unit or an exercise."""

    item: Unit | Exercise
    state: str
    words: str = ""
    place: str = ""  # in the reader's files: "nand2llm/bits.py:31"


def grade(lesson: Lesson, workspace: Workspace) -> list[Verdict]:
    """Judge all of a chapter, in its order."""
    units = Grader(lesson, workspace).units()
    return units + exercises(lesson, workspace)


class Grader:
    """Judges what a reader wrote of the chapter's package.

    Every definition that is missing is the book's, so that one chunk
    does not wait for another.
    """

    def __init__(self, lesson: Lesson, workspace: Workspace) -> None:
        self.lesson, self.workspace = lesson, workspace
        self.book = {
            file: ast.parse(lesson.source(file))
            for file in lesson.modules
        }
        self.own: dict[str, ast.Module] = {}
        self.broken: dict[str, str] = {}  # files that cannot be read
        for file in lesson.modules:
            self.read(file)

    def read(self, file: str) -> None:
        """Parse the reader's version of a file."""
        text = self.workspace.text(file) or ""
        if words := unreadable(file, text):
            self.broken[file] = words
        else:
            self.own[file] = ast.parse(text)

    def missing(self, unit: Unit) -> list[str]:
        """The unit's definitions that are not written."""
        absent = missing(self.own[unit.file], unit.names)
        return [name for name in unit.names if name in absent]

    def units(self) -> list[Verdict]:
        """Judge the units."""
        written = [
            unit for unit in self.lesson.units
            if unit.file not in self.broken and not self.missing(unit)
        ]
        judged = self.judged(written) if written else {}
        return [
            self.unread(unit)
            or self.unwritten(unit)
            or Verdict(unit, *judged[unit], self.spot(unit, unit.names))
            for unit in self.lesson.units
        ]

    def unwritten(self, unit: Unit) -> Verdict | None:
        """The verdict on a unit that is not all there."""
        names = self.missing(unit)
        if not names:
            return None
        place = self.spot(unit, names)
        if len(names) == len(unit.names):
            return Verdict(unit, NOT_YET, "", place)
        words = f"Still to write: {', '.join(names)}."
        return Verdict(unit, BEGUN, words, place)

    def spot(self, unit: Unit, names: Sequence[str]) -> str:
        """Where the reader writes the first of these definitions."""
        found = definitions(self.own[unit.file])
        lines = [found[name][-1].lineno for name in names if name in found]
        return ":".join([unit.file, *map(str, lines[:1])])

    def unread(self, unit: Unit) -> Verdict | None:
        """The verdict on a unit in a file that cannot be read."""
        words = self.broken.get(unit.file)
        if words is None:
            return None
        place = re.match(r"[^:]*:(\d+)", words)
        text = self.workspace.text(unit.file) or ""
        line = int(place[1]) if place else 1
        culprit = self.lesson.around(unit.file, text, line) or next(
            u for u in self.lesson.units if u.file == unit.file
        )
        if unit == culprit:
            where = place[0] if place else unit.file
            return Verdict(unit, WRONG, words, where)
        if unit.file in self.own and self.missing(unit):
            return None
        return Verdict(unit, UNREAD, "", unit.file)

    def judged(self, written: list[Unit]) -> dict[Unit, tuple[str, str]]:
        """State and words of what is written: judged first together,
        then, of what may be the cause of a failure, each unit alone."""
        failures, broken = self.trial(written)
        self.broken |= broken
        verdicts, suspects = {}, []
        for unit in written:
            reach = self.lesson.tests_of(unit)
            failed = [test for test in reach if test in failures]
            if failed and not self.is_copy(unit):
                suspects.append((unit, failed))
            else:
                verdicts[unit] = DONE, "" if reach else UNSEEN
        alone = [""]
        if len(suspects) > 1:
            with ThreadPoolExecutor(2) as pool:
                alone = [*pool.map(lambda s: self.alone(*s), suspects)]
        for (unit, failed), words in zip(suspects, alone, strict=False):
            if not any(alone):
                words = said(failed[0], failures[failed[0]])
            verdicts[unit] = (WRONG if words else DONE), words
        return verdicts

    def is_copy(self, unit: Unit) -> bool:
        """Whether the unit is written as in the book."""
        own, book = self.own[unit.file], self.book[unit.file]
        return all(same(own, book, name) for name in unit.names)

    def alone(self, unit: Unit, failed: list[str]) -> str:
        """What the first of these tests says that fails with this one
        unit of the reader's, and all else the book's."""
        failures, _ = self.trial([unit], failed)
        return next((said(*pair) for pair in failures.items()), "")

    def trial(
        self, units: list[Unit], tests: Iterable[str] | None = None
    ) -> tuple[Failures, dict[str, str]]:
        """Test these units of the reader's with the book's others;
        which tests fail, and which files cannot be imported."""
        if tests is None:
            reached = {
                test for unit in units
                for test in self.lesson.tests_of(unit)
            }
            alone = set(self.broken)
        else:
            reached = set(tests)
            alone = set(self.book) - {units[0].file}
        seconds = self.lesson.study["seconds"]
        wanted = {(u.file, name) for u in units for name in u.names}
        take: dict[str, list[str]] = {u.file: [] for u in units}
        for unit in self.lesson.units:
            take.setdefault(unit.file, []).extend(
                name for name in unit.names
                if (unit.file, name) not in wanted
            )
        result = hold(
            self.lesson.snapshot(),
            sorted({test.split("::")[0] for test in reached}),
            own=str(self.workspace.place.resolve()),
            take=take, whole=sorted(alone),
            select=sorted(reached, key=self.lesson.rank),
            limits={t: min(LIMIT, 3 + 10 * seconds[t]) for t in reached},
            first=tests is not None,
        )
        return spread(result["tests"], reached), result["broken"]


def spread(
    results: dict[str, dict[str, str]], reached: Iterable[str]
) -> Failures:
    """The failures, a file's own counted for each test in it."""
    failed = {
        test: result["words"]
        for test, result in results.items()
        if result["state"] == "failed"
    }
    for test in reached:
        file = test.split("::")[0]
        if file in failed:
            failed.setdefault(test, failed[file])
    return {test: failed[test] for test in failed if "::" in test}


def said(test: str, words: str) -> str:
    """One line about a test that failed."""
    return f"{test.split('::')[-1]}: {words}"


def exercises(
    lesson: Lesson, workspace: Workspace
) -> list[Verdict]:
    """Judge the exercises, on the book's own package."""
    begun = {}
    for each in lesson.exercises:
        text = workspace.text(each.file)
        if text is not None and is_begun(each, text):
            begun[each] = text
    failures = tried(lesson, begun)
    return [
        Verdict(each, WRONG, failures[each], each.file)
        if each in failures else
        Verdict(each, DONE if each in begun else NOT_YET, "", each.file)
        for each in lesson.exercises
    ]


def tried(
    lesson: Lesson, begun: dict[Exercise, str]
) -> dict[Exercise, str]:
    """Test the texts of exercises: what is wrong with which."""
    failures: dict[Exercise, str] = {}
    with tempfile.TemporaryDirectory(prefix="learn-") as place:
        paths: dict[str, Exercise] = {}
        for each, text in begun.items():
            if words := unreadable(each.file, text):
                failures[each] = words
                continue
            path = Path(place, Path(each.file).name)
            path.write_text(f"{text}\n\n\n{each.code('test')}", "utf-8")
            paths[str(path)] = each
        if not paths:
            return failures
        result = hold(lesson.snapshot(), [*paths], home=place)
    names = {Path(path).name: each for path, each in paths.items()}
    for test, outcome in result["tests"].items():
        each = names[Path(test.split("::")[0]).name]
        if outcome["state"] == "failed":
            failures.setdefault(each, said(test, outcome["words"]))
    return failures


def unreadable(file: str, text: str) -> str:
    """Why a file of the reader's cannot be parsed; "" if it can."""
    for number, line in enumerate(text.split("\n"), 1):
        if re.search("[\udc80-\udcff]", line):
            return f"{file}:{number}: not UTF-8; save the file so"
    try:
        ast.parse(text)
        return ""
    except (SyntaxError, ValueError) as error:
        words = getattr(error, "msg", str(error))
        return f"{file}:{getattr(error, 'lineno', 1)}: {words}"


def is_begun(exercise: Exercise, text: str) -> bool:
    """Whether a reader has changed the stub, but for its comments."""
    stub = exercise.code("stub")
    if unreadable(exercise.file, text):
        return True
    return ast.dump(ast.parse(text)) != ast.dump(ast.parse(stub))
