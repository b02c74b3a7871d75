"""Projects for the tangler's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Project, book


@pytest.fixture
def project(tmp_path):
    """An empty project without a book.toml; its chapters are docs/*.md."""
    return Project(tmp_path)


@pytest.fixture
def make_book(tmp_path):
    """Make a project with a book.toml from {path below book/: text}."""
    return lambda chapters: book(tmp_path, chapters)
