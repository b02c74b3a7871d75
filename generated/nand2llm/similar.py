# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. d408fc51c8f2
"""Find the text that is most like a question, by its words."""

import re
from collections import Counter
from collections.abc import Sequence

from nand2llm.array import Array, array, full


def words(text: str) -> list[str]:
    """The words of a text or of a name_with_underscores."""
    return re.findall("[a-z]+", text.lower())


class Shelf:
    """Texts as rows of a table, one column for each word."""

    def __init__(self, texts: Sequence[str], rare: bool = True) -> None:
        self.texts = texts
        bags = [set(words(text)) for text in texts]
        spread = Counter(word for bag in bags for word in bag)
        self.columns = {w: j for j, w in enumerate(sorted(spread))}
        self.weights = {
            word: 1 / spread[word] if rare else 1.0 for word in spread
        }
        rows = [self.vector(text).tolist() for text in texts]
        self.table = array(rows)

    def vector(self, text: str) -> Array:
        """An arrow of length 1, or zeros if no word is known: (n,)."""
        row = full((len(self.columns),), 0.0)
        for word in words(text):
            if word in self.columns:
                row[self.columns[word]] += self.weights[word]
        length = float(row @ row) ** 0.5
        return row / length if length else row

    def nearest(self, question: str, n: int) -> list[tuple[float, str]]:
        """The n texts with the largest cosines, best first."""
        scores = (self.table @ self.vector(question)).tolist()
        found = zip(scores, self.texts, strict=True)
        return sorted(found, reverse=True)[:n]
