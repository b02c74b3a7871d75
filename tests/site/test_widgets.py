"""The figures that answer: do they show what Python would say?"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from nand2llm.bpe import BPE
from nand2llm.pretokenize import STAND_INS
from nand2llm.tokenizer import load_tokenizer
from tests.site.harness import ROOT
from tests.site.test_access import PHONE, go_to, tour, violations

pytestmark = pytest.mark.browser
PAGE = "appendices/b-widgets.html"
PLAY, LOOK = "#fig-playground", "#fig-attention"
NAME = "appendices-b-widgets-1"


def load() -> BPE:
    """The tokenizer that the small book borrows."""
    tokenizer = load_tokenizer(ROOT / "book/data/book-2048.json")
    assert isinstance(tokenizer, BPE)
    return tokenizer


OURS = load()


def opened(one, name: str = PAGE) -> Page:
    """The page, both of its figures alive."""
    page = one.open(name)
    for figure in (PLAY, LOOK):
        page.locator(figure).scroll_into_view_if_needed()
        page.wait_for_selector(f"{figure}.live")
    return page


@pytest.fixture
def page(reader: Callable, small_site: str) -> Page:
    """The page on a desk."""
    return opened(reader(small_site, reduced_motion="reduce"))


# The tokenizer: the same ids


def hostile(number: int) -> Iterator[str]:
    """Texts of all kinds of characters that pre-tokenizers stumble on."""
    pools = [
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u3000",
        "'sdmtSDMTlLvVrReE\u017f\u212a\u2019\u0130\u0131",
        "0123456789\u0660\u0663\xb2\xbd\u2167\u3007\U0001d7d8\U00010107",
        "\u0300\u0301\u0e31\u093f\u20e3\ufe0f\u200d\u200b\u200c\xad\ufeff",
        "👩💻👍🏽🇩🇪🏳🌈👨👧\U0001f3fb\U000e0067\U000e007f",
        "漢字仮名カナ한국어ไทย\U00020000\U0003134a\u3400\ua490",
        "\x00\x01\x07\x1b\x7f\x80\x9f\ufffd\ufffe\uffff\U0010ffff\ue000",
        "«»€$_+-=*/<>|(){}[]#`\\\"!?.,;:%&@~^\u2212\xd7\u2192",
        "\u0561\u10d0\u10d0\u1c90\ua7dc\U00010d4a\u0897\u088e\ud7a3\uac00",
    ]
    words = ["<|bos|>", "<|user_end|>", "don't", "WE'LL", "'ſ", "    ", "\r\n"]
    words += [" gradient", "return", "aaaaaaaa", "\n\n\n", "1234567", "é"]
    rng = random.Random(11)
    for _ in range(number):
        parts = []
        for _ in range(rng.randrange(1, 14)):
            if rng.random() < 0.25:
                parts.append(rng.choice(words))
            elif rng.random() < 0.1:
                point = rng.randrange(0x110000 - 0x800)
                parts.append(chr(point + 0x800 * (point >= 0xD800)))
            else:
                pool = rng.choice(pools)
                parts += rng.choices(pool, k=rng.randrange(1, 5))
        yield "".join(parts)


def browser_ids(page: Page, texts: list[str]) -> list[list[int]]:
    """What the page's encoder makes of texts."""
    return page.evaluate(
        """([name, texts]) => {
          const encoder = new Encoder(self.widgets[name]);
          return texts.map((text) => encoder.encode(text));
        }""",
        [NAME, texts],
    )


def test_ids_are_those_of_python(page: Page) -> None:
    texts = ["", *hostile(4000), "a" * 3000, " " * 3001 + "x", "ab'S" * 900]
    texts += [path.read_text("utf-8") for path in [Path(__file__)]]
    ids = browser_ids(page, texts)
    for text, seen, ours in zip(
        texts, ids, map(OURS.encode, texts), strict=True
    ):
        assert seen == ours, text[:60]


def test_every_code_point_is_split_as_in_python(page: Page) -> None:
    seen = page.evaluate(
        """(name) => new TextDecoder().decode(
          new Encoder(self.widgets[name]).standIns)""",
        NAME,
    )
    assert len(seen) == 0x110000
    assert seen == STAND_INS


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a\ud83d", "U+D83D at place 1"),
        ("👍é\udc00x", "U+DC00 at place 2"),
        ("\udfff👍", "U+DFFF at place 0"),
    ],
)
def test_half_of_a_pair_is_refused(
    page: Page, text: str, where: str
) -> None:
    why = "is half of a surrogate pair; UTF-8 has no bytes for it"
    with pytest.raises(ValueError, match=why):
        OURS.encode(text)
    page.locator(f"{PLAY} textarea").evaluate(
        """(area, text) => {
          area.value = JSON.parse(text);
          area.dispatchEvent(new Event("input"));
        }""",
        json.dumps(text),
    )
    note = page.locator(f"{PLAY} .note")
    expect(note).to_have_text(f"{where} {why}")
    expect(page.get_by_role("listbox", name="Tokens")).to_be_hidden()


# The playground


def tokens(page: Page) -> list[str]:
    """The tokens that are shown."""
    return page.locator(f"{PLAY} .token").all_text_contents()


def write(page: Page, text: str) -> None:
    """Type a text into the playground."""
    page.locator(f"{PLAY} textarea").fill(text)


def test_what_is_typed_is_cut(page: Page) -> None:
    write(page, "The gradient")
    assert tokens(page) == ["The", "·gradient"]
    counts = page.locator(f"{PLAY} .counts")
    expect(counts).to_have_text(
        "12 characters, 12 bytes, 2 tokens: 6.00 bytes per token."
    )
    write(page, "")
    expect(counts).to_have_text("0 characters, 0 bytes, 0 tokens.")
    write(page, "word " * 1200)
    expect(counts).to_contain_text("Drawn are the first 1,000")
    assert len(tokens(page)) == 1000


def test_what_cannot_be_seen_is_shown(page: Page) -> None:
    write(page, "a\tb\n\n👍\u200d x")
    seen = tokens(page)
    assert "⇥" in "".join(seen)
    assert "↵↵" in seen
    assert "F0" in seen
    shared = page.locator(f"{PLAY} .shared")
    found = [one.get_attribute("data-character") for one in shared.all()]
    assert found == ["👍", "ZWJ"]
    page.locator(f"{PLAY} .shared >> nth=1").locator(".token").last.click()
    expect(page.locator(f"{PLAY} .chosen p")).to_contain_text(
        "of the 3 bytes of ZWJ, U+200D."
    )


def test_special_tokens_are_not_forged(page: Page) -> None:
    page.get_by_role("button", name="Forgery").click()
    expect(page.locator(f"{PLAY} .note")).to_contain_text(
        f"token of that name, {OURS.specials['<|user_end|>']}, is never"
    )
    labels = page.locator(f"{PLAY} .token").evaluate_all(
        "all => all.map((one) => Number(one.ariaLabel.split('id ')[1]))"
    )
    assert labels == OURS.encode("Hi<|user_end|>$x$")
    assert max(labels) < min(OURS.specials.values())


def test_the_tree_has_the_merges_of_the_word(page: Page) -> None:
    write(page, "of functions")
    option = page.get_by_role("option", name="·function")
    option.hover()
    expect(option).to_have_attribute("aria-selected", "true")
    expect(page.locator(f"{PLAY} .chosen p")).to_have_text(
        f"·function is token {OURS.encode(' function')[0]}, bytes "
        "20 66 75 6E 63 74 69 6F 6E."
    )
    told = page.locator(f"{PLAY} .trees").get_attribute("aria-label")
    row, merges = list(b" functions"), []
    for n, (left, right) in enumerate(OURS.merges, 1):
        while (left, right) in pairwise(row):
            at = [*pairwise(row)].index((left, right))
            row[at : at + 2] = [255 + n]
            names = [
                OURS.tokens[i].decode().replace(" ", "·")
                for i in (left, right)
            ]
            merges.append(f"merge {n}: {names[0]} + {names[1]}")
    assert told == "; ".join(merges)
    mine = page.locator(f"{PLAY} .mine")
    assert mine.locator(".leaf").all_text_contents() == list("·function")


def test_arrows_lead_from_token_to_token(page: Page) -> None:
    write(page, "one two three")
    go_to(page, f"{PLAY} .token")
    for key, at in (("ArrowRight", 1), ("End", -1), ("ArrowRight", -1)):
        page.keyboard.press(key)
        focused = page.locator(f"{PLAY} .token:focus")
        expect(focused).to_have_attribute("aria-selected", "true")
        assert focused.text_content() == tokens(page)[at]
    page.keyboard.press("Home")
    expect(page.locator(f"{PLAY} .token:focus")).to_have_text("one")


# The viewer


def exported() -> np.ndarray:
    """The weights of the first text, as the small book makes them."""
    rng = np.random.default_rng(0)
    w = np.tril(rng.random((2, 3, 8, 8)) ** 4 + 1e-3)
    return w / w.sum(-1, keepdims=True)


def test_weights_are_those_of_the_model(page: Page) -> None:
    weights = exported()
    steps = np.rint(255 * weights)
    figure = page.locator(LOOK)
    for layer in range(2):
        for head in range(3):
            name = f"Layer {layer + 1}, head {head + 1}"
            figure.get_by_role("radio", name=name).click()
            pixels = figure.get_by_role("img", name=name).evaluate(
                """(c) => {
                  const copy = new OffscreenCanvas(c.width, c.height);
                  const context = copy.getContext("2d");
                  context.drawImage(c, 0, 0);
                  return [...context.getImageData(
                    0, 0, c.width, c.height).data];
                }"""
            )
            alpha = np.reshape(pixels, (8, 8, 4))[..., 3]
            wanted = np.sqrt(steps[layer, head] * 255)
            assert abs(alpha - wanted).max() <= 0.5 + 1e-9
            for at in (0, 4, 7):
                figure.get_by_role("option").nth(at).click()
                said = figure.get_by_role("option").evaluate_all(
                    "all => all.map((one) => one.dataset.percent)"
                )
                seen = [float(text.strip() or 0) for text in said]
                off = abs(np.array(seen) - 100 * weights[layer, head, at])
                assert off.max() < 0.5 + 100 / 510 + 1e-9
    most = np.argsort(-weights[1, 2, 7])[0]
    token = figure.get_by_role("option").nth(int(most))
    expect(figure.get_by_role("status")).to_contain_text(
        f"looks at {token.get_attribute('aria-label')} "
    )


def test_arrows_lead_from_head_to_head(page: Page) -> None:
    go_to(page, f"{LOOK} .heads button")
    keys = ("Home", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowUp", "End")
    told = ["1, head 1", "2, head 1", "2, head 2", "1, head 2", "1, head 2"]
    for key, name in zip(keys, [*told, "2, head 3"], strict=True):
        page.keyboard.press(key)
        chosen = page.locator(f"{LOOK} .heads button:focus")
        expect(chosen).to_have_attribute("aria-checked", "true")
        expect(chosen).to_have_attribute("aria-label", f"Layer {name}")
        large = page.locator(f"{LOOK} .matrix canvas")
        expect(large).to_have_attribute("aria-label", f"Layer {name}")


def test_another_text(page: Page) -> None:
    figure = page.locator(LOOK)
    figure.get_by_role("radio", name="Two").click()
    assert figure.get_by_role("option").count() == 4
    label = figure.get_by_role("option").nth(2)
    expect(label).to_have_attribute("aria-label", "↵")
    figure.locator(".matrix canvas").hover(position={"x": 5, "y": 2})
    expect(figure.get_by_role("status")).to_have_text("a looks at a 100 %.")


# For everyone, everywhere


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (PHONE, "dark")]
)
def test_nobody_is_left_out(
    reader: Callable, small_site: str, width: int, scheme: str
) -> None:
    one = reader(
        small_site, width=width, color_scheme=scheme, reduced_motion="reduce"
    )
    page = opened(one)
    for name in ("Emoji", "Forgery", "Code"):
        page.get_by_role("button", name=name, exact=True).click()
        assert violations(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide == width
    assert tour(opened(one)) == []


def test_a_site_opened_from_disk(reader: Callable, small: Path) -> None:
    opened(reader((small / "build" / "site").as_uri() + "/"))


def test_a_printer_and_a_page_without_scripts(
    reader: Callable, small_site: str, page: Page
) -> None:
    page.emulate_media(media="print")
    bare = reader(small_site, java_script_enabled=False).open(PAGE)
    for one in (page, bare):
        for figure in (PLAY, LOOK):
            expect(one.locator(f"{figure} > img")).to_be_visible()
            expect(one.locator(f"{figure} .widget")).to_be_hidden()


def test_without_its_data_the_picture_stays(
    reader: Callable, small_site: str
) -> None:
    one = reader(small_site)
    one.page.route("**/widgets/*-1.js", lambda route: route.abort())
    page = one.open(PAGE)
    page.locator(LOOK).scroll_into_view_if_needed()
    page.wait_for_selector(f"{LOOK}.live")
    expect(page.locator(f"{PLAY} > img")).to_be_visible()
    expect(page.locator(f"{PLAY} .widget")).to_be_hidden()
    one.complaints.clear()  # the browser's, of the request that failed


def test_data_wait_until_the_figure_is_near(
    reader: Callable, small_site: str
) -> None:
    one = reader(small_site)
    asked = []
    one.page.on("request", lambda request: asked.append(request.url))
    page = one.page
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () =>
          document.querySelector("h1").style.marginBottom = "9000px")"""
    )
    one.open(PAGE)
    page.wait_for_timeout(200)
    late = ("widgets/", "playground.js", "attention.js")
    assert not [url for url in asked if any(name in url for name in late)]
    page.locator(PLAY).scroll_into_view_if_needed()
    page.wait_for_selector(f"{PLAY}.live")
