# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. db9140f5b4ed
"""Where npm put what the pages carry."""

from __future__ import annotations

from pathlib import Path

from weave import ManuscriptError


def package(root: Path, name: str) -> Path:
    """The folder of an npm package, "katex" for example.

    Raises ManuscriptError where it is not installed.
    """
    folder = root / "node_modules" / name
    if not folder.is_dir():
        raise ManuscriptError(
            f"package.json:1: {name} is not installed;"
            " make installs it"
        )
    return folder
