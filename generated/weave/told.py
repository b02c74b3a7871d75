# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 78a13c1290b3
"""Code in its place: patches, and the sheets behind the chunks.

A sheet is a file as of the end of a chapter, and what is known of
each of its lines. The site's pages load it when a reader asks.
"""

from __future__ import annotations

import functools
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import panflute as pf
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

import tangle
from weave import tested
from weave.changed import steps
from weave.chunks import Place
from weave.links import Goal, Links, shown_name
from weave.page import Page

TEST = re.compile(r"\s*(?:async )?def (test\w*)")
# Half of a highlighter's marks are for words that have no color here.
COLORLESS = re.compile(
    r'<span class="(?:n(?![cft])\w*|bp|o|p|v\w|w)">([^<]*)</span>'
)
ELSEWHERE = "Not recorded: tests are traced in the package alone."
UNKNOWN = "Not recorded for this state of the code: run make site."


class File(NamedTuple):
    """A file's lines, and the same in color."""

    lines: list[tangle.Line]
    html: list[str]


def file(book: tangle.Book, target: str) -> File:
    """A file as a book has it."""
    lines = tangle.render(book, target)
    return File(lines, colored(target, tangle.join(lines)))


@functools.lru_cache(1000)
def colored(name: str, text: str) -> list[str]:
    """The lines of a text in the language that its name tells."""
    try:
        lexer = get_lexer_for_filename(name, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    html: str = highlight(text, lexer, HtmlFormatter(nowrap=True))
    return COLORLESS.sub(r"\1", html).split("\n")


class Row(NamedTuple):
    """A line of a patch; `chunk` is where the lines from here stand."""

    sign: str
    html: str
    chunk: Place | None = None


def snapshot(book: tangle.Book, number: str, name: str) -> File:
    """A file of a snapshot; empty if it is not there."""
    then = book.until(number) if number != "0" else None
    strip = book.options.get("strip", "")
    for target in then.targets if then else ():
        if then and target.removeprefix(strip) == name:
            return file(then, target)
    return File([], [])


def patched(links: Links, change: pf.Div) -> Iterator[Row]:
    """The lines of a file's patch, in color."""
    book, given = links.ms.tangled, change.attributes
    was, now = (
        snapshot(book, given[number], given["file"])
        for number in ("old", "new")
    )
    last = None
    for sign, text, a, b in steps(change.content[0].text):
        if sign == "@":
            yield Row(sign, text)
            last = None
            continue
        side, at = (was, a) if sign == "-" else (now, b)
        place = place_of(links, side.lines[at - 1], last)
        again = place and last and place.chunk == last.chunk
        yield Row(sign, side.html[at - 1], None if again else place)
        last = place


def place_of(
    links: Links, line: tangle.Line, last: Place | None
) -> Place | None:
    """Where a line is told; a blank one, with the line above it."""
    if not line.text:
        return last
    return links.places.get((line.path, line.line))


def address(here: str, there: Place | Goal) -> str:
    """A link from one page to a place on another."""
    path = ""
    if there.docname != here:
        folder = posixpath.dirname(here) or "."
        path = posixpath.relpath(there.docname, folder) + ".html"
    return f"{path}#{there.anchor}"


def told_name(place: Place) -> str:
    """The name of a chunk; a test has none."""
    return shown_name(place.chunk) if place.chunk else "⟨a test⟩"


def sheets(links: Links) -> Iterator[tuple[str, str]]:
    """(path, script) of all sheets."""
    ran = tested.recorded(links.ms.tangled)
    tests = dict(test_places(links))
    for page in links.ms.pages:
        files: dict[str, list[pf.Div]] = {}
        for chunk in page.chunks:
            if target := links.home(chunk):
                files.setdefault(target, []).append(chunk)
        for target, chunks in files.items():
            sheet = Sheet(links, page, target).told(chunks, ran, tests)
            name = f"{page.docname}/{target}"
            data = json.dumps(sheet, ensure_ascii=False)
            text = f'(self.sheets ??= {{}})["{name}"] = {data};\n'
            yield f"sheets/{name}.js", text


def test_places(links: Links) -> Iterator[tuple[str, Place]]:
    """`test_01_introduction.test_it`, and where that is told."""
    book = links.ms.tangled
    for target, name in book.targets.items():
        if "/tests/" in target:
            for line in book.expand(name):
                place = links.places.get((line.path, line.line))
                if place and (found := TEST.match(line.text)):
                    yield f"{Path(target).stem}.{found[1]}", place


class Sheet:
    """A file as of the end of a page's chapter."""

    def __init__(self, links: Links, page: Page, target: str) -> None:
        self.links, self.page, self.target = links, page, target
        self.book = links.books[page.path]
        self.file = file(self.book, target)
        self.known: dict[tuple[str, str], int] = {}

    def link(self, there: Place | Goal, text: str) -> int:
        """The number of a link; the sheet has each only once."""
        uri = address(self.page.docname, there)
        return self.known.setdefault((uri, text), len(self.known))

    def chunk(self, place: Place) -> int:
        """The number of the link to a chunk, named."""
        there = Goal(place.docname, place.anchor)
        far = self.links.where(self.page.docname, there, "")
        return self.link(there, f"{told_name(place)} {far}".rstrip())

    def told(
        self,
        chunks: list[pf.Div],
        ran: tested.Ran | None,
        tests: dict[str, Place],
    ) -> dict[str, Any]:
        """All that the page's script shows of these chunks."""
        strip, spans = self.book.options.get("strip", ""), self.spans()
        made: dict[str, Any] = {
            "file": self.target.removeprefix(strip),
            "lines": list(self.rows()),
            "chunks": {
                chunk.identifier: self.about(
                    chunk, spans[chunk.attributes["name"]]
                )
                for chunk in chunks
            },
        }
        if not tested.PACKAGE.fullmatch(self.target):
            made["unknown"] = ELSEWHERE
        elif ran is None:
            made["unknown"] = UNKNOWN
        else:
            made["tests"] = dict(self.tests(ran, tests))
        return made | {"links": list(self.known)}

    def rows(self) -> Iterator[tuple[str, int]]:
        """Each line in color, with its chunk."""
        place = None
        for line, html in zip(*self.file, strict=False):
            place = place_of(self.links, line, place)
            yield html, self.chunk(place) if place else -1

    def about(self, chunk: pf.Div, span: list[int]) -> dict[str, Any]:
        """Where a chunk is in the file; what it defines and uses."""
        here = Goal(self.page.docname, chunk.identifier)
        defines = [
            (item.name, [self.chunk(u) for u in item.used])
            for item in self.links.entries.get(here, ())
        ]
        words = self.links.words.get(here, {})
        uses = [
            self.link(goal, word.lstrip("."))
            for word, goal in sorted(words.items())
        ]
        return {"at": span, "defines": defines, "uses": uses}

    def spans(self) -> dict[str, list[int]]:
        """First line, last line and indentation of each chunk."""
        own = [n for n, line in enumerate(self.file.lines) if line.name]
        found: dict[str, list[int]] = {}
        first: dict[str, tangle.Frame] = {}
        trace = self.book.trace(self.book.targets[self.target])
        for count, (_, _, inner) in enumerate(trace):
            at = own[min(count, len(own) - 1)]  # one blank is not there
            frame: tangle.Frame | None = inner
            while frame:
                name = frame.block.name or ""
                once = first.setdefault(name, frame)
                span = found.setdefault(name, [at, at, len(frame.indent)])
                if frame[2:] == once[2:]:
                    span[1] = at
                frame = frame.parent
        return found

    def tests(
        self, ran: tested.Ran, tests: dict[str, Place]
    ) -> Iterator[tuple[int, list[int] | None]]:
        """Which tests ran each statement; None where none did."""
        for number, line in enumerate(self.file.lines):
            key = (self.target, line.path, line.line)
            if key in ran:
                names = ran[key]
                ids = [
                    self.link(tests[name], name.partition(".")[2])
                    for name in names or ()
                    if name in tests
                ]
                yield number, None if names is None else ids
