"""Panels beside the chunks and patches at the chapters' ends, in a browser."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import tangle
from tests.site.harness import ROOT
from tests.site.pages import Seen, read

pytestmark = pytest.mark.browser
ONE, TWO = "part1/01-introduction.html", "part1/02-arrays.html"
SHEET = re.compile(r'data-sheet="([\w/.-]+)"')


def about(page: Page, name: str, view: str = "") -> Locator:
    """Open the panel of a chunk, and choose a form of its code."""
    chunk = page.locator(f'[id="chunk-{name}"]')
    chunk.hover()
    chunk.get_by_role("button", name="About").click()
    expect(chunk.locator(".about dl")).to_be_visible()
    if view:
        chunk.locator(f"input[value={view}]").check()
    return chunk


def lines(chunk: Locator) -> list[str]:
    """The lines of code that the panel shows."""
    return chunk.locator(".sheet .line > :first-child").all_text_contents()


@pytest.fixture
def wide(reader: Callable, small_site: str):
    """A reader at a desk."""
    return reader(small_site)


def test_expanded_is_what_the_tangler_says(wide, small: Path) -> None:
    chunk = about(wide.open(ONE), "intro-module", "expanded")
    book = tangle.load(small).until("1")
    said = [line.text for line in book.expand("intro/module")]
    assert [line.rstrip("\n") for line in lines(chunk)] == said
    labels = chunk.locator(".sheet a.chunk-ref").all_text_contents()
    assert labels[:3] == ["⟨intro/module⟩", "⟨intro/value⟩", "⟨intro/value arithmetic⟩"]


def test_expanded_code_is_moved_to_the_left(wide) -> None:
    chunk = about(wide.open(ONE), "intro-value-arithmetic", "expanded")
    text = lines(chunk)
    assert text[0].startswith("def __add__") and "def times" in "".join(text)


def test_there_is_nothing_to_expand_where_nothing_is_referred_to(wide) -> None:
    chunk = about(wide.open(ONE), "intro-value")
    values = chunk.locator("input").evaluate_all("all => all.map(e => e.value)")
    assert values == ["told", "file"]


def test_the_file_is_that_of_the_chapter(wide, small: Path) -> None:
    for name, number in ((ONE, "1"), (TWO, "2")):
        anchor = "intro-value-arithmetic" + "-3" * (number == "2")
        chunk = about(wide.open(name), anchor, "file")
        book = tangle.load(small).until(number)
        said = tangle.render(book, "generated/nand2llm/scalar.py")
        assert [line.rstrip("\n") for line in lines(chunk)] == [x.text for x in said]
        own = chunk.locator(".sheet .own")
        expect(own.first).to_contain_text("__add__")
        expect(own.first).to_be_in_viewport()


def test_closing_shows_the_code_as_told(wide) -> None:
    chunk = about(wide.open(ONE), "intro-value", "file")
    told = chunk.locator(".highlight:not(.sheet)")
    expect(told).to_be_hidden()
    chunk.get_by_role("button", name="About").click()
    expect(told).to_be_visible()
    expect(chunk.locator(".about")).to_be_hidden()
    expect(chunk.locator(".sheet")).to_be_hidden()


def test_what_no_test_runs_is_marked(wide) -> None:
    chunk = about(wide.open(ONE), "intro-module", "file")
    never = [t.strip() for t in chunk.locator(".sheet .never").all_text_contents()]
    assert never[-1].startswith("raise ValueError(f") and "never run by a test" in never[-1]
    assert any(text.startswith("return f") for text in never)
    ran = chunk.locator(".sheet .line", has_text="return Value(x) + Value(weight)")
    assert ran.locator("> :first-child").get_attribute("data-tests") == "1"
    tests = chunk.locator(".about dd").first
    expect(tests).to_contain_text(re.compile(r"\d+ of \d+ statements run, by 1 test; [1-9] never"))
    tests.locator("summary").click()
    tests.get_by_role("link", name="test_neuron").click()
    assert re.search("#run-01-introduction-[0-9]+$", wide.page.url)


def test_a_line_tells_of_the_tests(wide) -> None:
    for name, anchor, said in (
        (ONE, "intro-value", "4 of 5 statements run, by 1 test; 1 never."),
        (ONE, "intro-value-arithmetic-2", "1 of 3 statements run, on import alone; 2 never."),
        (TWO, "arrays-init", "0 of 4 statements run."),  # not even imported
    ):
        chunk = about(wide.open(name), anchor)
        summary = chunk.locator("dd summary, dd:not(:has(summary))").first
        expect(summary).to_have_text(said)


def test_where_nothing_was_recorded_the_panel_says_so(wide, small: Path) -> None:
    page = wide.open(ONE)
    name = page.locator("#chunk-intro-module").get_attribute("data-sheet")
    path = small / f"build/site/sheets/{name}.js"
    script = path.read_text("utf-8")
    head, _, data = script.partition(" = ")
    sheet = json.loads(data.rstrip(";\n"))
    del sheet["tests"]
    old = f"{head} = {json.dumps(sheet | {'unknown': 'Not recorded.'})};"
    page.route("**/sheets/**", lambda route: route.fulfill(body=old))
    chunk = about(page, "intro-module", "file")
    expect(chunk.locator("dd").first).to_have_text("Not recorded.")
    assert chunk.locator(".never, [data-tests='1']").count() == 0


def test_names_lead_to_their_uses_and_definitions(wide) -> None:
    chunk = about(wide.open(ONE), "intro-module")
    names = chunk.locator("dt:has-text('Defines') + dd > div")
    expect(names).to_contain_text(["LIMIT", "neuron", "Value, used in ⟨"])
    chunk.locator(".about").get_by_role("link", name="⟨arrays/module⟩").first.click()
    assert wide.page.url.endswith(TWO + "#chunk-arrays-module")
    chunk = about(wide.page, "arrays-module")
    chunk.locator(".about").get_by_role("link", name="Value", exact=True).click()
    assert wide.page.url.endswith(ONE + "#chunk-intro-module")


def test_by_keyboard_alone(wide) -> None:
    page = wide.open(ONE)
    chunk = page.locator("#chunk-intro-module")
    button = chunk.get_by_role("button", name="About ⟨intro/module⟩")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(chunk.locator("input").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("value", "told")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(":focus")).to_have_attribute("value", "file")
    listing = chunk.locator(".sheet pre")
    expect(listing).to_be_visible()
    listing.evaluate("e => { e.style.maxHeight = '5em'; letScroll(); }")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(".sheet pre:focus").count():
            break
    before = listing.evaluate("e => e.scrollTop")
    page.keyboard.press("End")
    page.wait_for_function("b => document.querySelector('.sheet pre').scrollTop > b", arg=before)


def test_a_site_opened_from_disk(reader: Callable, small: Path) -> None:
    """No server: the sheets are scripts, which a page may load."""
    address = (small / "build" / "site").as_uri() + "/"
    chunk = about(reader(address).open(ONE), "intro-module", "file")
    assert lines(chunk)


def test_a_sheet_that_is_missing(reader: Callable, small_site: str) -> None:
    one = reader(small_site)
    page = one.open(ONE)
    page.route("**/sheets/**", lambda route: route.abort())
    chunk = page.locator("#chunk-intro-module")
    chunk.hover()
    chunk.get_by_role("button", name="About").click()
    expect(chunk.locator(".about")).to_contain_text("could not be loaded")
    page.unroute("**/sheets/**")
    chunk.get_by_role("button", name="About").click()
    chunk.get_by_role("button", name="About").click()
    expect(chunk.locator(".about dl")).to_be_visible()
    one.complaints.clear()  # the browser's, of the request that failed


def test_patches(wide, small: Path) -> None:
    page = wide.open(TWO)
    section = page.locator(".changes")
    heading = page.get_by_role("heading", name="What this chapter changed")
    expect(heading).to_have_count(1)
    book = tangle.load(small)
    said = "".join(tangle.diff(book, "1", "2"))
    expect(section).to_contain_text(f"{said.count('diff --git')} files")
    with page.expect_download() as download:
        section.get_by_role("link", name="ch02.patch").click(modifiers=["Alt"])
    assert Path(download.value.path()).read_text("utf-8") == said
    details = section.locator("details", has_text="scalar.py")
    details.locator("summary").click()
    code = details.locator("pre")
    label = code.get_by_role("link", name="⟨intro/value arithmetic⟩").first
    code.locator("a").evaluate_all("all => all.forEach(e => e.dataset.text = e.innerText)")
    expect(label).to_be_visible()
    text = code.evaluate(
        """e => [...e.children].filter(c => c.tagName != "A")
        .map(c => c.textContent).join("")"""
    )
    assert text in said and text.startswith("@@") and "-def" not in text[:2]


def test_patches_without_javascript(reader: Callable, small_site: str) -> None:
    page = reader(small_site, java_script_enabled=False).open(TWO)
    page.locator(".changes summary").first.click()
    assert page.locator(".changes pre").first.is_visible()
    assert page.locator(".show-about").count() == 0


def test_a_phone_scrolls_nothing_sideways(reader: Callable, small_site: str) -> None:
    phone = reader(small_site, width=390, has_touch=True, is_mobile=True)
    for name, chunk in ((ONE, "intro-module"), (TWO, "arrays-init")):
        page = phone.open(name)
        panel = page.locator(f"#chunk-{chunk}")
        panel.get_by_role("button", name="About").tap()
        panel.locator("input[value=file]").check()
        for summary in page.locator(".changes summary").all():
            summary.tap()
        assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_complaint(reader: Callable, small_site: str, scheme: str) -> None:
    page = reader(small_site, color_scheme=scheme).open(ONE)
    page.locator(".changes summary").first.click()
    about(page, "intro-module", "file")
    about(page, "intro-value-arithmetic", "expanded").locator("summary").click()
    page.add_script_tag(path=ROOT / "node_modules/axe-core/axe.min.js")
    found = page.evaluate(
        "axe.run({include: ['.chunk', '.changes']})",
    )["violations"]
    serious = [
        (v["id"], v["nodes"][0]["html"][:150], v["nodes"][0].get("failureSummary"))
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == [], json.dumps(serious, indent=1)


# -- every sheet of a site, without a browser


@pytest.fixture(scope="module", params=["small", "book"])
def root(request: pytest.FixtureRequest) -> Path:
    """A book whose site is built."""
    if request.param == "small":
        return request.getfixturevalue("small")
    if not (ROOT / "build/site/sheets").exists():
        pytest.skip("the book's site is not built; run make site")
    return ROOT


def test_every_link_of_a_sheet_leads_somewhere(root: Path) -> None:
    site = root / "build" / "site"
    pages: dict[str, Seen] = read(site, ".html")
    count = 0
    for name in pages:
        for sheet in SHEET.findall((site / name).read_text("utf-8")):
            script = (site / f"sheets/{sheet}.js").read_text("utf-8")
            data = json.loads(script.partition(" = ")[2].rstrip(";\n"))
            assert set(data["chunks"]) <= set(pages[name].anchors)
            for uri, _ in data["links"]:
                path, _, anchor = uri.partition("#")
                there = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                assert anchor in pages[there if path else name].anchors, (sheet, uri)
                count += 1
    assert count > 10
