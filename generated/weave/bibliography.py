# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. e30a75ae3619
"""The list of references, and how the text names its entries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import panflute as pf

from weave.pandoc import pandoc, parse, walk

ALL = "---\nnocite: '@*'\n---\n\n::: {#refs}\n:::\n"


@dataclass
class Entry:
    """One work: how it is cited, and how it is listed."""

    key: str
    author: str
    year: str
    listed: pf.Div

    def text(self, form: str) -> str:
        """The words of a citation in running text or in parentheses."""
        if form == "text":
            return f"{self.author} ({self.year})"
        if form == "bare":
            return self.year
        return f"{self.author}\u00a0{self.year}"


def entries(source: Path, store: Path) -> dict[str, Entry]:
    """The works of a BibLaTeX file by their keys, in listed order."""
    if not source.exists():
        return {}
    text = source.read_text("utf-8")
    works = {
        work["id"]: work
        for work in json.loads(
            pandoc(text, "-f", "biblatex", "-t", "csljson")
        )
    }
    stamp = f"<!-- {hash_of(text)} -->\n"
    listing = parse(
        ALL + stamp, store, "--citeproc", f"--bibliography={source}"
    )
    found = {}
    for element in walk(listing):
        key = getattr(element, "identifier", "").removeprefix("ref-")
        if isinstance(element, pf.Div) and key in works:
            work = works[key]
            element.classes = ["reference"]
            found[key] = Entry(key, names(work), year(work), element)
    return found


def hash_of(text: str) -> str:
    """Ties the parse that is kept to the file it was made from."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def names(work: dict[str, list[dict[str, str]]]) -> str:
    """One author, two, or the first of many."""
    people = work.get("author") or work.get("editor") or []
    last = [family(person) for person in people]
    if len(last) > 2:
        return f"{last[0]} et al."
    return " and ".join(last) or str(work.get("title", ""))


def family(person: dict[str, str]) -> str:
    """A family name with its particle, or an institution's name."""
    particles = ("dropping-particle", "non-dropping-particle")
    parts = (*particles, "family", "literal")
    return " ".join(person[part] for part in parts if part in person)


def year(work: dict[str, dict[str, list[list[int]]]]) -> str:
    """The year of publication, `n.d.` if the entry has none."""
    parts = work.get("issued", {}).get("date-parts", [[]])
    return str(parts[0][0]) if parts and parts[0] else "n.d."
