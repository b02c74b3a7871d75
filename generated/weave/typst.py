# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. e59b87cdbb47
"""The enriched syntax tree as Typst source.

Each element becomes a call of a function of `book.typ`, which alone
knows how things look.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile

import panflute as pf

from weave import ManuscriptError
from weave.book import Manuscript, Page
from weave.links import REFERENCE
from weave.math import MathError, formulas

IMPORT = '#import "book.typ": *\n\n'
COLUMNS = 100  # longer lines of code or output are broken
CONTROLS = {n: 0x2400 + n for n in range(32) if n != ord("\n")}
SPECIAL = re.compile(r"""[\\#$*_`<>@~\[\]\-+=/;]|\.(?=\.|$)""")
WRAPPERS = {
    "Emph": "emph",
    "Strong": "strong",
    "Strikeout": "strike",
    "Superscript": "super",
    "Subscript": "sub",
    "SmallCaps": "smallcaps",
    "Underline": "underline",
    "Note": "footnote",
}
SPACES = {"Space": " ", "SoftBreak": " ", "LineBreak": "#linebreak();"}
ALIGNMENTS = {
    "AlignLeft": "left",
    "AlignRight": "right",
    "AlignCenter": "center",
    "AlignDefault": "left",
}
BACKENDS = {
    "python": "Python",
    "numpy": "NumPy",
    "rust": "Rust",
    "cuda": "CUDA",
    "mlx": "MLX",
}
UNPARTED = ("front", "back")  # kinds of pages outside all parts
MARKS = ("stub", "test", "solution", "raises", "run")


class Markup(str):
    """Text that is Typst already."""

    __slots__ = ()


def literal(value: object) -> str:
    """Write a value as Typst code."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        pairs = [f"{literal(k)}: {literal(value[k])}" for k in value]
        return f"({', '.join(pairs) or ':'})"
    if isinstance(value, tuple | list):
        return f"({''.join(literal(item) + ', ' for item in value)})"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'.replace("\n", "\\n").replace("\t", "\\t")


def call(name: str, /, *values: object, **named: object) -> Markup:
    """Write a call; what is false among `named` is left out."""
    given = [literal(value) for value in values]
    given += [
        f"{key.replace('_', '-')}: {literal(value)}"
        for key, value in named.items()
        if value
    ]
    return Markup(f"#{name}({', '.join(given)})")


def escape(text: str) -> str:
    """Make text stand for itself in Typst's markup."""
    return SPECIAL.sub(r"\\\g<0>", text)


def width(line: str) -> int:
    """Return the number of columns that a line of code takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in line)
    return len(line) + wide


def broken(text: str) -> str:
    """Break lines that no page could hold; show control characters."""
    lines = []
    shown = text.expandtabs(4).translate(CONTROLS)
    for line in shown.split("\n"):
        while len(line) >= COLUMNS:  # the arrow is a wide letter
            cut = line.rfind(" ", COLUMNS // 2, COLUMNS) + 1
            lines.append(line[: cut or COLUMNS - 1])
            line = "↪ " + line[cut or COLUMNS - 1 :]
        lines.append(line)
    return "\n".join(lines)


def address(attribute: str | None) -> tuple[str, ...]:
    """Split `docname#anchor`; an empty tuple for None."""
    return tuple(attribute.split("#", 1)) if attribute else ()


class Writer:
    """Writes one page of the manuscript."""

    def __init__(self, ms: Manuscript, page: Page) -> None:
        self.ms, self.page = ms, page
        self.unparted = page.kind in UNPARTED
        self.tests: set[str] = set()  # files that have been named

    def source(self) -> str:
        """Return the page as a Typst file."""
        body = self.blocks(self.page.body.content)
        return f"{IMPORT}{body}\n"

    # --- sequences

    def blocks(self, elements: Iterable[pf.Element]) -> str:
        """Write blocks, a blank line between them."""
        return "\n\n".join(map(self.write, elements))

    def inlines(self, elements: Iterable[pf.Element]) -> str:
        """Write inlines on one line."""
        return "".join(map(self.write, elements))

    def write(self, element: pf.Element) -> str:
        """Write any element by the method named after its kind."""
        kind = type(element).__name__
        if kind in SPACES:
            return SPACES[kind]
        if kind in WRAPPERS:
            inside = self.content(element.content)
            return call(WRAPPERS[kind], inside) + ";"
        rule: Callable[[pf.Element], str] | None
        rule = getattr(self, "on_" + kind.lower(), None)
        if rule is None:
            where = self.page.path
            raise ManuscriptError(f"{where}: print has no {kind}")
        return rule(element)

    def content(self, elements: Iterable[pf.Element]) -> Markup:
        """Write elements as an argument."""
        found = list(elements)
        if found and isinstance(found[0], pf.Block):
            return Markup(f"[{self.blocks(found)}]")
        return Markup(f"[{self.inlines(found)}]")

    def mark(self, text: str) -> str:
        """Write a comment that tells where `text` stands, if found."""
        line = self.page.line_of(text.split("\n")[0])
        return self.mark_line(line) if line > 1 else ""

    def mark_line(self, line: int) -> str:
        """Write a comment that tells a line of the chapter."""
        return f"// {self.page.path}:{line}\n"

    # --- blocks

    def on_para(self, element: pf.Para) -> str:
        """A paragraph."""
        words = takewhile(is_plain, element.content)
        start = "".join(map(pf.stringify, words))[:30]
        return self.mark(start) + self.inlines(element.content)

    on_plain = on_para

    def on_header(self, element: pf.Header) -> str:
        """The title of the page, or of a section."""
        name = element.identifier
        number = element.attributes.get("number", "")
        level = element.level + (not self.unparted)
        title = self.content(element.content)
        if element.level == 1:
            word = self.page.kind.capitalize() if number else ""
            right = self.page.kind != "back"
            head = call(
                "chapter", name, word, number, level, right, title
            )
        else:
            depth = element.level
            listed = depth == 2 and not self.unparted
            head = call(
                "section", name, number, level, depth, listed, title
            )
        return self.mark(pf.stringify(element)[:20]) + head

    def on_bulletlist(self, element: pf.BulletList) -> str:
        """A list with bullets."""
        items = [self.content(item.content) for item in element.content]
        return call("list", *items, tight=tight(element))

    def on_orderedlist(self, element: pf.OrderedList) -> str:
        """A numbered list."""
        items = [self.content(item.content) for item in element.content]
        start = element.start
        return call("enum", *items, start=start, tight=tight(element))

    def on_definitionlist(self, element: pf.DefinitionList) -> str:
        """Terms and what they mean."""
        items = []
        for item in element.content:
            meanings = [b for d in item.definitions for b in d.content]
            term, body = self.content(item.term), self.content(meanings)
            items.append(Markup(f"terms.item({term}, {body})"))
        return call("terms", *items, tight=Markup("false"))

    def on_blockquote(self, element: pf.BlockQuote) -> str:
        """A quotation."""
        return call("quote", self.content(element.content), block=True)

    def on_lineblock(self, element: pf.LineBlock) -> str:
        """Lines that end where the source says."""
        lines = [self.inlines(line.content) for line in element.content]
        return SPACES["LineBreak"].join(lines)

    def on_horizontalrule(self, _: pf.HorizontalRule) -> str:
        """A pause between paragraphs."""
        return call("pause")

    def on_rawblock(self, _: pf.RawBlock) -> str:
        """Raw HTML, which is meant for the site."""
        return ""

    on_rawinline = on_rawblock

    def on_codeblock(self, element: pf.CodeBlock) -> str:
        """Code that is only shown."""
        lang = element.classes[0] if element.classes else ""
        return self.listing("code-block", element, lang=lang)

    @staticmethod
    def listing(
        function: str, block: pf.CodeBlock, **named: object
    ) -> str:
        """Write a call with the text of a block, and its width."""
        text = broken(block.text)
        columns = max(map(width, text.split("\n")))
        return call(function, text, columns=columns, **named)

    def on_table(self, element: pf.Table) -> str:
        """A table without a number."""
        return call("plain-table", self.tabular(element))

    def tabular(self, element: pf.Table) -> Markup:
        """The table itself."""
        rows = [r for body in element.content for r in body.content]
        aligns = [
            Markup(ALIGNMENTS[align]) for align, _ in element.colspec
        ]
        head, body = (
            [self.content(c.content) for r in some for c in r.content]
            for some in (element.head.content, rows)
        )
        made = call("tabular", aligns, head, body)
        return Markup(made.removeprefix("#"))

    # --- divisions

    def on_div(self, element: pf.Div) -> str:
        """A division, by the method named after its class."""
        for name in element.classes:
            rule = getattr(self, "div_" + name.replace("-", "_"), None)
            if rule:
                return str(rule(element))
        body = self.blocks(element.content)
        name = element.identifier
        return call("anchor", name) + body if name else body

    def div_equation(self, element: pf.Div) -> str:
        """A display formula."""
        formula = element.content[0].content[0]
        return self.mark(formula.text) + call(
            "equation",
            element.identifier,
            element.attributes.get("number", ""),
            formula.text,
            Markup(f"$ {self.formula(formula)} $"),
        )

    def div_chunk(self, element: pf.Div) -> str:
        """A chunk with its heading and all its links."""
        given, classes = element.attributes, element.classes
        (block,) = element.content
        kind = next((mark for mark in MARKS if mark in classes), "")
        users = given.get("used-in", "").split()
        names = {name for _, name in REFERENCE.findall(block.text)}
        backend = given.get("backend", "")
        chunk = self.listing(
            "chunk",
            block,
            id=element.identifier,
            doc=self.page.docname,
            name=given["name"],
            first=address(given.get("first")),
            next=address(given.get("next")),
            replaces=address(given.get("replaces")),
            replaced=address(given.get("replaced")),
            users=[(*self.place(name), name) for name in users],
            file=self.file(element),
            kind=kind,
            backend=BACKENDS.get(backend, backend),
            lang=given["lang"],
            refs={name: self.place(name) for name in sorted(names)},
            tight=is_output(element.next),
        )
        return self.mark_line(int(given["line"])) + chunk

    def file(self, chunk: pf.Div) -> str:
        """The file a chunk becomes; of tests, only for the first."""
        file: str = chunk.attributes.get("file", "")
        if not chunk.attributes["name"]:
            if file in self.tests:
                return ""
            self.tests.add(file)
        return file

    def place(self, name: str) -> tuple[str, str]:
        """Return where a chunk begins."""
        first = self.ms.chunks[name].parts[0][0]
        return first.docname, first.anchor

    def div_output(self, element: pf.Div) -> str:
        """What code printed, returned or drew."""
        first = element.content[0]
        if isinstance(first, pf.CodeBlock):
            error = "error" in element.classes
            return self.listing("output", first, error=error)
        return self.blocks(element.content)

    def on_image(self, element: pf.Image) -> str:
        """A picture without a caption."""
        return call("drawing", "/" + element.url)

    def div_figure(self, element: pf.Div) -> str:
        """A figure with its caption."""
        given = element.attributes
        return self.mark("#" + element.identifier) + call(
            "picture",
            element.identifier,
            given["number"],
            "/" + given["src"],
            given["alt"],
            Markup(given["width"]),
            self.content(element.content),
        )

    def div_table(self, element: pf.Div) -> str:
        """A numbered table, and what stands above it."""
        above, caption, table = [], Markup("[]"), Markup("none")
        for block in element.content:
            if isinstance(block, pf.Table):
                table = self.tabular(block)
            elif "caption" in getattr(block, "classes", ()):
                caption = self.content(block.content)
            else:
                above.append(self.write(block))
        number = element.attributes["number"]
        name = element.identifier
        made = call("numbered-table", name, number, caption, table)
        return "\n\n".join([*above, made])

    def div_exercise(self, element: pf.Div) -> str:
        """An exercise."""
        given = element.attributes
        return call(
            "exercise",
            element.identifier,
            given["number"],
            int(given["level"]),
            *self.titled(element),
        )

    def div_answer(self, element: pf.Div) -> str:
        """The solution of an exercise."""
        given = element.attributes
        exercise = given["exercise"]
        return call(
            "answer",
            element.identifier,
            self.ms.xref[exercise].docname,
            exercise,
            given["number"],
            *self.titled(element),
        )

    def titled(self, element: pf.Div) -> tuple[Markup, Markup]:
        """The title and the body of a box."""
        title = Markup(f"[{escape(element.attributes['title'])}]")
        return title, self.content(element.content)

    def div_aside(self, element: pf.Div) -> str:
        """A box beside the argument."""
        return call("aside", *self.titled(element))

    def div_design_note(self, element: pf.Div) -> str:
        """A choice and its alternatives."""
        return call("design-note", *self.titled(element))

    def div_backends(self, element: pf.Div) -> str:
        """One thing on several backends."""
        return call("backends", self.content(element.content))

    def div_changes(self, element: pf.Div) -> str:
        """What a chapter changed: without the patches."""
        listed = (pf.Para, pf.Table)
        kept = (b for b in element.content if isinstance(b, listed))
        return self.blocks(kept)

    def div_reference(self, element: pf.Div) -> str:
        """An entry of the bibliography."""
        body = self.content(element.content)
        return call("reference", element.identifier, body)

    # --- inlines

    def on_str(self, element: pf.Str) -> str:
        """A word."""
        return escape(element.text)

    def on_code(self, element: pf.Code) -> str:
        """Code in a sentence."""
        return call("code", element.text) + ";"

    def on_math(self, element: pf.Math) -> str:
        """A formula in a sentence."""
        body = Markup(f"${self.formula(element)}$")
        return call("m", element.text, body) + ";"

    def formula(self, element: pf.Math) -> str:
        """The Typst form of a formula."""
        pair = element.text, element.format == "DisplayMath"
        macros = self.ms.conf.get("macros", {})
        try:
            made = formulas([pair], macros, self.ms.cache)
        except MathError as error:
            line = self.page.line_of(element.text.split("\n")[0])
            where = f"{self.page.path}:{line}"
            raise ManuscriptError(f"{where}: {error}") from error
        return made[pair].typst

    def on_link(self, element: pf.Link) -> str:
        """A link into the book, or out of it."""
        given, body = element.attributes, self.content(element.content)
        if "docname" not in given:
            same = pf.stringify(element) == element.url
            return (
                call("link" if same else "web", element.url, body) + ";"
            )
        place = given["docname"], given["anchor"]
        if "chunk-ref" in element.classes:
            return call("chunk-ref", *place, given["target"]) + ";"
        return call("xref", *place, body) + ";"

    def on_span(self, element: pf.Span) -> str:
        """An entry of the index, a note in the margin, a value."""
        if "margin" in element.classes:
            note = self.content(element.content)
            return call("margin-note", note) + ";"
        inside = self.inlines(element.content)
        if element.identifier:
            return call("anchor", element.identifier) + ";" + inside
        return inside


def is_plain(element: pf.Element) -> bool:
    """Does this stand in the source as on the page?"""
    return isinstance(element, pf.Str | pf.Space)


def tight(element: pf.Element) -> Markup:
    """Is no item of the list a whole paragraph?"""
    blocks = (b for item in element.content for b in item.content)
    loose = any(isinstance(block, pf.Para) for block in blocks)
    return Markup(literal(not loose))


def is_output(element: pf.Element | None) -> bool:
    """Is this what the block before it put out?"""
    return isinstance(element, pf.Div) and "output" in element.classes
