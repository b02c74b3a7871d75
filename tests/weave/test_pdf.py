"""The printed book: what every edition must hold to."""

import io
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from weave import ManuscriptError, fonts, pdf
from weave.typst import call, escape

from .pdffile import Pdf, dead, outside

BOOK = Path(__file__).resolve().parents[2] / "build" / "nand2llm.pdf"

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
    assert b"<pdfuaid:part>1</pdfuaid:part>" in data
    assert re.search(rb"/Lang ?\(en\)", data)
    assert b"A box." in data  # the alt text of the figure
    assert rb"\\sum_{i=1}^n x_i" in data  # and of the formula


@pytest.fixture(params=["small", "book"])
def printed(request, tmp_path):
    """The file of a small book with everything in it, and the book's."""
    if request.param == "small":
        pdf.build_book(request.getfixturevalue("small"), tmp_path / "book.pdf")
        return tmp_path / "book.pdf"
    if not BOOK.exists():
        pytest.skip("the book is not set; run make pdf")
    return BOOK


def test_it_carries_its_fonts_and_leads_where_it_says(printed):
    made = Pdf(printed.read_bytes())
    assert len(list(made.fonts())) >= 5
    assert len(list(made.links())) > 20
    assert outside(made) == []
    assert dead(made) == []


def test_the_outline_is_that_of_the_book(small, tmp_path):
    pdf.build_book(small, tmp_path / "book.pdf")
    titles = [title for title, _ in Pdf((tmp_path / "book.pdf").read_bytes()).outline()]
    want = ["1 First things", "1.1 Lists", "1.2 Code", "2 Second things", "Answers", "Index"]
    assert [title.replace("\u2002", " ") for title in titles if title.replace("\u2002", " ") in want] == want


@pytest.mark.parametrize("name", ["link", "outline", "font"])
def test_a_broken_file_would_be_noticed(small, tmp_path, name):
    pdf.build_book(small, tmp_path / "book.pdf")
    data = (tmp_path / "book.pdf").read_bytes()
    if name == "link":
        found = re.search(rb"/Subtype/Link(?:(?!endobj).)*?/Dest\((.)", data, re.S)
        (wrong,) = dead(Pdf(changed(data, found.start(1), b"\x7f")))
        assert wrong.startswith("page ")
    elif name == "outline":
        made = Pdf(data)
        title, goal = list(made.outline())[-1]
        at = made.offsets[goal.number]
        place = re.compile(rb"\d+ \d+ obj\s*\[(\d)").match(data, at)
        assert f"outline, {title}" in dead(Pdf(changed(data, place.start(1), b"9")))
    else:
        for found in re.finditer(rb"/FontFile[23]?", data):
            data = changed(data, found.start() + 1, b"X")
        assert len(outside(Pdf(data))) >= 5


def changed(data, at, what):
    """The same bytes, but for some."""
    assert data[at : at + len(what)] != what
    return data[:at] + what + data[at + len(what) :]


MM = 72 / 25.4
WORD = re.compile(
    r'<page (?P<page>)|<word xMin="(?P<left>[\d.-]+)" yMin="(?P<top>[\d.-]+)"'
    r' xMax="(?P<right>[\d.-]+)" yMax="(?P<bottom>[\d.-]+)">(?P<text>[^<]*)'
)


def overfull(path):
    """The words that stick out of the block of text, with their pages.

    Points and commas hang by 2 points, and may. On odd pages there are
    notes beyond the edge; what sticks out comes into the gap before.
    """
    if not shutil.which("pdftotext"):
        pytest.skip("needs pdftotext")
    said = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True, text=True)
    number = 0
    for word in WORD.finditer(said.stdout):
        if word["page"] is not None:
            number += 1
            continue
        left, top, right, bottom = (float(word[k]) for k in ("left", "top", "right", "bottom"))
        edge = (203.2 - (57 if number % 2 else 21)) * MM
        note = edge + 6 * MM if number % 2 else 576
        body = top > 20 * MM and bottom < 720 - 20 * MM
        if body and right > edge + 2.5 and left < note - 1:
            yield f"page {number}: {word['text']}"


def test_no_line_sticks_out(printed):
    assert list(overfull(printed)) == []


@pytest.mark.parametrize("columns", [72, 76, 77, 78, 90, 110])
def test_a_line_that_sticks_out_would_be_noticed(tmp_path, columns):
    block = 203.2 - 21 - 57  # room for 76 columns of this size
    page = "width: 203.2mm, height: 254mm, margin: (inside: 21mm, outside: 57mm, y: 25mm)"
    size = f"#show raw: set text(size: {block}mm / 76 / 0.602)"
    line = f"#box(width: 20in)[`{('word ' * 30)[:columns - 1]}.`]"
    source = f"#set page({page})\n{size}\n{line}\n#pagebreak()\n{line}"
    typst.compile(source.encode(), tmp_path / "wide.pdf")
    found = {word.partition(":")[0] for word in overfull(tmp_path / "wide.pdf")}
    assert found == ({"page 1", "page 2"} if columns > 76 else set())


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
