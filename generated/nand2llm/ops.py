# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. eecbab44f901
"""The operations on tensors, each beside its gradient.

An operation is a function of a backend (`xp`) and arrays. It returns
its value and, for each array, a rule: the function that carries a
gradient of the value back to that array. Where the work is shared, a
single rule returns the gradients of all. Gradients of broadcast
arrays keep the broadcast shape; the graph sums them down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from nand2llm.autograd import Array, Rules

Result = tuple[Array, Rules]
Axis = int | tuple[int, ...] | None
Backend = Any

OPERATIONS: dict[str, Callable[..., Result]] = {}


def operation(function: Callable[..., Result]) -> Callable[..., Result]:
    """Enter a function into the table of operations."""
    OPERATIONS[function.__name__] = function
    return function


# Arithmetic ---------------------------------------------------------


@operation
def add(xp: Backend, x: Array, y: Array) -> Result:
    """x + y."""
    return xp.add(x, y), (lambda g: g, lambda g: g)


@operation
def subtract(xp: Backend, x: Array, y: Array) -> Result:
    """x − y."""
    return xp.subtract(x, y), (lambda g: g, lambda g: -g)


@operation
def multiply(xp: Backend, x: Array, y: Array) -> Result:
    """x · y."""
    return xp.multiply(x, y), (lambda g: g * y, lambda g: g * x)


@operation
def divide(xp: Backend, x: Array, y: Array) -> Result:
    """x / y."""
    z = xp.divide(x, y)
    return z, (lambda g: g / y, lambda g: -g * z / y)


@operation
def power(xp: Backend, x: Array, y: Array) -> Result:
    """x to the y. The slope is 0 where y is, whatever x may be."""
    z = xp.power(x, y)

    def to_base(g: Array) -> Array:
        if hasattr(y, "shape"):
            less = xp.where(y == 0, 1, y - 1)
        else:
            less = y - 1 if y else 1
        return g * y * xp.power(x, less)

    def to_exponent(g: Array) -> Array:
        if hasattr(x, "shape"):
            return g * z * xp.log(xp.where(x > 0, x, 1))
        return g * z * (math.log(x) if x > 0 else 0.0)

    return z, (to_base, to_exponent)


@operation
def negative(xp: Backend, x: Array) -> Result:
    """−x."""
    return -x, (lambda g: -g,)


# One number at a time -----------------------------------------------


@operation
def exp(xp: Backend, x: Array) -> Result:
    """e to the x."""
    y = xp.exp(x)
    return y, (lambda g: g * y,)


@operation
def log(xp: Backend, x: Array) -> Result:
    """The natural logarithm."""
    return xp.log(x), (lambda g: g / x,)


@operation
def sqrt(xp: Backend, x: Array) -> Result:
    """The square root."""
    y = xp.sqrt(x)
    return y, (lambda g: g / (2 * y),)


@operation
def sin(xp: Backend, x: Array) -> Result:
    """The sine of an angle in radians."""
    return xp.sin(x), (lambda g: g * xp.cos(x),)


@operation
def cos(xp: Backend, x: Array) -> Result:
    """The cosine of an angle in radians."""
    return xp.cos(x), (lambda g: -g * xp.sin(x),)


@operation
def tanh(xp: Backend, x: Array) -> Result:
    """The hyperbolic tangent."""
    y = xp.tanh(x)
    return y, (lambda g: g * (1 - y * y),)


@operation
def sigmoid(xp: Backend, x: Array) -> Result:
    """1 / (1 + e to the −x), by way of tanh: no overflow."""
    y = (xp.tanh(x / 2) + 1) / 2
    return y, (lambda g: g * y * (1 - y),)


@operation
def absolute(xp: Backend, x: Array) -> Result:
    """The distance from 0; at 0 the slope is taken as 0."""
    return xp.abs(x), (lambda g: g * xp.sign(x),)


@operation
def relu(xp: Backend, x: Array) -> Result:
    """The larger of x and 0; at 0 the slope is taken as 0."""
    return xp.maximum(x, 0), (lambda g: g * (x > 0),)


@operation
def clip(
    xp: Backend, x: Array, low: float | None, high: float | None
) -> Result:
    """x, kept within the limits; beyond them the slope is 0."""
    low = -math.inf if low is None else low
    high = math.inf if high is None else high
    inside = (x >= low) & (x <= high)
    return xp.clip(x, low, high), (lambda g: g * inside,)


@operation
def maximum(xp: Backend, x: Array, y: Array) -> Result:
    """The larger of two; equals share the gradient."""
    ahead = (x > y) + 0.5 * (x == y)
    ahead = xp.cast(ahead, xp.dtype(x, y))
    return xp.maximum(x, y), (
        lambda g: g * ahead,
        lambda g: g * (1 - ahead),
    )


@operation
def where(xp: Backend, x: Array, y: Array, condition: Array) -> Result:
    """x where the condition holds, y elsewhere."""
    return xp.where(condition, x, y), (
        lambda g: xp.where(condition, g, xp.zeros_like(g)),
        lambda g: xp.where(condition, xp.zeros_like(g), g),
    )


@operation
def astype(xp: Backend, x: Array, dtype: str) -> Result:
    """The same numbers in another format."""
    return xp.cast(x, dtype), (lambda g: xp.cast(g, xp.dtype(x)),)


# Reductions ---------------------------------------------------------


def _spread(
    xp: Backend, g: Array, shape: Sequence[int], axis: Axis, kept: bool
) -> Array:
    """Repeat a reduced array along the axes that were reduced."""
    if axis is not None and not kept:
        g = xp.expand_dims(g, axis)
    return xp.broadcast_to(g, shape)


@operation
def sum(
    xp: Backend, x: Array, axis: Axis = None, keepdims: bool = False
) -> Result:
    """Add up along the axes."""
    shape = x.shape
    return xp.sum(x, axis=axis, keepdims=keepdims), (
        lambda g: _spread(xp, g, shape, axis, keepdims),
    )


def _count(shape: Sequence[int], axis: Axis) -> int:
    if axis is None:
        return math.prod(shape)
    axes = (axis,) if isinstance(axis, int) else axis
    return math.prod(shape[a] for a in axes)


@operation
def mean(
    xp: Backend, x: Array, axis: Axis = None, keepdims: bool = False
) -> Result:
    """The average along the axes."""
    shape, n = x.shape, _count(x.shape, axis)
    return xp.mean(x, axis=axis, keepdims=keepdims), (
        lambda g: _spread(xp, g / n, shape, axis, keepdims),
    )


@operation
def max(
    xp: Backend, x: Array, axis: Axis = None, keepdims: bool = False
) -> Result:
    """The largest along the axes; equals share the gradient."""
    top = xp.max(x, axis=axis, keepdims=True)
    y = top if keepdims else xp.max(x, axis=axis)

    def to_x(g: Array) -> Array:
        first = xp.cast(x == top, xp.dtype(x))
        first = first / xp.sum(first, axis=axis, keepdims=True)
        return first * _spread(xp, g, x.shape, axis, keepdims)

    return y, (to_x,)


@operation
def logsumexp(
    xp: Backend, x: Array, axis: int = -1, keepdims: bool = False
) -> Result:
    """The log of the sum of exponentials, shifted by the largest."""
    top = xp.max(x, axis=axis, keepdims=True)
    shares = xp.exp(x - top)
    total = xp.sum(shares, axis=axis, keepdims=True)
    shares, y = shares / total, top + xp.log(total)

    def to_x(g: Array) -> Array:
        return shares * _spread(xp, g, x.shape, axis, keepdims)

    return (y if keepdims else xp.squeeze(y, axis)), (to_x,)


@operation
def softmax(xp: Backend, x: Array, axis: int = -1) -> Result:
    """Shares of 1 in proportion to the exponentials."""
    y = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    y = y / xp.sum(y, axis=axis, keepdims=True)

    def to_x(g: Array) -> Array:
        return y * (g - xp.sum(g * y, axis=axis, keepdims=True))

    return y, (to_x,)


@operation
def log_softmax(xp: Backend, x: Array, axis: int = -1) -> Result:
    """The logarithm of `softmax`, without its underflow."""
    y = x - xp.max(x, axis=axis, keepdims=True)
    y = y - xp.log(xp.sum(xp.exp(y), axis=axis, keepdims=True))

    def to_x(g: Array) -> Array:
        return g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True)

    return y, (to_x,)


# Shapes -------------------------------------------------------------


@operation
def reshape(xp: Backend, x: Array, shape: tuple[int, ...]) -> Result:
    """The same numbers, in the same order, in another shape."""
    before = x.shape
    return xp.reshape(x, shape), (lambda g: xp.reshape(g, before),)


@operation
def permute(xp: Backend, x: Array, axes: tuple[int, ...]) -> Result:
    """The axes in another order."""
    back = tuple(sorted(range(len(axes)), key=lambda i: axes[i]))
    return xp.transpose(x, axes), (lambda g: xp.transpose(g, back),)


@operation
def broadcast_to(
    xp: Backend, x: Array, shape: tuple[int, ...]
) -> Result:
    """Repeat along new axes and axes of length 1."""
    return xp.broadcast_to(x, shape), (lambda g: g,)


@operation
def concatenate(xp: Backend, *parts: Array, axis: int = 0) -> Result:
    """The parts one after the other along an existing axis."""

    def to_parts(g: Array) -> Sequence[Array]:
        stops, at = [], 0
        for part in parts[:-1]:
            at += part.shape[axis]
            stops.append(at)
        return xp.split(g, stops, axis=axis)

    return xp.concatenate(parts, axis=axis), to_parts


@operation
def getitem(xp: Backend, x: Array, index: Any) -> Result:
    """Some of the elements: NumPy's basic or integer indexing."""
    shape = x.shape
    return x[index], (lambda g: xp.scatter_add(shape, index, g),)


@operation
def gather(xp: Backend, x: Array, index: Array, axis: int) -> Result:
    """For every place of `index`, the element it names on `axis`."""
    shape = x.shape
    return xp.take_along_axis(x, index, axis=axis), (
        lambda g: xp.scatter_along_axis(shape, index, g, axis),
    )


@operation
def scatter(
    xp: Backend, x: Array, values: Array, index: Array, axis: int
) -> Result:
    """x, with `values` added where `index` says on `axis`."""
    added = xp.scatter_along_axis(x.shape, index, values, axis)
    return x + added, (
        lambda g: g,
        lambda g: xp.take_along_axis(g, index, axis=axis),
    )


# Products -----------------------------------------------------------


@operation
def matmul(xp: Backend, x: Array, y: Array) -> Result:
    """x (…, n, k) times y (…, k, m) is (…, n, m)."""
    return xp.matmul(x, y), (
        lambda g: xp.matmul(g, xp.swapaxes(y, -1, -2)),
        lambda g: xp.matmul(xp.swapaxes(x, -1, -2), g),
    )
