# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. abee0e99c202
"""What the tests run: which lines of the package, by which test."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import tangle
from weave import run

if TYPE_CHECKING:
    from coverage import Coverage

PACKAGE = re.compile(r"generated/nand2llm/.*\.py")
# File, chapter, line of the chapter: the tests that ran it, or None.
Ran = dict[tuple[str, str, int], list[str] | None]


class Trace(NamedTuple):
    """A snapshot whose tests are traced, and in which files."""

    book: tangle.Book
    chapter: tangle.Chapter
    files: tuple[str, ...]

    def store(self) -> Path:
        """Where the result is kept."""
        folder = self.book.root / "build" / "coverage"
        return folder / f"{int(self.chapter.number):02d}.json"

    def key(self) -> str:
        """A hash of all that the result depends on."""
        tree = run.snapshot(self.book, self.chapter)
        return " ".join([run.fingerprint([tree]), *self.files])

    def kept(self) -> dict[str, dict[str, list[str] | None]] | None:
        """What is known, by file and line; None if it is outdated."""
        if not self.store().exists():
            return None
        record = json.loads(self.store().read_text("utf-8"))
        return record["files"] if record["key"] == self.key() else None


def traces(book: tangle.Book) -> Iterator[Trace]:
    """The runs that reach every line the package ever had.

    The newest snapshot comes first; of an older one, only the files
    with lines that a later chapter replaced.
    """
    known: set[tuple[str, str, int]] = set()
    for chapter in reversed(book.chapters):
        if chapter.kind != "chapter":
            continue
        then, files = book.until(chapter.number), []
        for target in filter(PACKAGE.fullmatch, then.targets):
            lines = {
                (target, line.path, line.line)
                for line in then.expand(then.targets[target])
                if line.text
            }
            if not lines <= known:
                files.append(target)
            known |= lines
        if files:
            yield Trace(then, chapter, tuple(files))


def recorded(book: tangle.Book) -> Ran | None:
    """What is known of each statement; None if not of all of them."""
    found: Ran = {}
    for trace in traces(book):
        files = trace.kept()
        if files is None:
            return None
        for target in trace.files:
            lines = tangle.render(trace.book, target)
            for number, tests in files[target].items():
                line = lines[int(number) - 1]
                key = (target, line.path, line.line)
                found.setdefault(key, tests)
    return found


def record(book: tangle.Book) -> list[str]:
    """Trace the tests where nothing is known; return what failed."""
    due = [trace for trace in traces(book) if trace.kept() is None]
    with ThreadPoolExecutor(2) as pool:
        return list(filter(None, pool.map(traced, due)))


def traced(trace: Trace) -> str:
    """Run the tests of a snapshot, and keep what they ran."""
    root, strip = trace.book.root, trace.book.options.get("strip", "")
    tree = run.snapshot(trace.book, trace.chapter)
    tools = [Path(__file__).parents[1], Path(tangle.__file__).parent]
    paths = [str(place) for place in [tree, *tools]]
    names = [target.removeprefix(strip) for target in trace.files]
    store = trace.store()
    store.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "weave.tested", *names],
        cwd=tree,
        env=run.environment(root, paths),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = done.stderr.strip().split("\n")[-1]
        where = f"{tree.relative_to(root).as_posix()}/tests:1"
        return f"{where}: {said}; what they run is not recorded"
    files = dict(zip(trace.files, json.loads(done.stdout), strict=True))
    text = json.dumps({"key": trace.key(), "files": files})
    store.write_text(text, "utf-8")
    return ""


def main(names: Sequence[str]) -> int:
    """Run the tests below this folder; print what they ran.

    For each file, its statements by line: the tests that ran each, or
    None. What only an import ran, no test did.
    """
    import coverage
    import pytest

    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull]
    options += ["--rootdir", ".", "--import-mode=importlib", "tests"]
    files = [str(Path(name).resolve()) for name in names]
    tracer = coverage.Coverage(
        data_file=None, config_file=False, include=files
    )
    tracer.set_option("run:dynamic_context", "test_function")
    tracer.start()
    with contextlib.redirect_stdout(sys.stderr):
        status = pytest.main(options)
    tracer.stop()
    print(json.dumps([statements(tracer, file) for file in files]))
    return int(status)


def statements(
    tracer: Coverage, file: str
) -> dict[int, list[str] | None]:
    """The statements of a file, and the tests that ran each."""
    _, lines, _, missing, _ = tracer.analysis2(file)
    tests = tracer.get_data().contexts_by_lineno(file)
    return {
        line: None
        if line in missing
        else sorted(
            t.removeprefix("tests.") for t in tests.get(line, ()) if t
        )
        for line in lines
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
