"""The site without a mouse, and for readers who do not see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.site.harness import served

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "build" / "site"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
ONE, TWO = "part1/01-introduction.html", "part1/02-arrays.html"
PHONE = 390
# One of each kind of page.
KINDS = (
    "index.html",
    "terms.html",
    "search.html?q=letter",
    "answers.html",
    "bibliography.html",
)
SMALL = (ONE, TWO, "appendices/a-notes.html", "identifiers.html", *KINDS)
WHOLE = (ONE, "appendices/c-learn.html", *KINDS)
CONTRAST = "color-contrast"


def violations(page: Page, **options: object) -> list[str]:
    """What axe calls serious or critical on the page."""
    page.add_script_tag(path=AXE)
    found = page.evaluate(
        "given => axe.run(document, given)",
        {"resultTypes": ["violations"], **options},
    )
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (PHONE, "dark")]
)
def test_axe_finds_nothing_serious(
    reader: Callable, small_site: str, width: int, scheme: str
) -> None:
    one = reader(small_site, width=width, color_scheme=scheme)
    for name in SMALL:
        assert violations(one.open(name)) == [], name


@pytest.mark.parametrize("name", WHOLE)
def test_axe_finds_nothing_serious_in_the_book(
    reader: Callable, name: str
) -> None:
    if not BOOK.exists():
        pytest.skip("the book's site is not built; run make site")
    with served(BOOK) as address:
        page = reader(address).open(name)
        assert violations(page) == []
        # Darkness changes colors alone; a phone leaves them be.
        page.emulate_media(color_scheme="dark")
        assert violations(page, runOnly=[CONTRAST]) == []
        page.set_viewport_size({"width": PHONE, "height": 900})
        but = {CONTRAST: {"enabled": False}}
        assert violations(page, rules=but) == []
        page.wait_for_load_state("networkidle")  # a search is done


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        ("b.removeAttribute('aria-label')", "button-name"),
        ("b.closest('body').style.setProperty('--ink', '#888')", CONTRAST),
        ("b.setAttribute('role', 'slider')", "aria-required-attr"),
    ],
)
def test_axe_would_find_it(
    reader: Callable, small_site: str, harm: str, rule: str
) -> None:
    page = reader(small_site).open(ONE)
    page.locator(".theme-toggle-content button").evaluate(f"b => {harm}")
    assert {one.partition(":")[0] for one in violations(page)} == {rule}


# The keyboard

# Marks where the focus is; "" or what a reader would miss there.
STOP = """() => {
  const e = document.activeElement;
  if (e === document.body || e.dataset.reached) return null;
  e.dataset.reached = "yes";
  const drawn = (one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle != "none" && style.outlineWidth != "0px";
  };
  const shown = (one) => {
    const r = one.getClientRects()[0];
    if (!r) return false;
    return [0.1, 0.5, 0.9].some((x) => [0.1, 0.5, 0.9].some((y) => {
      const top = document.elementFromPoint(
        r.x + x * r.width, r.y + y * r.height);
      return top && one.contains(top);
    }));
  };
  const faces = [e, ...(e.labels ?? [])]
    .filter((one) => getComputedStyle(one).opacity != "0");
  const html = e.outerHTML.slice(0, 120);
  if (!faces.some(drawn)) return "no focus to be seen: " + html;
  if (!faces.some((f) => drawn(f) && shown(f))) return "hidden: " + html;
  return "";
}"""
# What a mouse can use and the keyboard has not been at. Within tabs and groups
# of radio buttons, the arrows move. The way back to the top comes and goes with
# scrolling, and the Home key does the same.
MISSED = """() => [...document.querySelectorAll(
  "a[href], button, input, select, textarea, summary, label[for]," +
  " [onclick], [contenteditable]")]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }) &&
    e.getBoundingClientRect().height > 0 &&
    !(e.control ?? e).dataset.reached &&
    !e.matches(":is([role=tab], [role=radio])[tabindex='-1']," +
      ":disabled, .back-to-top"))
  .map((e) => "out of reach: " + e.outerHTML.slice(0, 120))"""


def tour(page: Page) -> list[str]:
    """What is wrong on the way with Tab through the whole page.

    The way back to the top goes when the page scrolls, and takes the focus
    with it; so whoever has missed something goes round once more.
    """
    wrong: list[str] = []
    for _ in range(2):
        while (fault := stop(page)) is not None:
            wrong += [fault] if fault and fault not in wrong else []
        missed = page.evaluate(MISSED)
        if not missed:
            break
    return wrong + missed


def stop(page: Page) -> str | None:
    """What is wrong at the next stop of Tab; None at the end of a lap."""
    page.keyboard.press("Tab")
    return page.evaluate(STOP)


@pytest.fixture
def still(reader: Callable, small_site: str):
    """A reader who wants nothing to glide about."""
    return reader(small_site, reduced_motion="reduce")


@pytest.mark.parametrize(
    ("name", "width"),
    [
        (ONE, 1440),
        (ONE, 1100),
        (ONE, PHONE),
        ("answers.html", PHONE),
        ("search.html?q=neuron", 1440),
        ("search.html?q=neuron", PHONE),
    ],
)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    reader: Callable, small_site: str, name: str, width: int
) -> None:
    one = reader(small_site, width=width, reduced_motion="reduce")
    page = one.open(name)
    if "search" in name:
        summary = page.locator("#search-results .search-summary")
        expect(summary).to_contain_text("finished")
    assert tour(page) == []


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        ("b.tabIndex = -1", "out of reach: <button"),
        ("b.style.outline = 'none'", "no focus to be seen: <button"),
        ("b.style.transform = 'translate(-2000px)'", "hidden: <button"),
        ("b.outerHTML = '<p onclick=\"go()\">Go</p>'", "out of reach: <p"),
    ],
)
def test_the_tour_would_notice(still, harm: str, fault: str) -> None:
    page = still.open("index.html")
    page.locator(".theme-toggle-content button").evaluate(f"b => {harm}")
    (found,) = tour(page)
    assert found.startswith(fault)


def go_to(page: Page, where: str) -> None:
    """Press Tab until the focus is there."""
    page.locator(where).first.wait_for(state="attached")
    for _ in range(300):
        page.keyboard.press("Tab")
        if page.evaluate("w => document.activeElement.matches(w)", where):
            return
    raise AssertionError(f"Tab never gets to {where}")


def test_the_first_stop_leads_past_the_contents(still) -> None:
    page = still.open(ONE)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(
        "document.activeElement.closest('article') != null"
    )


@pytest.mark.parametrize(
    ("box", "drawer"),
    [("#__navigation", ".sidebar-drawer"), ("#__toc", ".toc-drawer")],
)
def test_drawers_of_a_phone(
    reader: Callable, small_site: str, box: str, drawer: str
) -> None:
    page = reader(small_site, width=PHONE).open(ONE)
    expect(page.locator(drawer)).to_be_hidden()
    go_to(page, box)
    page.keyboard.press("Space")
    expect(page.locator(drawer)).to_be_in_viewport()
    expect(page.locator(f"{drawer} :focus")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(drawer)).to_be_hidden()
    expect(page.locator(box)).to_be_focused()


def test_tabs_follow_the_pattern(still) -> None:
    page = still.open(ONE)
    lists = page.get_by_role("tablist")
    assert lists.count() == 2
    for tabs in lists.all():
        names = tabs.get_by_role("tab").all_inner_texts()
        assert names == ["NumPy", "Rust"]
        assert tabs.locator("[tabindex='0']").count() == 1
        assert tabs.locator("[aria-selected=true]").count() == 1
        for tab in tabs.get_by_role("tab").all():
            panel = page.locator("#" + tab.get_attribute("aria-controls"))
            expect(panel).to_have_attribute("role", "tabpanel")
            assert panel.get_attribute("aria-labelledby") == tab.get_attribute(
                "id"
            )
    go_to(page, "[role=tab]")
    keys = ("ArrowRight", "ArrowRight", "ArrowLeft", "Home", "End", "End")
    told = ["Rust", "NumPy", "Rust", "NumPy", "Rust", "Rust"]
    for key, name in zip(keys, told, strict=True):
        page.keyboard.press(key)
        chosen = page.locator(":focus")
        expect(chosen).to_have_text(name)
        expect(chosen).to_have_attribute("aria-selected", "true")
        panel = chosen.get_attribute("aria-controls")
        expect(page.locator(f"#{panel}")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate(
        "document.activeElement.closest('[role=tabpanel]') != null"
    )


def test_search_by_keyboard(still) -> None:
    page = still.open(ONE)
    go_to(page, "input[name=q]")
    page.keyboard.type("neuron")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
    go_to(page, "#search-results a")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "search.html" not in url)
    expect(page.locator("article")).to_contain_text("neuron")


def test_copying_by_keyboard(still) -> None:
    page = still.open(ONE)
    go_to(page, "#chunk-intro-module .copy")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "def times" in copied


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_theme_by_keyboard(still, key: str) -> None:
    page = still.open(ONE)
    go_to(page, ".theme-toggle")
    seen = []
    for _ in range(3):
        page.keyboard.press(key)
        seen.append(page.locator("body").get_attribute("data-theme"))
    assert sorted(seen) == ["auto", "dark", "light"]
