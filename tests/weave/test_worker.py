"""The session behind the Run buttons, here under the usual Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weave.worker import ENOUGH, Desk


class Page:
    """Stands for the page: it presses buttons and hears answers."""

    def __init__(self, *codes: str) -> None:
        blocks = [
            {"code": code, "name": f"block {n}", "raises": "1 / 0" in code}
            for n, code in enumerate(codes)
        ]
        self.heard: list[tuple[str, str]] = []
        self.desk = Desk(
            json.dumps(blocks), lambda *news: self.heard.append(news)
        )

    def run(self, at: int, **edited: str) -> str:
        """All that running a block brings to the page."""
        self.heard.clear()
        texts = {name.removeprefix("b"): t for name, t in edited.items()}
        self.desk.run(at, json.dumps(texts))
        kind, result = self.heard[-1]
        assert kind == "done"
        found = json.loads(result)
        text = "".join(t for kind, t in self.heard if kind == "printed")
        return text + found["value"] + found["error"]

    @property
    def above(self) -> int:
        """How many blocks were run before the last one asked for."""
        return sum(kind == "above" for kind, _ in self.heard)


def test_blocks_above_run_first_and_once() -> None:
    page = Page("x = 1\nprint('loud')", "x += 1", "x")
    assert page.run(2) == "2" and page.above == 2
    assert page.run(2) == "2" and page.above == 0
    assert page.run(0) == "loud\n" and page.above == 0


def test_the_same_block_gives_the_same_again() -> None:
    page = Page("w, path = 5, []", "w -= 1; path.append(w); path", "w")
    for _ in range(3):
        assert page.run(1) == "[4]"
    assert page.run(2) == "4" and page.above == 0


def test_going_up_is_going_back() -> None:
    page = Page("x = 1", "x", "x = 2", "x")
    assert [page.run(n) for n in (3, 1, 3)] == ["2", "1", "2"]


def test_what_is_altered_above_counts_below() -> None:
    page = Page("x = 1", "y = 2 * x", "y")
    assert page.run(2) == "2"
    assert page.run(2, b0="x = 10") == "20" and page.above == 2
    assert page.run(2) == "2"


def test_an_edit_of_the_block_itself_leaves_those_above() -> None:
    page = Page("x = 1", "x")
    assert page.run(1) == "1"
    assert page.run(1, b1="x + 1") == "2" and page.above == 0


def test_what_has_no_copy_is_made_again() -> None:
    page = Page("lines = (line for line in 'ab')", "next(lines)")
    assert [page.run(1), page.run(1)] == ["'a'", "'a'"]


def test_functions_see_the_session_they_are_in() -> None:
    page = Page("x = 1\ndef f():\n    return x", "x = 2", "f()")
    assert [page.run(2), page.run(2)] == ["2", "2"]


def test_a_failure_above_is_told_and_can_be_mended() -> None:
    page = Page("x = 1", "y = x", "y")
    said = page.run(2, b1="y = z")
    assert "has not run" in said and "block 1" in said
    assert said.strip().endswith("NameError: name 'z' is not defined")
    assert page.run(2) == "1"


def test_after_an_error_the_block_starts_afresh() -> None:
    page = Page("x = [1]", "x.append(2)\nx")
    assert "ZeroDivisionError" in page.run(1, b1="x.append(2)\n1 // 0")
    assert page.run(1) == "[1, 2]"


def test_blocks_that_raise_are_no_obstacle() -> None:
    page = Page("x = 1\n1 / 0", "x")
    assert page.run(1) == "1"


def test_a_traceback_names_blocks_and_lines() -> None:
    page = Page("def f(x):\n    return 1 / x", "\n\nf(0)")
    page.desk.blocks[0]["raises"] = False
    lines = page.run(1).split("\n")
    assert lines[1:3] == ['  File "block 1", line 3, in <module>', "    f(0)"]
    assert '  File "block 0", line 2, in f' in lines
    assert "    return 1 / x" in lines
    assert not any("weave" in line for line in lines)


def test_a_syntax_error_has_its_line() -> None:
    said = Page("x = 1").run(0, b0="x = 1\ny = )")
    assert 'File "block 0", line 2' in said and "SyntaxError" in said


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "exit()"])
def test_the_end_of_a_program_is_no_end_of_the_session(code: str) -> None:
    page = Page("x = 1")
    assert "SystemExit" in page.run(0, b0=code)
    assert page.run(0, b0="2") == "2"


def test_there_is_an_end_to_what_is_printed() -> None:
    said = Page("").run(0, b0="for _ in range(200): print('x' * 999)")
    assert ENOUGH < len(said) < ENOUGH + 100 and "cut after" in said


def test_values_take_the_forms_of_a_session() -> None:
    page = Page("from weave.show import table", "table([[1]], ['n'])")
    page.run(1)
    result = json.loads(page.heard[-1][1])
    assert result["markdown"].startswith("| n |") and not result["value"]


def test_an_exercise_is_tested(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page("x = 1", "def one():\n    return 2", "x")
    page.desk.blocks[1]["test"] = "def test_one():\n    assert one() == 1"
    assert "1 failed" in page.run(1)
    assert "1 passed" in page.run(1, b1="def one():\n    return 1")
    assert page.run(2) == "1"
