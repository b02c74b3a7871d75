# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 70fc9751af89
"""What the book adds to Sphinx: chunks, formulas, links, search."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.domains import Domain, ObjType
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import ReferenceRole
from sphinx.util.nodes import make_refnode

from weave.docut import change, chunk, code, equation, link
from weave.links import REFERENCE, Goal, goal, shown_name
from weave.told import address, told_name

WORD = re.compile(
    r'(<span class="o">(\.)</span>)?(<span class="n\w*">(\w+)</span>)'
)
STAND_IN = re.compile(
    r'(?:<span class="\w+">)?ChunkReference(\d+)Z(?:</span>)?'
)


class PlaceRole(ReferenceRole):
    """`⟨a chunk⟩ <docname#anchor>`, for the reference of the API."""

    def run(
        self,
    ) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The link."""
        text = nodes.Text(self.title)
        return [
            link(goal(self.target), text, classes=["chunk-ref"])
        ], []


class BookDomain(Domain):
    """The chunks and identifiers of the book, for links and search."""

    name, label = "book", "The book"
    data_version = 1
    object_types: ClassVar[dict[str, ObjType]] = {
        "chunk": ObjType("chunk"),
        "identifier": ObjType("identifier"),
        "exercise": ObjType("exercise"),
    }
    initial_data: ClassVar[dict[str, Any]] = {"objects": {}}
    roles: ClassVar[dict[str, Any]] = {"place": PlaceRole()}

    def note(
        self, docname: str, kind: str, title: str, anchor: str
    ) -> None:
        """Make something findable by its title."""
        known = self.data["objects"].setdefault(docname, [])
        known.append((title, kind, anchor))

    def clear_doc(self, docname: str) -> None:
        """Forget what a page had, before it is read again."""
        self.data["objects"].pop(docname, None)

    def get_objects(
        self,
    ) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Everything noted, in the form the search wants."""
        for docname, known in self.data["objects"].items():
            for title, kind, anchor in known:
                # Not the name alone: Sphinx would abbreviate the
                # anchor by it, and our anchors are not names.
                name = f"{kind} {title}"
                yield name, title, kind, docname, anchor, 1

    def get_type_name(
        self, type: ObjType, primary: bool = False
    ) -> str:
        """What the search calls the kinds of things."""
        return str(type.lname)

    def resolve_xref(
        self,
        env: BuildEnvironment,
        fromdocname: str,
        builder: Builder,
        typ: str,
        target: str,
        node: addnodes.pending_xref,
        contnode: nodes.Element,
    ) -> nodes.reference:
        """A link to a page and anchor that are already known."""
        return make_refnode(
            builder, fromdocname, node["todoc"], target, contnode
        )

    def resolve_any_xref(self, *_: Any) -> list[Any]:
        """Nothing of ours is linked by guesswork."""
        return []


# chunks


def visit_chunk(self: Any, node: chunk) -> None:
    """Open a chunk; what to copy goes with it where it differs."""
    tag = self.starttag(node, "div", "", **node["marks"])
    (shown,) = node.findall(code)
    if node["copy"] != shown.astext() and self.builder.name != "epub":
        # Not by starttag, which would make spaces of the line ends.
        tag = f'{tag[:-1]} data-copy="{html.escape(node["copy"])}">'
    if node["home"] and self.builder.name != "epub":
        sheet = f"{self.builder.current_docname}/{node['home']}"
        tag = f'{tag[:-1]} data-sheet="{html.escape(sheet)}">'
    self.body.append(tag)


def depart_chunk(self: Any, _: chunk) -> None:
    """Close a chunk."""
    self.body.append("</div>\n")


def visit_code(self: Any, node: code) -> None:
    """Highlight code, then make links of the words that lead on."""
    links: dict[str, Goal] = node["links"]
    text, names = with_stand_ins(node.astext())
    shown = self.highlighter.highlight_block(
        text, node["lang"], location=node, force=True
    )
    here = self.builder.current_docname

    def anchor(there: Goal, inner: str, style: str) -> str:
        uri = f"#{there.anchor}"
        if there.docname != here:
            uri = (
                self.builder.get_relative_uri(here, there.docname) + uri
            )
        return (
            f'<a class="{style}" href="{html.escape(uri)}">{inner}</a>'
        )

    def word(found: re.Match[str]) -> str:
        there = links.get((found[2] or "") + found[4])
        if there is None:
            return found[0]
        return (found[1] or "") + anchor(there, found[3], "defined")

    def reference(found: re.Match[str]) -> str:
        name = names[int(found[1])]
        text = html.escape(shown_name(name))
        there = links.get(f"<<{name}>>")
        return anchor(there, text, "chunk-ref") if there else text

    self.body.append(STAND_IN.sub(reference, WORD.sub(word, shown)))
    raise nodes.SkipNode


def with_stand_ins(text: str) -> tuple[str, list[str]]:
    """Code with its references replaced by words any language has.

    Returns it with the references' names in their order.
    """
    names: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        names.append(found[2])
        return f"{found[1]}ChunkReference{len(names) - 1}Z"

    return REFERENCE.sub(stand_in, text), names


# patches


def visit_change(self: Any, node: change) -> None:
    """A file's patch, under a line with the file and its counts."""
    tags = {"+": "ins", "-": "del", "@": "b", " ": "span"}
    here = self.builder.current_docname
    self.body += [
        f"<details><summary><code>{html.escape(node['file'])}</code>",
        f" <ins>+{node['added']}</ins>" * bool(node["added"]),
        f" <del>−{node['removed']}</del>" * bool(node["removed"]),
        '</summary><div class="highlight"><pre>',
    ]
    for sign, text, place in node["rows"]:
        if place:
            uri, name = address(here, place), told_name(place)
            link = f'<a class="chunk-ref" href="{uri}">{name}</a>'
            self.body.append(link)
        mark, tag = sign.replace("@", ""), tags[sign]
        self.body.append(f"<{tag}>{mark}{text}\n</{tag}>")
    self.body.append("</pre></div></details>\n")
    raise nodes.SkipNode


# formulas


def visit_math(self: Any, node: nodes.math) -> None:
    """Set a formula in the form that the output shows best.

    A short one is kept on a line with the punctuation after it.
    """
    form = "mathml" if self.builder.name == "epub" else "html"
    tail = node.get("tail", "")
    shown = node[form] + tail
    if tail and len(node.astext()) <= 30:
        shown = f'<span class="whole">{shown}</span>'
    self.body.append(shown)
    raise nodes.SkipNode


def visit_equation(self: Any, node: equation) -> None:
    """Open a display formula."""
    self.body.append(self.starttag(node, "div", CLASS="equation"))
    self.body.append('<div class="formula">')


def depart_equation(self: Any, node: equation) -> None:
    """Close a display formula, its number at the right."""
    self.body.append("</div>")
    if number := node["number"]:
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append("</div>\n")


class OneAnchor(SphinxPostTransform):
    """Takes back the second copy of a table's anchor from furo."""

    default_priority = 501  # just after furo wraps the tables

    def run(self, **_: Any) -> None:
        """Leave the anchor to the table itself."""
        for box in self.document.findall(nodes.container):
            if "table-wrapper" in box["classes"]:
                box["ids"] = []


def colorless(app: Sphinx) -> None:
    """Leave the colors of code to our own style sheet."""
    app.config.pygments_dark_style = "none"


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx about all this."""
    app.add_domain(BookDomain)
    app.add_node(chunk, html=(visit_chunk, depart_chunk))
    app.add_node(equation, html=(visit_equation, depart_equation))
    app.add_node(code, html=(visit_code, None))
    app.add_node(change, html=(visit_change, None))
    app.add_html_math_renderer(
        "katex", (visit_math, None), (visit_math, None)
    )
    app.add_post_transform(OneAnchor)
    app.connect("builder-inited", colorless, priority=400)
    return {"version": "1"}
