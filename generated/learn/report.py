# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. dae85bc52b01
"""What a reader is told."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from learn.grade import BEGUN, DONE, UNREAD, WRONG, Verdict
from learn.lesson import Exercise, Lesson, Unit
from learn.stubs import cut, definitions

WIDTH = 72


def label(item: Unit | Exercise) -> str:
    """What an item is called in a table."""
    if isinstance(item, Exercise):
        return f"{item.number} {item.title} ({item.name})"
    names: dict[str, list[str]] = {}
    for name in item.names:
        owner, _, last = name.rpartition(".")
        names.setdefault(owner, []).append(last)
    groups = [
        (f"{owner}: " if owner else "") + ", ".join(found)
        for owner, found in names.items()
    ]
    return f"⟨{item.chunk}⟩ {'; '.join(groups)}"


def shortened(text: str, width: int) -> str:
    """A text in one line of at most so many columns."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def indented(text: str, by: int) -> Iterator[str]:
    """A text below a row, each line of it in three at most."""
    for part in text.split("\n"):
        for line in textwrap.wrap(
            part, WIDTH - by, max_lines=3, placeholder=" …"
        ):
            yield f"{'':{by}}{line}"


def table(lesson: Lesson, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """How far it is with everything, by section."""
    section = ""
    for verdict in verdicts:
        line = verdict.item.line
        if lesson.section(line) != section:
            section = lesson.section(line)
            yield f"\n{section}"
        row = shortened(label(verdict.item), WIDTH - 10)
        yield f"  {verdict.state:8}{row}"
        if verdict.words:
            yield from indented(verdict.words, 10)
        if verdict.state == WRONG:
            yield f"{'':10}Reread {lesson.place(line)}"


def summary(
    lesson: Lesson, verdicts: Sequence[Verdict],
    before: dict[str, str], home: Path,
) -> Iterator[str]:
    """What is new, how much is done, and what comes next.

    `before` has the states that were last told, `home` is the way to
    the workspace from here.
    """
    done = [v.item for v in verdicts if v.state == DONE]
    fresh = [
        item for item in done
        if before and before.get(key(item)) not in (DONE, UNREAD)
    ]
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
    order = [WRONG, BEGUN]
    first = min(rest, key=lambda v: (*order, v.state).index(v.state))
    yield from next_step(lesson, first, home)


def next_step(
    lesson: Lesson, verdict: Verdict, home: Path
) -> Iterator[str]:
    """What to do next: in which file, told where in the book."""
    item = verdict.item
    yield "Next: " + shortened(label(item), WIDTH - 6)
    yield from indented(verdict.words, 6)
    yield f"      in {home / verdict.place}"
    verb = "reread" if verdict.state == WRONG else "told at"
    yield f"      {verb} {lesson.place(item.line)}"
    yield f"      ({lesson.section(item.line)})"


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
    found = lesson.find(name)
    if isinstance(found, Exercise):
        yield from told(lesson, found.blocks[0].line)
        yield f"\nWritten in {found.file}. What will be asked of it:\n"
        yield found.code("test").rstrip()
        return
    for k, unit in enumerate(found):
        if k:
            yield "\n" + "-" * WIDTH + "\n"
        yield from told(lesson, unit.line)
        if old := lesson.earlier(unit):
            yield "\nUntil this chapter it was:\n"
            yield "\n\n".join(old)
        yield f"\nWritten in {unit.file}: {', '.join(unit.names)}."
        yield from textwrap.wrap(watchers(lesson, unit), WIDTH)


def watchers(lesson: Lesson, unit: Unit) -> str:
    """Which tests look at a unit, those first that tell most."""
    tests = [t.split("::")[-1] for t in lesson.tests_of(unit)]
    names = list(dict.fromkeys(t.split("[")[0] for t in tests))
    more = f", and {len(names) - 3} more" * (len(names) > 3)
    return f"Looked at by {', '.join(names[:3]) or 'no test'}{more}."


def told(lesson: Lesson, line: int) -> Iterator[str]:
    """Where the book tells of something, and in what words."""
    yield f"{lesson.place(line)} ({lesson.section(line)})"
    for paragraph in lesson.prose(line):
        yield from ["", *textwrap.wrap(paragraph, WIDTH)]


def solution(lesson: Lesson, name: str) -> Iterator[str]:
    """How the book does it."""
    units = lesson.find(name)
    if isinstance(units, Exercise):
        yield units.code("solution").rstrip()
        yield "\n# The appendix of answers says why."
        return
    for unit in units:
        text = lesson.source(unit.file)
        found = definitions(ast.parse(text))
        yield f"# {unit.file}, told at {lesson.place(unit.line)}"
        for node in (node for n in unit.names for node in found[n]):
            yield "\n" + "\n".join(cut(text.split("\n"), node))
