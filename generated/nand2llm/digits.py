# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. 320d778b1bc4
"""Handwritten digits: 1,797 of them, of 8 by 8 points each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nand2llm.checkout import find

Array = np.ndarray[Any, Any]

FILE = "book/data/digits.csv.gz"
SIDE = 8


@dataclass(frozen=True)
class Digits:
    """Images (n, 64), from 0 for paper to 1 for ink, and labels (n)."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Any) -> Digits:
        return Digits(self.images[rows], self.labels[rows])

    def batches(
        self, size: int, rng: np.random.Generator
    ) -> Iterator[tuple[Array, Array]]:
        """All digits once, in random order, some at a time."""
        order = rng.permutation(len(self))
        for at in range(0, len(self), size):
            rows = order[at : at + size]
            yield self.images[rows], self.labels[rows]


def read() -> Digits:
    """All digits, in the file's order."""
    table = np.loadtxt(find(FILE), delimiter=",", dtype=np.float32)
    return Digits(table[:, :-1] / 16, table[:, -1].astype(np.int64))


def split(seed: int = 8) -> tuple[Digits, Digits, Digits]:
    """1,000 to learn from, 297 to choose by, 500 to be judged by."""
    digits = read()
    order = np.random.default_rng(seed).permutation(len(digits))
    return (
        digits[order[:1000]],
        digits[order[1000:1297]],
        digits[order[1297:]],
    )
