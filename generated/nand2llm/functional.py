# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. 93ca5a82493a
"""The coarse operations as functions of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from nand2llm import coarse
from nand2llm.tensor import Tensor, apply


def linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """x (…, n) times weight (m, n), transposed, plus bias (m)."""
    return apply(coarse.linear, x, weight, bias)


def embedding(table: Tensor, index: Any) -> Tensor:
    """The rows (…, n) of a table (V, n) that index (…) names."""
    return apply(coarse.embedding, table, index=whole(table, index))


def gelu(x: Tensor) -> Tensor:
    """x times the normal distribution's Φ(x), by its tanh form."""
    return apply(coarse.gelu, x)


def silu(x: Tensor) -> Tensor:
    """x times its sigmoid."""
    return apply(coarse.silu, x)


def relu_squared(x: Tensor) -> Tensor:
    """The square of the larger of x and 0."""
    return apply(coarse.relu_squared, x)


def layer_norm(
    x: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Rows of mean 0 and variance 1, times weight, plus bias (n)."""
    return apply(coarse.layer_norm, x, weight, bias, eps=eps)


def rms_norm(
    x: Tensor, weight: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Rows of mean square 1, times weight (n)."""
    return apply(coarse.rms_norm, x, weight, eps=eps)


def cross_entropy(
    logits: Tensor, targets: Any, ignore: int = -1
) -> Tensor:
    """The mean of −log softmax(logits)[target], in nats.

    logits (…, V); targets (…) of whole numbers below V. Those that
    are `ignore` count for nothing.
    """
    _check_targets(logits, targets, ignore)
    targets = whole(logits, targets).reshape(-1)
    flat = logits.reshape(-1, logits.shape[-1])
    return apply(
        coarse.cross_entropy, flat, targets=targets, ignore=ignore
    )


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    causal: bool = True,
    window: int | None = None,
    scale: float | None = None,
) -> Tensor:
    """Means of v, weighted by how well q and k agree.

    q (B, T, H, D); k, v (B, S, G, D), H a multiple of G.
    """
    settings = {"causal": causal, "window": window, "scale": scale}
    return apply(coarse.attention, q, k, v, **settings)


def whole(like: Tensor, index: Any) -> Any:
    """Whole numbers as an array of the backend of `like`."""
    if isinstance(index, Tensor):
        return index.data
    return like.backend.array(index)


def _check_targets(logits: Tensor, targets: Any, ignore: int) -> None:
    if isinstance(targets, Tensor):
        targets = targets.data
    if not hasattr(targets, "size"):
        targets = np.asarray(targets)
    n, classes = logits.size // logits.shape[-1], logits.shape[-1]
    if targets.size != n:
        raise ValueError(
            f"cross_entropy: logits {logits.shape} need {n} targets, "
            f"not {targets.size}"
        )
    if not isinstance(targets, np.ndarray):
        return  # on a card; to look there would be to wait for it
    wrong = ((targets < 0) | (targets >= classes)) & (targets != ignore)
    if wrong.any():
        raise IndexError(
            f"cross_entropy: targets from {int(targets.min())} to "
            f"{int(targets.max())}, but classes are 0 to {classes - 1}"
        )


def softcap(x: Tensor, cap: float) -> Tensor:
    """cap · tanh(x / cap): x where it's small, and never above cap."""
    return apply(coarse.softcap, x, cap=cap)
