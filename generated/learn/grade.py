# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 0727aa4eb0dd
"""How far a reader is: each chunk and exercise, judged."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from learn.lesson import Exercise, Lesson, Unit, is_test
from learn.stubs import missing, same
from learn.trial import hold
from learn.workspace import Workspace

DONE, NOT_YET, WRONG = "done", "not yet", "wrong"
UNSEEN = "no test here looks at it"
Failures = dict[str, str]  # the tests that failed, and what they said


@dataclass(frozen=True)
class Verdict:
    """What was found about a unit or an exercise."""

    item: Unit | Exercise
    state: str
    words: str = ""


def grade(lesson: Lesson, workspace: Workspace) -> list[Verdict]:
    """Judge all of a chapter, in its order."""
    verdicts = {v.item: v for v in Grader(lesson, workspace).units()}
    found = [verdicts[unit] for unit in lesson.units]
    return found + exercises(lesson, workspace)


class Grader:
    """Judges what a reader wrote of the chapter's package.

    Every definition that is missing is the book's, so that one chunk
    does not wait for another.
    """

    def __init__(self, lesson: Lesson, workspace: Workspace) -> None:
        self.lesson, self.workspace = lesson, workspace
        self.tests = [file for file in lesson.lines if is_test(file)]
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

    def units(self) -> list[Verdict]:
        """Judge the units."""
        written, verdicts = [], []
        for unit in self.lesson.units:
            if unit.file in self.broken:
                words = self.broken[unit.file]
                verdicts.append(Verdict(unit, WRONG, words))
            elif missing(self.own[unit.file], unit.names):
                verdicts.append(Verdict(unit, NOT_YET))
            else:
                written.append(unit)
        if written:
            verdicts += self.judged(written)
        return verdicts

    def judged(self, written: list[Unit]) -> list[Verdict]:
        """Judge what is written: first together, then, of what may be
        the cause of a failure, each unit alone."""
        failures, broken = self.trial(written)
        suspects = []
        verdicts = []
        for unit in written:
            failed = [t for t in self.reach(unit) if t in failures]
            if unit.file in broken:
                words = broken[unit.file]
                verdicts.append(Verdict(unit, WRONG, words))
            elif failed and not self.is_copy(unit):
                suspects.append((unit, failed))
            else:
                words = "" if self.reach(unit) else UNSEEN
                verdicts.append(Verdict(unit, DONE, words))
        with ThreadPoolExecutor(2) as pool:
            alone = [*pool.map(lambda s: self.alone(*s), suspects)]
        for (unit, failed), words in zip(suspects, alone, strict=True):
            if not words and not any(alone):
                words = said(failed[0], failures[failed[0]])
            state = WRONG if words else DONE
            verdicts.append(Verdict(unit, state, words))
        return verdicts

    def reach(self, unit: Unit) -> list[str]:
        """The tests that call a unit's definitions."""
        names = {f"{unit.file}:{name}" for name in unit.names}
        calls = self.lesson.study["calls"]
        return [test for test in calls if names & set(calls[test])]

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
            reached = {t for unit in units for t in self.reach(unit)}
            alone = set(self.broken)
        else:
            reached = set(tests)
            alone = set(self.book) - {units[0].file}
        wanted = {(u.file, name) for u in units for name in u.names}
        take: dict[str, list[str]] = {u.file: [] for u in units}
        for unit in self.lesson.units:
            take.setdefault(unit.file, []).extend(
                name for name in unit.names
                if (unit.file, name) not in wanted
            )
        result = hold(
            self.lesson.snapshot(), self.tests,
            own=str(self.workspace.place.resolve()),
            take=take, whole=sorted(alone), select=sorted(reached),
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
        Verdict(each, WRONG, failures[each]) if each in failures
        else Verdict(each, DONE if each in begun else NOT_YET)
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
