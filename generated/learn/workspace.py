# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. ceb5391f282c
"""A workspace: the reader's files, which are never overwritten."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import tangle
from learn import LearnError
from learn.lesson import Exercise, Lesson, is_test
from learn.stubs import spliced
from learn.trial import PACKAGE

OURS = ".learn"
CONFIG = f"{OURS}/workspace.json"
PROGRESS = f"{OURS}/progress.json"

EMPTY = ("states", "words", "places")
PYTEST = """\
# The plugin lends what you have not written yet. It comes with the
# book's Python: python -m pytest, and not that of another.
[pytest]
pythonpath = .
testpaths = tests
addopts = --import-mode=importlib -p learn.lend
cache_dir = .learn/cache
"""
PLACE = re.compile(r"[\w./-]+\.md:\d+")


class Workspace:
    """A directory in which a reader writes a chapter's code."""

    def __init__(self, place: Path) -> None:
        self.place = place
        try:
            config = json.loads(self.path(CONFIG).read_bytes())
            self.config = dict(config)
            self.number = str(self.config["chapter"])
            self.root = (place / str(self.config["book"])).resolve()
        except OSError:
            raise LearnError(
                f"{place}: no workspace; make one with start CHAPTER"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise LearnError(
                f"{place / CONFIG}: damaged; remove it and start again"
            ) from None

    def path(self, file: str) -> Path:
        """Where a file of the workspace is."""
        return self.place / file

    def text(self, file: str) -> str | None:
        """What the reader has in a file; None without one."""
        try:
            data = self.path(file).read_bytes()
        except FileNotFoundError:
            return None
        text = data.decode("utf-8", "surrogateescape")
        return text.replace("\r\n", "\n")

    def progress(self) -> dict[str, dict[str, str]]:
        """What was last found: of each item its state, and why."""
        try:
            kept = json.loads(self.path(PROGRESS).read_bytes())
            return {key: dict(kept.get(key, {})) for key in EMPTY}
        except FileNotFoundError:
            return {key: {} for key in EMPTY}
        except (ValueError, AttributeError, TypeError, OSError):
            raise LearnError(
                f"{self.path(PROGRESS)}: damaged; move it away, and "
                "check again"
            ) from None

    def keep(self, progress: dict[str, dict[str, str]]) -> None:
        """Save the progress, in one step."""
        text = json.dumps(progress, indent=1, ensure_ascii=False)
        tangle.replace_all([(self.path(PROGRESS), text + "\n", None)])

    def adopt(self, file: str, text: str) -> str:
        """Put a text of the book in the place of the reader's, and
        return where a copy of that is kept."""
        old, number = self.path(file), 1
        while True:
            copy = self.path(f"{OURS}/backup/{file}.{number}")
            if not copy.exists():
                break
            number += 1
        copy.parent.mkdir(parents=True, exist_ok=True)
        if old.exists():
            shutil.copy2(old, copy)
        tangle.replace_all([(old, text, None)])
        return copy.relative_to(self.place).as_posix()


def contents(lesson: Lesson, place: Path) -> Iterator[tuple[str, str]]:
    """The files that a new workspace has, and their texts."""
    touched = {unit.file for unit in lesson.units}
    for file in lesson.lines:
        if file in touched:
            yield file, lesson.stub(file)
        elif not is_test(file) or file == lesson.test_file:
            yield file, lesson.source(file)
    for exercise in lesson.exercises:
        yield exercise.file, sheet(lesson, exercise)
    yield "pytest.ini", PYTEST
    yield "README.md", readme(lesson, place)


def sheet(lesson: Lesson, exercise: Exercise) -> str:
    """What the file of an exercise has in it at first."""
    head = (
        f"# Exercise {exercise.number}: {exercise.title} "
        f"(level {exercise.level}).\n"
        f"# The task: {lesson.place(exercise.line)}\n\n"
    )
    return head + exercise.code("stub")


def readme(lesson: Lesson, place: Path) -> str:
    """What a workspace says about itself."""
    number = lesson.chapter.number
    usual = lesson.root / "learn" / f"{number:0>2}"
    make = f"make learn CH={number}"
    if place.resolve() != usual.resolve():
        make += f" DIR='{place.resolve()}'"
    python = Path(sys.prefix, "bin/python")
    if place.resolve().is_relative_to(lesson.root):
        python = Path(os.path.relpath(python, place))
    script = max(lesson.scripts, default="my_program.py")
    return f"""\
# Chapter {number}: {lesson.title}

Here the package is as the chapter finds it, and what the chapter
writes is left to you: each function and method has its signature and
its docstring, and raises `NotImplementedError` with the chunk's name
and the line of the chapter that tells of it. The earlier chapters'
code is complete, and so is all that is no function; the scripts in
`examples/` are complete too, and wait for yours.

- `{PACKAGE}/` is yours to complete, in any order: whatever you have
  not written yet, the book lends you.
- `exercises/` has the chapter's exercises, one file each.
- `tests/` has the chapter's tests. Read them, change them, run them:
  the judge uses the book's own.

In the book's directory:

    {make}
    {make} HINT=NAME
    {make} SOLUTION=NAME

The first tells how far you are, what is wrong, and what to reread. A
hint repeats what the book says about a function, a chunk or an
exercise; a solution is how the book does it.

In this directory, with the book's Python ({python}):

    python -m learn check
    python -m learn hint NAME
    python -m learn hint NAME --solution
    python -m learn run {script}
    python -m pytest
    python -m learn translate -- ruff check {PACKAGE}

The first three do the same as above. The next two run a program or the
tests on your code, and say which chunk an error goes back to; `print`
and `breakpoint()` do what you expect. The last puts the book's line
below each line of yours that a tool complains about.

No command overwrites what you wrote, but `hint NAME --solution
--write`, which first puts a copy into `.learn/backup/`.
"""


def start(lesson: Lesson, place: Path) -> Iterator[str]:
    """Make a workspace, or add what one lacks; tell what was done."""
    given = prepared(lesson, place)
    new = dict(contents(lesson, place))
    written, renewed, changed = [], [], []
    for file, text in new.items():
        exact, _, loose = given.get(file, "").partition(" ")
        there = content(place / file)
        if created(place / file, text):
            written.append(file)
        elif there == text:
            pass
        elif tangle.digest(there) == exact:
            tangle.replace_all([(place / file, text, None)])
            renewed += [] if loose == told(text) else [file]
        elif loose != told(text):
            changed.append(file)
        given[file] = f"{tangle.digest(text)} {told(text)}"
    keep_stubs(place, new)
    register(lesson, place, given)
    if len(written) == len(new):
        guide = place / "README.md"
        yield f"wrote {len(new)} files; read {guide} first"
    elif written:
        yield f"wrote again, for they were gone: {', '.join(written)}"
    if renewed:
        yield f"the book has changed, and so has: {', '.join(renewed)}"
    for file in changed:
        yield (f"left {file}: it is yours; but the book's stub has "
               f"changed, see {OURS}/stubs/{file}")


def told(text: str) -> str:
    """A hash of a text, wherever in the book it is told of."""
    return tangle.digest(PLACE.sub("", text))


def register(
    lesson: Lesson, place: Path, given: dict[str, str]
) -> None:
    """Note whose workspace it is, and what it was given."""
    root = lesson.root.resolve()
    if place.resolve().is_relative_to(root):
        root = Path(os.path.relpath(root, place.resolve()))
    config = {"chapter": lesson.chapter.number,
              "book": root.as_posix(), "given": given}
    text = json.dumps(config, indent=1) + "\n"
    tangle.replace_all([(place / CONFIG, text, None)])


def prepared(lesson: Lesson, place: Path) -> dict[str, str]:
    """Make sure that a directory may be, or is, the workspace of this
    chapter; return the hashes of what it was given."""
    if place.is_dir() and (place / CONFIG).exists():
        found = Workspace(place)
        if found.number != lesson.chapter.number:
            raise LearnError(
                f"{place}: the workspace of chapter {found.number}; "
                "name another directory"
            )
        return dict(found.config.get("given", {}))
    if place.is_dir() and any(p.name != OURS for p in place.iterdir()):
        raise LearnError(
            f"{place}: not empty, and no workspace; name another "
            "directory"
        )
    if os.path.lexists(place) and not place.is_dir():
        raise LearnError(f"{place}: a file; name a directory")
    return {}


def created(path: Path, text: str) -> bool:
    """Write a file that is not there; leave alone one that is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        return True
    except FileExistsError:
        return False


def content(path: Path) -> str:
    """What is in a file, whatever it is, to be compared."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def keep_stubs(place: Path, new: dict[str, str]) -> None:
    """Keep the stubs as they are now, read-only."""
    for file, text in new.items():
        path = place / OURS / "stubs" / file
        if content(path) != text:
            path.unlink(missing_ok=True)
            created(path, text)
            path.chmod(0o444)


def adopted(lesson: Lesson, workspace: Workspace, name: str) -> str:
    """Write the book's version of a chunk or exercise, and return
    where the reader's is kept."""
    units = lesson.find(name)
    if isinstance(units, Exercise):
        head = sheet(lesson, units)
        text = head.removesuffix(units.code("stub"))
        text += units.code("solution")
        return workspace.adopt(units.file, text)
    own = workspace.text(units[0].file) or ""
    names = [n for unit in units for n in unit.names]
    try:
        text = spliced(own, lesson.source(units[0].file), names)
    except (KeyError, SyntaxError, ValueError) as error:
        raise LearnError(
            f"{units[0].file}: no place for it ({error}); copy it "
            "from what hint --solution prints"
        ) from None
    return workspace.adopt(units[0].file, text)
