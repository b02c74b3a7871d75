# Made from book/part4/13-next-token-prediction.md by tangle.py; edit there, or here and stitch. ee119da1d8a4
"""From logits to tokens: greedy, by chance, or by a bit of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


def choose(
    logits: Any,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> int:
    """Draw a token from the softmax of logits (V,) / temperature.

    temperature 0: the likeliest. top_k: only among so many likeliest.
    Of equals, the first counts as likelier.
    """
    if temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError(
            f"temperature {temperature}, top_k {top_k}; a temperature "
            "is 0 or more, top_k is 1 or more"
        )
    logits = np.asarray(logits, np.float64)
    ranked = np.argsort(-logits, kind="stable")[:top_k]
    if temperature == 0:
        return int(ranked[0])
    above = (logits[ranked] - logits[ranked[0]]) / temperature
    shares = np.cumsum(np.exp(above))
    draw = rng.random() * shares[-1]
    return int(ranked[np.searchsorted(shares, draw, side="right")])


def continued(
    next_logits: Callable[[Sequence[int]], Any],
    prompt: Sequence[int],
    n: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> Iterator[int]:
    """Yield n tokens, each drawn after the prompt and those drawn."""
    tokens = list(prompt)
    for _ in range(n):
        logits = next_logits(tokens)
        tokens.append(choose(logits, rng, temperature, top_k))
        yield tokens[-1]
