"""What is refused as a widget, and what becomes of one on paper."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from nand2llm.bpe import BPE
from nand2llm.pretokenize import ASCII_PATTERNS, STAND_INS
from weave import show

ONE = np.tril(np.ones((2, 2, 3, 3))) / np.arange(1, 4)[:, None]
CHAPTER = """\
# One {#ch:one}

:::: {#fig:look alt="A triangle."}
``` {.python .run .hidden}
import numpy as np
w = np.tril(np.ones((1, 1, 3, 3))) / np.arange(1, 4)[:, None]
show.attention({"A text": (["a", " b", "$"], w)})
```
Who looks at whom.
::::
"""


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (ONE[0], r"x: 3 tokens have weights \(2, 3, 3\)"),
        (ONE[..., :2], r"they should be \(2, 2, 3, 3\)"),
        (ONE[:, :, ::-1], "must sum to 1 up to its own token"),
        (ONE * 0.9, "must sum to 1 up to its own token"),
    ],
)
def test_weights_are_checked(weights: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        show.attention({"x": ("abc", weights)})


def test_texts_and_head_are_checked() -> None:
    with pytest.raises(ValueError, match="no text"):
        show.attention({})
    with pytest.raises(ValueError, match=r"y: .*should be \(2, 2, 3, 3\)"):
        show.attention({"x": ("abc", ONE), "y": ("abc", ONE[:1])})
    for first in ((2, 0), (0, 2), (-1, 0)):
        with pytest.raises(ValueError, match=r"is none of \(2, 2\)"):
            show.attention({"x": ("abc", ONE)}, first)


def test_weights_come_back() -> None:
    data = show.attention({"x": ("abc", ONE)}, (1, 0))._repr_widget_()
    kept = [*base64.b64decode(data["texts"]["x"]["weights"])]
    assert kept == [255, 128, 128, 85, 85, 85] * 4
    assert data["heads"] == (2, 2) and data["first"] == (1, 0)


def test_a_tokenizer_with_bytes_in_another_order_is_refused() -> None:
    other = BPE([], order=range(255, -1, -1))
    with pytest.raises(ValueError, match="token i must be byte i"):
        show.playground(other, ASCII_PATTERNS["gpt4"], STAND_INS, {})


def test_a_widget_is_a_figure(weave) -> None:
    page = weave(CHAPTER).pages[0]
    assert [one["kind"] for one in page.widgets.values()] == ["attention"]
    (figure,) = (one for one in page.body.content if "figure" in str(one))
    assert figure.attributes["widget"] in page.widgets
    assert figure.attributes["src"].endswith(".svg")
