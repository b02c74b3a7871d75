"""A project in a temporary directory, and the tangler run on it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import selectors
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import tangle

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tangle.py"
PROBLEM = re.compile(r"[^\s:][^:]*:\d+: \S.*")
HEADER = re.compile(rb"^.*Made from .* by tangle\.py; .*\b[0-9a-f]{12}\b.*\n")


@dataclass(frozen=True)
class Result:
    """What one run of the command left: its status and what it said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything it printed."""
        return self.out + self.err

    @property
    def problems(self) -> list[str]:
        """The lines it complained with."""
        return self.err.splitlines()


@dataclass
class Project:
    """A directory with chapters; `globs` empty means that it has a book.toml."""

    root: Path
    globs: tuple[str, ...] = ("docs/*.md",)
    here: bool = False  # run the command in this very process

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file of the project, byte for byte."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)
        return place

    def bytes(self, path: str) -> bytes:
        """The bytes of a file, its header line left out."""
        return HEADER.sub(b"", (self.root / path).read_bytes(), count=1)

    def read(self, path: str) -> str:
        """The text of a file, its header line left out."""
        return self.bytes(path).decode()

    def has(self, path: str) -> bool:
        """Whether the project has this file."""
        return (self.root / path).exists()

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that must stand in the file, as an editor would."""
        place = self.root / path
        text = place.read_bytes().decode()
        assert old in text, f"{old!r} is not in {path}"
        place.write_bytes(text.replace(old, new, 1).encode())

    def files(self) -> dict[str, bytes]:
        """Every file below the project, the record of the last tangle too."""
        return {
            str(place.relative_to(self.root)): place.read_bytes()
            for place in sorted(self.root.rglob("*"))
            if place.is_file() and "__pycache__" not in place.parts
        }

    def products(self) -> dict[str, bytes]:
        """Every file that is neither a chapter nor the tangler's own record."""
        sources = ("docs/", "book/", "build/", ".tangle.json")
        return {
            path: self.bytes(path)
            for path in self.files()
            if not path.startswith(sources)
        }

    def times(self) -> dict[str, int]:
        """When each file was last written."""
        return {path: (self.root / path).stat().st_mtime_ns for path in self.files()}

    def argv(self, verb: str, *words: str) -> list[str]:
        """The command's arguments for this project."""
        return [verb, *words, "--root", str(self.root), *self.globs]

    def run(
        self, verb: str, *words: str, prepare: Callable[[], None] | None = None
    ) -> Result:
        """Run a verb in a forked child, or here."""
        if self.here and not prepare:
            return inside(self.argv(verb, *words), self.root)
        return forked(self.argv(verb, *words), self.root, prepare)

    def shell(self, verb: str, *words: str) -> Result:
        """Run a verb as a shell would: a new process."""
        done = subprocess.run(
            [sys.executable, str(SCRIPT), *self.argv(verb, *words)],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def tangle(self, *words: str) -> Result:
        """Tangle, which must succeed."""
        return self.succeed("tangle", *words)

    def stitch(self, *words: str) -> Result:
        """Stitch, which must succeed."""
        return self.succeed("stitch", *words)

    def succeed(self, verb: str, *words: str) -> Result:
        """Run a verb that must succeed without a complaint."""
        result = self.run(verb, *words)
        assert result.status == 0, result.said
        assert "Traceback" not in result.said, result.said
        return result

    def refuse(self, verb: str, *words: str, problems: int | None = 1) -> list[str]:
        """Run a verb that must refuse: one line a problem, no file touched."""
        before = self.files()
        result = self.run(verb, *words)
        assert result.status != 0, f"{verb} succeeded: {result.said}"
        assert self.files() == before, f"{verb} refused, and changed files"
        assert_problems(result, problems)
        return result.problems


def assert_problems(result: Result, count: int | None = 1) -> None:
    """Each line of complaint is `file:line: what was seen`, and no traceback."""
    assert "Traceback" not in result.said, result.said
    assert result.problems, f"status {result.status} without a word"
    for line in result.problems:
        assert PROBLEM.fullmatch(line), f"not of the form file:line: …: {line!r}"
    if count is not None:
        assert len(result.problems) == count, result.err


def forked(
    argv: Iterable[str], cwd: Path, prepare: Callable[[], None] | None = None
) -> Result:
    """Run the command in a forked child: there is no interpreter to start.

    `prepare` is called in the child first; it may plant a fault there.
    """
    pipes = [os.pipe(), os.pipe()]
    pid = os.fork()
    if pid == 0:
        _child(list(argv), cwd, [write for _, write in pipes], prepare)
    for _, write in pipes:
        os.close(write)
    texts = _drain([read for read, _ in pipes])
    _, status = os.waitpid(pid, 0)
    out, err = (text.decode("utf-8", "replace") for text in texts)
    return Result(os.waitstatus_to_exitcode(status), out, err)


def inside(argv: Iterable[str], cwd: Path) -> Result:
    """Run the command in this process: for the thousands of random runs."""
    out, err = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)
    )
    old = sys.argv
    sys.argv = [str(SCRIPT), *argv]
    try:
        with (
            contextlib.chdir(cwd),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = tangle.main()
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    finally:
        sys.argv = old
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Result(status, *said)


def _drain(pipes: list[int]) -> list[bytes]:
    """Read the pipes to their ends, whichever has something."""
    texts = dict.fromkeys(pipes, b"")
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                piece = os.read(key.fd, 1 << 16)
                texts[key.fd] += piece
                if not piece:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return list(texts.values())


def _child(
    argv: list[str],
    cwd: Path,
    pipes: list[int],
    prepare: Callable[[], None] | None,
) -> NoReturn:
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, pipe in enumerate(pipes, 1):
            os.dup2(pipe, number)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        os.chdir(cwd)
        sys.argv = [str(SCRIPT), *argv]
        if prepare:
            prepare()
        status = tangle.main()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        else:
            status = stop.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def block(
    body: str | Iterable[str],
    name: str = "",
    file: str = "",
    more: str = "",
    lang: str = "python",
    fence: str = "```",
) -> str:
    """A fenced code block; `body` is its text or its lines."""
    lines = body.split("\n") if isinstance(body, str) else list(body)
    words = [f".{lang}"]
    if name:
        words.append(f"#{name}")
    if file:
        words.append(f"file={file}")
    if more:
        words.append(more)
    text = "".join(line + "\n" for line in lines)
    return f"{fence} {{{' '.join(words)}}}\n{text}{fence}\n\n"


BOOK_TOML = """\
title = "A book"
subtitle = "of tests"
authors = ["Nobody"]
edition = "first"
front = {front}
appendices = {appendices}

[[part]]
title = "The only part"
epigraph = ""
chapters = {chapters}

[tangle]
roots = ["generated/", "tangle.py"]
header = true
state = "build/sourcemap.json"
tests = "generated/tests/test_{{stem}}.py"
max_columns = 72
strip = "generated/"
"""


def book(root: Path, chapters: dict[str, str]) -> Project:
    """A project with a book.toml; keys are paths below book/."""
    project = Project(root, globs=())
    kinds: dict[str, list[str]] = {"front": [], "appendices": [], "chapters": []}
    for path, text in chapters.items():
        kind = path.split("/")[0]
        kinds[kind if kind in kinds else "chapters"].append(path)
        project.write(f"book/{path}", text)
    lists = {
        kind: "[" + ", ".join(f'"{path}"' for path in paths) + "]"
        for kind, paths in kinds.items()
    }
    project.write("book/book.toml", BOOK_TOML.format(**lists))
    return project
