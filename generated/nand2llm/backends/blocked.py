# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. c238aa43e568
"""NumPy's own versions of the coarse operations.

They write into borrowed buffers, and go through long arrays in blocks
of rows whose temporaries stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nand2llm.autograd import Array, recording
from nand2llm.backends.memory import blocks
from nand2llm.coarse import CUBE, GELU, rows, visible
from nand2llm.ops import Result


def room(xp: Any, x: Array, n: int) -> list[Array]:
    """Borrowed arrays, n of them, like a block of x."""
    first = next(blocks(x), slice(0))
    return [xp.empty(x[first].shape, x.dtype) for _ in range(n)]


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
    slope = xp.empty(x.shape, x.dtype) if recording.get() else None
    out = y.reshape(-1)
    lent = room(xp, flat, 2)
    for b in blocks(flat):
        square, s = (t[: len(flat[b])] for t in lent)
        np.multiply(flat[b], flat[b], out=square)
        np.multiply(square, GELU * CUBE, out=s)
        s += GELU
        s *= flat[b]
        np.tanh(s, out=s)
        s *= 0.5
        s += 0.5
        np.multiply(flat[b], s, out=out[b])
        if slope is not None:
            square *= 6 * GELU * CUBE
            square += 2 * GELU
            square *= out[b]
            rest = np.subtract(1, s, out=slope.reshape(-1)[b])
            rest *= square
            rest += s

    return y, (lambda g: _product(xp, g, slope),)


def _product(xp: Any, x: Array, y: Array) -> Array:
    """x · y in a borrowed buffer."""
    return np.multiply(x, y, out=xp.empty(y.shape, y.dtype))


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
    each = np.full((n, 1), 1 / n, x.dtype)
    mean = flat @ each
    scale = xp.empty(mean.shape, x.dtype)
    for b in blocks(flat):
        c = np.subtract(flat[b], mean[b], out=out[b])
        s = np.einsum("ij,ij->i", c, c)[:, None] / n
        scale[b] = 1 / np.sqrt(s + x.dtype.type(eps))
        c *= scale[b]
        if weight is not None:
            c *= weight
        if bias is not None:
            c += bias

    def to_all(g: Array) -> Sequence[Array | None]:
        dx = xp.empty(x.shape, g.dtype)
        to_weight = np.zeros(n, g.dtype)
        flat_g, out = rows(g), rows(dx)
        lent = room(xp, flat, 1)
        for b in blocks(flat):
            unit = np.subtract(flat[b], mean[b], out=out[b])
            unit *= scale[b]
            inner = flat_g[b]
            if weight is not None:
                to_weight += np.einsum("ij,ij->j", inner, unit)
                inner = lent[0][: len(unit)]
                np.multiply(flat_g[b], weight, out=inner)
            along = np.einsum("ij,ij->i", inner, unit)[:, None] / n
            unit *= along
            np.subtract(inner, unit, out=unit)
            unit -= inner @ each
            unit *= scale[b]
        return (
            dx,
            None if weight is None else to_weight,
            None if bias is None else flat_g.sum(axis=0),
        )

    return y, to_all


RANGE = 50.0  # exp(-RANGE) is far from vanishing in float32


def alike(x: Array) -> bool:
    """Whether exp(x - x.max()) vanishes nowhere."""
    return bool(x.max() - x.min() < RANGE)


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
        whole = alike(logits[b])
        top = logits[b].max(axis=None if whole else 1, keepdims=True)
        np.subtract(logits[b], top, out=z)
        hit = (np.arange(len(z)), np.where(kept[b], targets[b], 0))
        true = z[hit]
        np.exp(z, out=z)
        total = np.einsum("ij->i", z)
        lost += float((np.log(total) - true)[kept[b]].sum())
        share = (kept[b] / n).astype(z.dtype)
        z *= (share / total)[:, None]
        z[hit] -= share

    def to_logits(g: Array) -> Array:
        return slope if g == 1 else _product(xp, g, slope)

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
    split = (batch, n_query, n_group, q.shape[2] // n_group)

    def heads(x: Array) -> Array:
        """(B, T, H, D) seen as (B, G, H/G, T, D)."""
        return x.reshape(*split, -1).transpose(0, 2, 3, 1, 4)

    keys = k.transpose(0, 2, 1, 3)[:, :, None]
    values = v.transpose(0, 2, 1, 3)[:, :, None]
    scaled = np.multiply(q, factor, out=xp.empty(q.shape, q.dtype))
    queries, out = heads(scaled), xp.empty(q.shape, q.dtype)
    seen = visible(np, n_query, n_key, causal, window)
    hidden = np.where(seen, 0, -1e30).astype(q.dtype)
    strips = []
    for some, near in _strips(n_query, n_key, causal, window):
        size = some.stop - some.start, near.stop - near.start
        weights = xp.empty((*queries.shape[:3], *size), q.dtype)
        there = keys[..., near, :].swapaxes(-1, -2)
        np.matmul(queries[..., some, :], there, out=weights)
        _softmax(weights.reshape(-1, *size), hidden[some, near])
        there = heads(out)[..., some, :]
        np.matmul(weights, values[..., near, :], out=there)
        strips.append((some, near, weights))

    def to_all(g: Array) -> Sequence[Array]:
        to_q, to_k, to_v = (
            xp.empty(x.shape, g.dtype) for x in (q, k, v)
        )
        ones = np.ones((width, 1), g.dtype)
        level = heads(_product(xp, g, out).reshape(-1, width) @ ones)
        g = heads(g)
        for some, near, weights in reversed(strips):
            back = xp.empty(weights.shape, g.dtype)
            there = values[..., near, :].swapaxes(-1, -2)
            np.matmul(g[..., some, :], there, out=back)
            _slope(back, weights, level[..., some, :])
            there = heads(to_q)[..., some, :]
            np.matmul(back, keys[..., near, :], out=there)
            first = some.stop == n_query
            _grouped(back, queries[..., some, :], to_k, near, first)
            _grouped(weights, g[..., some, :], to_v, near, first)
        to_q *= factor
        return to_q, to_k, to_v

    return out, to_all


STRIP = 64  # queries that share a table


def _strips(
    n_query: int, n_key: int, causal: bool, window: int | None
) -> Iterator[tuple[slice, slice]]:
    """Neighboring queries, and the keys that one of them sees."""
    ahead = n_key - n_query
    whole = ahead < 0 or (not causal and window is None)
    step = max(1, n_query) if whole else STRIP
    for i in range(0, n_query, step):
        stop = min(i + step, n_query)
        first = 0 if window is None else i + ahead - window + 1
        last = stop + ahead if causal else n_key
        yield slice(i, stop), slice(max(0, first), last)


def _softmax(tables: Array, hidden: Array) -> None:
    """Softmax of the rows (…, T, S) that `hidden` is added to."""
    blind = bool((hidden < 0).all(axis=-1).any())
    for b in blocks(tables):
        s = tables[b]
        if blind or not alike(s):
            s += hidden
            s -= s.max(axis=-1, keepdims=True)
        else:
            s += hidden - s.max()
        np.exp(s, out=s)
        s *= 1 / np.einsum("ijk->ij", s)[..., None]


def _slope(back: Array, weights: Array, level: Array) -> None:
    """Take `back` through the softmax that made the weights."""
    shape = weights.shape[-2:]
    level = level.reshape(-1, shape[0], 1)
    w, s = weights.reshape(-1, *shape), back.reshape(-1, *shape)
    for b in blocks(w):
        s[b] -= level[b]
        s[b] *= w[b]


def _grouped(
    x: Array, y: Array, out: Array, near: slice, first: bool
) -> None:
    """Products (B, G, H/G, S, D), added up over a group's heads.

    The first overwrite `out` (B, S, G, D), others are added to it.
    """
    x, place = x.swapaxes(-1, -2), out[:, near].transpose(0, 2, 1, 3)
    if first and x.shape[2] == 1:
        np.matmul(x[:, :, 0], y[:, :, 0], out=place)
    elif first:
        place[...] = np.matmul(x, y).sum(axis=2)
    else:
        place += np.matmul(x, y).sum(axis=2)
    if first:
        out[:, : near.start] = 0


OWN: dict[str, Callable[..., Result]] = {
    function.__name__: function
    for function in (linear, gelu, layer_norm, cross_entropy, attention)
}


def rms_norm(
    xp: Any, x: Array, weight: Array | None = None, eps: float = 1e-5
) -> Result:
    """As `coarse.rms_norm`."""
    flat, y = rows(x), xp.empty(x.shape, x.dtype)
    n, out = x.shape[-1], rows(y)
    scale = xp.empty((len(flat), 1), x.dtype)
    for b in blocks(flat):
        power = np.einsum("ij,ij->i", flat[b], flat[b])[:, None] / n
        scale[b] = 1 / np.sqrt(power + x.dtype.type(eps))
        np.multiply(flat[b], scale[b], out=out[b])
        if weight is not None:
            out[b] *= weight

    def to_all(g: Array) -> Sequence[Array | None]:
        dx = xp.empty(x.shape, g.dtype)
        to_weight = np.zeros(n, g.dtype)
        flat_g, out = rows(g), rows(dx)
        lent = room(xp, flat, 1)
        for b in blocks(flat):
            unit = np.multiply(flat[b], scale[b], out=out[b])
            inner = lent[0][: len(unit)]
            if weight is None:
                inner[...] = flat_g[b]
            else:
                to_weight += np.einsum("ij,ij->j", flat_g[b], unit)
                np.multiply(flat_g[b], weight, out=inner)
            unit *= np.einsum("ij,ij->i", inner, unit)[:, None] / n
            np.subtract(inner, unit, out=unit)
            unit *= scale[b]
        return dx, None if weight is None else to_weight

    return y, to_all


def relu_squared(xp: Any, x: Array) -> Result:
    """As `coarse.relu_squared`."""
    flat, y = x.reshape(-1), xp.empty(x.shape, x.dtype)
    slope = xp.empty(x.shape, x.dtype) if recording.get() else None
    out = y.reshape(-1)
    for b in blocks(flat):
        np.maximum(flat[b], 0, out=out[b])
        if slope is not None:
            np.multiply(out[b], 2, out=slope.reshape(-1)[b])
        out[b] *= out[b]

    return y, (lambda g: _product(xp, g, slope),)


def softcap(xp: Any, x: Array, cap: float) -> Result:
    """As `coarse.softcap`."""
    flat, y = rows(x), xp.empty(x.shape, x.dtype)
    out = rows(y)
    for b in blocks(flat):
        np.multiply(flat[b], 1 / cap, out=out[b])
        np.tanh(out[b], out=out[b])
        out[b] *= cap

    def to_x(g: Array) -> Array:
        dx, flat_g = xp.empty(x.shape, g.dtype), rows(g)
        for b in blocks(flat):
            d = np.multiply(out[b], 1 / cap, out=rows(dx)[b])
            d *= d
            np.subtract(1, d, out=d)
            d *= flat_g[b]
        return dx

    return y, (to_x,)


def rotary(
    xp: Any, x: Array, cos: Array, sin: Array, layout: str
) -> Result:
    """As `positions.rotary`."""
    _, length, heads, width = x.shape
    axis = -2 if layout == "half" else -1  # along which pairs lie
    shape = [length, heads, width // 2, width // 2]
    shape[axis] = 2

    def wide(first: Array, second: Array) -> Array:
        """Tables (T, D/2) of the two of each pair: (T, H, D)."""
        both = np.stack([first, second], axis=axis)[:, None]
        both = both.astype(x.dtype, copy=False)
        return np.broadcast_to(both, shape).reshape(x.shape[1:])

    cosines, sines = wide(cos, cos), wide(-sin, sin)

    def turn(x: Array, sines: Array) -> Array:
        y = xp.empty(x.shape, x.dtype)
        lent = room(xp, x, 1)[0]
        for b in blocks(x):
            other = lent[: len(y[b])]
            pairs = (len(other), *shape)
            there = np.flip(x[b].reshape(pairs), axis)
            other.reshape(pairs)[...] = there
            other *= sines
            np.multiply(x[b], cosines, out=y[b])
            y[b] += other
        return y

    return turn(x, sines), (lambda g: turn(g, -sines),)


OWN |= {
    function.__name__: function
    for function in (rms_norm, relu_squared, softcap, rotary)
}
