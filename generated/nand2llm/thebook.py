# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 184560a78daf
"""This book as a corpus: a document for each section."""

from __future__ import annotations

import gzip
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from nand2llm.checkout import find
from nand2llm.corpus import Document

FROZEN = "book/data/corpus.jsonl.gz"
# What begins a document: a section, an exercise, a design note.
BEGINS = re.compile(
    r"##? |:{3,} *\{\.(?:exercise|design-note)\b.*"
    r'title="(?P<title>[^"]+)"'
)
FENCE = re.compile(r"(`{3,}|~{3,}) *(\{.*\}|[\w-]*)$")
OPENING = re.compile(r"(`{3,}) *\{\.(\w+).*")
UNSEEN = {".mutant", ".hidden"}
MARKS = [
    (re.compile(r"\s*\{[#.][^{}]*\}$"), ""),  # after a heading
    (re.compile(r"\[\]\(#([\w:/.-]+)\)"), r"⟨\1⟩"),  # chunks
    # Terms and margin notes, in which there may be a citation.
    (re.compile(r"\[((?:[^][]|\[[^][]*\])*)\]\{\.[^{}]*\}"), r"\1"),
    (re.compile(r"`\{python\} "), "`"),
]


def fenced(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each line, with what its block of code says of itself, or ""."""
    fence = words = ""
    for line in lines:
        opening = None if fence else FENCE.match(line)
        if opening:
            fence = opening[1]
            words = opening[2].strip("{}") or "text"
        yield line, words
        if fence and not opening and line.rstrip() == fence:
            fence = words = ""


def shown(lines: list[str]) -> Iterator[str]:
    """What readers see of some lines of a page."""
    for line, words in fenced(lines):
        if words:
            if UNSEEN.isdisjoint(words.split()):
                yield OPENING.sub(r"\1\2", line)
        elif not line.startswith(":::"):
            for mark, instead in MARKS:
                line = mark.sub(instead, line)
            yield line


def cut(page: str, source: str) -> Iterator[Document]:
    """The documents of a page of Markdown."""
    starts, lines = [], page.splitlines()
    for number, (line, code) in enumerate(fenced(lines)):
        if not code and (found := BEGINS.match(line)):
            starts.append(number)
            if found["title"]:
                lines[number] = f"## {found['title']}"
    for start, stop in zip(starts, [*starts[1:], None], strict=True):
        text = "\n".join(shown(lines[start:stop])).strip()
        text = re.sub("\n{4,}", "\n\n\n", text)
        if "\n" in text:  # more than a heading
            yield Document(text + "\n", f"{source}:{start + 1}")


def sections(root: Path | None = None) -> Iterator[Document]:
    """The book in reading order; `root` is a checkout of it."""
    book = (root or find("book/book.toml").parent.parent) / "book"
    conf = tomllib.loads((book / "book.toml").read_text("utf-8"))
    chapters = [c for part in conf["part"] for c in part["chapters"]]
    for name in [*conf["front"], *chapters, *conf["appendices"]]:
        page = (book / name).read_text("utf-8")
        yield from cut(page, f"book/{name}")


def frozen() -> list[Document]:
    """Parts I and II as they were on 2026-11-21."""
    with gzip.open(find(FROZEN), "rt", encoding="utf-8") as lines:
        return [Document(**json.loads(line)) for line in lines]
