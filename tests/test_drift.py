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
        "PYTHONDONTWRITEBYTECODE": "1",
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


@pytest.mark.parametrize("number", NUMBERS)
def test_snapshot(number, tmp_path):
    """A chapter's tree imports and passes the tests of its chapters."""
    tangle.snapshot(BOOK, number, tmp_path)
    packages = [p.parent.name for p in tmp_path.glob("*/__init__.py")]
    for name in packages:
        for module in (tmp_path / name).rglob("*.py"):
            dotted = ".".join(module.relative_to(tmp_path).with_suffix("").parts)
            done = run(
                tmp_path,
                "-c",
                f"import {dotted.removesuffix('.__init__')} as m;print(m.__file__)",
                path=tmp_path,
            )
            assert done.returncode == 0, done.stderr
            assert str(tmp_path) in done.stdout
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."]
    command += ["-c", os.devnull, "--import-mode=importlib", "tests"]
    done = run(tmp_path, *command, path=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


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
