# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. e87a3caf02ec
"""The enriched syntax tree as docutils nodes.

Sphinx reads pages as trees of docutils nodes, and everything it offers,
from the contents in the margin to the search, works on these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import panflute as pf
from docutils import nodes
from sphinx import addnodes

from weave import ManuscriptError
from weave.changed import patch_name
from weave.links import Goal, Links, goal, html_id, shown_name
from weave.told import patched

Nodes = list[nodes.Node]


class chunk(nodes.General, nodes.Element):
    """A block of code with its heading and its links."""


class equation(nodes.General, nodes.Element):
    """A display formula, and its number if it has one."""


class change(nodes.General, nodes.Element):
    """A file's patch; `rows` are its lines, in color."""


class code(nodes.General, nodes.FixedTextElement):
    """Highlighted code; `links` says where its words lead."""


WRAPPERS: dict[str, type[nodes.Element]] = {
    "Para": nodes.paragraph,
    "Plain": nodes.paragraph,
    "BulletList": nodes.bullet_list,
    "ListItem": nodes.list_item,
    "DefinitionList": nodes.definition_list,
    "Definition": nodes.definition,
    "BlockQuote": nodes.block_quote,
    "LineBlock": nodes.line_block,
    "LineItem": nodes.line,
    "Emph": nodes.emphasis,
    "Strong": nodes.strong,
    "Superscript": nodes.superscript,
    "Subscript": nodes.subscript,
}
TEXTS = {"Space": " ", "SoftBreak": "\n"}
TAIL = ".,;:!?)]”’"  # stays on the line of the formula before it
BACKENDS = {
    "python": "Python",
    "numpy": "NumPy",
    "rust": "Rust",
    "cuda": "CUDA",
    "mlx": "MLX",
}
MARKS = {
    "stub": "Yours to complete",
    "test": "Test",
    "solution": "Solution",
}


def link(
    there: Goal, *content: nodes.Node, classes: Iterable[str] = ()
) -> nodes.Node:
    """A link to a place in the book, resolved by our Sphinx domain."""
    inner = nodes.inline("", "", *content, classes=list(classes))
    return addnodes.pending_xref(
        "",
        inner,
        refdomain="book",
        reftype="place",
        reftarget=there.anchor,
        refexplicit=True,
        todoc=there.docname,
    )


def chunk_link(there: Goal, name: str) -> nodes.Node:
    """The name of a chunk, in angle brackets, leading to it."""
    text = nodes.Text(shown_name(name))
    return link(there, text, classes=["chunk-ref"])


def classed(text: str, *classes: str) -> nodes.inline:
    """Some text to be styled."""
    return nodes.inline(text=text, classes=list(classes))


class Converter:
    """Turns one page into docutils nodes."""

    def __init__(self, links: Links, docname: str) -> None:
        self.links, self.docname = links, docname
        self.notes: Nodes = []

    def page(self, doc: pf.Doc) -> Nodes:
        """The nodes of a whole page, its headings nested."""
        top = nodes.Element()
        open_sections = [(0, top)]
        for block in doc.content:
            if not isinstance(block, pf.Header):
                open_sections[-1][1].extend(self.visit(block))
                continue
            while open_sections[-1][0] >= block.level:
                open_sections.pop()
            section = self.section(block)
            open_sections[-1][1].append(section)
            open_sections.append((block.level, section))
        if self.notes:
            notes = nodes.container(classes=["notes"])
            notes.extend(self.notes)
            (top[-1] if len(top) else top).append(notes)
        return list(top.children)

    def section(self, header: pf.Header) -> nodes.section:
        """An empty section with the heading's title and anchor."""
        name = html_id(header.identifier)
        title = nodes.title()
        if number := header.attributes.get("number"):
            title += classed(number + "\u2002", "secnum")
        title.extend(self.each(header.content))
        return nodes.section("", title, ids=[name], names=[])

    def each(self, elements: Iterable[pf.Element]) -> Nodes:
        """The nodes of several elements; words are joined to text.

        A formula takes the punctuation that follows it along.
        """
        made: Nodes = []
        for node in (n for e in elements for n in self.visit(e)):
            last = made[-1] if made else None
            is_text = isinstance(node, nodes.Text)
            if is_text and isinstance(last, nodes.math):
                rest = node.lstrip(TAIL)
                last["tail"] = node[: len(node) - len(rest)]
                node = nodes.Text(rest)
            if is_text and isinstance(last, nodes.Text):
                made[-1] = nodes.Text(last + node)
            else:
                made.append(node)
        return made

    def visit(self, element: pf.Element) -> Nodes:
        """The nodes of one element."""
        kind = type(element).__name__
        if kind in TEXTS:
            return [nodes.Text(TEXTS[kind])]
        if kind in WRAPPERS:
            made = WRAPPERS[kind]()
            made.extend(self.each(element.content))
            return [made]
        rule: Callable[[pf.Element], Nodes] | None
        rule = getattr(self, f"on_{kind.lower()}", None)
        if rule is None:
            path = self.links.ms.page(self.docname).path
            raise ManuscriptError(
                f"{path}:1: the site has no form for {kind} elements"
            )
        return rule(element)

    # blocks

    def on_orderedlist(self, element: pf.OrderedList) -> Nodes:
        """A numbered list."""
        made = nodes.enumerated_list(enumtype="arabic", suffix=".")
        if element.start != 1:
            made["start"] = element.start
        made.extend(self.each(element.content))
        return [made]

    def on_definitionitem(self, element: pf.DefinitionItem) -> Nodes:
        """A term and what it means."""
        term = nodes.term("", "", *self.each(element.term))
        made = nodes.definition_list_item("", term)
        made.extend(self.each(element.definitions))
        return [made]

    def on_horizontalrule(self, _: pf.HorizontalRule) -> Nodes:
        """A rule between paragraphs."""
        return [nodes.container(classes=["rule"])]

    def on_rawblock(self, element: pf.RawBlock) -> Nodes:
        """Raw output for one writer; only HTML is meant for us."""
        return [nodes.raw("", element.text, format=element.format)]

    on_rawinline = on_rawblock

    def on_codeblock(self, element: pf.CodeBlock) -> Nodes:
        """A block of code that is only shown."""
        lang = element.classes[0] if element.classes else "text"
        return [code("", element.text, lang=lang, links={})]

    def on_table(self, element: pf.Table) -> Nodes:
        """A table without a caption."""
        return [self.table_node(element)]

    def table_node(self, element: pf.Table) -> nodes.table:
        """A table with aligned columns."""
        columns = [align for align, _ in element.colspec]
        group = nodes.tgroup(cols=len(columns))
        group.extend(nodes.colspec(colwidth=1) for _ in columns)
        head = self.rows(element.head.content, columns)
        if head:
            group += nodes.thead("", *head)
        body = [r for part in element.content for r in part.content]
        group += nodes.tbody("", *self.rows(body, columns))
        return nodes.table("", group, classes=["booktabs"])

    def rows(
        self, rows: Iterable[pf.Element], columns: list[str]
    ) -> Nodes:
        """Rows of a table."""
        made: Nodes = []
        for row in rows:
            line = nodes.row()
            for cell, align in zip(row.content, columns, strict=True):
                side = align.removeprefix("Align").lower()
                entry = nodes.entry("", *self.each(cell.content))
                entry["classes"].append(side)
                line += entry
            made.append(line)
        return made

    # divisions

    def on_div(self, element: pf.Div) -> Nodes:
        """A division: by its first class, or just a container."""
        kind = element.classes[0] if element.classes else ""
        rule = getattr(self, "div_" + kind.replace("-", "_"), None)
        return (
            list(rule(element)) if rule else [self.container(element)]
        )

    def container(self, element: pf.Div, *first: nodes.Node) -> Any:
        """A division with its classes and anchor."""
        made = nodes.container(
            "", *first, classes=list(element.classes)
        )
        if element.identifier:
            made["ids"].append(html_id(element.identifier))
        made.extend(self.each(element.content))
        return made

    def titled(self, element: pf.Div, *title: nodes.Node) -> Nodes:
        """A box with a title line."""
        line = nodes.paragraph("", "", *title, classes=["box-title"])
        return [self.container(element, line)]

    def div_aside(self, element: pf.Div) -> Nodes:
        """A box beside the argument."""
        title = element.attributes.get("title", "Aside")
        return self.titled(element, nodes.Text(title))

    def div_design_note(self, element: pf.Div) -> Nodes:
        """A note on a choice and its alternatives."""
        title = element.attributes.get("title", "")
        label = classed("Design note", "box-kind")
        return self.titled(element, label, nodes.Text(" " + title))

    def div_exercise(self, element: pf.Div) -> Nodes:
        """An exercise with its number and level."""
        level = int(element.attributes["level"])
        words = ("easy", "medium", "hard")[level - 1]
        return self.titled(
            element,
            nodes.strong(
                text=f"Exercise {element.attributes['number']}"
            ),
            nodes.Text(f"\u2002{element.attributes['title']}\u2002"),
            nodes.inline(
                "",
                "",
                classed("★" * level, "stars"),
                classed(f" ({words})", "visually-hidden"),
                classes=["level"],
            ),
        )

    def div_answer(self, element: pf.Div) -> Nodes:
        """The answer to an exercise."""
        attributes = element.attributes
        text = nodes.Text(f"Exercise {attributes['number']}")
        there = self.links.label(attributes["exercise"])
        return self.titled(
            element,
            link(there, text, classes=["answer-of"]),
            nodes.Text(f"\u2002{attributes['title']}"),
        )

    def div_equation(self, element: pf.Div) -> Nodes:
        """A display formula, with its number if it has one."""
        made = equation(number=element.attributes.get("number", ""))
        if element.identifier:
            made["ids"].append(html_id(element.identifier))
        made.extend(self.each(element.content[0].content))
        return [made]

    def div_figure(self, element: pf.Div) -> Nodes:
        """A picture with its caption."""
        attributes = element.attributes
        image = nodes.image(
            uri="/" + self.links.from_source(attributes["src"]),
            alt=attributes["alt"],
            width=attributes["width"],
            candidates={},
        )
        caption = nodes.caption()
        caption += self.number("Figure", attributes["number"])
        caption.extend(self.caption(element.content))
        made = nodes.figure("", image, caption)
        made["ids"].append(html_id(element.identifier))
        if self.links.api and (name := attributes["widget"]):
            box = f'<div class="widget" data-widget="{name}" hidden></div>'
            made.insert(1, nodes.raw("", box, format="html"))
        return [made]

    def div_table(self, element: pf.Div) -> Nodes:
        """A numbered table with its caption."""
        made: Nodes = []
        title = nodes.title()
        title += self.number("Table", element.attributes["number"])
        for block in element.content:
            if isinstance(block, pf.Table):
                table = self.table_node(block)
                table["ids"].append(html_id(element.identifier))
                table.insert(0, title)
                made.append(table)
            elif "caption" in getattr(block, "classes", ()):
                title.extend(self.caption(block.content))
            else:
                made.extend(self.visit(block))
        return made

    def number(self, word: str, number: str) -> nodes.Node:
        """The number that starts a caption."""
        return classed(f"{word} {number}\u2002", "caption-number")

    def caption(self, blocks: Iterable[pf.Element]) -> Nodes:
        """The text of a caption; its paragraphs run on."""
        return [n for block in blocks for n in self.each(block.content)]

    def div_output(self, element: pf.Div) -> Nodes:
        """What a block printed, returned or drew."""
        made = self.container(element)
        for block in made.findall(code):
            block["lang"] = "text"
        return [made]

    def div_changes(self, element: pf.Div) -> Nodes:
        """What a chapter changed: a table, or on the site patches."""
        left_out = pf.Table if self.links.api else pf.Div
        parts = list(element.content)
        kept = (e for e in parts if not isinstance(e, left_out))
        made = nodes.container(classes=["changes"])
        made.extend(self.each(kept))
        if self.links.api:
            given = parts[-1].attributes
            made.extend(self.offer(given["old"], given["new"]))
        return [made]

    def offer(self, old: str, new: str) -> Nodes:
        """Where the whole patch can be had, and what to do with it."""
        name = patch_name(new)
        uri = "../" * self.docname.count("/") + f"patches/{name}"
        made = nodes.paragraph("", "All of it as a file: ")
        made += nodes.reference("", name, refuri=uri)
        if old == "0":
            return [made]
        text = "It turns the last chapter's code into this one's:"
        made += nodes.Text(f". {text}")
        tree = f"build/snapshots/{int(old):02d}"
        lines = f"make snapshot CH={old}\n"
        lines += f"git apply --directory={tree} {name}"
        return [made, code("", lines, lang="bash", links={})]

    def div_change(self, element: pf.Div) -> Nodes:
        """The patch of one file."""
        rows = list(patched(self.links, element))
        return [change(rows=rows, **element.attributes)]

    # chunks

    def div_chunk(self, element: pf.Div) -> Nodes:
        """A block of code: heading, code, and where it leads."""
        text = element.content[0].text
        made = chunk(
            ids=[element.identifier],
            classes=element.classes,
            copy=self.links.expanded(element),
            home=self.links.home(element),
            marks=self.running(element),
        )
        if backend := element.attributes.get("backend"):
            label = BACKENDS.get(backend, backend)
            made += nodes.paragraph(
                text=label, classes=["backend-name"]
            )
        made.extend(self.chunk_head(element))
        made += code(
            "",
            text,
            lang=element.attributes["lang"],
            links=self.links.inside(self.docname, element),
        )
        if foot := self.chunk_foot(element):
            made += nodes.paragraph(
                "", "", *foot, classes=["chunk-foot"]
            )
        return [made]

    def running(self, element: pf.Div) -> dict[str, str]:
        """What the page's script must know of a block that runs."""
        attributes = element.attributes
        place = attributes["path"], int(attributes["line"])
        marks = self.links.marks.get(place, {})
        return marks and marks | {"data-outputs": attributes["outputs"]}

    def chunk_head(self, element: pf.Div) -> Nodes:
        """⟨name⟩ ≡, and the file that the chunk becomes."""
        attributes = element.attributes
        head = nodes.paragraph(classes=["chunk-head"])
        if name := attributes["name"]:
            begun = attributes.get("first")
            first = begun or f"{self.docname}#{element.identifier}"
            head += chunk_link(goal(first), name)
            head += classed(" +≡" if begun else " ≡", "equiv")
        for mark, label in MARKS.items():
            if mark in element.classes:
                head += classed(label, "chunk-mark")
        if target := attributes.get("file"):
            head += nodes.literal(text=target, classes=["chunk-file"])
        if not head.children:
            return []
        head += nodes.reference(
            "",
            "¶",
            refid=element.identifier,
            internal=True,
            classes=["headerlink"],
            reftitle="Link to this code",
        )
        return [head]

    def chunk_foot(self, element: pf.Div) -> Nodes:
        """Where the chunk goes on, who uses it, what it documents."""
        made: Nodes = []
        around = self.links.around(self.docname, element)
        for phrase, targets in around.items():
            made.append(nodes.Text(" · " * bool(made) + phrase))
            for at, (there, text, style) in enumerate(targets):
                made.append(nodes.Text(", " if at else " "))
                made.append(
                    link(there, nodes.Text(text), classes=[style])
                )
        return made

    # inlines

    def on_str(self, element: pf.Str) -> Nodes:
        """A word."""
        return [nodes.Text(element.text)]

    def on_linebreak(self, _: pf.LineBreak) -> Nodes:
        """A line end on the page."""
        return [nodes.raw("", "<br/>", format="html")]

    def on_code(self, element: pf.Code) -> Nodes:
        """Code in a sentence."""
        return [nodes.literal(text=element.text)]

    def on_math(self, element: pf.Math) -> Nodes:
        """A formula, carrying its two typeset forms."""
        display = element.format == "DisplayMath"
        typeset = self.links.formula(
            self.docname, element.text, display
        )
        made = nodes.math("", element.text, classes=["no-search"])
        made["html"], made["mathml"] = typeset.html, typeset.mathml
        return [made]

    def on_link(self, element: pf.Link) -> Nodes:
        """A link into the book, or out of it."""
        inside = self.each(element.content)
        attributes = element.attributes
        if "docname" not in attributes:
            return [
                nodes.reference("", "", *inside, refuri=element.url)
            ]
        there = Goal(
            attributes["docname"], html_id(attributes["anchor"])
        )
        return [link(there, *inside, classes=element.classes)]

    def on_image(self, element: pf.Image) -> Nodes:
        """A picture that a block drew, without a caption."""
        uri = "/" + self.links.from_source(element.url)
        alt = pf.stringify(element) or "Output of the code above"
        return [nodes.image(uri=uri, alt=alt, candidates={})]

    def on_span(self, element: pf.Span) -> Nodes:
        """Index entries, margin notes and computed values."""
        inside = self.each(element.content)
        classes = [c for c in element.classes if c != "margin"]
        if "margin" in element.classes:
            classes.append("margin-note")
        made = nodes.inline("", "", *inside, classes=classes)
        if element.identifier:
            made["ids"].append(html_id(element.identifier))
        return [made]

    def on_note(self, element: pf.Note) -> Nodes:
        """A footnote: its mark here, its text at the page's end."""
        number = str(len(self.notes) + 1)
        mark, text = f"note-mark-{number}", f"note-{number}"
        label = nodes.label("", number)
        body = self.each(element.content)
        self.notes.append(
            nodes.footnote(
                "", label, *body, ids=[text], backrefs=[mark]
            )
        )
        return [
            nodes.footnote_reference("", number, ids=[mark], refid=text)
        ]
