# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 36bd784aed9f
"""Pandoc as a function: Markdown in, panflute elements out."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import panflute as pf

from weave import ManuscriptError

READER = "markdown-auto_identifiers"
UNCLOSED = re.compile(r"Div at line (\d+) .*unclosed")


class Unclosed(Exception):
    """A division without an end; the line where it begins."""


@cache
def executable() -> str:
    """The pandoc that came with the pypandoc_binary wheel."""
    import pypandoc

    return str(pypandoc.get_pandoc_path())


def pandoc(text: str, *args: str) -> str:
    """Pipe `text` through pandoc.

    Raises ManuscriptError if that fails, Unclosed where pandoc would
    close a division for us, at the end of the text.
    """
    run = subprocess.run(
        [executable(), *args],
        input=text.encode(),
        capture_output=True,
    )
    said = run.stderr.decode().strip()
    if run.returncode:
        raise ManuscriptError(f"pandoc: {said}")
    if found := UNCLOSED.search(said):
        raise Unclosed(int(found[1]))
    return run.stdout.decode()


def parse(text: str, store: Path, *args: str) -> pf.Doc:
    """The document `text` describes; the parse is kept in `store`."""
    call = ["-f", READER, "-t", "json", "--preserve-tabs", *args]
    key = hashlib.sha256("\0".join([*call, text]).encode()).hexdigest()
    kept = store / f"{key[:24]}.json"
    if not kept.exists():
        store.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        partial.write_text(pandoc(text, *call), "utf-8")
        partial.replace(kept)
    return pf.load(io.StringIO(kept.read_text("utf-8")))


def slots(element: pf.Element) -> Iterator[tuple[str, Any]]:
    """The named places in `element` that hold child elements."""
    for name in getattr(element, "_children", ()):
        held = getattr(element, name)
        if held is not None and name != "metadata":
            yield name, held


def walk(element: pf.Element) -> Iterator[pf.Element]:
    """Everything inside `element`, in the order a reader meets it."""
    for _, held in slots(element):
        for child in [held] if isinstance(held, pf.Element) else held:
            yield child
            yield from walk(child)
