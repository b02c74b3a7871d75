# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. df63bdae6792
"""A page of the book, as the writers of PDF and site get it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import panflute as pf


@dataclass(frozen=True)
class Ref:
    """What a cross-reference needs to know of its target."""

    kind: str  # "fig", "tbl", "eq", "sec", "ex", "chapter"
    word: str  # "Figure"; "" where there is no number to name
    number: str
    title: str
    docname: str
    anchor: str

    def text(self, bare: bool = False) -> str:
        """`Figure 2.3`, or the number alone."""
        if not self.number:
            return f"“{self.title}”"
        number = (
            f"({self.number})" if self.kind == "eq" else self.number
        )
        return number if bare else f"{self.word}\u00a0{number}"


@dataclass
class Page:
    """A chapter, an appendix, the preface, or a page made of them."""

    docname: str
    kind: str  # "front", "chapter", "appendix" or "back"
    number: str
    part: int | None = None
    path: str = ""
    title: str = ""
    body: pf.Doc = field(default_factory=pf.Doc)
    refs: dict[str, Ref] = field(default_factory=dict)
    terms: list[tuple[str, str, str]] = field(default_factory=list)
    links: list[pf.Link] = field(default_factory=list)
    chunks: list[pf.Div] = field(default_factory=list)
    answers: list[pf.Div] = field(default_factory=list)
    widgets: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    key: str = ""  # a hash of what the page was read from

    @property
    def stem(self) -> str:
        """The last part of the docname."""
        return self.docname.rpartition("/")[2]

    def line_of(self, text: str, after: int = 0) -> int:
        """The first line past `after` that holds `text`; else 1."""
        lines = enumerate(self.lines[after:], after + 1)
        return next((n for n, line in lines if text in line), 1)
