# Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 5fc225ccdae7
"""The native backend: NumPy's arrays, and kernels in Rust for them.

The kernels know float32 only; for anything else NumPy's versions are
used, as they are for operations that have no kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nand2llm.backends import blocked
from nand2llm.backends.base import Array, Backend
from nand2llm.backends.memory import SMALL
from nand2llm.backends.numpy import NumPy
from nand2llm.coarse import rows
from nand2llm.native import NativeError
from nand2llm.ops import OPERATIONS, Result

try:
    from nand2llm import kernels
except NativeError as error:
    raise ImportError(str(error)) from error

FLOAT = np.dtype(np.float32)


class Native(NumPy):
    """NumPy with kernels of its own."""

    name = "native"

    def __init__(self) -> None:
        super().__init__()
        self.own = {**self.own, **OWN, "adamw": adamw}

    def pieces(self, x: Array) -> Any:
        """The kernels cut into pieces themselves."""
        return (...,)

    def add(self, x: Array, y: Array) -> Array:
        """x + y; by all threads, if there is enough of them."""
        if not (_long(x) and _long(y) and x.shape == y.shape):
            return super().add(x, y)
        out = self.empty(x.shape, FLOAT)
        kernels.add(x, y, out)
        return out

    def add_rows(
        self, shape: Sequence[int], index: Array, g: Array
    ) -> Array:
        """Zeros (V, n), with the rows of g added where index says."""
        if g.dtype != FLOAT:
            return super().add_rows(shape, index, g)
        total = np.zeros(shape, g.dtype)
        if len(index):
            index = (index % len(total)).astype(np.int64, copy=False)
            kernels.scatter_add(dense(g), dense(index), total)
        return total


def _long(x: Array) -> bool:
    """Whether it is dense, float32, and worth a kernel's call."""
    return (
        x.__class__ is np.ndarray
        and x.nbytes >= SMALL
        and x.dtype is FLOAT
        and x.flags.c_contiguous
    )


def dense(x: Array) -> Array:
    """The same array, or a copy that is contiguous."""
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)


OWN: dict[str, Callable[..., Result]] = {}


def kernel(function: Callable[..., Result]) -> Callable[..., Result]:
    """Enter a version for float32, with NumPy's for all else."""
    name = function.__name__
    other = blocked.OWN.get(name) or OPERATIONS[name]

    def choose(
        xp: Any, x: Array, *more: Any, **settings: Any
    ) -> Result:
        if x.__class__ is np.ndarray and x.dtype is FLOAT:
            return function(xp, x, *more, **settings)
        return other(xp, x, *more, **settings)

    OWN[name] = choose
    return function


def product(xp: Any, x: Array, y: Array) -> Array:
    """x (…, n, k) times y (…, k, m), written to a borrowed buffer."""
    stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    n, m = x.shape[-2], y.shape[-1]
    out = xp.empty((*stack, n, m), FLOAT)
    place = out.reshape(math.prod(stack), n, m) if stack else out
    kernels.gemm(one_axis(x, stack), one_axis(y, stack), place)
    return out


def one_axis(x: Array, stack: tuple[int, ...]) -> Array:
    """x as a stack (t, n, k) of matrices, or one that serves all.

    A copy only where the strides leave no other way.
    """
    if x.size and min(x.strides) < 0:
        x = np.ascontiguousarray(x)
    matrix = x.shape[-2:]
    if math.prod(x.shape[:-2]) == 1:
        return x.reshape(matrix)
    whole = np.broadcast_to(x, (*stack, *matrix))
    return whole.reshape(math.prod(stack), *matrix)


@kernel
def matmul(xp: Any, x: Array, y: Array) -> Result:
    """As `ops.matmul`."""
    if x.shape[-1] != y.shape[-2]:
        raise ValueError(
            f"{x.shape[-1]} columns meet {y.shape[-2]} rows"
        )
    return product(xp, x, y), (
        lambda g: product(xp, g, y.swapaxes(-1, -2)),
        lambda g: product(xp, x.swapaxes(-1, -2), g),
    )


@kernel
def linear(
    xp: Any, x: Array, weight: Array, bias: Array | None = None
) -> Result:
    """As `coarse.linear`."""
    flat = rows(x)
    y = product(xp, flat, weight.T)
    if bias is not None:
        y += bias

    return y.reshape(*x.shape[:-1], len(weight)), (
        lambda g: product(xp, rows(g), weight).reshape(x.shape),
        lambda g: product(xp, rows(g).T, flat),
        lambda g: rows(g).sum(axis=0),
    )


def activation(name: str) -> Callable[..., Result]:
    """The version of an activation that the kernels have."""

    def compute(xp: Any, x: Array) -> Result:
        x = dense(x)
        y = xp.empty(x.shape, FLOAT)
        kernels.activation(name, x, y)

        def to_x(g: Array) -> Array:
            dx = xp.empty(x.shape, FLOAT)
            kernels.activation_backward(name, x, dense(g), dx)
            return dx

        return y, (to_x,)

    compute.__name__ = name
    return compute


for _name in kernels.ACTIVATIONS:
    kernel(activation(_name))


def norm(
    xp: Any,
    x: Array,
    weight: Array | None,
    bias: Array | None,
    centered: bool,
    eps: float,
) -> tuple[Array, Callable[[Array], tuple[Array | None, ...]]]:
    """Layer norm, or RMS norm if not `centered`, and its rule."""
    x = dense(x)
    n = math.prod(x.shape[:-1])
    y, scale = xp.empty(x.shape, FLOAT), xp.empty((n,), FLOAT)
    mean = xp.empty((n,), FLOAT) if centered else None
    kernels.norm(x, weight, bias, y, mean, scale, eps)

    def to_all(g: Array) -> tuple[Array | None, ...]:
        dx = xp.empty(x.shape, FLOAT)
        dw = None if weight is None else np.empty_like(weight)
        db = None if bias is None else np.empty_like(bias)
        kernels.norm_backward(
            dense(g), x, weight, mean, scale, dx, dw, db
        )
        return dx, dw, db

    return y, to_all


@kernel
def layer_norm(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Result:
    """As `coarse.layer_norm`."""
    return norm(xp, x, weight, bias, True, eps)


@kernel
def rms_norm(
    xp: Any, x: Array, weight: Array | None = None, eps: float = 1e-5
) -> Result:
    """As `coarse.rms_norm`."""
    y, rule = norm(xp, x, weight, None, False, eps)
    return y, lambda g: rule(g)[:2]


@kernel
def cross_entropy(
    xp: Any, logits: Array, targets: Array, ignore: int = -1
) -> Result:
    """As `coarse.cross_entropy`; the slope is made on the way."""
    targets = targets.astype(np.int64)  # a copy
    kept = targets != ignore
    targets[~kept] = -1
    slope = xp.empty(logits.shape, FLOAT)
    slope[...] = logits
    each = xp.empty((len(logits),), FLOAT)
    n = max(int(kept.sum()), 1)
    kernels.cross_entropy_in_place(slope, targets, each)
    loss = each.sum(dtype=np.float64) / n

    def to_logits(g: Array) -> Array:
        return slope if g == 1 else slope * g

    return np.asarray(loss, FLOAT), (to_logits,)


def packed(x: Array) -> Array:
    """The same array, or a copy whose last axis is dense."""
    strides = x.strides
    if x.size and (strides[-1] != x.itemsize or min(strides) < 0):
        return np.ascontiguousarray(x)
    return x


@kernel
def attention(
    xp: Any,
    q: Array,
    k: Array,
    v: Array,
    causal: bool = True,
    window: int | None = None,
    scale: float | None = None,
) -> Result:
    """As `coarse.attention`, keeping no table of weights."""
    q, k, v = (packed(x) for x in (q, k, v))
    batch, n_query, n_head, _ = q.shape
    out = xp.empty(q.shape, FLOAT)
    lse = xp.empty((batch, n_head, n_query), FLOAT)
    kernels.attention(q, k, v, out, lse, causal, window, scale)

    def to_all(g: Array) -> tuple[Array, ...]:
        dq, dk, dv = (xp.empty(x.shape, FLOAT) for x in (q, k, v))
        kernels.attention_backward(
            *(packed(g), q, k, v, out, lse, dq, dk, dv),
            causal,
            window,
            scale,
        )
        return dq, dk, dv

    return out, to_all


def adamw(
    p: Array,
    g: Array,
    mean: Array,
    square: Array,
    step: int,
    s: dict[str, Any],
) -> bool:
    """One step of AdamW on vectors; False if they are not float32."""
    if p.dtype != FLOAT:
        return False
    beta1, beta2 = s["betas"]
    kernels.adamw(
        *(p, g, mean, square, step),
        *(s["lr"], beta1, beta2, s["eps"], s["weight_decay"]),
    )
    return True


def open_backend() -> Backend:
    """The native backend; ImportError if there is no library."""
    return Native()


@kernel
def softcap(xp: Any, x: Array, cap: float) -> Result:
    """As `coarse.softcap`."""
    x = dense(x)
    y = xp.empty(x.shape, FLOAT)
    kernels.softcap(x, cap, y)

    def to_x(g: Array) -> Array:
        dx = xp.empty(x.shape, FLOAT)
        kernels.softcap_backward(y, cap, dense(g), dx)
        return dx

    return y, (to_x,)


@kernel
def rotary(
    xp: Any, x: Array, cos: Array, sin: Array, layout: str
) -> Result:
    """As `positions.rotary`; for another layout, as NumPy."""
    if layout != "half":
        return blocked.rotary(xp, x, cos, sin, layout)
    cos, sin = (np.ascontiguousarray(t, FLOAT) for t in (cos, sin))

    def turn(x: Array, back: bool) -> Array:
        y = xp.empty(x.shape, FLOAT)
        kernels.rotary(packed(x), cos, sin, y, back)
        return y

    return turn(x, False), (lambda g: turn(g, True),)
