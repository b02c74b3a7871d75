# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 7786e2418136
"""Runs what the chapters run, each against its own snapshot."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tangle
from weave import ManuscriptError, fonts, session, show

Result = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """Something to execute: a block, or an expression in a sentence."""

    kind: str  # "python", "bash" or "inline"
    code: str
    line: int  # the chapter's line just above the code
    raises: bool = False


def execute(
    book: tangle.Book,
    chapter: tangle.Chapter,
    tree: Path,
    items: list[Item],
) -> list[Result]:
    """The results of `items`, run in the snapshot `tree`.

    They come from the cache where nothing changed. A failing item
    raises ManuscriptError with the chapter's line.
    """
    if not items:
        return []
    key = fingerprint([tree, book.root / "book/measurements"], items)
    name = chapter.path.replace("/", "-") + ".json"
    kept = book.root / "build" / "outputs" / name
    if kept.exists():
        record = json.loads(kept.read_text("utf-8"))
        if record["key"] == key:
            return list(record["results"])
    results = in_session(book.root, tree, chapter.path, items)
    kept.parent.mkdir(parents=True, exist_ok=True)
    record = {"key": key, "results": results}
    kept.write_text(json.dumps(record, indent=1), "utf-8")
    return results


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
    for item in items:  # wherever in the chapter they stand
        digest.update(
            repr((item.kind, item.code, item.raises)).encode()
        )
    return digest.hexdigest()


def in_session(
    root: Path, tree: Path, path: str, items: list[Item]
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
        draws = any("matplotlib" in item.code for item in items)
        job = {
            "path": path,
            "cwd": str(copy),
            "paths": paths,
            "fonts": str(fonts.unpack(root)) if draws else "",
            "items": [asdict(item) for item in items],
        }
        answer = Path(scratch) / "results.json"
        done = subprocess.run(
            [sys.executable, "-m", "weave.session", str(answer)],
            input=json.dumps(job),
            text=True,
            stderr=subprocess.PIPE,
            env=environment(root, paths),
        )
        said = done.stderr.replace(str(copy), str(tree))
        said = tangle.translate(said, tangle.recorded(root))
        if done.returncode:
            raise ManuscriptError(said.strip())
        sys.stderr.write(said)
        return list(json.loads(answer.read_text("utf-8")))


def environment(root: Path, paths: list[str]) -> dict[str, str]:
    """The variables a session sees: the same in every build."""
    programs = [str(Path(sys.executable).parent), os.environ["PATH"]]
    return os.environ | {
        "PATH": os.pathsep.join(programs),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "NAND2LLM_ROOT": str(root),
    }
