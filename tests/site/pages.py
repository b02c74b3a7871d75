"""Reads built pages without a browser: anchors, links, structure."""

from __future__ import annotations

import posixpath
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKS = {
    "a": "href",
    "link": "href",
    "script": "src",
    "img": "src",
    "image": "href",
}


class Seen(HTMLParser):
    """What one page has: its anchors, and what it points to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: list[str] = []
        self.goals: list[str] = []
        self.headings: list[int] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        """Note what matters of an element."""
        given = dict(attrs)
        if given.get("id"):
            self.anchors.append(str(given["id"]))
        if goal := given.get(LINKS.get(tag, "")):
            self.goals.append(goal)
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.images.append(given)


def read(folder: Path, suffix: str) -> dict[str, Seen]:
    """The pages below a folder by their paths."""
    return {
        path.relative_to(folder).as_posix(): Seen(
            path.read_text("utf-8")
        )
        for path in sorted(folder.rglob("*" + suffix))
        if "_static" not in path.parts
    }


def dead_links(folder: Path, pages: dict[str, Seen]) -> list[str]:
    """The links that lead nowhere, or out of the book unasked."""
    dead = []
    for name, seen in pages.items():
        for goal in seen.goals:
            parts = urlsplit(goal)
            if parts.scheme in ("http", "https", "mailto"):
                continue
            path = posixpath.normpath(
                posixpath.join(
                    posixpath.dirname(name), unquote(parts.path)
                )
                if parts.path
                else name
            )
            anchor = unquote(parts.fragment)
            there = pages.get(path)
            if not (folder / path).is_file():
                dead.append(f"{name}: {goal}")
            elif anchor and there and anchor not in there.anchors:
                dead.append(f"{name}: {goal} (no such anchor)")
    return dead
