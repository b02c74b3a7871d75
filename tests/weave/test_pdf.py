"""The printed book: what every edition must hold to."""

import io
import json
import re
import zlib

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from weave import ManuscriptError, fonts, pdf
from weave.typst import call, escape

EVERYTHING = r"""
# First things {#ch:first}

Words, *emphasis*(brackets), **strong**; `code_in_a_sentence`, x^2^, H~2~O,
~~gone~~, a [link](https://example.org/a_b) and <https://example.org>, a
note[^1], "quotes", an [index entry]{.idx}, and $a_1 \le \loss$.
[In the margin.]{.margin}

[^1]: With `code`.

## Lists {#sec:lists}

1. one

   ``` {.python .run}
   print("-" * 300)
   ```

2. two
   - nested: @eq:one, @fig:one, @tbl:one, @sec:lists, @ex:one
   - [](#first/code)

Term
:   its meaning

> quoted

| verse
| verse

---

$$ \sum_{i=1}^n x_i $$ {#eq:one}

$$ x $$

::: {#fig:one width=50% alt="A box."}
``` {.python .run .hidden}
'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
```

The caption, *with markup*.
:::

| a | b |
|---|--:|
| 1 | 2 |

: A table. {#tbl:one}

| c | d |
|---|---|
| 3 | 4 |

## Code {#sec:code}

``` {.python #first/code file=generated/nand2llm/one.py}
def one() -> int:
    <<first/body>>
```

``` {.python #first/body}
x = 1
```

``` {.python #first/body}
return x
```

``` {.python .run .raises}
1 / 0
```

``` text
not run
```

::: backends
``` {.python #first/numpy backend=numpy file=generated/nand2llm/np.py}
a = 1
```

``` {.rust #first/rust backend=rust file=generated/native/src/a.rs}
let a = 1;
```
:::

::: {.aside title="Aside"}
Beside.
:::

::: {.design-note title="Why #1?"}
Because.
:::

::: {.exercise #ex:one level=2 title="Do [it]"}
Do it.

``` {.python .stub}
def it(): ...
```

``` {.python .test}
def test_it():
    assert it() == 1
```

``` {.python .solution}
def it(): return 1
```

``` {.python .mutant}
def it(): return 2
```

``` {.python .mutant}
def it(): return 3
```

::: {.solution}
Done.
:::
:::
"""

SECOND = """
# Second things {#ch:second}

See @sec:code and [](#first/body).

``` {.python #first/body .replace}
return 2
```
"""

MORE = "x" * 72


def long_code(lines):
    body = "\n".join(f"{'x' * 68} = 1" for _ in range(lines))
    return f"# Long {{#ch:long}}\n\n``` {{.python #long file=generated/nand2llm/long.py}}\n{body}\n```\n"


@pytest.fixture
def small(weave):
    return weave(EVERYTHING, SECOND)


def inflated(data):
    """The text of a PDF's objects, most of which are compressed."""
    found = [data]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S):
        try:
            found.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(found)


def pictures(ms, dpi=40):
    """Each page of the book as the printer would see it."""
    made = typst.compile(
        ms.root / "build/typst/main.typ",
        root=ms.root,
        font_paths=[fonts.unpack(ms.root)],
        ignore_system_fonts=True,
        sys_inputs={"pages": " ".join(page.docname for page in ms.pages)},
        format="png",
        ppi=dpi,
    )
    return [Image.open(io.BytesIO(png)).convert("L") for png in made]


def test_every_kind_of_element(small, tmp_path, capsys):
    pdf.build_book(small, tmp_path / "book.pdf")
    assert capsys.readouterr().err == ""


def test_twice_the_same_bytes(small, tmp_path):
    for name in ("one.pdf", "two.pdf"):
        pdf.press.cache_clear()
        pdf.build_book(small, tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_what_the_file_says_of_itself(small, tmp_path):
    pdf.build_book(small, tmp_path / "book.pdf")
    data = inflated((tmp_path / "book.pdf").read_bytes())
    descriptors = data.count(b"/Type/FontDescriptor") + data.count(b"/Type /FontDescriptor")
    assert descriptors >= 5
    assert len(re.findall(rb"/FontFile[23]? \d+ 0 R", data)) == descriptors
    assert b"<pdfuaid:part>1</pdfuaid:part>" in data
    assert re.search(rb"/Lang ?\(en\)", data)
    for title in ("First things", "Lists", "Second things", "Answers", "Index"):
        assert title.encode() in data or title.encode("utf-16-be") in data
    assert b"A box." in data  # the alt text of the figure
    assert rb"\\sum_{i=1}^n x_i" in data  # and of the formula


def test_a_chapter_alone(small, tmp_path, capsys):
    for page in small.pages:
        pdf.build_chapter(small, page.docname, tmp_path / "alone.pdf")
        assert (tmp_path / "alone.pdf").stat().st_size > 1000
    assert capsys.readouterr().err == ""


def test_nothing_stands_beside_the_text(weave, tmp_path):
    text = f'# Wide {{#ch:wide}}\n\n`{MORE}.{MORE}`\n\n``` {{.python .run}}\nprint("y" * 500)\n"z" * 90\n```\n\n```\n{"w" * 150}\n```\n'
    ms = weave(long_code(3), text)
    pdf.build_book(ms, tmp_path / "book.pdf")
    inch = 40
    right = int((203.2 - 57 + 1) / 25.4 * inch)
    left = int((57 - 1) / 25.4 * inch)
    head = int(20 / 25.4 * inch)
    for number, page in enumerate(pictures(ms, inch), 1):
        width, height = page.size
        beside = (right, head, width, height) if number % 2 else (0, head, left, height)
        assert page.crop(beside).getextrema() == (255, 255), f"page {number}"


def test_no_head_without_its_code(weave, tmp_path):
    """Wherever a chunk begins on a page, four lines follow its head."""
    prose = "Some words that fill a line of the page, or nearly so.\n\n"
    tops = []
    for lines in range(24, 34):
        ms = weave(f"# One {{#ch:one}}\n\n{prose * lines}" + long_code(40).partition("\n")[2])
        pdf.build_book(ms, tmp_path / "book.pdf")
        place = "locate(<chunk-long>).position().y / 1pt"
        tops.append(float(pdf.press(ms.root).compiler.eval(place)))
    assert max(tops) < 720 - 62 - 4 * 11.6
    assert len(set(tops)) > 3


def test_wrong_tex_names_its_line(weave, tmp_path):
    ms = weave("# One {#ch:one}\n\nText.\n\n$$ \\frac{1} $$\n")
    with pytest.raises(ManuscriptError, match=r"book/part1/01-one\.md:5: .*\\frac\{1\}"):
        pdf.build_book(ms, tmp_path / "book.pdf")


def test_control_characters_are_shown(weave, tmp_path):
    ms = weave('# One {#ch:one}\n\n``` {.python .run}\nprint("\\0\\x1b[0m 🙂")\n```\n')
    pdf.build_book(ms, tmp_path / "book.pdf")


@pytest.mark.parametrize("where", ["{}", "`{}`", "```\n{}\n```"])
def test_what_typst_says_names_the_chapter(weave, tmp_path, where):
    ms = weave("# One {#ch:one}\n\n## Two\n\n" + where.format("Text. 𐎄") + "\n")
    with pytest.raises(ManuscriptError, match=r"book/part1/01-one\.md:[35]: .*could not be displayed"):
        pdf.build_book(ms, tmp_path / "book.pdf")


PLAIN = """
#let plain(it) = if it.has("text") { it.text } else if it.has("children") {
  it.children.map(plain).join("")
} else if it.func() == smartquote { if it.double { "\\"" } else { "'" } } else {
  if it.func() == [ ].func() { " " } else { repr(it) }
}
"""
HOSTILE = st.text(alphabet="\\#$*_`<>@~[]{}()-+=/;:.,'\"^&%!?|0a1 \u201c\u00e9", min_size=1, max_size=20)


@settings(max_examples=150, deadline=None)
@given(HOSTILE)
def test_words_are_never_markup(words):
    """A word of a sentence stands for itself, whatever is in it."""
    word = re.sub(" +", "", words) or "x"
    source = f"{PLAIN}#metadata(plain([{escape(word)} end]))<it>"
    (found,) = json.loads(typst.query(source.encode(), "<it>", field="value"))
    assert found == f"{word} end"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
def test_strings_stand_for_themselves(words):
    source = f"{call('metadata', words)}<it>"
    (found,) = json.loads(typst.query(source.encode(), "<it>", field="value"))
    assert found == words
