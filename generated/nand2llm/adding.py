# Made from book/part4/16-the-transformer-block.md by tangle.py; edit there, or here and stitch. b97a7f3068d4
"""Lists of pairs, and a digit to add: look up, then compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nand2llm import functional as F
from nand2llm.heads import SelfAttention
from nand2llm.nn import Embedding, Linear, Module
from nand2llm.optim import AdamW
from nand2llm.recall import DIGITS, LETTERS, Lists, lists
from nand2llm.tensor import Tensor, concatenate

PAIRS = 6


class Sums(NamedTuple):
    """B lists; a digit to add to the one that's asked for."""

    lists: Lists
    plus: Any  # (B)
    answers: Any  # (B), the last digits of the sums


def sums(n: int, rng: np.random.Generator) -> Sums:
    """n random lists of six pairs, with a sum to do for each."""
    many = lists(n, PAIRS, rng)
    plus = rng.integers(0, DIGITS, n)
    return Sums(many, plus, (many.answers + plus) % DIGITS)


class Adder(Module):
    """Layers over the rows of a list; what the last row says."""

    def __init__(
        self,
        layers: Sequence[Module],
        rng: np.random.Generator,
        width: int = 32,
    ) -> None:
        self.letters = Embedding(LETTERS, width, rng, std=1.0)
        self.digits = Embedding(DIGITS, width, rng, std=1.0)
        self.plus = Embedding(DIGITS, width, rng, std=1.0)
        self.layers = layers
        self.out = Linear(width, DIGITS, rng)

    def rows(self, batch: Sums) -> Tensor:
        """The pairs and the question, (B, 7, C)."""
        letters, digits, asked, *_ = batch.lists
        pairs = self.letters(letters) + self.digits(digits)
        question = self.letters(asked) + self.plus(batch.plus)
        question = question.reshape(len(question), 1, -1)
        return concatenate([pairs, question], axis=1)

    def forward(self, batch: Sums) -> Tensor:
        """The logits (B, 10) of the answers."""
        x = self.rows(batch)
        for layer in self.layers:
            x = layer(x)
        return self.out(F.rms_norm(x[:, -1]))


class Alone(Module):
    """Attention that nothing follows, added to its input."""

    def __init__(self, attention: SelfAttention) -> None:
        self.attention = attention

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to the same."""
        return x + self.attention(F.rms_norm(x))


def fit(model: Adder, steps: int, rng: np.random.Generator) -> float:
    """Train on fresh lists; the loss of the last step, in nats."""
    optimizer = AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    for _ in range(steps):
        batch = sums(128, rng)
        loss = F.cross_entropy(model(batch), batch.answers)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return float(loss.item())


def right(model: Adder) -> float:
    """The share of right answers, on 1,000 other lists."""
    exam = sums(1000, np.random.default_rng(99))
    hit = model(exam).numpy().argmax(axis=1) == exam.answers
    return float(hit.mean())
