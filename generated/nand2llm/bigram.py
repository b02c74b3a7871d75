# Made from book/part1/04-measuring-wrongness.md by tangle.py; edit there, or here and stitch. ef46b285e403
"""The next letter from the last, with logits and softmax."""

from itertools import pairwise

from nand2llm.letters import SYMBOLS, NextLetter
from nand2llm.loop import Parameters
from nand2llm.softmax import softmax, softmax_loss, softmax_slopes


def neighbors(text: str) -> list[tuple[str, float]]:
    """Return one example a place: the pair of symbols that came."""
    return [(a + b, 1.0) for a, b in pairwise(text)]


class Bigram(NextLetter):
    """A logit, for every pair of symbols."""

    def __init__(self) -> None:
        self.parameters: Parameters = {
            a + b: 0.0 for a in SYMBOLS for b in SYMBOLS
        }

    def logits(self, letter: str) -> list[float]:
        """Return, in order of SYMBOLS, the row of `letter`."""
        return [self.parameters[letter + b] for b in SYMBOLS]

    def beliefs(self, letter: str) -> list[float]:
        """Return, in order of SYMBOLS, what may follow `letter`."""
        return softmax(self.logits(letter))

    def predict(self, pair: str) -> float:
        """Return ln of the belief that pair[1] follows pair[0]."""
        target = SYMBOLS.index(pair[1])
        return -softmax_loss(self.logits(pair[0]), target)

    def slopes(self, pair: str) -> Parameters:
        """Return the slopes of `predict`: one row matters."""
        target = SYMBOLS.index(pair[1])
        slopes = softmax_slopes(self.logits(pair[0]), target)
        moved = zip(SYMBOLS, slopes, strict=True)
        return {pair[0] + b: -s for b, s in moved}
