# Made from book/part4/14-attention.md by tangle.py; edit there, or here and stitch. 1c5c6de9d0be
"""Lists of pairs, and a question: a task that needs a memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nand2llm import functional as F
from nand2llm.attending import attend
from nand2llm.nn import Embedding, Linear, Module
from nand2llm.optim import AdamW
from nand2llm.tensor import Tensor

LETTERS, DIGITS = 26, 10


class Lists(NamedTuple):
    """B lists of T pairs, what is asked of each, and the answer."""

    letters: Any  # (B, T), no letter twice in a list
    digits: Any  # (B, T)
    asked: Any  # (B)
    answers: Any  # (B)
    back: Any  # (B), how many pairs ago it was said; 1: the last


def lists(n: int, pairs: int, rng: np.random.Generator) -> Lists:
    """n random lists of so many pairs, at most 26."""
    if not 1 <= pairs <= LETTERS:
        raise ValueError(f"{pairs} pairs; there are {LETTERS} letters")
    order = np.argsort(rng.random((n, LETTERS)), axis=1)
    letters = order[:, :pairs]
    digits = rng.integers(0, DIGITS, (n, pairs))
    place = rng.integers(0, pairs, n)
    row = np.arange(n)
    asked, answers = letters[row, place], digits[row, place]
    return Lists(letters, digits, asked, answers, pairs - place)


def fit(
    model: Module, steps: int, pairs: int, rng: np.random.Generator
) -> float:
    """Train on fresh lists; the loss of the last step, in nats."""
    optimizer = AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(steps):
        batch = lists(128, pairs, rng)
        loss = F.cross_entropy(model(batch), batch.answers)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return float(loss.item())


class Lookup(Module):
    """Answers by attention to the pairs; `weights` (B, T): where."""

    def __init__(
        self, rng: np.random.Generator, width: int = 32
    ) -> None:
        self.letters = Embedding(LETTERS, width, rng, std=1.0)
        self.digits = Embedding(DIGITS, width, rng, std=1.0)
        self.q, self.k, self.v = (
            Linear(width, width, rng, bias=False) for _ in range(3)
        )
        self.out = Linear(width, DIGITS, rng)

    def forward(self, batch: Lists) -> Tensor:
        """The logits (B, 10) of the digits."""
        x = self.letters(batch.letters) + self.digits(batch.digits)
        question = self.letters(batch.asked[:, None])  # (B, 1, C)
        y, weights = attend(self.q(question), self.k(x), self.v(x))
        self.weights = weights.numpy()[:, 0]
        return self.out(y[:, 0])
