# Made from book/part4/14-attention.md by tangle.py; edit there, or here and stitch. ae9c2665e1a3
"""Attention in small steps: what F.attention does at once.

Shapes: T queries, S keys, widths D; any axes may stand in front.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nand2llm.tensor import Tensor, matmul, where

HIDDEN = -1e30  # a score that leaves no weight


def scores(q: Tensor, k: Tensor) -> Tensor:
    """How well each query (…, T, D) meets each key (…, S, D)."""
    return matmul(q, k.transpose()) * (1 / math.sqrt(q.shape[-1]))


def causal_mask(n_query: int, n_key: int | None = None) -> Any:
    """Which keys (T, S) each query sees: none of the future.

    The last query stands at the last key.
    """
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_key - n_query, dtype=bool)


def attend(
    q: Tensor, k: Tensor, v: Tensor, seen: Any = None
) -> tuple[Tensor, Tensor]:
    """Means of the values (…, S, E), and their weights (…, T, S).

    seen (…, T, S): which keys each query may look at; all if None.
    A query that may look at none gets the plain mean.
    """
    s = scores(q, k)
    if seen is not None:
        s = where(np.broadcast_to(seen, s.shape), s, HIDDEN)
    weights = s.softmax()
    return matmul(weights, v), weights


class OnlineSoftmax:
    """A softmax mean of values that come a block at a time.

    After any number of blocks, for each of T queries: m (…, T, 1)
    the largest score, z (…, T, 1) the sum of exp(score − m), and
    u (…, T, D) that of exp(score − m) times value (Milakov and
    Gimelshein, 2018).
    """

    def __init__(self) -> None:
        self.m: Any = -np.inf
        self.z: Any = 0.0
        self.u: Any = 0.0

    def add(self, s: Any, v: Any) -> None:
        """Scores (…, T, S) of a block of keys, and its values."""
        m = np.maximum(self.m, s.max(axis=-1, keepdims=True))
        shrink, e = np.exp(self.m - m), np.exp(s - m)
        self.z = self.z * shrink + e.sum(axis=-1, keepdims=True)
        self.u = self.u * shrink + e @ v
        self.m = m

    @property
    def mean(self) -> Any:
        """What a softmax over all blocks makes of their values."""
        return self.u / self.z


def tiled(
    q: Any, k: Any, v: Any, size: int, causal: bool = True
) -> Any:
    """Attention of arrays that never holds more than size² scores.

    q (…, T, D), k (…, S, D), v (…, S, E) to (…, T, E).
    """
    n_query, n_key = q.shape[-2], k.shape[-2]
    ahead = n_key - n_query
    out = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    for i in range(0, n_query, size):
        end = min(i + size, n_query)
        rows = q[..., i:end, :] / math.sqrt(q.shape[-1])
        state = OnlineSoftmax()
        for j in range(0, end + ahead if causal else n_key, size):
            block = slice(j, j + size)
            s = rows @ np.swapaxes(k[..., block, :], -1, -2)
            if causal:
                n, width = s.shape[-2:]
                seen = np.tri(n, width, i + ahead - j, dtype=bool)
                s = np.where(seen, s, HIDDEN)
            state.add(s, v[..., block, :])
        out[..., i:end, :] = state.mean
    return out
