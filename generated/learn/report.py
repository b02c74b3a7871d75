# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 0b1bb2605977
"""What a reader is told."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Sequence

from learn.grade import DONE, NOT_YET, WRONG, Verdict
from learn.lesson import Exercise, Lesson, Unit
from learn.stubs import cut, definitions

WIDTH = 72
MARKS = {DONE: "done", NOT_YET: "not yet", WRONG: "wrong"}


def label(item: Unit | Exercise) -> str:
    """What an item is called in a table."""
    if isinstance(item, Exercise):
        return f"{item.name}  {item.title}"
    names = [name.rpartition(".")[2] for name in item.names]
    return f"⟨{item.chunk}⟩ {', '.join(names)}"


def shortened(text: str, width: int) -> str:
    """A text in one line of at most so many columns."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def indented(text: str) -> Iterator[str]:
    """A text below a row of the table, in three lines at most."""
    for line in textwrap.wrap(
        text, WIDTH - 10, max_lines=3, placeholder=" …"
    ):
        yield f"{'':10}{line}"


def table(lesson: Lesson, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """How far it is with everything, by section."""
    section = ""
    for verdict in verdicts:
        line = verdict.item.line
        if lesson.section(line) != section:
            section = lesson.section(line)
            yield f"\n{section}"
        mark = MARKS[verdict.state]
        yield f"  {mark:8}" + shortened(label(verdict.item), WIDTH - 10)
        if verdict.words:
            yield from indented(verdict.words)
        if verdict.state == WRONG:
            yield f"{'':10}Reread {lesson.place(line)}"


def summary(
    lesson: Lesson, verdicts: Sequence[Verdict], before: dict[str, str]
) -> Iterator[str]:
    """What is new, how much is done, and what comes next."""
    done = [v.item for v in verdicts if v.state == DONE]
    fresh = [i for i in done if before and before.get(key(i)) != DONE]
    if fresh:
        names = ", ".join(short(item) for item in fresh)
        words = f"New since you last asked: {names}."
        yield from textwrap.wrap(words, WIDTH)
    bar = "#" * (30 * len(done) // max(len(verdicts), 1))
    yield f"[{bar:.<30}] {len(done)} of {len(verdicts)}"
    rest = [v for v in verdicts if v.state != DONE]
    if not rest:
        yield f"Chapter {lesson.chapter.number} is yours, all of it."
        return
    wrong = [v for v in rest if v.state == WRONG]
    item = (wrong or rest)[0].item
    yield f"Next: {short(item)}, told at {lesson.place(item.line)}"
    yield f'      in "{lesson.section(item.line)}"'


def key(item: Unit | Exercise) -> str:
    """Under what name progress is kept."""
    return item.name if isinstance(item, Exercise) else item.key


def short(item: Unit | Exercise) -> str:
    """An item's name, as the commands understand it."""
    if isinstance(item, Exercise):
        return item.name
    return item.names[0]


def hint(lesson: Lesson, name: str) -> Iterator[str]:
    """What the book says about a chunk or an exercise."""
    for exercise in lesson.exercises:
        if exercise.name == name:
            yield from told(lesson, exercise.blocks[0].line)
            yield "\nWhat will be asked of it:\n"
            yield exercise.code("test").rstrip()
            return
    for unit in lesson.find(name):
        yield from told(lesson, unit.line)
        names = {f"{unit.file}:{n}" for n in unit.names}
        calls = lesson.study["calls"]
        tests = [t for t in calls if names & set(calls[t])]
        named = [t.split("::")[-1].split("[")[0] for t in tests]
        yield f"\nWritten in {unit.file}: {', '.join(unit.names)}."
        words = ", ".join(dict.fromkeys(named)) or "no test here"
        yield from textwrap.wrap(f"Looked at by {words}.", WIDTH)


def told(lesson: Lesson, line: int) -> Iterator[str]:
    """Where the book tells of something, and in what words."""
    yield f'{lesson.place(line)}, "{lesson.section(line)}"'
    for paragraph in lesson.prose(line):
        yield from ["", *textwrap.wrap(paragraph, WIDTH)]


def solution(lesson: Lesson, name: str) -> Iterator[str]:
    """How the book does it."""
    for exercise in lesson.exercises:
        if exercise.name == name:
            yield exercise.code("solution").rstrip()
            yield "\n# The appendix of answers says why."
            return
    for unit in lesson.find(name):
        text = lesson.source(unit.file)
        found = definitions(ast.parse(text))
        yield f"# {unit.file}, told at {lesson.place(unit.line)}"
        for node in (node for n in unit.names for node in found[n]):
            yield "\n" + "\n".join(cut(text.split("\n"), node))
