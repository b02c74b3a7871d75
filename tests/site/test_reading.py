"""What a reader does with the site, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

import tangle

pytestmark = pytest.mark.browser
ONE, TWO = "part1/01-introduction.html", "part1/02-arrays.html"


@pytest.fixture
def wide(reader: Callable, small_site: str):
    """A reader at a desk."""
    return reader(small_site)


def find(reader, words: str) -> dict[str, str]:
    """The titles that a search finds, and where they lead."""
    page = reader.open(f"search.html?q={words}")
    expect(
        page.locator("#search-results .search-summary")
    ).to_contain_text(re.compile("finished|did not match|matching"))
    links = page.locator("#search-results li > a").all()
    return {a.text_content(): a.get_attribute("href") for a in links}


@pytest.mark.parametrize(
    ("words", "title", "goal"),
    [
        (
            "arithmetic",
            "⟨intro/value arithmetic⟩",
            ONE + "#chunk-intro-value-arithmetic",
        ),
        ("neuron", "neuron", ONE + "#chunk-intro-module"),
        (
            "neuron",
            "nand2llm.scalar.neuron",
            "api/nand2llm.scalar.html#nand2llm.scalar.neuron",
        ),
        ("derivative", "1\u2002Introduction", ONE),
        ("popcount", "1\u2002Introduction", ONE),
    ],
)
def test_search_finds(wide, words: str, title: str, goal: str) -> None:
    found = find(wide, words)
    assert re.sub(r"\?[^#]*", "", found[title]) == goal
    page = wide.open(goal)
    if "#" in goal:
        anchor = goal.partition("#")[2]
        assert page.locator(f'[id="{anchor}"]').is_visible()


def test_search_finds_nothing_where_there_is_nothing(wide) -> None:
    assert find(wide, "xylophone") == {}


def test_copying_gives_the_code_as_tangled(wide, small: Path) -> None:
    page = wide.open(ONE)
    page.hover("#chunk-intro-module")
    page.click("#chunk-intro-module .copy")
    copied = page.evaluate("navigator.clipboard.readText()")
    book = tangle.load(small).until("1")
    lines = [line.text for line in book.expand("intro/module")]
    assert copied == "\n".join(lines)
    assert "def times" in copied and "<<" not in copied


def test_copying_what_refers_to_nothing_gives_the_text(wide) -> None:
    page = wide.open(ONE)
    block = page.locator(".chunk.run", has_text="from nand2llm.scalar")
    block.hover()
    block.locator(".copy").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(
        "from nand2llm.scalar import Value, neuron\n\n"
    )


def test_tabs(wide) -> None:
    page = wide.open(ONE)
    rust = page.locator("#chunk-intro-dot-rust")
    numpy = page.locator("#chunk-intro-dot-numpy")
    expect(numpy).to_be_visible()
    expect(rust).to_be_hidden()
    tab = page.get_by_role("tab", name="NumPy").first
    tab.focus()
    page.keyboard.press("ArrowRight")
    expect(rust).to_be_visible()
    expect(numpy).to_be_hidden()
    # The choice holds for all tabs, and for the next visit.
    expect(page.locator("#chunk-intro-sum-rust")).to_be_visible()
    expect(page.locator(":focus")).to_have_text("Rust")
    page.reload()
    expect(rust).to_be_visible()
    # A link to what is hidden shows it.
    wide.open(ONE + "#chunk-intro-sum-numpy")
    page.reload()
    expect(page.locator("#chunk-intro-sum-numpy")).to_be_visible()


def test_links_in_code_lead_to_definitions(wide) -> None:
    page = wide.open(TWO)
    name = page.locator("#chunk-arrays-module a.defined").first
    assert name.text_content() == "Value"
    name.click()
    assert page.url.endswith(ONE + "#chunk-intro-module")
    page.locator("#chunk-intro-module pre a.chunk-ref").last.click()
    assert page.url.endswith("#chunk-intro-value-arithmetic")


def test_parts_of_a_chunk_know_each_other(wide) -> None:
    page = wide.open(ONE)
    first, second = (
        page.locator(f"#chunk-intro-value-arithmetic{n}")
        for n in ("", "-2")
    )
    expect(first.locator(".chunk-head")).to_contain_text("⟩ ≡")
    expect(second.locator(".chunk-head")).to_contain_text("⟩ +≡")
    first.get_by_role("link", name="below").click()
    assert page.url.endswith("#chunk-intro-value-arithmetic-2")
    second.get_by_role("link", name="above").click()
    assert page.url.endswith("#chunk-intro-value-arithmetic")
    page = wide.open(TWO)
    page.get_by_role("link", name="in Chapter 1").click()
    assert ONE + "#chunk-intro-value-arithmetic" in page.url


def test_reference_and_chapter_lead_to_each_other(wide) -> None:
    page = wide.open(ONE)
    page.locator(
        "#chunk-intro-module .chunk-foot a", has_text="neuron"
    ).click()
    entry = page.locator('dl:has(> [id="nand2llm.scalar.neuron"])')
    expect(entry).to_contain_text("Raises ValueError")
    entry.get_by_role("link", name="⟨intro/module⟩").click()
    assert page.url.endswith(ONE + "#chunk-intro-module")


def brightness(
    page, where: str, what: str = "backgroundColor"
) -> float:
    """How bright the color of an element is, 0 to 255."""
    style = "e => getComputedStyle(e)." + what
    color = page.locator(where).first.evaluate(style)
    return sum(map(float, re.findall(r"[\d.]+", color)[:3])) / 3


def test_dark_mode_by_the_button(wide) -> None:
    page = wide.open(ONE)
    toggle = page.locator(".theme-toggle-content button")
    seen = set()
    for _ in range(3):
        theme = page.locator("body").get_attribute("data-theme")
        dark = theme == "dark"
        seen.add(theme)
        assert (brightness(page, "body") < 80) == dark
        for text in (
            "article p",
            "pre .k",
            "pre",
            ".katex",
            ".chunk-head",
        ):
            assert (brightness(page, text, "color") > 120) == dark, text
        figure = page.locator("figure img")
        style = figure.evaluate("e => getComputedStyle(e).filter")
        assert ("invert" in style) == dark
        toggle.click()
    assert seen == {"auto", "dark", "light"}


def test_dark_mode_by_the_system(
    reader: Callable, small_site: str
) -> None:
    page = reader(small_site, color_scheme="dark").open(ONE)
    assert brightness(page, "body") < 80
    assert brightness(page, "pre .k", "color") > 120


def test_margin_notes_stand_in_the_margin(wide) -> None:
    page = wide.open(ONE)
    note = page.locator(".margin-note").bounding_box()
    text = page.locator("article p").nth(1).bounding_box()
    assert note["x"] > text["x"] + text["width"]


def test_margin_notes_stand_in_the_text_on_phones(
    reader: Callable, small_site: str
) -> None:
    page = reader(small_site, width=390).open(ONE)
    note = page.locator(".margin-note").bounding_box()
    assert note["x"] >= 0 and note["x"] + note["width"] <= 390


def test_without_javascript(reader: Callable, small_site: str) -> None:
    page = reader(small_site, java_script_enabled=False).open(ONE)
    for name in ("intro-dot-numpy", "intro-dot-rust", "intro-module"):
        assert page.locator(f"#chunk-{name} pre").is_visible()
    labels = page.locator(".backend-name").all_inner_texts()
    assert labels == ["NumPy", "Rust"] * 2
    assert page.locator(".katex-html").first.is_visible()
    assert page.locator("figure img").is_visible()
    assert page.locator(".copy").count() == 0


def test_numbers_are_those_of_the_manuscript(wide) -> None:
    page = wide.open(ONE)
    expect(page.locator("article h1")).to_have_text(
        re.compile("Introduction")
    )
    expect(page.locator(".eyebrow")).to_have_text("Part I · Chapter 1")
    expect(page.locator("#fig-tanh figcaption")).to_contain_text(
        "Figure 1.1"
    )
    expect(page.locator("#tbl-rules caption")).to_contain_text(
        "Table 1.1"
    )
    expect(page.locator("#eq-multichain .eqno")).to_have_text("(1.2)")
    expect(page.locator("#ex-popcount .box-title")).to_contain_text(
        "Exercise 1.1"
    )
    page = wide.open(TWO)
    article = page.locator("article")
    for text in ("Section 1.2", "Equation (1.2)", "Figure 1.1"):
        expect(article.get_by_role("link", name=text)).to_be_visible()


def test_what_blocks_put_out(wide) -> None:
    page = wide.open(ONE)
    outputs = page.locator(".output")
    expect(outputs.first).to_contain_text("Value(7.0000, grad=0.0000)")
    expect(page.locator(".output.error")).to_contain_text(
        "ValueError: weight is inf; it must be finite"
    )
    expect(page.locator("article")).to_contain_text(
        "six times seven is 42."
    )
    assert page.locator("text=import matplotlib").count() == 0
