# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 7ceae92895bb
"""Reads a chapter: parse it, run what it runs, number it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import panflute as pf

import tangle
from weave import ManuscriptError, changed, run
from weave.page import Page
from weave.pandoc import Unclosed, parse, walk
from weave.structure import Structure

FENCE = re.compile(r"(`{3,}|~{3,})\s*\{.*")
DIV = re.compile(r":{3,}\s*(\{.*\}|[^\s{}]+)\s*:*$")
PYTHON = "{python} "


def read(
    book: tangle.Book,
    chapter: tangle.Chapter,
    tree: Path,
    page: Page,
    cache: Path,
    execute: run.Execute,
) -> None:
    """Fill `page` from its chapter: parse, run in `tree`, number."""
    source = (book.root / chapter.path).read_text("utf-8")
    page.lines = source.splitlines()
    blocks = [b for b in book.blocks if b.path == chapter.path]
    try:
        text = numbered_fences(page, blocks)
        page.body = parse(text, cache / "pandoc")
    except Unclosed as problem:
        raise ManuscriptError(
            f"{chapter.path}:{problem}: the division that begins here"
            " has no end; close it with :::"
        ) from None
    if any(is_colons(element) for element in walk(page.body)):
        raise ManuscriptError(
            f"{chapter.path}:{stray(page.lines)}: this ::: begins no"
            " division and ends none; remove it"
        )
    if chapter.kind == "chapter":
        end = changed.section(book, chapter.number, cache / "pandoc")
        page.body.content += end
    code = list(paired(page, blocks))
    items = {id(e): i for e, i in executed(page, book, chapter, code)}
    results = execute(book, chapter, tree, list(items.values()))
    Structure(
        page,
        book,
        cache,
        {id(element): block for element, block in code},
        dict(zip(items, results, strict=True)),
    ).build()


def is_colons(element: pf.Element) -> bool:
    """Whether pandoc has read the fence of a division as a word."""
    return isinstance(element, pf.Str) and bool(
        re.fullmatch(":{3,}", element.text)
    )


def stray(lines: list[str]) -> int:
    """The line of the first ::: that begins and ends nothing."""
    fence, depth = "", 0
    for number, line in enumerate(map(str.strip, lines), 1):
        if fence:
            fence = "" if tangle.closes(line, fence) else fence
        elif code := re.match("`{3,}|~{3,}", line):
            fence = code[0]
        elif line.startswith(":::"):
            depth += 1 if line.strip(":") else -1
            if depth < 0 or (line.strip(":") and not DIV.match(line)):
                return number
    return 1


def numbered_fences(page: Page, blocks: list[tangle.Block]) -> str:
    """The source with each block's attributes replaced by its number.

    Pandoc knows fewer characters in names than the tangler, and gives
    no line numbers; the number ties its block to the tangler's.
    """
    lines = list(page.lines)
    for number, block in enumerate(blocks):
        at = block.line - 1
        mark = rf"\1 {{.block n={number}}}"
        lines[at] = FENCE.sub(mark, lines[at], count=1)
    return "\n".join(lines) + "\n"


def paired(
    page: Page, blocks: list[tangle.Block]
) -> Iterator[tuple[pf.CodeBlock, tangle.Block]]:
    """Pandoc's blocks beside the tangler's; they must be the same."""
    seen = set()
    for element in walk(page.body):
        if (
            isinstance(element, pf.CodeBlock)
            and "n" in element.attributes
        ):
            number = int(element.attributes["n"])
            seen.add(number)
            yield element, blocks[number]
    for number, block in enumerate(blocks):
        if number not in seen:
            raise ManuscriptError(
                f"{block.path}:{block.line}: the tangler sees a code"
                " block here and pandoc does not; indent the fence"
                " like the text of its list item, or not at all"
            )


def executed(
    page: Page,
    book: tangle.Book,
    chapter: tangle.Chapter,
    code: list[tuple[pf.CodeBlock, tangle.Block]],
) -> Iterator[tuple[pf.Element, run.Item]]:
    """What the page runs, in the order in which a reader meets it."""
    of = {id(element): block for element, block in code}
    last: dict[str, int] = {}  # where each expression stood last
    for element in walk(page.body):
        block = of.get(id(element))
        if block and "run" in block.classes:
            shell = block.lang in ("bash", "sh")
            kind = "bash" if shell else "python"
            lines = block.body if shell else expanded(book, block)
            text = "\n".join(lines)
            raises = "raises" in block.classes
            yield element, run.Item(kind, text, block.line, raises)
        elif is_inline_run(element):
            mark = "`" + element.text
            last[mark] = page.line_of(mark, last.get(mark, 0))
            expression = element.text.removeprefix(PYTHON)
            above = last[mark] - 1
            yield element, run.Item("inline", expression, above)


def expanded(book: tangle.Book, block: tangle.Block) -> Iterator[str]:
    """The lines of one block, with the chunks it refers to."""
    for line in block.body:
        found = tangle.REFERENCE.match(line)
        if found is None:
            yield line
        else:
            for inner in book.expand(found[2]):
                yield found[1] + inner.text if inner.text else ""


def is_inline_run(element: pf.Element) -> bool:
    """Whether this is an expression to evaluate in a sentence."""
    return isinstance(element, pf.Code) and element.text.startswith(
        PYTHON
    )
