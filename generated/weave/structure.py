# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. cdbb788e1963
"""Markdown's elements become the book's: numbered, labelled, joined.

The writers of PDF and site see only what this module leaves behind:
standard pandoc elements and a few Divs, Spans and Links whose classes
and attributes carry everything that was computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import panflute as pf

import tangle
from weave import ManuscriptError, run
from weave.page import Page, Ref
from weave.pandoc import parse, slots, walk

WORDS = {
    "fig": "Figure",
    "tbl": "Table",
    "eq": "Equation",
    "sec": "Section",
    "ex": "Exercise",
}
LABEL = re.compile(r"\{#(eq:[\w:.-]+)\}")
QUOTES = {"SingleQuote": ("‘", "’"), "DoubleQuote": ("“", "”")}
MARKS = {"run", "raises", "test", "stub", "solution", "replace"}


class Structure:
    """Walks a page top down, numbering and replacing as it goes."""

    def __init__(
        self,
        page: Page,
        book: tangle.Book,
        cache: Path,
        blocks: dict[int, tangle.Block],
        results: dict[int, run.Result],
    ) -> None:
        self.page, self.book, self.cache = page, book, cache
        self.docname = page.docname  # where elements end up
        self.blocks, self.results = blocks, results
        self.counts = dict.fromkeys(WORDS, 0)
        self.section = [0] * 6
        self.slugs: set[str] = set()
        self.figures = 0
        self.problems: list[str] = []

    def build(self) -> None:
        """Number and restructure the whole page."""
        self.descend(self.page.body)
        if self.problems:
            raise ManuscriptError(*self.problems)

    def descend(self, element: pf.Element) -> None:
        """Visit the children of `element`; put in what they become."""
        for name, held in list(slots(element)):
            if isinstance(held, pf.Element):
                self.visit(held)
            elif not isinstance(held, dict):
                setattr(element, name, self.each(held))

    def each(self, elements: Any) -> list[pf.Element]:
        """What `elements` become, one after another."""
        return [new for e in list(elements) for new in self.visit(e)]

    def visit(self, element: pf.Element) -> list[pf.Element]:
        """What stands in the place of `element` from now on."""
        rule = getattr(self, type(element).__name__.lower(), None)
        if rule is None:
            self.descend(element)
            return [element]
        return list(rule(element))

    def wrong(self, text: str, what: str) -> None:
        """Note a problem at the first line that holds `text`."""
        line = self.page.line_of(text)
        self.problems.append(f"{self.page.path}:{line}: {what}")

    # numbers

    def number(self, kind: str) -> str:
        """The next number of a figure, table, equation or exercise."""
        self.counts[kind] += 1
        chapter = self.page.number
        count = str(self.counts[kind])
        return f"{chapter}.{count}" if chapter else count

    def label(
        self, kind: str, name: str, number: str, title: str
    ) -> None:
        """Make `name` known as a target of cross-references."""
        word = WORDS.get(kind, "")
        if kind == "chapter":
            word = (
                "Appendix"
                if self.page.kind == "appendix"
                else "Chapter"
            )
        if name in self.page.refs:
            self.wrong(
                "#" + name, f"the label {name} stands here twice"
            )
        self.page.refs[name] = Ref(
            kind, word, number, title, self.docname, name
        )

    def slug(self, text: str) -> str:
        """An identifier for a heading that has none."""
        words = re.findall(r"[a-z0-9]+", text.lower())
        base = "-".join([self.page.stem, *words])
        name, again = base, 1
        while name in self.slugs:
            again += 1
            name = f"{base}-{again}"
        self.slugs.add(name)
        return name

    def header(self, element: pf.Header) -> Iterator[pf.Element]:
        """Chapters and sections."""
        title = pf.stringify(element)
        element.identifier = element.identifier or self.slug(title)
        self.descend(element)
        if element.level == 1:
            self.page.title = title
            number = self.page.number
        elif "unnumbered" in element.classes or element.level > 3:
            number = ""
        else:
            at = element.level - 2
            self.section[at] += 1
            self.section[at + 1 :] = [0] * (5 - at)
            path = [self.page.number, *map(str, self.section[: at + 1])]
            number = ".".join(p for p in path if p)
        if number:
            element.attributes["number"] = number
        kind = "chapter" if element.level == 1 else "sec"
        self.label(kind, element.identifier, number, title)
        yield element

    # equations

    def para(self, element: pf.Para) -> Iterator[pf.Element]:
        """Display formulas become blocks of their own."""
        rest: list[pf.Element] = []
        items = list(element.content)
        while items:
            item = items.pop(0)
            if not is_display(item):
                rest.append(item)
                continue
            if trim(rest):
                yield from self.paragraph(trim(rest))
            rest, name = [], ""
            after = trim(items)
            found = after and LABEL.fullmatch(pf.stringify(after[0]))
            if found:
                name, items = found[1], after[1:]
            yield self.equation(item, name)
        if trim(rest):
            yield from self.paragraph(trim(rest))

    def paragraph(self, inlines: list[pf.Element]) -> list[pf.Element]:
        """An ordinary paragraph."""
        new = pf.Para(*inlines)
        self.descend(new)
        return [new]

    def equation(self, formula: pf.Math, name: str) -> pf.Div:
        """A display formula, numbered if it has a label."""
        attributes = {}
        if name:
            attributes["number"] = self.number("eq")
            self.label("eq", name, attributes["number"], "")
        return pf.Div(
            pf.Para(formula),
            identifier=name,
            classes=["equation"],
            attributes=attributes,
        )

    # code

    def codeblock(self, element: pf.CodeBlock) -> Iterator[pf.Element]:
        """A chunk with its output; or a block that is only shown."""
        block = self.blocks.get(id(element))
        if block is None or not self.is_chunk(block):
            if block is not None:
                element.classes = [block.lang]
                element.attributes = {}
            yield element
            return
        result = self.results.get(id(element))
        output = list(self.output(result)) if result else []
        if "hidden" not in block.classes:
            chunk = self.chunk(block)
            chunk.attributes["outputs"] = str(len(output))
            yield chunk
        yield from output

    @staticmethod
    def is_chunk(block: tangle.Block) -> bool:
        """Whether the block is more than an illustration."""
        special = {"run", "test", "stub", "solution"}
        return bool(block.name or special & set(block.classes))

    def chunk(self, block: tangle.Block) -> pf.Div:
        """A block as the writers see it."""
        body = "\n".join(block.body).strip("\n").rstrip()
        marks = [c for c in block.classes if c in MARKS]
        attributes = {
            "name": block.name or "",
            "lang": block.lang,
            "path": block.path,
            "line": str(block.line),
        }
        target = self.target(block)
        if target and target != block.name:
            attributes["file"] = target
        if "backend" in block.attrs:
            attributes["backend"] = block.attrs["backend"]
        count = len(self.page.chunks) + 1
        new = pf.Div(
            pf.CodeBlock(body, classes=[block.lang]),
            identifier=f"run-{self.page.stem}-{count}",
            classes=["chunk", *marks],
            attributes=attributes,
        )
        self.page.chunks.append(new)
        return new

    def target(self, block: tangle.Block) -> str:
        """The file a block goes to by itself, if any."""
        if (
            block.target
            or block.exercise
            or "test" not in block.classes
        ):
            return block.target or ""
        stem = self.page.stem.replace("-", "_")
        return str(self.book.config["tangle"]["tests"]).format(
            stem=stem
        )

    def output(self, result: run.Result) -> Iterator[pf.Element]:
        """What a block printed, raised, returned and drew."""
        for form, kind in (("stdout", "text"), ("value", "text")):
            if result[form].strip():
                yield self.said(result[form], kind)
        if result["error"]:
            yield self.said(result["error"], "error")
        if result["markdown"]:
            inner = parse(result["markdown"], self.cache / "pandoc")
            self.descend(inner)
            yield pf.Div(*inner.content, classes=["output"])
        for svg in self.drawings(result):
            image = pf.Image(url=svg)
            if widget := result.get("widget"):
                name = image.attributes["widget"] = Path(svg).stem
                self.page.widgets[name] = widget
            yield pf.Div(pf.Para(image), classes=["output"])

    @staticmethod
    def said(text: str, kind: str) -> pf.Div:
        """A piece of text that a program put out."""
        return pf.Div(
            pf.CodeBlock(text.rstrip("\n")), classes=["output", kind]
        )

    def drawings(self, result: run.Result) -> Iterator[str]:
        """Store what was drawn; the paths, relative to the root."""
        found = [*result["figures"]]
        if result["svg"]:
            found.append(result["svg"])
        for svg in found:
            self.figures += 1
            stem = self.page.docname.replace("/", "-")
            path = Path("build/figures") / f"{stem}-{self.figures}.svg"
            target = self.book.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.read_text("utf-8") != svg:
                target.write_text(svg, "utf-8")
            yield path.as_posix()

    # divisions

    def div(self, element: pf.Div) -> Iterator[pf.Element]:
        """Figures, tables and exercises; other divisions stay."""
        kind = element.identifier.partition(":")[0]
        if kind == "fig":
            yield from self.figure_div(element)
        elif kind == "tbl":
            yield self.table_div(element)
        elif "exercise" in element.classes:
            yield self.exercise(element)
        else:
            self.descend(element)
            yield element

    def figure_div(self, element: pf.Div) -> Iterator[pf.Element]:
        """A figure that code draws; the last block is its caption."""
        name = element.identifier
        *made, caption = list(element.content) or [pf.Para()]
        source = ""
        for new in self.each(made):
            image = drawn(new)
            if image is None:
                yield new
            elif source:
                self.wrong(
                    "#" + name, f"{name} draws two pictures, not one"
                )
            else:
                source = image.url
                element.attributes |= image.attributes
        if not source:
            self.wrong("#" + name, f"{name} draws no picture")
        yield self.numbered_figure(
            name, source, element.attributes, self.visit(caption)
        )

    def figure(self, element: pf.Figure) -> Iterator[pf.Element]:
        """A figure from a file beside the chapter."""
        self.descend(element)
        image = next(
            e for e in walk(element) if isinstance(e, pf.Image)
        )
        folder = Path(self.page.path).parent
        source = (folder / image.url).as_posix()
        name = element.identifier or image.identifier
        if not name:
            self.wrong(image.url, "a figure has no label; add {#fig:…}")
        if not (self.book.root / source).is_file():
            self.wrong(
                image.url, f"the picture {source} does not exist"
            )
        attributes = dict(image.attributes)
        attributes.setdefault("alt", pf.stringify(image))
        yield self.numbered_figure(
            name, source, attributes, list(element.caption.content)
        )

    def numbered_figure(
        self,
        name: str,
        source: str,
        attributes: dict[str, str],
        caption: list[pf.Element],
    ) -> pf.Div:
        """The one form in which figures reach the writers."""
        number = self.number("fig")
        self.label("fig", name, number, "")
        if not attributes.get("alt"):
            self.wrong(
                "#" + name, f'{name} has no alt text; add alt="…"'
            )
        return pf.Div(
            *caption,
            identifier=name,
            classes=["figure"],
            attributes={
                "number": number,
                "src": source,
                "alt": attributes.get("alt", ""),
                "width": attributes.get("width", "100%"),
                "widget": attributes.get("widget", ""),
            },
        )

    def table_div(self, element: pf.Div) -> pf.Div:
        """A table that code makes; the last block is its caption."""
        *made, caption = list(element.content)
        inner = self.each(made)
        tables = [e for new in inner for e in [new, *walk(new)]]
        found = [e for e in tables if isinstance(e, pf.Table)]
        name = element.identifier
        if len(found) != 1:
            what = f"{name} makes {len(found)} tables, not one"
            self.wrong("#" + name, what)
        above = [e for e in inner if not holds(e, pf.Table)]
        return self.numbered_table(
            name, found, above, self.visit(caption)
        )

    def table(self, element: pf.Table) -> Iterator[pf.Element]:
        """A table written in the chapter."""
        self.descend(element)
        name = element.identifier
        if not name:
            yield element
            return
        caption = (
            list(element.caption.content) if element.caption else []
        )
        element.identifier = ""
        element.caption = pf.Caption()
        yield self.numbered_table(name, [element], [], caption)

    def numbered_table(
        self,
        name: str,
        tables: list[pf.Table],
        above: list[pf.Element],
        caption: list[pf.Element],
    ) -> pf.Div:
        """The one form in which labelled tables reach the writers."""
        number = self.number("tbl")
        self.label("tbl", name, number, "")
        return pf.Div(
            *above,
            pf.Div(*caption, classes=["caption"]),
            *tables,
            identifier=name,
            classes=["table"],
            attributes={"number": number},
        )

    def exercise(self, element: pf.Div) -> pf.Div:
        """An exercise; its solution goes to the page of answers."""
        number = self.number("ex")
        name, title = (
            element.identifier,
            element.attributes.get("title", ""),
        )
        self.label("ex", name, number, title)
        element.attributes["number"] = number
        element.attributes.setdefault("level", "1")
        element.attributes["title"] = title
        shown: list[pf.Element] = []
        answer: list[pf.Element] = []
        for part in list(element.content):
            block = self.blocks.get(id(part))
            classes = (
                block.classes if block else getattr(part, "classes", [])
            )
            if "mutant" in classes:
                continue
            solution = "solution" in classes
            self.docname = "answers" if solution else self.page.docname
            (answer if solution else shown).extend(self.visit(part))
        self.docname = self.page.docname
        element.content = shown
        if answer:
            self.page.answers.append(
                pf.Div(
                    *answer,
                    identifier=f"answer-{name}",
                    classes=["answer"],
                    attributes={
                        "number": number,
                        "exercise": name,
                        "title": title,
                    },
                )
            )
        return element

    # inlines

    def code(self, element: pf.Code) -> Iterator[pf.Element]:
        """Inline code; an expression gives way to its value."""
        result = self.results.get(id(element))
        if result is None:
            yield element
        else:
            text = pf.Str(result["value"])
            yield pf.Span(text, classes=["value"])

    def quoted(self, element: pf.Quoted) -> Iterator[pf.Element]:
        """Words in quotation marks."""
        self.descend(element)
        before, after = QUOTES[element.quote_type]
        yield pf.Str(before)
        yield from element.content
        yield pf.Str(after)

    def span(self, element: pf.Span) -> Iterator[pf.Element]:
        """Index entries get a place to point to."""
        if "idx" in element.classes:
            term = element.attributes.get("term") or pf.stringify(
                element
            )
            count = len(self.page.terms) + 1
            anchor = f"idx-{self.page.stem}-{count}"
            self.page.terms.append((term, self.docname, anchor))
            element.identifier = anchor
            element.attributes["term"] = term
        self.descend(element)
        yield element

    def cite(self, element: pf.Cite) -> Iterator[pf.Element]:
        """Cross-references and citations become links, filled later."""
        first = element.citations[0]
        plain = first.mode == "AuthorInText" or ":" in first.id
        if not plain:
            yield pf.Str("(")
        for at, citation in enumerate(element.citations):
            if at:
                yield pf.Str("," if plain else ";")
                yield pf.Space()
            yield self.reference(citation)
            yield from citation.suffix
        if not plain:
            yield pf.Str(")")

    def reference(self, citation: pf.Citation) -> pf.Link:
        """The link one citation becomes."""
        forms = {"AuthorInText": "text", "SuppressAuthor": "bare"}
        target = citation.id[0].lower() + citation.id[1:]
        link = pf.Link(
            url=f"#{target}",
            classes=["xref" if ":" in target else "cite"],
            attributes={
                "target": target,
                "form": forms.get(citation.mode, "paren"),
                "source": "@" + citation.id,
            },
        )
        self.page.links.append(link)
        return link

    def link(self, element: pf.Link) -> Iterator[pf.Element]:
        """`[](#name)` names a chunk; other links stay."""
        if element.url.startswith("#") and not element.content:
            name = element.url[1:]
            element.classes = ["chunk-ref"]
            element.attributes = {
                "target": name,
                "source": f"](#{name}",
            }
            self.page.links.append(element)
        else:
            self.descend(element)
        yield element


def is_display(element: pf.Element) -> bool:
    """Whether this is a display formula."""
    return (
        isinstance(element, pf.Math) and element.format == "DisplayMath"
    )


def trim(inlines: list[pf.Element]) -> list[pf.Element]:
    """`inlines` without white space at the ends."""
    blank = (pf.Space, pf.SoftBreak)
    start, end = 0, len(inlines)
    while start < end and isinstance(inlines[start], blank):
        start += 1
    while end > start and isinstance(inlines[end - 1], blank):
        end -= 1
    return inlines[start:end]


def drawn(element: pf.Element) -> pf.Image | None:
    """The picture, if `element` is the output of a drawing block."""
    if not (
        isinstance(element, pf.Div) and "output" in element.classes
    ):
        return None
    found = (e for e in walk(element) if isinstance(e, pf.Image))
    return next(found, None)


def holds(element: pf.Element, kind: type[pf.Element]) -> bool:
    """Whether `element` is or contains one of this kind."""
    inside = [element, *walk(element)]
    return any(isinstance(e, kind) for e in inside)
