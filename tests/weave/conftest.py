"""A small book on disk, and the manuscript it becomes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from weave.book import Manuscript, load

TOML = """\
title = "Small"
subtitle = "A book for tests"
authors = ["Nobody"]
edition = "none"
front = []
appendices = []

[[part]]
title = "One"
chapters = [{chapters}]

[tangle]
roots = ["generated/"]
header = true
state = "build/sourcemap.json"
tests = "generated/tests/test_{{stem}}.py"
max_columns = 72
strip = "generated/"

[macros]
"\\\\loss" = "\\\\mathcal{{L}}"
"""

Weave = Callable[..., Manuscript]


def write_book(root: Path, *chapters: str) -> None:
    """A book of these chapters: part1/01-one.md, part1/02-two.md …"""
    names = ["one", "two", "three"]
    paths = [
        f"part1/{n:02d}-{names[n - 1]}.md" for n in range(1, len(chapters) + 1)
    ]
    (root / "book/part1").mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{p}"' for p in paths)
    (root / "book/book.toml").write_text(TOML.format(chapters=listed))
    for path, text in zip(paths, chapters, strict=True):
        (root / "book" / path).write_text(text, "utf-8")


@pytest.fixture
def weave(tmp_path: Path) -> Weave:
    """Write chapters, load the manuscript."""

    def made(*chapters: str) -> Manuscript:
        write_book(tmp_path, *chapters)
        return load(tmp_path)

    return made
