# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. 3c2fe12a2c6b
"""NumPy's own versions of the coarse operations.

They write into borrowed buffers, and go through long arrays in blocks
of rows whose temporaries stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nand2llm.autograd import Array
from nand2llm.backends.memory import blocks
from nand2llm.coarse import CUBE, GELU, rows, visible
from nand2llm.ops import Result


def linear(
    xp: Any, x: Array, weight: Array, bias: Array | None = None
) -> Result:
    """As `coarse.linear`."""
    flat = rows(x)
    y = xp.empty((len(flat), len(weight)), x.dtype)
    np.matmul(flat, weight.T, out=y)
    if bias is not None:
        y += bias

    def to_x(g: Array) -> Array:
        out = xp.empty(x.shape, g.dtype)
        np.matmul(rows(g), weight, out=rows(out))
        return out

    def to_weight(g: Array) -> Array:
        out = xp.empty(weight.shape, g.dtype)
        return np.matmul(rows(g).T, flat, out=out)

    return y.reshape(*x.shape[:-1], -1), (
        to_x,
        to_weight,
        lambda g: rows(g).sum(axis=0),
    )


def gelu(xp: Any, x: Array) -> Result:
    """As `coarse.gelu`."""
    flat, y = x.reshape(-1), xp.empty(x.shape, x.dtype)
    out = y.reshape(-1)
    for b in blocks(flat):
        t = flat[b] * flat[b]
        t *= GELU * CUBE
        t += GELU
        t *= flat[b]
        np.tanh(t, out=t)
        t += 1
        t *= flat[b]
        np.multiply(t, 0.5, out=out[b])

    def to_x(g: Array) -> Array:
        dx = xp.empty(x.shape, g.dtype)
        flat_g, out = g.reshape(-1), dx.reshape(-1)
        for b in blocks(flat):
            square = flat[b] * flat[b]
            t = square * (GELU * CUBE)
            t += GELU
            t *= flat[b]
            np.tanh(t, out=t)
            square *= 3 * GELU * CUBE
            square += GELU
            square *= flat[b]  # x times the slope of tanh's argument
            steep = t * t
            np.subtract(1, steep, out=steep)
            steep *= square
            steep += t
            steep += 1
            steep *= 0.5
            np.multiply(steep, flat_g[b], out=out[b])
        return dx

    return y, (to_x,)


def layer_norm(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Result:
    """As `coarse.layer_norm`."""
    flat, y = rows(x), xp.empty(x.shape, x.dtype)
    n, out = x.shape[-1], rows(y)
    mean = flat.mean(axis=1, keepdims=True)
    scale = xp.empty(mean.shape, x.dtype)
    for b in blocks(flat):
        c = flat[b] - mean[b]
        s = np.einsum("ij,ij->i", c, c)[:, None] / n
        scale[b] = 1 / np.sqrt(s + x.dtype.type(eps))
        if weight is None:
            np.multiply(c, scale[b], out=out[b])
        else:
            c *= scale[b]
            np.multiply(c, weight, out=out[b])
        if bias is not None:
            out[b] += bias

    def to_all(g: Array) -> Sequence[Array | None]:
        dx = xp.empty(x.shape, g.dtype)
        to_weight = np.zeros(n, g.dtype)
        flat_g, out = rows(g), rows(dx)
        for b in blocks(flat):
            unit = flat[b] - mean[b]
            unit *= scale[b]
            inner = flat_g[b]
            if weight is not None:
                to_weight += np.einsum("ij,ij->j", inner, unit)
                inner = inner * weight
            along = np.einsum("ij,ij->i", inner, unit)[:, None] / n
            unit *= along
            np.subtract(inner, unit, out=unit)
            unit -= inner.mean(axis=1, keepdims=True)
            np.multiply(unit, scale[b], out=out[b])
        return (
            dx,
            None if weight is None else to_weight,
            None if bias is None else flat_g.sum(axis=0),
        )

    return y, to_all


def cross_entropy(
    xp: Any, logits: Array, targets: Array, ignore: int = -1
) -> Result:
    """As `coarse.cross_entropy`."""
    kept = targets != ignore
    n = max(int(kept.sum()), 1)
    slope = xp.empty(logits.shape, logits.dtype)
    lost = 0.0
    for b in blocks(logits):
        z = slope[b]
        top = logits[b].max(axis=1, keepdims=True)
        np.subtract(logits[b], top, out=z)
        hit = (np.arange(len(z)), np.where(kept[b], targets[b], 0))
        true = z[hit]
        np.exp(z, out=z)
        total = z.sum(axis=1)
        lost += float((np.log(total) - true)[kept[b]].sum())
        share = (kept[b] / n).astype(z.dtype)
        z *= (share / total)[:, None]
        z[hit] -= share

    def to_logits(g: Array) -> Array:
        return slope if g == 1 else slope * g

    return np.asarray(lost / n, logits.dtype), (to_logits,)


def attention(
    xp: Any,
    q: Array,
    k: Array,
    v: Array,
    causal: bool = True,
    window: int | None = None,
    scale: float | None = None,
) -> Result:
    """As `coarse.attention`."""
    batch, n_query, _, width = q.shape
    n_key, n_group = k.shape[1:3]
    factor = q.dtype.type(width**-0.5 if scale is None else scale)
    split = (batch, n_query, n_group, -1, width)
    queries = q.reshape(split).transpose(0, 2, 3, 1, 4)
    keys = k.transpose(0, 2, 1, 3)[:, :, None]
    values = v.transpose(0, 2, 1, 3)[:, :, None]
    shape = (*queries.shape[:-1], n_key)
    weights = xp.empty(shape, q.dtype)
    np.matmul(queries, keys.swapaxes(-1, -2), out=weights)
    hidden = None
    if causal or window is not None:
        seen = visible(np, n_query, n_key, causal, window)
        hidden = np.where(seen, 0, -1e30).astype(q.dtype)
    tables = weights.reshape(-1, n_query, n_key)
    for b in blocks(tables):
        s = tables[b]
        s *= factor
        if hidden is not None:
            s += hidden
        s -= s.max(axis=-1, keepdims=True)
        np.exp(s, out=s)
        s *= 1 / s.sum(axis=-1, keepdims=True)
    out = xp.empty(q.shape, q.dtype)
    np.matmul(
        weights, values, out=out.reshape(split).transpose(0, 2, 3, 1, 4)
    )

    def to_all(g: Array) -> Sequence[Array]:
        g = g.reshape(split).transpose(0, 2, 3, 1, 4)
        back = xp.empty(shape, g.dtype)
        np.matmul(g, values.swapaxes(-1, -2), out=back)
        for b in blocks(tables):
            w, s = tables[b], back.reshape(tables.shape)[b]
            s -= np.einsum("ijk,ijk->ij", s, w)[..., None]
            s *= w
            s *= factor
        to_q, to_k, to_v = (
            xp.empty(a.shape, g.dtype) for a in (q, k, v)
        )
        np.matmul(
            back, keys, out=to_q.reshape(split).transpose(0, 2, 3, 1, 4)
        )
        _grouped(back.swapaxes(-1, -2), queries, to_k)
        _grouped(weights.swapaxes(-1, -2), g, to_v)
        return to_q, to_k, to_v

    return out, to_all


def _grouped(x: Array, y: Array, out: Array) -> None:
    """Add up the products of the heads that share keys and values."""
    out = out.transpose(0, 2, 1, 3)
    if x.shape[2] == 1:
        np.matmul(x[:, :, 0], y[:, :, 0], out=out)
    else:
        out[...] = np.matmul(x, y).sum(axis=2)


OWN = {
    function.__name__: function
    for function in (linear, gelu, layer_norm, cross_entropy, attention)
}
