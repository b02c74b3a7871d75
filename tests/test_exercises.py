"""Every exercise: the stub fails, the solution passes, every mutant fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import tangle

ROOT = Path(__file__).resolve().parents[1]
BOOK = tangle.load(ROOT)
EXERCISES: dict[str, list[tangle.Block]] = {}
for _block in BOOK.blocks:
    if _block.exercise:
        EXERCISES.setdefault(_block.exercise, []).append(_block)
TESTED = [
    name
    for name, blocks in EXERCISES.items()
    if any("test" in block.classes for block in blocks)
]


def of_kind(name: str, kind: str) -> list[tangle.Block]:
    """The blocks of an exercise with this class."""
    return [block for block in EXERCISES[name] if kind in block.classes]


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    """The trees of the chapters, made when they are asked for."""
    made: dict[str, Path] = {}

    def snapshot(path: str) -> Path:
        chapter = next(c for c in BOOK.chapters if c.path == path)
        if chapter.number not in made:
            made[chapter.number] = tmp_path_factory.mktemp(f"to-{chapter.number}")
            tangle.snapshot(BOOK, chapter.number, made[chapter.number])
        return made[chapter.number]

    return snapshot


def verdicts(
    answers: dict[str, list[tangle.Block]], name: str, tree: Path, place: Path
) -> dict[str, bool]:
    """For each answer, whether the exercise's test passes with it."""
    for answer, blocks in answers.items():
        lines: list[str] = []
        for block in (*blocks, *of_kind(name, "test")):
            lines += [*block.body, "", ""]
        module = place / f"test_{answer}.py"
        module.write_text("\n".join(lines), encoding="utf-8")
        compile(module.read_text("utf-8"), answer, "exec")
    report = place / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-c", os.devnull, "--rootdir", str(place), str(place)]
    command += ["--tb=short", "--junitxml", str(report)]
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=tree, env=env, capture_output=True, text=True, timeout=120
    )
    print(done.stdout, done.stderr)
    outcomes: dict[str, list[bool]] = {answer: [] for answer in answers}
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.get("classname") or case.get("name") or ""
        good = case.find("failure") is None and case.find("error") is None
        outcomes[module.split(".")[0].removeprefix("test_")].append(good)
    assert all(outcomes.values()), "there is no test function"
    return {answer: all(goods) for answer, goods in outcomes.items()}


@pytest.mark.parametrize("name", TESTED)
def test_exercise(name, snapshots, tmp_path):
    """One right answer, and at least two wrong ones that the test can tell."""
    stub, solution = of_kind(name, "stub"), of_kind(name, "solution")
    mutants = {f"mutant_{n}": [m] for n, m in enumerate(of_kind(name, "mutant"), 1)}
    assert stub and solution, "a stub and a solution there must be"
    assert len(mutants) >= 2, "two mutants at least"
    answers = {"stub": stub, "solution": solution, **mutants}
    passed = verdicts(answers, name, snapshots(stub[0].path), tmp_path)
    assert [answer for answer, good in passed.items() if good] == ["solution"]


@pytest.mark.parametrize("name", EXERCISES)
def test_code_comes_whole(name):
    """A stub has a test, a test a stub; nothing else has a name of a chunk."""
    if of_kind(name, "stub") or of_kind(name, "mutant"):
        assert name in TESTED
    if name in TESTED:
        assert of_kind(name, "stub")
