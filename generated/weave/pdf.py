# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. c20f4001f920
"""The printed book, and single chapters of it, through Typst."""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import typst

from weave import ManuscriptError, fonts
from weave.book import Manuscript, Page
from weave.typst import (
    IMPORT,
    UNPARTED,
    Markup,
    Writer,
    call,
    escape,
    literal,
)

HERE = Path(__file__).resolve().parent
SOURCES = "build/typst"
LOOK = ("book.typ", "book.tmTheme")
MAIN_MATTER = (
    "#to-right-page()",
    '#set page(numbering: "1")',
    "#counter(page).update(1)",
)
PLACE = re.compile(r"┌─ (\S+?):(\d+):")
MARK = re.compile(r"// (\S+:\d+)$")
UNKNOWN = re.compile(r'the text `"(.+?)"`')


def build_book(ms: Manuscript, out: Path) -> None:
    """Set the whole book.

    Raises ManuscriptError with the chapter's line, as far as known.
    """
    names = [page.docname for page in ms.pages]
    for page in ms.pages:
        write(ms, page)
    main = store(ms, "main.typ", book_source(ms))
    press(ms.root).set(main, out, {"pages": " ".join(names)})


def build_chapter(ms: Manuscript, docname: str, out: Path) -> None:
    """Set one page of the manuscript alone; raises as build_book."""
    page = ms.page(docname)
    chapter = write(ms, page)
    source = f'{show(ms)}\n#include "{chapter.name}"\n'
    main = store(ms, f"alone-{page.stem}.typ", IMPORT + source)
    lift = "0" if page.kind in UNPARTED else "1"
    inputs = {"pages": docname, "lift": lift}
    press(ms.root).set(main, out, inputs)


# --- sources


def write(ms: Manuscript, page: Page) -> Path:
    """Write a page's Typst source; return the file."""
    name = page.docname.replace("/", "-") + ".typ"
    return store(ms, name, Writer(ms, page).source())


def store(ms: Manuscript, name: str, source: str) -> Path:
    """Write a source file if it changed; return it."""
    file = ms.root / SOURCES / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_text("utf-8") != source:
        file.write_text(source, "utf-8")
    return file


def show(ms: Manuscript) -> str:
    """Write what puts the book's look on all that follows."""
    title, authors = ms.conf["title"], tuple(ms.conf["authors"])
    setting = call("book.with", title=title, authors=authors)
    return f"#show: {setting[1:]}"


def book_source(ms: Manuscript) -> str:
    """Write the file that puts all pages together."""
    conf = ms.conf
    head = call(
        "title-page",
        conf["title"],
        conf["subtitle"],
        ", ".join(conf["authors"]),
        conf["edition"],
    )
    lines = [
        IMPORT,
        show(ms),
        '#set page(numbering: "i")',
        head,
        "#imprint()",
        "#contents()",
    ]
    for kind, pages in groupby(ms.pages, lambda page: page.kind):
        lines += section(ms, kind, list(pages))
    lines += [
        index("list-of-chunks", "List of chunks", chunk_entries(ms)),
        index(
            "index-of-names", "Index of identifiers", name_entries(ms)
        ),
        index("index-of-terms", "Index", term_entries(ms)),
    ]
    return "\n".join(lines) + "\n"


def section(
    ms: Manuscript, kind: str, pages: Sequence[Page]
) -> list[str]:
    """Write the pages of one kind, with what comes before them."""
    lines: list[str] = []
    if kind == "appendix":
        lines.append(call("part", "appendices", "", "Appendices", ""))
    if kind == "chapter":
        lines += MAIN_MATTER
    part = None
    for page in pages:
        if page.part is not None and page.part != part:
            part = page.part
            lines.append(part_page(ms, part))
        name = page.docname.replace("/", "-")
        lines.append(f'#include "{name}.typ"')
    return lines


def part_page(ms: Manuscript, index: int) -> str:
    """Write the page that opens a part."""
    part = ms.parts[index]
    number = roman(index + 1)
    epigraph = part.get("epigraph", "")
    name = f"part-{index + 1}"
    return call("part", name, number, part["title"], epigraph)


def roman(number: int) -> str:
    """Return a number up to 39 in Roman numerals."""
    tens, ones = divmod(number, 10)
    units = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    return "X" * tens + units[ones]


# --- indexes


def index(name: str, title: str, entries: Iterable[str]) -> str:
    """Write an index of entries in the order given."""
    listed = "".join(f"  {entry},\n" for entry in entries)
    return call("index", name, title, Markup(f"(\n{listed})"))


def entry(words: str, places: Iterable[tuple[str, bool]]) -> str:
    """Write an entry: its words, and each place; is it the main one?"""
    return f"([{words}], {literal(list(places))})"


def chunk_entries(ms: Manuscript) -> Iterable[str]:
    """Write the chunks, with the pages of their parts."""
    for name in sorted(ms.chunks):
        parts = [place.anchor for place, _ in ms.chunks[name].parts]
        words = call("chunk-name", name) + ";"
        yield entry(words, ((anchor, False) for anchor in parts))


def name_entries(ms: Manuscript) -> Iterable[str]:
    """Write what the software defines, and where that is used."""
    for found in ms.identifiers:
        words = call("code", found.name) + "; "
        words += call("small", found.module) + ";"
        places = {found.defined.anchor: True}
        for place in found.used:
            places.setdefault(place.anchor, False)
        yield entry(words, places.items())


def term_entries(ms: Manuscript) -> Iterable[str]:
    """Write the terms of the index."""
    for term in sorted(ms.terms, key=str.casefold):
        places = ((anchor, False) for _, anchor in ms.terms[term])
        yield entry(escape(term), places)


# --- the compiler


class Press:
    """Typst, which remembers what it set before: again is faster.

    It also grows; after `LIFE` settings a new one takes over.
    """

    LIFE = 50

    def __init__(self, root: Path) -> None:
        self.root, self.uses = root, 0

    def set(
        self, main: Path, out: Path, inputs: dict[str, str]
    ) -> None:
        """Compile `main` to `out`; raise ManuscriptError."""
        for name in LOOK:
            shutil.copyfile(HERE / name, self.root / SOURCES / name)
        if self.uses % self.LIFE == 0:
            self.compiler = typst.Compiler(
                root=self.root,
                font_paths=[fonts.unpack(self.root)],
                ignore_system_fonts=True,
            )
        self.uses += 1
        try:
            pdf, warnings = self.compiler.compile_with_warnings(
                main,
                format="pdf",
                sys_inputs=inputs,
                pdf_standards=["ua-1"],
                timestamp=0,
            )
        except typst.TypstError as error:
            raise ManuscriptError(self.explain(error)) from error
        counted = Counter(map(self.explain, warnings))
        for problem, count in counted.items():
            times = f" ({count} times)" if count > 1 else ""
            print(problem + times, file=sys.stderr)
        assert isinstance(pdf, bytes)
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_suffix(".partial")
        partial.write_bytes(pdf)
        partial.replace(out)

    def explain(
        self, problem: typst.TypstError | typst.TypstWarning
    ) -> str:
        """Return one line, with the place in the chapter if known."""
        places = [
            (Path(file).resolve(), int(line))
            for file, line in PLACE.findall(problem.diagnostic)
        ]
        if unknown := UNKNOWN.search(problem.message):
            places += self.holding(unknown[1])
        marks = filter(None, map(nearest_mark, places))
        where = next(marks, "typst")
        hints = "".join(f"; {hint}" for hint in problem.hints)
        return f"{where}: {problem.message}{hints}"

    def holding(self, text: str) -> Iterator[tuple[Path, int]]:
        """Find the lines of the sources that hold `text`."""
        for file in sorted((self.root / SOURCES).glob("*-*.typ")):
            lines = file.read_text("utf-8").splitlines()
            for number, line in enumerate(lines, 1):
                if text in line:
                    yield file, number


def nearest_mark(place: tuple[Path, int]) -> str | None:
    """Return the chapter's line marked last above a place."""
    file, line = place
    above = file.read_text("utf-8").splitlines()[line - 1 :: -1]
    found = filter(None, map(MARK.match, above))
    return next((mark[1] for mark in found), None)


@cache
def press(root: Path) -> Press:
    """Return the press of a book; it lives as long as the process."""
    return Press(root)
