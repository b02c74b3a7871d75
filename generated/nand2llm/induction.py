# Made from book/part4/15-multi-head-self-attention.md by tangle.py; edit there, or here and stitch. efec761898f0
"""Rows that repeat themselves: a task for two layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from nand2llm import functional as F
from nand2llm.heads import SelfAttention
from nand2llm.nn import Embedding, Linear, Module
from nand2llm.optim import AdamW
from nand2llm.positions import Rotary
from nand2llm.tensor import Tensor

TOKENS, LENGTH = 20, 32


def rows(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """n rows (n, T) of period 6 to 15; which tokens (n, T − 1) of
    those that come next are certain."""
    x = np.empty((n, LENGTH), np.int64)
    certain = np.zeros((n, LENGTH - 1), bool)
    for row, sure in zip(x, certain, strict=True):
        period = int(rng.integers(6, 16))
        row[:] = np.resize(rng.integers(0, TOKENS, period), LENGTH)
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
    ) -> None:
        rotary = Rotary(width // heads, LENGTH)
        self.tokens = Embedding(TOKENS, width, rng, std=1.0)
        self.layers = [
            SelfAttention(width, heads, rng, rotary=rotary)
            for _ in range(layers)
        ]
        self.out = Linear(width, TOKENS, rng)

    def forward(self, tokens: Any) -> Tensor:
        """Tokens (B, T) to logits (B, T, 20)."""
        x = self.tokens(tokens)
        for layer in self.layers:
            x = x + layer(F.rms_norm(x))
        return self.out(F.rms_norm(x))


def fit(model: Module, steps: int, rng: np.random.Generator) -> float:
    """Train on fresh rows; the loss of the last step, in nats."""
    optimizer = AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(steps):
        x, certain = rows(32, rng)
        next_ones = np.where(certain, x[:, 1:], -1)
        loss = F.cross_entropy(model(x[:, :-1]), next_ones)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return float(loss.item())


def right(model: Module) -> float:
    """The share of the certain tokens that the model gets right."""
    x, certain = rows(200, np.random.default_rng(99))
    hit = model(x[:, :-1]).numpy().argmax(axis=-1) == x[:, 1:]
    return float(hit[certain].mean())
