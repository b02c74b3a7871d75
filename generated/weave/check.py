# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. beb4634f46c0
"""Looks for what no reader should find in the book.

Undefined references, figures without a description and the like end
every build. What is here can wait until somebody asks for it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from weave import book, order

CODE = re.compile(r"(`+).+?\1")
MEASURED = re.compile(r"""measured\(\s*["']([^"']+)["']""")
RECORD = ("what", "machine", "date", "figures")
OUTPUTS = {"", "text", "output", "plain"}
UNWANTED = re.compile(r"\b(simply|TODO|FIXME|XXX)\b", re.IGNORECASE)

Finding = tuple[int, str]


def main(root: Path) -> int:
    """Print what is wrong, a line for each; 1 if anything is."""
    ms = book.load(root)
    findings = [*records(root)]
    for page in ms.pages:
        if page.path:
            text = (root / page.path).read_text("utf-8")
            for line, words in sorted(complaints(text, root)):
                findings.append(f"{page.path}:{line}: {words}")
    findings += near_terms(order.Reading(ms.pages, answers=True))
    chapters = [one for one in ms.pages if one.kind == "chapter"]
    findings += order.findings(order.Reading(chapters), ms)
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


def complaints(text: str, root: Path) -> Iterator[Finding]:
    """All that is wrong with the source of one chapter."""
    prose, fences = order.split(text.splitlines())
    for line, info in fences:
        if info in OUTPUTS:
            yield (
                line,
                "an output that somebody typed; let a .run block show"
                " it, or say what it is: ```console, ```python",
            )
    for line, words in prose:
        for found in UNWANTED.finditer(CODE.sub("", words)):
            yield line, f"“{found[0]}”: say it without"
    for line, words in enumerate(text.splitlines(), 1):
        for found in MEASURED.finditer(words):
            file = root / f"book/measurements/{found[1]}.json"
            if not file.exists():
                yield line, f"no book/measurements/{file.name}"


def records(root: Path) -> Iterator[str]:
    """Measurements that do not say what, where and when."""
    for file in sorted((root / "book/measurements").glob("*.json")):
        name = file.relative_to(root).as_posix()
        record = json.loads(file.read_text("utf-8"))
        missing = [key for key in RECORD if not record.get(key)]
        if missing:
            yield f"{name}:1: without {', '.join(missing)}"


def near_terms(reading: order.Reading) -> Iterator[str]:
    """Terms that differ only in case, a plural or a hyphen."""
    seen: dict[tuple[str, ...], str] = {}
    for term, place in sorted(reading.marks.items()):
        key = order.stems(term.casefold())
        if key in seen:
            yield (
                f"{reading.line(place)}: the index has “{term}” and"
                f" “{seen[key]}”; choose one"
            )
        seen[key] = term
