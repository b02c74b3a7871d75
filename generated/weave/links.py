# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. d6b39ba50009
"""What a page of the site or the e-book knows of the other pages."""

from __future__ import annotations

import functools
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import panflute as pf

import tangle
from weave import ManuscriptError
from weave.book import Manuscript
from weave.chunks import Identifier, Place
from weave.math import Formula, MathError, formulas

MODULE = re.compile(
    r"generated/(nand2llm(?:/[a-z]\w*)*(?:/__init__)?)\.py"
)
IMPORT = re.compile(
    r"^from ([\w.]+) import (?:\(([^)]*)\)|(.*))$", re.M
)
REFERENCE = re.compile("^" + tangle.REFERENCE.pattern, re.M)
Marks = dict[tuple[str, int], dict[str, str]]


class Goal(NamedTuple):
    """A place that a link can lead to."""

    docname: str
    anchor: str


class Target(NamedTuple):
    """A link at the foot of a chunk."""

    goal: Goal
    text: str
    style: str


def html_id(name: str) -> str:
    """A label as an anchor; readers of e-books trip over colons."""
    return name.replace(":", "-")


def shown_name(name: str) -> str:
    """A chunk's name as the reader sees it."""
    return "⟨" + name.replace("-", " ") + "⟩"


def goal(address: str) -> Goal:
    """The goal that an attribute `docname#anchor` names."""
    docname, _, anchor = address.partition("#")
    return Goal(docname, html_id(anchor))


def imported(text: str) -> Iterator[tuple[str, str]]:
    """(module, name) of what some code imports by name."""
    for module, several, one in IMPORT.findall(text):
        for name in re.findall(r"\w+", several or one):
            yield module, name


def homes(book: tangle.Book) -> dict[str, str]:
    """The first file that a chunk takes part in."""
    uses: dict[str, list[str]] = defaultdict(list)
    for reference in book.references:
        uses[reference.user].append(reference.used)
    found: dict[str, str] = {}
    for target, root in book.targets.items():
        todo = [root]
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = target
                todo += uses[name]
    return found


class Links:
    """The manuscript, asked by the pages that are made of it.

    `source` is the folder that Sphinx reads, `api` whether there is a
    reference of the package to link to.
    """

    def __init__(self, ms: Manuscript, source: Path, api: bool) -> None:
        self.ms, self.source, self.api = ms, source, api
        self.words: dict[Goal, dict[str, Goal]] = defaultdict(dict)
        self.entries: dict[Goal, list[Identifier]] = defaultdict(list)
        self.exports: dict[tuple[str, str], Goal] = {}
        self.marks: Marks = {}  # of the blocks that run on the page
        for item in ms.identifiers:
            defined = Goal(item.defined.docname, item.defined.anchor)
            self.entries[defined].append(item)
            self.exports[item.module, item.name] = defined
            _, dot, word = item.name.rpartition(".")
            for use in item.used:
                if use.chunk != item.defined.chunk:
                    here = Goal(use.docname, use.anchor)
                    self.words[here][dot + word] = defined

    def label(self, name: str) -> Goal:
        """Where the figure, section, exercise `name` stands."""
        ref = self.ms.xref[name]
        return Goal(ref.docname, html_id(ref.anchor))

    def chunk(self, name: str) -> Goal:
        """Where the chunk `name` begins."""
        place = self.ms.chunks[name].parts[0][0]
        return Goal(place.docname, place.anchor)

    def inside(self, docname: str, chunk: pf.Div) -> dict[str, Goal]:
        """Where the words of a chunk's code lead.

        References keep their brackets, and methods their dot, so that
        no other word is taken for one.
        """
        text = chunk.content[0].text
        if chunk.attributes["name"]:
            found = self.words.get(Goal(docname, chunk.identifier), {})
        else:
            found = self.given(docname, chunk)
        references = {
            f"<<{name}>>": self.chunk(name)
            for _, name in REFERENCE.findall(text)
            if name in self.ms.chunks
        }
        return found | references

    def given(self, docname: str, chunk: pf.Div) -> dict[str, Goal]:
        """The names of the book that a block without a name imports.

        What runs has what ran before it on the page.
        """
        blocks = [chunk]
        if "run" in chunk.classes:
            page = self.ms.page(docname)
            blocks = [c for c in page.chunks if "run" in c.classes]
        texts = (block.content[0].text for block in blocks)
        names = imported("\n".join(texts))
        return {
            name: self.exports[module, name]
            for module, name in names
            if (module, name) in self.exports
        }

    def around(
        self, docname: str, chunk: pf.Div
    ) -> dict[str, list[Target]]:
        """What stands at a chunk's foot: phrases and their links."""
        attributes = chunk.attributes
        foot: dict[str, list[Target]] = {}
        for key, phrase, near in (
            ("first", "Begun", "above"),
            ("next", "Continued", "below"),
            ("replaces", "Replaces the version", "above"),
            ("replaced", "Replaced", "below"),
        ):
            if address := attributes.get(key):
                there = goal(address)
                text = self.where(docname, there, near)
                foot[phrase] = [Target(there, text, "chunk-part")]
        users = attributes.get("used-in", "").split()
        if users and "first" not in attributes:
            foot["Used in"] = [
                Target(self.chunk(user), shown_name(user), "chunk-ref")
                for user in users
            ]
        if documented := self.documented(
            Goal(docname, chunk.identifier)
        ):
            foot["Reference:"] = documented
        return foot

    def where(self, docname: str, there: Goal, near: str) -> str:
        """`above` or `below` on the same page, else the chapter."""
        if there.docname == docname:
            return near
        page = self.ms.page(there.docname)
        ref = next(r for r in page.refs.values() if r.kind == "chapter")
        return f"in {ref.text()}"

    def documented(self, here: Goal) -> list[Target]:
        """The entries of the reference that a chunk's code makes."""
        if not self.api:
            return []
        return [
            Target(
                Goal(
                    f"api/{item.module}", f"{item.module}.{item.name}"
                ),
                item.name,
                "api-ref",
            )
            for item in self.entries.get(here, [])
            if item.module in self.modules
            and item.kind != "constant"
            and item.name[0] != "_"
        ]

    @functools.cached_property
    def modules(self) -> dict[str, str]:
        """The public modules of the package, and their files."""
        found = {
            m[1].replace("/", ".").removesuffix(".__init__"): target
            for target in self.ms.tangled.targets
            if (m := MODULE.fullmatch(target))
        }
        return dict(sorted(found.items()))

    @functools.cached_property
    def origins(self) -> dict[str, tuple[Goal, str]]:
        """Where the code of each name of the package stands."""
        return {
            f"{item.module}.{item.name}": (here, item.defined.chunk)
            for here, items in self.entries.items()
            for item in items
            if item.module in self.modules
        }

    def objects(self, docname: str) -> Iterator[tuple[str, str, str]]:
        """(kind, title, anchor) of what a search finds on a page."""
        for name, info in self.ms.chunks.items():
            first = info.parts[0][0]
            if first.docname == docname:
                yield "chunk", shown_name(name), first.anchor
        for there, items in self.entries.items():
            if there.docname == docname:
                for item in items:
                    yield "identifier", item.name, there.anchor
        for name, ref in self.ms.xref.items():
            if ref.kind == "ex" and ref.docname == docname:
                title = f"Exercise {ref.number}: {ref.title}"
                yield "exercise", title, html_id(name)

    def expanded(self, chunk: pf.Div) -> str:
        """The code of a chunk as the tangler writes it, to be copied.

        It is what the name means at the end of its chapter; for a
        block without a name, its text with the references put in.
        """
        attributes = chunk.attributes
        path, name = attributes["path"], attributes["name"]
        book = self.books[path]
        if name:
            lines = [line.text for line in book.expand(name)]
            return "\n".join(lines).strip("\n")
        return REFERENCE.sub(
            lambda found: "\n".join(
                (found[1] + line.text).rstrip()
                for line in book.expand(found[2])
            ),
            chunk.content[0].text,
        )

    @functools.cached_property
    def books(self) -> dict[str, tangle.Book]:
        """The book as of the end of each chapter, by its path."""
        book = self.ms.tangled
        return {
            c.path: book.until(c.number) if c.number else book
            for c in book.chapters
        }

    @functools.cached_property
    def places(self) -> dict[tuple[str, int], Place]:
        """Where each line of the chapters' code stands on a page."""
        blocks = {(b.path, b.line): b for b in self.ms.tangled.blocks}
        found = {}
        for page in self.ms.pages:
            for chunk in page.chunks:
                given = chunk.attributes
                path, line = given["path"], int(given["line"])
                name, anchor = given["name"], chunk.identifier
                place = Place(page.docname, anchor, name)
                for n, _ in enumerate(blocks[path, line].body, 1):
                    found[path, line + n] = place
        return found

    def home(self, chunk: pf.Div) -> str:
        """The file that has a chunk at its chapter's end, if any."""
        given = chunk.attributes
        return self.homes[given["path"]].get(given["name"], "")

    @functools.cached_property
    def homes(self) -> dict[str, dict[str, str]]:
        """For each chapter, the first file that has a chunk."""
        return {path: homes(book) for path, book in self.books.items()}

    def formula(self, docname: str, tex: str, display: bool) -> Formula:
        """A formula, typeset; ManuscriptError with its line if wrong."""
        macros = self.ms.conf.get("macros", {})
        try:
            made = formulas([(tex, display)], macros, self.ms.cache)
        except MathError as error:
            page = self.ms.page(docname)
            line = page.line_of(tex.split("\n")[0])
            raise ManuscriptError(
                f"{page.path}:{line}: {error}"
            ) from error
        return made[tex, display]

    def from_source(self, path: str) -> str:
        """A path below the root, seen from the folder Sphinx reads."""
        return os.path.relpath(self.ms.root / path, self.source)
