"""Formulas in print: each looks as it did when last looked at.

`math-gallery.png` holds the pictures. After a change that is meant,
look at what `python tests/weave/test_math.py` makes of it.
"""

import io
import re
import sys
from pathlib import Path

import pytest
import typst
from PIL import Image, ImageChops, ImageFilter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "generated"), str(ROOT)]

from weave import math, mathml  # noqa: E402

CACHE = ROOT / "build" / "cache"
PICTURE = HERE / "math-gallery.png"
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$((?:\\.|[^$])+?)\$")
LINES = (HERE / "math-gallery.md").read_text("utf-8").splitlines()
DPI = 75
PAGE = '#set page(width: 170mm, height: 24mm, margin: 2mm)\n#show math.equation: set text(font: "New Computer Modern Math")\n'


def one(tex, display=False, macros=()):
    pair = (tex, display)
    return math.formulas([pair], dict(macros), CACHE)[pair]


def as_typst(found):
    display = found[1] is not None
    body = one(found[1] or found[2], display).typst
    return f"$ {body} $" if display else f"${body}$"


def render(lines):
    pages = (FORMULA.sub(as_typst, line.partition(". ")[2]) for line in lines)
    source = PAGE + "\n#pagebreak()\n".join(pages)
    made = typst.compile(source.encode(), format="png", ppi=DPI, ignore_system_fonts=True)
    made = made if isinstance(made, list) else [made]
    return [Image.open(io.BytesIO(png)).convert("L") for png in made]


def strip(pictures):
    width, height = pictures[0].size
    whole = Image.new("L", (width, height * len(pictures)))
    for at, picture in enumerate(pictures):
        whole.paste(picture, (0, at * height))
    return whole


def difference(one_picture, other):
    """The largest difference of gray between places of 3 by 3 dots."""
    blurred = [p.filter(ImageFilter.BoxBlur(1)) for p in (one_picture, other)]
    return ImageChops.difference(*blurred).getextrema()[1]


@pytest.fixture(scope="module")
def pictures():
    made = render(LINES)
    assert len(made) == len(LINES)
    return made


@pytest.mark.parametrize("at", range(len(LINES)))
def test_gallery(pictures, at):
    height = pictures[0].height
    known = Image.open(PICTURE).crop((0, at * height, pictures[0].width, (at + 1) * height))
    assert difference(pictures[at], known) < 12, f"looks different: {LINES[at]}"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"$\mathscr{L}$", r"$\mathcal{L}$"),
        (r"$$\Bigl(x\Bigr)$$", r"$$(x)$$"),
        (r"$a\,b$", r"$ab$"),
        (r"$\lVert x\rVert$", r"$\lvert x\rvert$"),
        (r"$$\sum_i^n x$$", r"$$\sum\nolimits_i^n x$$"),
        (r"$$\begin{aligned}a&=b\\cc&=d\end{aligned}$$", r"$$\begin{gathered}a=b\\cc=d\end{gathered}$$"),
        (r"$\hat x$", r"$\bar x$"),
    ],
)
def test_the_comparison_sees_small_things(right, wrong):
    pictures = render(["1. " + right, "2. " + wrong])
    assert difference(*pictures) >= 12


def test_an_error_names_the_formula():
    with pytest.raises(math.MathError, match=r"\\nonsense.* in \$a \+ \\nonsense\$"):
        one(r"a + \nonsense")


def test_what_print_cannot_show_is_an_error():
    with pytest.raises(math.MathError, match=r"print has no .*\$\\rule"):
        one(r"\rule{1em}{2em}")


@pytest.mark.parametrize(
    "markup", ["<mglyph/>", "<mi href='x'>x</mi>", "<mi mathvariant='initial'>x</mi>", "<mspace depth='1em'/>"]
)
def test_unknown_markup_is_an_error(markup):
    with pytest.raises(mathml.UnknownMarkup):
        mathml.to_typst(f"<math><semantics><mrow>{markup}</mrow></semantics></math>")


def test_three_forms():
    formula = one(r"\sqrt{x}", True)
    assert 'class="katex-html"' in formula.html
    assert formula.mathml.startswith('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">')
    assert formula.typst == "sqrt(x)"


def test_macros():
    assert one(r"\twice{x}", macros={r"\twice": "#1#1"}).typst == one("xx").typst


def test_text_is_never_markup():
    made = one(r'\text{"a" \# $b$ [c] // d}').typst
    assert typst.compile(f"${made}$".encode(), format="svg")


def test_what_was_made_once_is_not_made_again(tmp_path, monkeypatch):
    pairs = [("x^2", False), ("x^2", True)]
    first = math.formulas(pairs, {}, tmp_path)
    monkeypatch.setattr(math, "ask", None)
    assert math.formulas(pairs, {}, tmp_path) == first


if __name__ == "__main__":
    strip(render(LINES)).save(PICTURE, optimize=True)
