# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. f989a57ba6f4
"""The pages that lead to others: cover, indexes, list of chunks."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import panflute as pf
from docutils import nodes
from sphinx import addnodes

from weave.book import Manuscript, Page
from weave.docut import Nodes, chunk_link, classed, link
from weave.links import Goal, Links, html_id
from weave.pandoc import walk

ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
KINDS = {"chapter": "Chapter", "appendix": "Appendix"}
SENTENCE = re.compile(r".+?[.!?](?=\s|$)|.*")


class Place(NamedTuple):
    """Where something stands, and the number that says so."""

    there: Goal
    number: str


def part_title(ms: Manuscript, index: int) -> str:
    """`Part I · The computation of learning`."""
    return f"Part {ROMAN[index]} · {ms.parts[index]['title']}"


def eyebrow(ms: Manuscript, page: Page) -> str:
    """The line above a page's title: `Part I · Chapter 2`."""
    kind = KINDS.get(page.kind)
    if kind is None:
        return ""
    part = "" if page.part is None else f"Part {ROMAN[page.part]} · "
    return f"{part}{kind} {page.number}"


def places(page: Page) -> dict[str, Place]:
    """Each anchor of a page, with the number of its section."""
    found, number = {}, page.number
    for block in page.body.content:
        for element in (block, *walk(block)):
            if isinstance(element, pf.Header):
                number = element.attributes.get("number", number)
            if name := getattr(element, "identifier", ""):
                there = Goal(page.docname, html_id(name))
                found[name] = Place(there, number or page.title)
    return found


def opening(page: Page) -> str:
    """The first paragraph of a page, without its notes."""
    paragraphs = (
        b for b in page.body.content if isinstance(b, pf.Para)
    )
    return " ".join(spoken(next(paragraphs, pf.Para())).split())


def spoken(element: pf.Element) -> str:
    """Text as one would read it out: no footnotes, no margins."""
    if isinstance(element, pf.Note) or (
        "margin" in getattr(element, "classes", ())
    ):
        return ""
    inside = getattr(element, "content", None)
    if inside is None:
        return str(pf.stringify(element))
    return "".join(spoken(e) for e in inside)


def section(
    title: str, name: str, *content: nodes.Node
) -> nodes.section:
    """A section with a plain title."""
    heading = nodes.title(text=title)
    return nodes.section("", heading, *content, ids=[name], names=[])


def paragraph(text: str, style: str) -> nodes.paragraph:
    """A paragraph of a certain style."""
    return nodes.paragraph(text=text, classes=[style])


class Contents:
    """Makes the pages that lead to others."""

    def __init__(
        self,
        links: Links,
        downloads: Mapping[str, Path],
        kept: dict[str, dict[str, Place]],
    ) -> None:
        self.links, self.ms = links, links.ms
        self.downloads = downloads
        self.made: dict[str, Callable[[], Nodes]] = {
            "index": self.cover,
            "terms": self.terms,
            "identifiers": self.identifiers,
            "chunks": self.chunks,
        }
        self.kept = kept

    def basis(self) -> str:
        """All that these pages are made of, as one text."""
        ms = self.ms
        shown: list[object] = [ms.conf, sorted(self.downloads)]
        shown += [(p.docname, p.title, opening(p)) for p in ms.pages]
        shown += [
            (
                info.name,
                [place for place, _ in info.parts],
                info.used_in,
            )
            for info in ms.chunks.values()
        ]
        return repr([*shown, ms.terms, ms.identifiers, self.places])

    # the cover

    def cover(self) -> Nodes:
        """Title, what the book is, its chapters, where to get it."""
        conf = self.ms.conf
        top = section(conf["title"], "cover")
        top += paragraph(conf["subtitle"], "subtitle")
        top += paragraph(", ".join(conf["authors"]), "authors")
        if self.downloads:
            line = nodes.paragraph(classes=["downloads"])
            for form, path in self.downloads.items():
                line += nodes.reference("", form, refuri=path.name)
            top += line
        for page in self.ms.pages:
            if page.kind == "front":
                more = f"Continue with the {page.title.lower()}"
                there = Goal(page.docname, "")
                line = nodes.paragraph(text=f"{opening(page)} ")
                line += link(there, nodes.Text(more))
                top += line
        for caption, pages in self.groups():
            if pages[0].number:
                listing = nodes.bullet_list(classes=["cover-list"])
                listing.extend(self.entry(page) for page in pages)
                name = f"contents-{pages[0].docname.split('/')[0]}"
                top += section(caption, name, listing)
        for caption, pages in self.groups():
            top += self.toctree(caption, [p.docname for p in pages])
        made = [name for name in self.made if name != "index"]
        if self.links.api and self.links.modules:
            made.append("api/index")
        top += self.toctree("Indexes", made)
        return [top]

    def groups(self) -> list[tuple[str, list[Page]]]:
        """The pages in reading order, under the captions they have."""
        others = {"front": "", "appendix": "Appendices"}

        def caption(page: Page) -> str:
            if page.part is not None:
                return part_title(self.ms, page.part)
            return others.get(page.kind, "Reference")

        pages = groupby(self.ms.pages, caption)
        return [(words, list(group)) for words, group in pages]

    def entry(self, page: Page) -> nodes.list_item:
        """A chapter on the cover: its title and its first sentence.

        book.toml may have better words, under [summaries].
        """
        words = SENTENCE.match(opening(page))
        given = self.ms.conf.get("summaries", {})
        summary = given.get(page.stem, words[0] if words else "")
        title = link(
            Goal(page.docname, ""),
            classed(page.number, "secnum"),
            nodes.Text(page.title),
            classes=["chapter"],
        )
        return nodes.list_item(
            "",
            nodes.paragraph("", "", title),
            paragraph(summary, "summary"),
        )

    def toctree(self, caption: str, docnames: list[str]) -> nodes.Node:
        """What Sphinx takes the order of the pages from."""
        tree = addnodes.toctree(
            parent="index",
            entries=[(None, name) for name in docnames],
            includefiles=docnames,
            maxdepth=2,
            caption=caption or None,
            rawcaption=caption,
            glob=False,
            hidden=True,
            includehidden=False,
            numbered=0,
            titlesonly=False,
        )
        return nodes.compound("", tree, classes=["toctree-wrapper"])

    # the indexes

    @functools.cached_property
    def places(self) -> dict[str, Place]:
        """Every anchor of the book; a known page is not read again."""
        known = {}
        for page in self.ms.pages:
            anchors = [chunk.identifier for chunk in page.chunks]
            key = " ".join([page.docname, page.key, *anchors])
            old = self.kept.get(key) if page.key else None
            known[key] = old or places(page)
        self.kept.clear()
        self.kept.update(known)
        return {
            a: p for found in known.values() for a, p in found.items()
        }

    def terms(self) -> Nodes:
        """The index of terms."""
        top = section("Index of terms", "terms")
        names = sorted(self.ms.terms, key=str.lower)
        for letter, group in groupby(names, lambda n: n[0].upper()):
            entries = [self.term(name) for name in group]
            listing = nodes.bullet_list("", *entries, classes=["index"])
            top += section(letter, f"terms-{letter}", listing)
        return [top]

    def term(self, name: str) -> nodes.list_item:
        """A term and the sections that speak of it."""
        line = nodes.paragraph(text=name)
        for _, anchor in self.ms.terms[name]:
            there, number = self.places[anchor]
            line += nodes.Text("\u2002")
            line += link(there, nodes.Text(number), classes=["at"])
        return nodes.list_item("", line)

    def identifiers(self) -> Nodes:
        """The index of identifiers."""
        top = section("Index of identifiers", "identifiers")
        items = self.ms.identifiers
        rows = []
        for item in items:
            name = nodes.literal(text=item.name)
            there = Goal(item.defined.docname, item.defined.anchor)
            defined = chunk_link(there, item.defined.chunk)
            rows.append(
                [
                    [link(there, name)],
                    [nodes.Text(f"{item.kind} of {item.module}")],
                    [defined],
                    spaced(
                        chunk_link(Goal(u.docname, u.anchor), u.chunk)
                        for u in item.used
                    ),
                ]
            )
        head = ("Name", "What it is", "Defined in", "Used in")
        top += table(head, rows)
        return [top]

    def chunks(self) -> Nodes:
        """The list of chunks, by chapters."""
        top = section("List of chunks", "chunks")
        for page in self.ms.pages:
            rows = []
            for info in self.ms.chunks.values():
                first = info.parts[0][0]
                if first.docname != page.docname:
                    continue
                there = Goal(first.docname, first.anchor)
                users = (
                    chunk_link(self.links.chunk(u), u)
                    for u in info.used_in
                )
                number = self.places[there.anchor].number
                rows.append(
                    [
                        [chunk_link(there, info.name)],
                        [nodes.Text(number)],
                        spaced(users),
                    ]
                )
            if rows:
                number = f"{page.number}\u2002" if page.number else ""
                title = f"{number}{page.title}"
                name = "chunks-" + page.docname.rpartition("/")[2]
                head = ("Chunk", "Section", "Used in")
                top += section(title, name, table(head, rows))
        return [top]


def spaced(links: Iterable[nodes.Node]) -> Nodes:
    """Links one after another, with commas."""
    made: Nodes = []
    for at, one in enumerate(links):
        made += [nodes.Text(", "), one] if at else [one]
    return made


def table(
    head: tuple[str, ...], rows: list[list[Nodes]]
) -> nodes.table:
    """A plain table."""

    def row(cells: Iterable[Nodes]) -> nodes.row:
        paragraphs = (nodes.paragraph("", "", *cell) for cell in cells)
        return nodes.row("", *(nodes.entry("", p) for p in paragraphs))

    group = nodes.tgroup(cols=len(head))
    group.extend(nodes.colspec(colwidth=1) for _ in head)
    group += nodes.thead("", row([nodes.Text(text)] for text in head))
    group += nodes.tbody("", *[row(cells) for cells in rows])
    return nodes.table("", group, classes=["booktabs", "listing"])
