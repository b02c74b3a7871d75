"""The real book and what is made from it agree; its snapshots stand alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tangle

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(
    "build", "node_modules", ".venv", ".git", "__pycache__", ".*_cache"
)
BOOK = tangle.load(ROOT)
NUMBERS = [c.number for c in BOOK.chapters if c.kind == "chapter"]


@pytest.fixture
def copy(tmp_path):
    """The checkout as a fresh clone has it, but for git itself."""
    place = tmp_path / "book"
    shutil.copytree(ROOT, place, ignore=LEFT_OUT, symlinks=True)
    return place


def run(
    copy: Path, *command: str, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python command in the copy, with nothing of the checkout on its path."""
    env = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "" if path else "1",
        "PYTHONPATH": str(path or ""),
        "NAND2LLM_ROOT": str(ROOT),  # where the data of the chapters lie
    }
    return subprocess.run(
        [sys.executable, *command], cwd=copy, env=env, capture_output=True, text=True
    )


def contents(root: Path) -> dict[str, bytes]:
    """Every file but the record of the last tangle."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "build" not in path.relative_to(root).parts[:1]
    }


def test_generated_is_what_the_book_says(copy):
    """tangle, stitch, tangle: not a byte changes, from the first time on."""
    before = contents(copy)
    for verb in ("tangle", "stitch", "tangle", "stitch", "check"):
        done = run(copy, "tangle.py", verb)
        assert done.returncode == 0, f"{verb}: {done.stderr}"
        assert contents(copy) == before, f"{verb} changed files"


def test_every_generated_file_is_a_target():
    """Nothing lies in generated/ that the book does not say."""
    lying = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "generated").rglob("*")
        if path.is_file() and not {"__pycache__", "build", "target"} & set(path.parts)
    }
    assert not lying - set(BOOK.targets) - {"generated/native/Cargo.lock"}


def test_the_tangler_makes_itself(copy):
    """tangle.py, deleted and made again by a copy, is the same."""
    old = (copy / "tangle.py").read_bytes()
    shutil.copy(copy / "tangle.py", copy.parent / "bootstrap.py")
    (copy / "tangle.py").unlink()
    done = run(copy, str(copy.parent / "bootstrap.py"), "tangle")
    assert done.returncode == 0, done.stderr
    assert (copy / "tangle.py").read_bytes() == old


EACH_ALONE = """
import importlib, os, sys
import numpy  # once for all
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        print(importlib.import_module(name).__file__, flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{name} can't be imported alone")
"""


@pytest.mark.parametrize("number", NUMBERS)
def test_each_module_of_a_snapshot_can_be_imported(number, tmp_path):
    """Each by itself, as the first. (CI runs the tests of every snapshot.)"""
    tangle.snapshot(BOOK, number, tmp_path)
    files = [
        module.relative_to(tmp_path).with_suffix("")
        for package in tmp_path.glob("*/__init__.py")
        for module in package.parent.rglob("*.py")
    ]
    names = [".".join(file.parts).removesuffix(".__init__") for file in files]
    done = run(tmp_path, "-c", EACH_ALONE, *names, path=tmp_path)
    assert done.returncode == 0, done.stderr
    found = done.stdout.splitlines()
    assert len(found) == len(names)
    assert all(file.startswith(str(tmp_path)) for file in found)


def test_the_tests_of_a_chapter_do_not_need_a_later_one():
    """Every chapter with code has a test file in its own snapshot."""
    for chapter in BOOK.chapters:
        if chapter.kind == "chapter":
            name = f"generated/tests/test_{chapter.stem.replace('-', '_')}.py"
            assert name in BOOK.until(chapter.number).targets


@pytest.mark.parametrize("tool", ["ruff", "mypy"])
def test_lint_and_types(copy, tool):
    """ruff and mypy have nothing to say about what the book makes."""
    command = ["-m", tool]
    if tool == "ruff":
        command += ["check", "--no-cache", "generated", "tangle.py"]
    done = run(copy, *command)
    assert done.returncode == 0, done.stdout + done.stderr
