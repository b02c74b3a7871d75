# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. 0416301ad9c3
"""Where the heads of a model look, and what for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nand2llm.cache import Kept
from nand2llm.gpt import GPT
from nand2llm.heads import SelfAttention
from nand2llm.nn import Module
from nand2llm.tensor import Tensor, no_grad


class Watched(Module):
    """Attention that keeps where it looked: (B, H, T, T)."""

    def __init__(self, attention: SelfAttention) -> None:
        self.attention, self.weights = attention, np.empty(0)

    def forward(self, x: Tensor, kept: Kept | None = None) -> Tensor:
        """As the attention inside."""
        self.weights = self.attention.weights(x)
        return self.attention(x, kept)


def maps(model: GPT, tokens: Sequence[int]) -> Any:
    """All weights of all heads on a text (T): (L, H, T, T)."""
    real: list[Any] = [block.attention for block in model.blocks]
    watched = [Watched(attention) for attention in real]
    try:
        for block, other in zip(model.blocks, watched, strict=True):
            block.attention = other
        with no_grad():
            model([tokens])
    finally:
        for block, attention in zip(model.blocks, real, strict=True):
            block.attention = attention
    return np.stack([layer.weights[0] for layer in watched])


def share(weights: Any, targets: Any) -> Any:
    """The weight that heads give to one place for each token, (L, H).

    weights (L, H, T, T); targets (T): the place, or −1 for a token
    that doesn't count.
    """
    targets = np.asarray(targets)
    at = np.flatnonzero(targets >= 0)
    return weights[:, :, at, targets[at]].mean(axis=-1)


def by_distance(weights: Any, targets: Any) -> Any:
    """What such a place would get for its distance alone, (L, H)."""
    targets = np.asarray(targets)
    at = np.flatnonzero(targets >= 0)
    distances, times = np.unique(at - targets[at], return_counts=True)
    found = [
        weights.diagonal(-d, axis1=2, axis2=3).mean(axis=-1)
        for d in distances
    ]
    return np.average(found, axis=0, weights=times)


def still_open(pieces: Sequence[str], left: str, right: str) -> Any:
    """For each token the last one with a `left` that isn't closed.

    −1 where all are closed. What opens and closes may be the same, as
    quotes are.
    """
    targets, stack = np.full(len(pieces), -1), list[int]()
    for i, piece in enumerate(pieces):
        if stack:
            targets[i] = stack[-1]
        for character in piece:
            if character == right and stack:
                stack.pop()
            elif character == left:
                stack.append(i)
    return targets
