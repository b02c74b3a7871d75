# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 890047d72b75
"""The whole manuscript: pages, numbers, references, indexes."""

from __future__ import annotations

import difflib
import hashlib
import io
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import panflute as pf

import tangle
from weave import ManuscriptError, bibliography, chunks, reader, run
from weave.bibliography import Entry
from weave.chunks import ChunkInfo, Identifier, Place
from weave.page import Page, Ref

__all__ = ["Manuscript", "Page", "Ref", "load"]


@dataclass
class Manuscript:
    """The book as PDF, site and EPUB are made of it."""

    root: Path
    tangled: tangle.Book
    pages: list[Page] = field(default_factory=list)
    xref: dict[str, Ref] = field(default_factory=dict)
    chunks: dict[str, ChunkInfo] = field(default_factory=dict)
    terms: dict[str, list[tuple[str, str]]] = field(
        default_factory=dict
    )
    identifiers: list[Identifier] = field(default_factory=list)
    works: dict[str, Entry] = field(default_factory=dict)

    @property
    def conf(self) -> dict[str, Any]:
        """What book.toml says."""
        return self.tangled.config

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts of the book: title, epigraph, chapters."""
        return list(self.conf["part"])

    @property
    def cache(self) -> Path:
        """Where slow results are kept between builds."""
        return self.root / "build" / "cache"

    def page(self, docname: str) -> Page:
        """The page of this name; KeyError if there is none."""
        for candidate in self.pages:
            if candidate.docname == docname:
                return candidate
        raise KeyError(docname)


def load(
    root: Path,
    previous: Manuscript | None = None,
    execute: run.Execute | None = None,
    lanes: int = 1,
) -> Manuscript:
    """Read, run, number and link the book below `root`.

    Pages that read as they did in `previous` are taken over from it;
    of the others, so many are read at a time as there are lanes.
    Raises ManuscriptError or tangle.TangleError with the chapter's
    line for everything that is wrong with it.
    """
    book = tangle.load(root)
    ms = Manuscript(root, book, chunks=chunks.chunk_table(book))
    ms.identifiers = chunks.identifiers(book, ms.chunks)
    ms.works = bibliography.entries(
        root / "book" / "references.bib", ms.cache / "pandoc"
    )
    old = {one.key: one for one in previous.pages} if previous else {}
    parts = part_of_chapters(ms)
    unread: list[Unread] = []
    for chapter in book.chapters:
        docname = chunks.docname_of(chapter.path)
        tree = run.snapshot(book, chapter)
        new = Page(
            docname,
            chapter.kind,
            chapter.number,
            parts.get(docname),
            chapter.path,
            key=page_key(ms, chapter, tree),
        )
        if new.key in old:
            new = old[new.key]
        else:
            unread.append((chapter, tree, new))
        ms.pages.append(new)
    read(ms, unread, execute, lanes)
    gather(ms)
    problems = [p for one in ms.pages for p in resolve(ms, one)]
    if problems:
        raise ManuscriptError(*problems)
    ms.pages += back_matter(ms)
    return ms


Unread = tuple[tangle.Chapter, Path, Page]


def read(
    ms: Manuscript,
    unread: Iterable[Unread],
    execute: run.Execute | None,
    lanes: int,
) -> None:
    """Read pages, so many at a time; the first error ends it."""
    over, mine = threading.Event(), threading.Lock()
    run_it = execute or partial(run.execute, stop=over.is_set)

    def lend(*what: Any) -> list[run.Result]:
        mine.release()
        try:
            return run_it(*what)
        finally:
            mine.acquire()

    def work(one: Unread) -> None:
        chapter, tree, page = one
        with mine:
            if not over.is_set():
                reader.read(
                    ms.tangled, chapter, tree, page, ms.cache, lend
                )

    with ThreadPoolExecutor(lanes) as pool:
        reading = [pool.submit(work, one) for one in unread]
        try:
            for one in as_completed(reading):
                one.result()
        except BaseException:
            over.set()
            raise


def page_key(
    ms: Manuscript, chapter: tangle.Chapter, tree: Path
) -> str:
    """A hash of all that a page is read from.

    Of a chapter that is also the snapshot before, which it changes.
    """
    source = (ms.root / chapter.path).read_bytes()
    trees = [tree, ms.root / "book" / "measurements"]
    if chapter.kind == "chapter":
        trees.append(tree.with_name(f"{int(tree.name) - 1:02d}"))
    place = f"{chapter.path} {chapter.number} {run.fingerprint(trees)}"
    return hashlib.sha256(place.encode() + source).hexdigest()


def part_of_chapters(ms: Manuscript) -> dict[str, int]:
    """The index of the part in which each chapter stands."""
    return {
        chapter.removesuffix(".md"): index
        for index, part in enumerate(ms.parts)
        for chapter in part["chapters"]
    }


def gather(ms: Manuscript) -> None:
    """Bring the labels and terms of all pages together."""
    for one in ms.pages:
        for name, ref in one.refs.items():
            if name in ms.xref:
                raise ManuscriptError(
                    f"{one.path}:{one.line_of('#' + name)}: the label"
                    f" {name} stands in {ms.xref[name].docname} too"
                )
            ms.xref[name] = ref
        for term, docname, anchor in one.terms:
            ms.terms.setdefault(term, []).append((docname, anchor))


def resolve(ms: Manuscript, one: Page) -> list[str]:
    """Fill the references and chunk headings of a page.

    Returns what could not be resolved, each with its line.
    """
    problems = []
    for link in one.links:
        problem = fill(ms, link)
        if problem:
            line = one.line_of(link.attributes["source"])
            problems.append(f"{one.path}:{line}: {problem}")
    for chunk in one.chunks:
        if chunk.attributes["name"]:
            describe(ms, chunk)
    return problems


def fill(ms: Manuscript, link: pf.Link) -> str:
    """Give a link its words and its goal; or say what is wrong."""
    target = link.attributes["target"]
    kind = link.classes[0]
    known = {
        "xref": list(ms.xref),
        "cite": list(ms.works),
        "chunk-ref": list(ms.chunks),
    }
    if target not in known[kind]:
        near = difflib.get_close_matches(target, known[kind], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        what = {
            "xref": f"nothing is labelled {target}",
            "cite": f"references.bib has no entry {target}",
            "chunk-ref": f"no chunk is named {target}",
        }
        return what[kind] + hint
    form = link.attributes.get("form", "")
    if kind == "xref":
        ref = ms.xref[target]
        text, place = (
            ref.text(form == "bare"),
            (ref.docname, ref.anchor),
        )
    elif kind == "cite":
        text = ms.works[target].text(form)
        place = ("bibliography", f"ref-{target}")
    else:
        text = "⟨" + target.replace("-", " ") + "⟩"
        first = ms.chunks[target].parts[0][0]
        place = (first.docname, first.anchor)
    link.content = [pf.Str(text)]
    link.attributes["docname"], link.attributes["anchor"] = place
    link.url = "#" + place[1]
    return ""


def describe(ms: Manuscript, chunk: pf.Div) -> None:
    """Tell a chunk's Div where its other parts and its users are."""
    info = ms.chunks[chunk.attributes["name"]]
    line = int(chunk.attributes["line"])
    path = chunk.attributes["path"]
    at = next(
        n
        for n, (_, block) in enumerate(info.parts)
        if (block.path, block.line) == (path, line)
    )
    start = info.current(at)
    chunk.identifier = info.parts[at][0].anchor
    links = {}
    if at > start:
        links["first"] = start
    if at + 1 < len(info.parts):
        follows = info.parts[at + 1][1].classes
        links["replaced" if "replace" in follows else "next"] = at + 1
    if "replace" in chunk.classes and at:
        links["replaces"] = info.current(at - 1)
    for name, other in links.items():
        chunk.attributes[name] = address(info.parts[other][0])
    chunk.attributes["part"] = str(at - start)
    chunk.attributes["used-in"] = " ".join(info.used_in)


def address(place: Place) -> str:
    """A place as one attribute, `docname#anchor`."""
    return f"{place.docname}#{place.anchor}"


def back_matter(ms: Manuscript) -> list[Page]:
    """The pages that are made of the others."""
    made = []
    if any(one.answers for one in ms.pages):
        made.append(answers(ms))
    cited = {
        link.attributes["target"]
        for one in ms.pages
        for link in one.links
        if link.classes[0] == "cite"
    }
    if cited:
        body: list[pf.Element] = [title("Bibliography", "bibliography")]
        body += [
            w.listed for key, w in ms.works.items() if key in cited
        ]
        made.append(made_page("bibliography", "Bibliography", body))
    return made


def answers(ms: Manuscript) -> Page:
    """The solutions of all exercises, by chapters."""
    body: list[pf.Element] = [title("Answers", "answers")]
    for one in ms.pages:
        if one.answers:
            ref = next(
                r for r in one.refs.values() if r.kind == "chapter"
            )
            name = ref.text() if ref.number else ref.title
            heading = f"{name}: {one.title}" if ref.number else name
            body.append(
                pf.Header(
                    pf.Str(heading),
                    level=2,
                    identifier=f"answers-{one.stem}",
                )
            )
            body += one.answers
    return made_page("answers", "Answers", body)


def title(text: str, name: str) -> pf.Header:
    """The heading of a made page."""
    return pf.Header(pf.Str(text), level=1, identifier=name)


def made_page(docname: str, name: str, body: list[pf.Element]) -> Page:
    """A page of the back matter."""
    return Page(docname, "back", "", title=name, body=pf.Doc(*body))


def digest(one: Page) -> str:
    """A hash of all that a page shows."""
    out = io.StringIO()
    pf.dump(one.body, out)
    return hashlib.sha256(out.getvalue().encode()).hexdigest()
