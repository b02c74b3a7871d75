"""Every page of a built site: the small book's, and the book's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.site.harness import served
from tests.site.pages import Seen, dead_links, read

pytestmark = pytest.mark.browser
BOOK = Path(__file__).resolve().parents[2] / "build" / "site"


@pytest.fixture(scope="module", params=["small", "book"])
def folder(request: pytest.FixtureRequest) -> Path:
    """A folder with a built site."""
    if request.param == "small":
        return request.getfixturevalue("small") / "build" / "site"
    if not BOOK.exists():
        pytest.skip("the book's site is not built; run make site")
    return BOOK


@pytest.fixture(scope="module")
def pages(folder: Path) -> dict[str, Seen]:
    """Its pages."""
    found = read(folder, ".html")
    assert len(found) > 10
    return found


def test_every_link_leads_somewhere(
    folder: Path, pages: dict[str, Seen]
) -> None:
    assert dead_links(folder, pages) == []


def test_anchors_are_unique(pages: dict[str, Seen]) -> None:
    for name, seen in pages.items():
        twice = [a for a, n in Counter(seen.anchors).items() if n > 1]
        assert twice == [], name


def test_headings_are_in_order(pages: dict[str, Seen]) -> None:
    for name, seen in pages.items():
        if name == "search.html":  # its script writes it
            continue
        assert seen.headings.count(1) == 1, name
        steps = zip(seen.headings, seen.headings[1:], strict=False)
        assert all(b <= a + 1 for a, b in steps), name


def test_pictures_have_words(pages: dict[str, Seen]) -> None:
    for name, seen in pages.items():
        assert all(image.get("alt") for image in seen.images), name


def test_nothing_is_loaded_from_elsewhere(folder: Path) -> None:
    for sheet in folder.rglob("*.css"):
        text = sheet.read_text("utf-8")
        assert "url(http" not in text and "@import" not in text, sheet


def test_pages_fit_a_phone(
    folder: Path,
    pages: dict[str, Seen],
    reader: Callable,
) -> None:
    with served(folder) as address:
        phone = reader(address, width=390)
        for name in pages:
            page = phone.open(name)
            wide = page.evaluate(
                """[...document.querySelectorAll('.content')]
                .filter(e => e.scrollWidth > e.clientWidth + 1)
                .map(e => e.className + ' ' + e.scrollWidth)"""
            )
            width = page.evaluate(
                "document.documentElement.scrollWidth"
            )
            assert (width, wide) == (390, []), name


def test_pages_open_without_complaint(
    folder: Path, pages: dict[str, Seen], reader: Callable
) -> None:
    with served(folder) as address:
        desk = reader(address)
        for name in pages:
            desk.open(name)
            assert desk.complaints == [], name
