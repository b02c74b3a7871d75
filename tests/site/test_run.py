"""The Run buttons, pressed in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.site.harness import ROOT, served

pytestmark = pytest.mark.browser
ONE, TWO = "part1/01-introduction.html", "part1/02-arrays.html"
BOOK = ROOT / "build" / "site"
LOADS = re.compile("pyodide|run-worker|_static/run/")
ENDED = re.compile("Done|Ended|Stopped|Python")
PATIENCE = 120_000  # milliseconds
AROUND = """chunk => {
  const live = [...chunk.nextElementSibling.children];
  const book = [];
  for (let at = chunk.nextElementSibling;
      book.length < chunk.dataset.outputs;)
    book.push((at = at.nextElementSibling));
  const texts = (boxes) => boxes.map((box) => box.textContent);
  return [texts(live), texts(book)];
}"""


def block(page: Page, text: str) -> Locator:
    """The block that says this."""
    return page.locator(".chunk", has_text=text).first


def button(chunk: Locator, name: str) -> Locator:
    """A button of a block."""
    return chunk.get_by_role("button", name=name, exact=True)


def status(chunk: Locator) -> Locator:
    """The line that tells how far it is."""
    return chunk.get_by_role("status")


def output(chunk: Locator) -> Locator:
    """What came of the reader's run."""
    return chunk.locator("+ [aria-live]")


def run(chunk: Locator, name: str = "Run") -> str:
    """Press the button and wait; the output, its spaces made one."""
    pressed = button(chunk, name).element_handle()
    pressed.click()
    chunk.page.wait_for_function(
        "button => button.textContent != 'Stop'",
        arg=pressed,
        timeout=PATIENCE,
    )
    expect(status(chunk)).to_have_text(ENDED)
    return words(output(chunk).text_content() or "")


def edit(chunk: Locator, old: str, new: str) -> None:
    """Replace text in a block."""
    area = chunk.get_by_role("textbox")
    if not area.count():
        button(chunk, "Edit").click()
    text = area.input_value()
    assert old in text
    area.fill(text.replace(old, new))


def words(text: str) -> str:
    """A text with single spaces."""
    return " ".join(text.split())


@pytest.fixture(scope="module")
def desk(browser: Browser, small_site: str) -> Iterator[Page]:
    """A page of the small book, Python in it once it was asked for."""
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text))
    page.on("pageerror", lambda e: said.append(str(e)))
    page.goto(small_site + TWO)
    yield page
    page.close()
    assert said == []


@pytest.fixture
def clean(desk: Page) -> Iterator[Page]:
    """That page; afterwards all is as it was, but for Python."""
    yield desk
    reset = desk.get_by_role("button", name="Reset")
    while reset.count():
        reset.first.click()
    expect(desk.locator(".output[hidden]")).to_have_count(0)


def test_nothing_is_loaded_before_a_press(
    reader: Callable, small_site: str
) -> None:
    one = reader(small_site)
    asked: list[str] = []
    one.page.on("request", lambda r: asked.append(r.url))
    page = one.open(ONE)
    chunk = block(page, "from nand2llm.scalar import Value, neuron")
    expect(button(chunk, "Run")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert not list(filter(LOADS.search, asked))
    button(chunk, "Run").click()
    expect(status(chunk)).to_have_text("Loading Python, 13 MB, once…")
    expect(status(chunk)).to_contain_text("Done", timeout=PATIENCE)
    expect(output(chunk).locator(".output")).to_have_text(
        ["Value(7.0000, grad=0.0000)", "Value(3.0000, grad=0.0000)"]
    )
    files = [Path(url).name for url in filter(LOADS.search, asked)]
    assert sorted(files) == sorted(set(files)), "each once"
    assert len(files) == 7 and "pytest.zip" not in files


@pytest.mark.parametrize(
    "chapter",
    [
        "01-introduction",
        "04-measuring-wrongness",
        "05-learning-by-descent",
    ],
)
def test_the_browser_prints_what_the_book_prints(
    reader: Callable, chapter: str
) -> None:
    if not (BOOK / "part1" / f"{chapter}.html").exists():
        pytest.skip("the book's site is not built; run make site")
    with served(BOOK) as address:
        page = reader(address).open(f"part1/{chapter}.html")
        chunks = page.locator(".chunk[data-run]:not(.stub)").all()
        assert len(chunks) > 10
        for chunk in chunks:
            run(chunk)
            live, book = chunk.evaluate(AROUND)
            if "raises" in (chunk.get_attribute("class") or ""):
                live = live[-1].strip().split("\n")[-1:]
            live, book = (
                re.sub(r"\s", "", "".join(texts)) for texts in (live, book)
            )
            assert live == book, chunk.text_content()


def test_what_is_run_takes_the_place_of_the_books(clean: Page) -> None:
    chunk = block(clean, "w = w - 0.5")
    book = chunk.locator("~ .output").first
    expect(book).to_have_text("4.5 [4.5]")
    for _ in range(2):  # it would go down if nothing were put back
        assert run(chunk) == "4.5 [4.5]"
        expect(book).to_be_hidden()
    button(chunk, "Reset").click()
    expect(book).to_be_visible()
    expect(output(chunk)).to_be_empty()
    expect(button(chunk, "Reset")).to_be_hidden()
    expect(button(chunk, "Run")).to_be_focused()


def test_an_edit_counts_here_and_below(clean: Page) -> None:
    above, below = (
        block(clean, text) for text in ("w = w - 0.5", "2 * w")
    )
    assert run(below) == "9.0 [4.5]"
    edit(above, "0.5", "1.5")
    assert run(below) == "7.0 [3.5]"
    assert run(above) == "3.5 [3.5]"
    button(above, "Reset").click()
    expect(above.locator("pre")).to_be_visible()
    assert run(below) == "9.0 [4.5]"


def test_an_error_names_its_line(clean: Page) -> None:
    chunk = block(clean, "w = w - 0.5")
    edit(chunk, "path.append(w)", "path.append(v)")
    said = run(chunk)
    assert "“w = w - 0.5”" in said and "line 2, in <module>" in said
    assert "path.append(v)" in said
    assert said.endswith("NameError: name 'v' is not defined")
    expect(output(chunk).locator(".output.error")).to_be_visible()
    expect(status(chunk)).to_have_text("Ended with an error.")
    below = block(clean, "2 * w")
    assert "This block has not run" in run(below)


def test_tables_and_drawings(clean: Page) -> None:
    chunk = block(clean, "from weave.show import table")
    run(chunk)
    table = output(chunk).get_by_role("table")
    expect(table.locator("th")).to_have_text(["n", "text"])
    expect(table.locator("td")).to_have_text(["1", "a|b", "20", "c"])
    chunk = block(clean, "http://www.w3.org")
    run(chunk)
    expect(output(chunk).locator("img")).to_have_js_property(
        "naturalWidth", 9
    )


@pytest.mark.parametrize("loop", ["pass", "print('more')"])
def test_a_loop_without_end_can_be_stopped(
    clean: Page, loop: str
) -> None:
    chunk = block(clean, "w = w - 0.5")
    edit(chunk, "print", f"while True:\n    {loop}\nprint")
    button(chunk, "Run").click()
    expect(status(chunk)).to_have_text("Running…", timeout=PATIENCE)
    expect(button(block(clean, "2 * w"), "Run")).to_be_disabled()
    clean.wait_for_timeout(300)
    assert clean.evaluate("1 + 1") == 2  # the page is alive
    button(chunk, "Stop").click()
    expect(status(chunk)).to_have_text("Stopped.")
    if "more" in loop:
        expect(output(chunk)).to_contain_text("more")
        size = len(output(chunk).text_content() or "")
        assert size < 100_100
    button(chunk, "Reset").click()
    assert run(block(clean, "2 * w")) == "9.0 [4.5]"


def test_with_the_keyboard_alone(clean: Page) -> None:
    chunk = block(clean, "2 * w")
    press = clean.keyboard.press
    button(chunk, "Run").focus()
    press("Tab")
    expect(button(chunk, "Edit")).to_be_focused()
    press("Enter")
    area = chunk.get_by_role("textbox")
    expect(area).to_be_focused()
    expect(area).to_have_accessible_description(re.compile("Escape"))
    press("Control+Home")
    clean.keyboard.type("for n in 'ab':")
    press("Enter")
    clean.keyboard.type("if n:")
    press("Enter")
    clean.keyboard.type("print(n)")
    press("Enter")
    press("Backspace")
    press("Tab")
    clean.keyboard.type("pass")
    press("Delete")
    text = "for n in 'ab':\n    if n:\n        print(n)\n        pass"
    assert area.input_value().startswith(text)
    press("Control+z")
    press("Control+Enter")
    expect(status(chunk)).to_have_text(ENDED, timeout=PATIENCE)
    expect(area).to_be_focused()
    press("Escape")
    press("Tab")
    expect(button(chunk, "Run")).to_be_focused()
    press("Shift+Tab")
    expect(area).to_be_focused()
    press("Shift+Tab")
    expect(area).not_to_be_focused()


def test_what_a_page_lacks_is_said(clean: Page) -> None:
    for text in ("import numpy as np", "grid.sum()"):
        chunk = block(clean, text)
        expect(chunk.locator(".run-bar")).to_have_text(
            "On your machine only: it needs numpy."
        )
        expect(chunk.get_by_role("button", name="Run")).to_have_count(0)
        expect(chunk.get_by_role("button", name="Edit")).to_have_count(0)
    expect(button(clean.locator("article"), "Run")).to_have_count(5)


def test_a_readers_own_import_fails_plainly(clean: Page) -> None:
    chunk = block(clean, "2 * w")
    edit(chunk, "print", "import numpy; print")
    last = "ModuleNotFoundError: No module named 'numpy'"
    assert run(chunk).endswith(last)


def test_exercises_are_tested(reader: Callable, small_site: str) -> None:
    page = reader(small_site).open(ONE)
    chunk = block(page, "def popcount")
    edit(chunk, "raise NotImplementedError", "return 4")
    assert "assert 4 == 3" in run(chunk, "Test")
    edit(chunk, "return 4", 'return bin(n).count("1")')
    assert "1 passed" in run(chunk, "Test")
    expect(page.locator(".bash .run-bar, .run-bar")).to_contain_text(
        ["it needs a shell"]
    )


def test_python_that_does_not_come_is_missed_in_one_line(
    browser: Browser, small_site: str
) -> None:
    page = browser.new_page()
    page.route("**/*.wasm", lambda route: route.abort())
    page.goto(small_site + TWO)
    chunk = block(page, "2 * w")
    button(chunk, "Run").click()
    said = expect(status(chunk))
    said.to_have_text(
        "Python could not be loaded: no pyodide.asm.wasm", timeout=PATIENCE
    )
    expect(chunk.locator("~ .output").first).to_be_visible()
    page.unroute_all()
    assert run(chunk) == "9.0 [4.5]"
    page.route("**/run-worker.js", lambda route: route.abort())
    page.reload()
    button(chunk, "Run").click()
    said.to_have_text("Python could not be loaded: no worker")
    page.close()


def test_from_a_file_the_page_says_what_it_needs(
    browser: Browser, small: Path
) -> None:
    page = browser.new_page()
    page.goto((small / "build/site" / TWO).as_uri())
    chunk = block(page, "2 * w")
    button(chunk, "Run").click()
    expect(status(chunk)).to_have_text(
        "This needs a server: python -m http.server here."
    )
    page.close()


@pytest.fixture
def deep(small: Path, tmp_path: Path) -> Iterator[str]:
    """The site at another address, further down."""
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "where").symlink_to(small / "build" / "site")
    with served(tmp_path) as address:
        yield address + "some/where/"


def test_anywhere_on_a_phone_in_the_dark(
    reader: Callable, deep: str
) -> None:
    page = reader(deep, width=390, color_scheme="dark").open(TWO)
    chunk = block(page, "2 * w")
    edit(chunk, "print", f"print({'0' * 200!r}, {'1' * 200!r})\nprint")
    run(chunk)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    wide = output(chunk).locator("pre")
    expect(wide).to_have_attribute("tabindex", "0")
    for place in ("textarea", ".run-bar button"):
        colors = chunk.locator(place).first.evaluate(
            "e => getComputedStyle(e).color.match(/[0-9]+/g).map(Number)"
        )
        assert sum(colors) > 360, place
    size = chunk.get_by_role("textbox").evaluate(
        "e => parseFloat(getComputedStyle(e).fontSize)"
    )
    assert size >= 16  # smaller, and a phone zooms in
    page.add_script_tag(path=ROOT / "node_modules/axe-core/axe.min.js")
    found = page.evaluate("axe.run(document.querySelector('article'))")
    serious = [
        (v["id"], v["nodes"][0]["html"][:120])
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_without_javascript_there_is_no_trace(
    reader: Callable, small_site: str
) -> None:
    page = reader(small_site, java_script_enabled=False).open(TWO)
    expect(page.locator(".run-bar")).to_have_count(0)
    expect(page.get_by_text("On your machine only")).to_have_count(0)
    expect(page.locator(".chunk[data-run] pre").first).to_be_visible()


def test_the_site_has_no_more_of_python_than_it_needs(
    small: Path,
) -> None:
    folder = small / "build" / "site" / "_static" / "pyodide"
    lock = (folder / "pyodide-lock.json").read_text("utf-8")
    assert '"packages": {}' in lock
    assert len(list(folder.iterdir())) == 6
