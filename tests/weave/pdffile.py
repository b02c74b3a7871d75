"""A PDF as a reading program sees it: its pages, links and fonts.

Reads what typst writes, plain objects and one table of where they are;
no more of the format than that takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(
    rb"[\s\0]*(?:(?P<ref>\d+) \d+ R\b|(?P<number>[+-]?\d*\.?\d+)|/(?P<name>[^\s<>\[\]()/%]*)"
    rb"|(?P<hex><[0-9A-Fa-f\s]*>)|(?P<sign><<|>>|[\[\]()])|(?P<word>\w+))"
)
PIECE = re.compile(rb"\\(?P<octal>[0-7]{1,3})|\\(?P<escaped>.)|(?P<plain>.)", re.S)
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\n": b""}


@dataclass(frozen=True)
class Ref:
    """Another object, by its number."""

    number: int


class Pdf:
    """The objects of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        table = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
        rows = re.findall(rb"(\d{10}) \d{5} ([nf])", data[table:])
        self.offsets = [int(at) if kind == b"n" else 0 for at, kind in rows]
        trailer = data.index(b"trailer", table) + len(b"trailer")
        self.root = self.get(self.parse(trailer)[0]["Root"])
        self.pages = list(self.leaves(self.root["Pages"]))

    def get(self, value: Any) -> Any:
        """A value itself, where it may be a reference."""
        while isinstance(value, Ref):
            begins = re.compile(rb"\d+ \d+ obj").match(self.data, self.offsets[value.number])
            assert begins, f"object {value.number} is not where the table says"
            value = self.parse(begins.end())[0]
        return value

    def parse(self, at: int) -> tuple[Any, int]:
        """The value that begins here, and where it ends."""
        found = TOKEN.match(self.data, at)
        assert found, self.data[at : at + 40]
        kind, text, at = found.lastgroup, found[found.lastgroup], found.end()
        if kind == "ref":
            return Ref(int(text)), at
        if kind == "number":
            return float(text), at
        if kind == "name":
            return text.decode(), at
        if kind == "hex":
            return bytes.fromhex(text[1:-1].decode()), at
        if text == b"(":
            return self.string(at)
        if text not in (b"<<", b"["):
            return text, at
        values = []
        while True:
            value, at = self.parse(at)
            if value in (b">>", b"]"):
                break
            values.append(value)
        if text == b"<<":
            return dict(zip(values[::2], values[1::2], strict=True)), at
        return values, at

    def string(self, at: int) -> tuple[bytes, int]:
        """The string whose parenthesis was just opened."""
        made, depth = b"", 1
        while True:
            piece = PIECE.match(self.data, at)
            at = piece.end()
            if piece["octal"]:
                made += bytes([int(piece["octal"], 8)])
            elif piece["escaped"]:
                made += ESCAPES.get(piece["escaped"], piece["escaped"])
            else:
                depth += {b"(": 1, b")": -1}.get(piece["plain"], 0)
                if not depth:
                    return made, at
                made += piece["plain"]

    def leaves(self, node: Any) -> Iterator[tuple[Ref, dict[str, Any]]]:
        """The pages below a node of their tree."""
        page = self.get(node)
        if page["Type"] == "Page":
            yield node, page
        for kid in self.get(page.get("Kids", [])):
            yield from self.leaves(kid)

    def names(self) -> dict[bytes, Any]:
        """The places that have names."""
        tree = self.get(self.get(self.root.get("Names", {})).get("Dests", {}))
        pairs = self.get(tree.get("Names", []))
        return dict(zip(pairs[::2], pairs[1::2], strict=True))

    def links(self) -> Iterator[tuple[str, Any]]:
        """Every link: where it stands, and its goal or address."""
        for number, (_, page) in enumerate(self.pages, 1):
            for one in self.get(page.get("Annots", [])):
                mark = self.get(one)
                if mark["Subtype"] == "Link":
                    action = self.get(mark.get("A", {}))
                    goal = mark.get("Dest", action.get("D", action.get("URI")))
                    yield f"page {number}, {plain(mark.get('Contents', b''))}", goal

    def outline(self, node: Any = None) -> Iterator[tuple[str, Any]]:
        """The entries of the outline, in their order: title, goal."""
        below = self.get(node or self.root["Outlines"])
        one = below.get("First")
        while one:
            entry = self.get(one)
            yield plain(self.get(entry["Title"])), entry.get("Dest")
            yield from self.outline(one)
            one = entry.get("Next")

    def fonts(self) -> Iterator[dict[str, Any]]:
        """Every font that has a shape of its own."""
        for number, at in enumerate(self.offsets):
            if re.match(rb"\d+ \d+ obj\s*<<\s*/Type\s*/Font\b", self.data[at : at + 60]):
                font = self.get(Ref(number))
                if font["Type"] == "Font" and font["Subtype"] != "Type0":
                    yield font


def plain(text: bytes) -> str:
    """A string of the file as text."""
    wide = text.startswith(b"\xfe\xff")
    return text[2:].decode("utf-16-be") if wide else text.decode("latin-1")


def dead(pdf: Pdf) -> list[str]:
    """The links and entries of the outline that lead nowhere."""
    names, pages = pdf.names(), dict(pdf.pages)
    entries = [(f"outline, {title}", goal) for title, goal in pdf.outline()]

    def leads(goal: Any) -> bool:
        goal = pdf.get(goal)
        if isinstance(goal, bytes) and goal.startswith((b"http:", b"https:", b"mailto:")):
            return True
        if isinstance(goal, bytes):
            goal = pdf.get(names.get(goal))
        if isinstance(goal, dict):
            goal = goal.get("D")
        if not isinstance(goal, list) or goal[0] not in pages:
            return False
        *_, right, top = pdf.get(pages[goal[0]]["MediaBox"])
        return 0 <= goal[2] <= right and 0 <= goal[3] <= top

    return [where for where, goal in [*pdf.links(), *entries] if not leads(goal)]


def outside(pdf: Pdf) -> list[str]:
    """The fonts that the file does not carry with it."""
    files = {"FontFile", "FontFile2", "FontFile3"}
    return [
        font.get("BaseFont", "a font without a name")
        for font in pdf.fonts()
        if font["Subtype"] == "Type3"
        or not files & pdf.get(font.get("FontDescriptor", {})).keys()
    ]
