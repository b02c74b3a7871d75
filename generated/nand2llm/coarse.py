# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. f4d899f79f98
"""Coarse operations: whole layers, with gradients made by hand.

Each could be put together from the operations of `nand2llm.ops`; done
in one piece it keeps less and passes over memory less often. These
versions run on every backend; a backend may bring its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nand2llm.autograd import Array
from nand2llm.ops import Backend, Result, operation

GELU = math.sqrt(2 / math.pi)
CUBE = 0.044715


def rows(x: Array) -> Array:
    """All axes but the last joined into one."""
    return x.reshape(-1, x.shape[-1])


@operation
def linear(
    xp: Backend, x: Array, weight: Array, bias: Array | None = None
) -> Result:
    """x (…, n) times weight (m, n), transposed, plus bias (m)."""
    flat = rows(x)
    y = xp.matmul(flat, weight.T)
    if bias is not None:
        y += bias
    y = y.reshape(*x.shape[:-1], weight.shape[0])

    def to_weight(g: Array) -> Array:
        return xp.matmul(rows(g).T, flat)

    return y, (
        lambda g: xp.matmul(rows(g), weight).reshape(x.shape),
        to_weight,
        lambda g: xp.sum(rows(g), axis=0),
    )


@operation
def embedding(xp: Backend, table: Array, index: Array) -> Result:
    """The rows (…, n) of a table (V, n) that index (…) names."""
    shape = table.shape
    return xp.take(table, index, axis=0), (
        lambda g: xp.add_rows(shape, index.reshape(-1), rows(g)),
    )


@operation
def gelu(xp: Backend, x: Array) -> Result:
    """x times the normal distribution's Φ(x), by Hendrycks' tanh."""
    t = xp.tanh(GELU * (x + CUBE * x * x * x))

    def to_x(g: Array) -> Array:
        inner = GELU * (1 + 3 * CUBE * x * x)
        return g * 0.5 * (1 + t + x * (1 - t * t) * inner)

    return 0.5 * x * (1 + t), (to_x,)


@operation
def silu(xp: Backend, x: Array) -> Result:
    """x times its sigmoid."""
    s = (xp.tanh(x / 2) + 1) / 2
    return x * s, (lambda g: g * s * (1 + x * (1 - s)),)


@operation
def relu_squared(xp: Backend, x: Array) -> Result:
    """The square of the larger of x and 0."""
    y = xp.maximum(x, 0)
    return y * y, (lambda g: 2 * g * y,)


@operation
def layer_norm(
    xp: Backend,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Result:
    """Rows of mean 0 and variance 1, times weight, plus bias (n)."""
    centered = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(centered * centered, axis=-1, keepdims=True)
    scale = 1 / xp.sqrt(variance + eps)
    unit = centered * scale
    y = unit if weight is None else unit * weight
    y = y if bias is None else y + bias

    def to_all(g: Array) -> Sequence[Array | None]:
        inner = g if weight is None else g * weight
        along = xp.mean(inner * unit, axis=-1, keepdims=True)
        level = xp.mean(inner, axis=-1, keepdims=True)
        to_x = (inner - level - unit * along) * scale
        to_weight = None if weight is None else _total(g * unit)
        return to_x, to_weight, None if bias is None else _total(g)

    return y, to_all


def _total(g: Array) -> Array:
    return rows(g).sum(axis=0)


@operation
def rms_norm(
    xp: Backend,
    x: Array,
    weight: Array | None = None,
    eps: float = 1e-5,
) -> Result:
    """Rows of mean square 1, times weight (n)."""
    power = xp.mean(x * x, axis=-1, keepdims=True)
    scale = 1 / xp.sqrt(power + eps)
    unit = x * scale

    def to_all(g: Array) -> Sequence[Array | None]:
        inner = g if weight is None else g * weight
        along = xp.mean(inner * unit, axis=-1, keepdims=True)
        to_x = (inner - unit * along) * scale
        return to_x, None if weight is None else _total(g * unit)

    return unit if weight is None else unit * weight, to_all


@operation
def cross_entropy(
    xp: Backend, logits: Array, targets: Array, ignore: int = -1
) -> Result:
    """The mean of −log softmax(logits)[target], over rows.

    logits (n, V), targets (n) of whole numbers. Rows whose target is
    `ignore` count for nothing.
    """
    kept = targets != ignore
    n = xp.maximum(xp.sum(kept), 1)
    place = xp.where(kept, targets, 0)[:, None]
    dtype = xp.dtype(logits)
    share = xp.cast(kept, dtype) / xp.cast(n, dtype)  # 1/n, or 0
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    total = xp.sum(xp.exp(shifted), axis=-1, keepdims=True)
    true = xp.take_along_axis(shifted, place, axis=-1)
    lost = (xp.log(total) - true)[:, 0]

    def to_logits(g: Array) -> Array:
        each = (g * share)[:, None]
        slope = xp.exp(shifted) / total * each
        return slope - xp.scatter_along_axis(
            logits.shape, place, each, axis=-1
        )

    return xp.sum(lost * share), (to_logits,)


@operation
def attention(
    xp: Backend,
    q: Array,
    k: Array,
    v: Array,
    causal: bool = True,
    window: int | None = None,
    scale: float | None = None,
) -> Result:
    """Means of the values v, weighted by how well q and k agree.

    q (B, T, H, D); k, v (B, S, G, D), where H is a multiple of G:
    the heads come in G groups that share keys and values. With
    `causal`, query i sees the keys up to i + S − T; with `window`,
    only that many of them.
    """
    batch, n_query, _, width = q.shape
    n_key, n_group = k.shape[1:3]
    scale = width**-0.5 if scale is None else scale
    # (B, G, H/G, T, D) and (B, G, 1, S, D)
    queries = xp.transpose(
        q.reshape(batch, n_query, n_group, -1, width), (0, 2, 3, 1, 4)
    )
    keys = xp.transpose(k, (0, 2, 1, 3))[:, :, None]
    values = xp.transpose(v, (0, 2, 1, 3))[:, :, None]
    scores = xp.matmul(queries, xp.swapaxes(keys, -1, -2)) * scale
    if causal or window is not None:
        seen = visible(xp, n_query, n_key, causal, window)
        scores = xp.where(seen, scores, -1e30)
    scores = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    weights = scores / xp.sum(scores, axis=-1, keepdims=True)

    def rejoin(x: Array, shape: Sequence[int]) -> Array:
        return xp.transpose(x, (0, 3, 1, 2, 4)).reshape(shape)

    def to_all(g: Array) -> Sequence[Array]:
        g = xp.transpose(
            g.reshape(batch, n_query, n_group, -1, width),
            (0, 2, 3, 1, 4),
        )
        to_weights = xp.matmul(g, xp.swapaxes(values, -1, -2))
        level = xp.sum(to_weights * weights, axis=-1, keepdims=True)
        to_scores = (to_weights - level) * weights * scale
        flipped = xp.swapaxes(to_scores, -1, -2)
        to_k = xp.sum(
            xp.matmul(flipped, queries), axis=2, keepdims=True
        )
        to_v = xp.sum(
            xp.matmul(xp.swapaxes(weights, -1, -2), g),
            axis=2,
            keepdims=True,
        )
        return (
            rejoin(xp.matmul(to_scores, keys), q.shape),
            rejoin(to_k, k.shape),
            rejoin(to_v, v.shape),
        )

    return rejoin(xp.matmul(weights, values), q.shape), to_all


def visible(
    xp: Backend,
    n_query: int,
    n_key: int,
    causal: bool,
    window: int | None,
) -> Array:
    """Which key (T, S) each query may look at."""
    i = xp.arange(n_query)[:, None] + (n_key - n_query)
    j = xp.arange(n_key)[None, :]
    seen = (j <= i) if causal else (j == j) | (i == i)
    return seen if window is None else seen & (j > i - window)


@operation
def softcap(xp: Backend, x: Array, cap: float) -> Result:
    """cap · tanh(x / cap): x where it's small, and never above cap."""
    t = xp.tanh(x * (1 / cap))
    return t * cap, (lambda g: g * (1 - t * t),)
