# Made from book/part4/15-multi-head-self-attention.md by tangle.py; edit there, or here and stitch. c67b4f11958b
"""Rows that repeat themselves: a task for two layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from nand2llm import functional as F
from nand2llm.heads import SelfAttention
from nand2llm.nn import Embedding, Linear, Module
from nand2llm.optim import AdamW
from nand2llm.positions import Rotary
from nand2llm.tensor import Tensor, no_grad

TOKENS, LENGTH = 20, 32


def rows(
    n: int, rng: np.random.Generator, length: int = LENGTH
) -> tuple[Any, Any]:
    """n rows (n, T) of a period from 6 to T/2 − 1, and which of the
    tokens that come next (n, T − 1) are certain."""
    x = np.empty((n, length), np.int64)
    certain = np.zeros((n, length - 1), bool)
    for row, sure in zip(x, certain, strict=True):
        period = int(rng.integers(6, length // 2))
        row[:] = np.resize(rng.integers(0, TOKENS, period), length)
        sure[period:] = True
    return x, certain


class Heads(Module):
    """Layers of attention and nothing else, each added to its input."""

    def __init__(
        self,
        layers: int,
        heads: int,
        rng: np.random.Generator,
        width: int = 64,
        **settings: Any,
    ) -> None:
        rotary = Rotary(width // heads, 8 * LENGTH)
        self.tokens = Embedding(TOKENS, width, rng, std=1.0)
        self.layers = [
            SelfAttention(width, heads, rng, rotary=rotary, **settings)
            for _ in range(layers)
        ]
        self.out = Linear(width, TOKENS, rng)

    def forward(self, tokens: Any) -> Tensor:
        """Tokens (B, T) to logits (B, T, 20)."""
        x = self.tokens(tokens)
        for layer in self.layers:
            x = x + layer(F.rms_norm(x))
        return self.out(F.rms_norm(x))


def loss_of(
    model: Module, rng: np.random.Generator, length: int = LENGTH
) -> Tensor:
    """Nats for a certain token, on 32 fresh rows."""
    x, certain = rows(32, rng, length)
    next_ones = np.where(certain, x[:, 1:], -1)
    return F.cross_entropy(model(x[:, :-1]), next_ones)


def fit(
    model: Module,
    steps: int,
    rng: np.random.Generator,
    length: int = LENGTH,
) -> float:
    """Train on fresh rows; the loss of the last step, in nats."""
    optimizer = AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(steps):
        loss = loss_of(model, rng, length)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return float(loss.item())


def right(model: Module) -> float:
    """The share of the certain tokens that the model gets right."""
    x, certain = rows(200, np.random.default_rng(99))
    hit = model(x[:, :-1]).numpy().argmax(axis=-1) == x[:, 1:]
    return float(hit[certain].mean())


def recalled(model: Module, back: int, length: int = LENGTH) -> float:
    """How often the model says what came `back` − 1 places ago.

    In rows of random tokens the last one has stood just once before,
    `back` places ago. The model should say what came after it then.
    """
    rng = np.random.default_rng(7)
    x = rng.integers(1, TOKENS, (100, length))
    x[:, [-1 - back, -1]] = 0
    names = np.argsort(rng.random((100, TOKENS)), axis=1)
    x = np.take_along_axis(names, x, axis=1)
    with no_grad():
        said = model(x).numpy()[:, -1].argmax(axis=-1)
    return float((said == x[:, -back]).mean())
