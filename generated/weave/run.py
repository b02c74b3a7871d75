# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 52f60971e8ac
"""Runs what the chapters run, each against its own snapshot."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tangle
from weave import ManuscriptError, Stopped, fonts, session, show

Result = dict[str, Any]
DRAWS = re.compile(r"matplotlib|show\.(?:playground|attention)\(")


@dataclass(frozen=True)
class Item:
    """Something to execute: a block, or an expression in a sentence."""

    kind: str  # "python", "bash" or "inline"
    code: str
    line: int  # the chapter's line just above the code
    raises: bool = False

    @property
    def essence(self) -> tuple[str, str, bool]:
        """What its result depends on: not where it stands."""
        return self.kind, self.code, self.raises


# The results of a chapter's items, wherever they come from.
Execute = Callable[
    [tangle.Book, tangle.Chapter, Path, list[Item]], list[Result]
]


def execute(
    book: tangle.Book,
    chapter: tangle.Chapter,
    tree: Path,
    items: list[Item],
    stop: Callable[[], bool] = lambda: False,
) -> list[Result]:
    """The results of `items`, run in the snapshot `tree`.

    They come from the cache where nothing changed. A failing item
    raises ManuscriptError with the chapter's line. Raises Stopped, in
    the middle of the run, once `stop` says that it is needless.
    """
    key = record_key(book, tree, items)
    record = last_record(book, chapter)
    if not items or record["key"] == key:
        return list(record["results"]) if items else []
    results = in_session(book.root, tree, chapter.path, items, stop)
    record = {
        "key": key,
        "items": [item.essence for item in items],
        "results": results,
    }
    kept = kept_at(book, chapter)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(record, indent=1), "utf-8")
    return results


def kept_at(book: tangle.Book, chapter: tangle.Chapter) -> Path:
    """Where a chapter's results are kept."""
    name = chapter.path.replace("/", "-") + ".json"
    return book.root / "build" / "outputs" / name


def last_record(
    book: tangle.Book, chapter: tangle.Chapter
) -> dict[str, Any]:
    """What was kept of a chapter's last run."""
    kept = kept_at(book, chapter)
    none = {"key": "", "items": [], "results": []}
    if not kept.exists():
        return none
    return none | dict(json.loads(kept.read_text("utf-8")))


def record_key(
    book: tangle.Book, tree: Path, items: Sequence[Item]
) -> str:
    """A hash of all that the results of a chapter depend on."""
    return fingerprint([tree, book.root / "book/measurements"], items)


def remembered(
    book: tangle.Book,
    chapter: tangle.Chapter,
    tree: Path,
    items: list[Item],
) -> tuple[list[Result], bool] | None:
    """The results of the last run, and whether they are still true;
    None if they don't fit these items."""
    record = last_record(book, chapter)
    were, results = [*map(tuple, record["items"])], record["results"]
    if {item.essence for item in items} <= set(were):
        of = dict(zip(were, results, strict=True))
        results = [of[item.essence] for item in items]
    elif [item.kind for item in items] != [kind for kind, *_ in were]:
        return None
    true = not items or record["key"] == record_key(book, tree, items)
    return results, true


def snapshot(book: tangle.Book, chapter: tangle.Chapter) -> Path:
    """The tree a chapter's blocks see; all of it outside chapters."""
    numbers = [c.number for c in book.chapters if c.kind == "chapter"]
    last = chapter.number if chapter.kind == "chapter" else numbers[-1]
    tree = book.root / "build" / "snapshots" / f"{int(last):02d}"
    tree.mkdir(parents=True, exist_ok=True)
    tangle.snapshot(book, last, tree)
    return tree


def fingerprint(
    trees: Iterable[Path], items: Sequence[Item] = ()
) -> str:
    """A hash of everything the results can depend on."""
    digest = hashlib.sha256(sys.version.encode())
    for module in (session, show, tangle):
        digest.update(Path(str(module.__file__)).read_bytes())
    for tree in trees:
        for file in sorted(tree.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(
                    file.relative_to(tree).as_posix().encode()
                )
                digest.update(file.read_bytes())
    for item in items:
        digest.update(repr(item.essence).encode())
    return digest.hexdigest()


def in_session(
    root: Path,
    tree: Path,
    path: str,
    items: list[Item],
    stop: Callable[[], bool],
) -> list[Result]:
    """Execute `items` in a fresh process, on a copy of `tree`."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch).resolve() / tree.name
        shutil.copytree(tree, copy)
        tools = [
            Path(__file__).parents[1],
            Path(tangle.__file__).parent,
        ]
        paths = [str(place) for place in [copy, *tools]]
        draws = any(DRAWS.search(item.code) for item in items)
        job = {
            "path": path,
            "cwd": str(copy),
            "paths": paths,
            "fonts": str(fonts.unpack(root)) if draws else "",
            "items": [asdict(item) for item in items],
        }
        answer = Path(scratch) / "results.json"
        with subprocess.Popen(
            [sys.executable, "-m", "weave.session", str(answer)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(root, paths),
            start_new_session=True,
        ) as child:
            _, said = outcome(child, json.dumps(job), stop)
        said = said.replace(str(copy), str(tree))
        said = tangle.translate(said, tangle.recorded(root))
        if child.returncode:
            raise ManuscriptError(said.strip())
        sys.stderr.write(said)
        return list(json.loads(answer.read_text("utf-8")))


def outcome(
    child: subprocess.Popen[str],
    told: str | None,
    stop: Callable[[], bool],
) -> tuple[str, str]:
    """What a process says to the end, on both its channels.

    Raises Stopped, having killed it, once `stop` says so.
    """
    try:
        while True:
            try:
                return child.communicate(told, timeout=0.1)
            except subprocess.TimeoutExpired:
                told = None  # it has been told
                if stop():
                    raise Stopped from None
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        raise


def environment(root: Path, paths: list[str]) -> dict[str, str]:
    """The variables a session sees: the same in every build."""
    programs = [str(Path(sys.executable).parent), os.environ["PATH"]]
    return os.environ | {
        "PATH": os.pathsep.join(programs),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "NAND2LLM_ROOT": str(root),
    }
