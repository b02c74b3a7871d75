# Made from book/part1/01-introduction.md by tangle.py; edit there, or here and stitch. 0f8ed63ffab3
"""What letter comes next? The first language model of the book."""

import random
import re
import string
from itertools import pairwise

from nand2llm.loop import Parameters

SYMBOLS = " " + string.ascii_lowercase


def letters(text: str) -> str:
    """Return `text` in the 27 `SYMBOLS`, words one space apart."""
    return re.sub("[^a-z]+", " ", text.lower()).strip()


def questions(text: str) -> list[tuple[str, float]]:
    """Return, for every place in `text`, one example per symbol.

    The question "th" asks whether "h" follows this "t"; the answer
    is 1.0 if it does and 0.0 if not.
    """
    return [
        (this + symbol, float(symbol == following))
        for this, following in pairwise(text)
        for symbol in SYMBOLS
    ]


class NextLetter:
    """A belief, for every pair of symbols, that they are neighbors."""

    def __init__(self) -> None:
        self.parameters: Parameters = {
            a + b: 1 / len(SYMBOLS) for a in SYMBOLS for b in SYMBOLS
        }

    def predict(self, pair: str) -> float:
        """Return the belief that pair[1] comes after pair[0]."""
        return self.parameters[pair]

    def slopes(self, pair: str) -> Parameters:
        """Return the slope of `predict`: one parameter matters."""
        return {pair: 1.0}

    def beliefs(self, letter: str) -> list[float]:
        """Return, in order of SYMBOLS, what may follow `letter`."""
        return [self.parameters[letter + b] for b in SYMBOLS]

    def guess(self, letter: str) -> str:
        """Return the symbol most likely to follow `letter`."""
        return max(SYMBOLS, key=lambda b: self.parameters[letter + b])

    def write(self, length: int, seed: int) -> str:
        """Return `length` symbols, each drawn after the last."""
        rng = random.Random(seed)
        text = " "  # as if a word had ended
        for _ in range(length):
            text += rng.choices(SYMBOLS, self.beliefs(text[-1]))[0]
        return text[1:]
