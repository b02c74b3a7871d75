# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 8d5e878603ec
"""What a chapter changed: the difference between two snapshots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import panflute as pf

import tangle
from weave.page import Page
from weave.pandoc import parse

TITLE = "What this chapter changed"
HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def section(
    book: tangle.Book, number: str, cache: Path
) -> list[pf.Element]:
    """The last section of a chapter; none if it changed no file.

    A heading and a Div.changes, in which there are a sentence, a
    table, and for each file a Div.change with its patch.
    """
    old = str(int(number) - 1)
    files = [
        change(patch, old, number)
        for patch in patches(book, old, number)
    ]
    if not files:
        return []
    text = summary([file.attributes for file in files])
    command = f"`tangle.py diff {old} {number}`"
    said = parse(f"## {TITLE}\n\n{command} {text}", cache)
    heading, *rest = said.content
    return [heading, pf.Div(*rest, *files, classes=["changes"])]


def summary(files: Sequence[dict[str, str]]) -> str:
    """The rest of the sentence, and the table, as Markdown."""
    added, removed = (
        sum(int(file[key] or 0) for file in files)
        for key in ("added", "removed")
    )
    count = "one file" if len(files) == 1 else f"{len(files)} files"
    fewer = f" and {removed} removed" if removed else ""
    rows = "".join(
        f"| `{file['file']}` | {file['added']} | {file['removed']} |\n"
        for file in files
    )
    return (
        f"prints it line by line: in {count}, {added} lines were"
        f" added{fewer}.\n\n| File | + | − |\n|:--|--:|--:|\n{rows}"
    )


def patches(book: tangle.Book, old: str, new: str) -> list[str]:
    """The patch of each file that differs between two snapshots."""
    files: list[str] = []
    for line in tangle.diff(book, old, new):
        if line.startswith("diff --git "):
            files.append("")
        files[-1] += line
    return files


def change(patch: str, old: str, new: str) -> pf.Div:
    """A file's patch, with the file's path and counts of lines."""
    names = patch.split("\n")[0].removeprefix("diff --git a/")
    signs = [sign for sign, *_ in steps(patch)]
    return pf.Div(
        pf.CodeBlock(patch.removesuffix("\n"), classes=["diff"]),
        classes=["change"],
        attributes={
            "old": old,
            "new": new,
            "file": names[: (len(names) - len(" b/")) // 2],
            "added": str(signs.count("+") or ""),
            "removed": str(signs.count("-") or ""),
        },
    )


def steps(patch: str) -> Iterator[tuple[str, str, int, int]]:
    """The lines of a patch: sign, text, old line, new line.

    The sign is `@` where a hunk begins; nothing comes before the
    first. A line that is in one file only has the number there, and
    of the other file that of the line to come.
    """
    old = new = -1
    for line in patch.split("\n"):
        sign = line[:1]
        if found := HUNK.match(line):
            old, new = int(found[1]), int(found[2])
            yield "@", line, old, new
        elif old >= 0 and sign in ("+", "-", " "):
            yield sign, line[1:], old, new
            old += sign != "+"
            new += sign != "-"


def patch_name(number: str) -> str:
    """The file in which the site offers a chapter's patch."""
    return f"ch{int(number):02d}.patch"


def whole(page: Page) -> str:
    """The whole patch of a page; empty if there is none."""
    content = page.body.content
    last = content[-1] if content else pf.Null()
    if "changes" not in getattr(last, "classes", ()):
        return ""
    files = (e for e in last.content if isinstance(e, pf.Div))
    return "".join(file.content[0].text + "\n" for file in files)
