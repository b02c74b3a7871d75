"""What is read anew when the book changes, and what is not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.site.harness import copy_book
from weave import book
from weave.site import Site

ONE = "book/part1/01-introduction.md"


class Desk:
    """A writer who changes the small book, with its site kept warm."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ms = book.load(root)
        self.site = Site(self.ms)
        self.site.build()

    def change(self, path: str, old: str, new: str) -> set[str]:
        """Replace text in a chapter; the pages that were made anew."""
        file = self.root / path
        text = file.read_text("utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), "utf-8")
        before = self.times()
        time.sleep(0.01)
        self.ms = book.load(self.root, self.ms)
        self.site.rebuild(self.ms)
        after = self.times()
        return {
            name for name in after if after[name] != before.get(name)
        }

    def times(self) -> dict[str, int]:
        """When each page was written."""
        out = self.site.out
        return {
            p.relative_to(out).as_posix(): p.stat().st_mtime_ns
            for p in out.rglob("*.html")
        }

    def page(self, name: str) -> str:
        """The text of a page."""
        return (self.site.out / name).read_text("utf-8")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A warm site."""
    return Desk(copy_book(tmp_path_factory.mktemp("desk")))


def test_words_change_one_page(desk: Desk) -> None:
    made = desk.change(
        ONE, "It refuses nonsense:", "It declines nonsense:"
    )
    assert made - {"search.html", "index.html"} == {
        "part1/01-introduction.html"
    }
    assert "It declines nonsense" in desk.page(
        "part1/01-introduction.html"
    )


def test_numbers_change_where_they_are_quoted(desk: Desk) -> None:
    made = desk.change(
        ONE,
        "When $x$ reaches $z$",
        "$$ a = b $$ {#eq:new}\n\nWhen $x$ reaches $z$",
    )
    assert "part1/02-arrays.html" in made
    assert "appendices/a-notes.html" not in made
    assert "Equation\u00a0(1.3)" in desk.page("part1/02-arrays.html")


def test_titles_change_everywhere(desk: Desk) -> None:
    made = desk.change(ONE, "# Introduction {", "# Beginning {")
    assert {"index.html", "front/preface.html"} <= made
    assert "Beginning" in desk.page("appendices/a-notes.html")


def test_code_changes_what_is_copied_where_it_is_used(
    desk: Desk,
) -> None:
    made = desk.change(
        ONE,
        '"""The product."""\n    long',
        '"""A product."""\n    long',
    )
    assert "part1/01-introduction.html" in made
    assert (
        desk.page("part1/01-introduction.html").count("A product.") > 1
    )


def test_a_page_that_goes_is_gone(desk: Desk) -> None:
    toml = "book/book.toml"
    gone = '"appendices/a-notes.md", "appendices/b-widgets.md"'
    widgets = desk.root / "build/site/widgets"
    assert any(widgets.iterdir())
    desk.change(toml, gone, "")
    assert "a-notes" not in desk.page("index.html")
    assert "appendices/a-notes.html" not in desk.times()
    assert not any(widgets.iterdir())


def test_a_wrong_formula_is_one_line(desk: Desk) -> None:
    with pytest.raises(Exception, match=r"01-introduction\.md:\d+: .*"):
        desk.change(ONE, "$y = f(x)$", r"$y = \undefined(x)$")
