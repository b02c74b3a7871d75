# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. c654045bf15c
"""What the pages need so that a reader can run their blocks.

For each page with blocks that run there is one JSON file, which has
the blocks and the modules that they import. Pyodide, which is CPython
for the browser, comes from npm; pytest, for the exercises, from here.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import tangle
from weave import portable, reader, run
from weave.assets import node, package
from weave.book import Manuscript, Page
from weave.links import Marks
from weave.portable import Library, Piece, pieces
from weave.static import copy

HERE = Path(__file__).resolve().parent
PYODIDE = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "README.md",
)
# What the worker imports besides the package of the chapter.
WORKER = ("weave", "weave.session", "weave.show", "weave.worker")
LOADED = """
import sys
sys.path.append(sys.argv[1])
import pytest
files = [getattr(m, "__file__", None) for m in sys.modules.values()]
print(*filter(None, files), sep="\\n")
"""
WORDS = {portable.FILES: "the book’s own files"}
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass
class Bench:
    """What one page has that runs: its session, and its blocks' marks.

    A mark is an attribute of the block on the page: where it stands in
    the session, or what it needs that a page hasn't got.
    """

    docname: str
    files: dict[str, str] = field(default_factory=dict)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    marks: Marks = field(default_factory=dict)

    def add(
        self, block: tangle.Block, piece: Piece, test: str = ""
    ) -> None:
        """Take in a block, whole or as far as a page can run it."""
        place = block.path, block.line
        if piece.wants:
            needs = WORDS.get(piece.wants, piece.wants)
            self.marks[place] = {"data-needs": needs}
        else:
            here = f"{self.docname}#{len(self.blocks)}"
            self.marks[place] = {"data-run": here}
        if piece.code.strip():
            entry = {"code": piece.code, "name": title(piece.code)}
            entry |= {"test": test} if test else {}
            self.blocks.append(
                entry | {"raises": "raises" in block.classes}
            )


class Benches:
    """The benches of all pages; what did not change is kept."""

    def __init__(self) -> None:
        self.kept: dict[str, Bench] = {}

    def read(self, ms: Manuscript) -> Marks:
        """Turn to this state of the book; the marks of all blocks."""
        self.kept = {
            page.key: self.kept.get(page.key) or bench(ms, page)
            for page in ms.pages
            if page.path
        }
        return {
            place: mark
            for one in self.kept.values()
            for place, mark in one.marks.items()
        }

    def sessions(self) -> dict[str, str]:
        """The sessions of the pages, as JSON, by their files."""
        return {
            f"run/{one.docname}.json": json.dumps(
                {"files": one.files, "blocks": one.blocks},
                ensure_ascii=False,
            )
            for one in self.kept.values()
            if one.files
        }


def bench(ms: Manuscript, page: Page) -> Bench:
    """What a page has that runs."""
    book, made = ms.tangled, Bench(page.docname)
    blocks = [b for b in book.blocks if b.path == page.path]
    if not any({"run", "stub"} & set(b.classes) for b in blocks):
        return made
    chapter = next(c for c in book.chapters if c.path == page.path)
    tree = run.snapshot(book, chapter)
    places = [tree, HERE.parent, Path(str(tangle.__file__)).parent]
    library = Library(places, works(ms.root))
    tester = Library(places, library.works | {"pytest"})
    left = session(book, blocks, library)
    for block in blocks:
        if block.line in left:
            made.add(block, left[block.line])
        elif "run" in block.classes:
            made.add(block, Piece("", "a shell"))
        elif "stub" in block.classes:
            made.add(block, *examined(block, blocks, tester))
    if any("data-run" in mark for mark in made.marks.values()):
        made.files = dict(modules(tree, library))
    return made


def session(
    book: tangle.Book, blocks: list[tangle.Block], library: Library
) -> dict[int, Piece]:
    """What is left of the Python blocks that run, by their lines."""
    ran = {
        block.line: (
            "\n".join(reader.expanded(book, block)),
            "hidden" not in block.classes,
        )
        for block in blocks
        if "run" in block.classes and block.lang == "python"
    }
    left = pieces(list(ran.values()), library)
    return dict(zip(ran, left, strict=True))


def examined(
    stub: tangle.Block, blocks: Sequence[tangle.Block], library: Library
) -> tuple[Piece, str]:
    """The stub of an exercise, and the test of what becomes of it."""
    test = "\n".join(
        line
        for block in blocks
        if block.exercise == stub.exercise and "test" in block.classes
        for line in block.body
    )
    code = "\n".join(stub.body)
    (whole,) = pieces([(f"{code}\n{test}", True)], library)
    return Piece("" if whole.wants else code, whole.wants), test


def modules(tree: Path, library: Library) -> Iterator[tuple[str, str]]:
    """The files of the modules that a page may import."""
    for own in sorted(tree.glob("nand2llm/**/*.py")):
        yield own.relative_to(tree).as_posix(), own.read_text("utf-8")
    met = {m for m in library.known if not library.wants(m)}
    for module in sorted({*WORKER} | met):
        if file := library.file(module):
            stem = module.replace(".", "/")
            inner = "/__init__" if file.stem == "__init__" else ""
            yield f"{stem}{inner}.py", file.read_text("utf-8")


def title(code: str) -> str:
    """A name for a block in tracebacks: its first telling line."""
    lines = [line.strip() for line in code.split("\n")]
    dull = ("import ", "from ", "#", ")")
    telling = [s for s in lines if s and not s.startswith(dull)]
    return f"block “{(telling or lines)[0][:40]}”"


def works(root: Path) -> frozenset[str]:
    """The modules of Python that are of use in a browser.

    Pyodide itself is asked, under Node, once for each version of it.
    """
    script = HERE / "pyodide.mjs"
    basis = [script, package(root, "pyodide") / "package.json"]
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in basis))
    name = f"pyodide-{digest.hexdigest()[:32]}.json"
    file = root / "build" / "cache" / name
    if not file.exists():
        command = [str(node()), str(script)]
        done = subprocess.run(command, check=True, capture_output=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(done.stdout)
    return frozenset(json.loads(file.read_text("utf-8")))


def for_site(root: Path, out: Path) -> None:
    """Put into `out` what the sessions of all pages need."""
    python(package(root, "pyodide"), out / "pyodide")
    if not (pack := out / "run" / "pytest.zip").exists():
        pack.parent.mkdir(parents=True, exist_ok=True)
        pytest(pack)


def python(source: Path, out: Path) -> None:
    """Pyodide, without its list of packages, as we offer none."""
    for name in PYODIDE:
        copy(source / name, out / name)
    lock = json.loads((source / "pyodide-lock.json").read_text("utf-8"))
    lock["packages"] = {}
    (out / "pyodide-lock.json").write_text(json.dumps(lock), "utf-8")


def size(root: Path) -> str:
    """How much a reader's browser loads, in words."""
    source = package(root, "pyodide")
    sizes = (source.joinpath(name).stat().st_size for name in PYODIDE)
    return f"{sum(sizes) / 1e6:.0f} MB"


def pytest(out: Path) -> None:
    """pytest and what it imports, packed."""
    site = Path(str(distribution("pytest").locate_file("")))
    command = [sys.executable, "-S", "-c", LOADED, str(site)]
    done = subprocess.run(command, check=True, capture_output=True)
    files = {*map(Path, done.stdout.decode().splitlines())}
    files |= {*site.glob("_pytest/**/*.py")}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        for file in sorted(f for f in files if f.is_relative_to(site)):
            name = file.relative_to(site).as_posix()
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            pack.writestr(entry, file.read_bytes())
