# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 051b8d8006a2
"""A workspace: the reader's files, which are never overwritten."""

from __future__ import annotations

import json
import os
import shutil
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

EMPTY = ("states", "words")
PYTEST = """\
[pytest]
pythonpath = .
testpaths = tests
addopts = --import-mode=importlib
cache_dir = .learn/cache
"""


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
            return self.path(file).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise LearnError(f"{self.path(file)}: {error}") from None

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


def contents(lesson: Lesson) -> Iterator[tuple[str, str]]:
    """The files that a new workspace has, and their texts."""
    touched = {unit.file for unit in lesson.units}
    stem = lesson.chapter.stem.replace("-", "_")
    for file in lesson.lines:
        if file in touched:
            yield file, lesson.stub(file)
        elif not is_test(file) or file == f"tests/test_{stem}.py":
            yield file, lesson.source(file)
    for exercise in lesson.exercises:
        yield exercise.file, sheet(lesson, exercise)
    yield "pytest.ini", PYTEST
    yield "README.md", readme(lesson)


def sheet(lesson: Lesson, exercise: Exercise) -> str:
    """What the file of an exercise has in it at first."""
    head = (
        f"# {exercise.title} (level {exercise.level}).\n"
        f"# The task: {lesson.place(exercise.line)}\n\n"
    )
    return head + exercise.code("stub")


def readme(lesson: Lesson) -> str:
    """What a workspace says about itself."""
    return f"""\
# Chapter {lesson.chapter.number}: {lesson.title}

Here the package is as the chapter finds it, and what the chapter
writes is left to you: each function and method has its signature and
its docstring, and raises `NotImplementedError` with the chunk's name
and the line of the chapter that tells of it. The earlier chapters'
code is complete, and so is all that is no function.

- `{PACKAGE}/` is yours to complete, in any order: whatever you have
  not written yet, the book lends you while it judges the rest.
- `exercises/` has the chapter's exercises, one file each.
- `tests/` has the chapter's tests. Read them, change them, run them:
  the judge has its own copies. (`pytest` itself lends you nothing. It
  stops at the first line that needs what is not written yet.)

In this directory, with the book's Python:

    python -m learn check            how far you are
    python -m learn hint NAME        what the book says about a chunk
    python -m learn hint NAME --solution     how the book does it

No command overwrites a file of yours, but `hint NAME --solution
--write`, which first puts a copy into `.learn/backup/`.
"""


def start(lesson: Lesson, place: Path) -> Iterator[str]:
    """Make a workspace, or add what one lacks; tell what was done."""
    given = prepared(lesson, place)
    new = dict(contents(lesson))
    written = 0
    notes = []
    for file, text in new.items():
        stub = tangle.digest(text)
        if created(place / file, text):
            written += 1
            given[file] = stub
        elif tangle.digest(content(place / file)) == stub:
            given[file] = stub
        elif given.get(file) == stub:
            notes.append(f"left {file}: it is yours")
        else:
            notes.append(f"left {file}: it is yours; the book's stub "
                         f"has changed, and is in {OURS}/stubs")
    judge(lesson, place, new)
    register(lesson, place, given)
    if written:
        yield f"wrote {written} files into {place}"
    yield from notes or ([] if written else [f"{place} is complete"])


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


def judge(lesson: Lesson, place: Path, new: dict[str, str]) -> None:
    """Renew what is ours: the stubs, and the tests, read-only."""
    files = {f"stubs/{file}": text for file, text in new.items()}
    for file in new:
        if is_test(file):
            files[file] = new[file]
    for exercise in lesson.exercises:
        name = exercise.file.replace("exercises/", "tests/")
        files[name] = exercise.code("test")
    for folder in ("stubs", "tests"):
        shutil.rmtree(place / OURS / folder, ignore_errors=True)
    for name, text in files.items():
        path = place / OURS / name
        created(path, text)
        path.chmod(0o444)


def adopted(lesson: Lesson, workspace: Workspace, name: str) -> str:
    """Write the book's version of a chunk or exercise, and return
    where the reader's is kept."""
    for exercise in lesson.exercises:
        if exercise.name == name:
            head = sheet(lesson, exercise)
            text = head.removesuffix(exercise.code("stub"))
            text += exercise.code("solution")
            return workspace.adopt(exercise.file, text)
    units = lesson.find(name)
    own = workspace.text(units[0].file) or ""
    names = [n for unit in units for n in unit.names]
    try:
        text = spliced(own, lesson.source(units[0].file), names)
    except (KeyError, SyntaxError) as error:
        raise LearnError(
            f"{units[0].file}: no place for it ({error}); copy it "
            "from what hint --solution prints"
        ) from None
    return workspace.adopt(units[0].file, text)
