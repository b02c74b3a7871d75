# Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. b3aefc71643a
"""An n-dimensional array: a flat buffer and a way of walking it.

The numbers lie in one flat buffer. The shape says how many there are
along each axis, the strides how far apart they lie, the offset where
the first one is. Indexing, transposing and broadcasting change only
these three: they make views, which share the buffer.
"""

from __future__ import annotations

import math
import operator
from array import array as Buffer
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import EllipsisType
from typing import Any

from nand2llm.floats import pairwise_sum

Shape = tuple[int, ...]
Index = int | slice | EllipsisType | None
Key = Index | tuple[Index, ...]
TYPECODES = {"float32": "f", "float64": "d"}


def row_major(shape: Shape) -> Shape:
    """The strides of a dense array of this shape, last axis fastest."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def dense(
    values: Iterable[float], shape: Shape, dtype: str = "float64"
) -> Array:
    """An array of this shape over a new buffer of these values."""
    return Array(Buffer(_typecode(dtype), values), shape)


def full(shape: Shape, value: float, dtype: str = "float64") -> Array:
    """An array of this shape whose elements are all `value`."""
    one = Buffer(_typecode(dtype), [value])
    return Array(one * math.prod(shape), shape)


def _typecode(dtype: str) -> str:
    if dtype not in TYPECODES:
        known = " or ".join(TYPECODES)
        raise ValueError(f"dtype {dtype!r}; want {known}")
    return TYPECODES[dtype]


def array(nested: Any, dtype: str = "float64") -> Array:
    """An array from a number, or from nested lists of numbers.

    Raises ValueError if rows of one level differ in shape.
    """
    values, shape = _unnest(nested)
    return dense(values, shape, dtype)


def _unnest(nested: Any) -> tuple[list[float], Shape]:
    """The numbers of nested lists in a row, and the lists' shape."""
    if isinstance(nested, (int, float)):
        return [nested], ()
    rows = [_unnest(row) for row in nested]
    shapes = [shape for _, shape in rows] or [()]
    for shape in shapes:
        if shape != shapes[0]:
            raise ValueError(
                f"rows of shapes {shapes[0]} and {shape} in one array"
            )
    values = [value for row, _ in rows for value in row]
    return values, (len(rows), *shapes[0])


def _brackets(shape: Shape, cells: Iterator[str], indent: int) -> str:
    """Take cells one by one and bracket them according to shape."""
    if not shape:
        return next(cells)
    inner = range(shape[0])
    rows = [_brackets(shape[1:], cells, indent + 1) for _ in inner]
    newline = ",\n" + " " * (indent + 1)
    return "[" + (newline if shape[1:] else ", ").join(rows) + "]"


def broadcast_shapes(left: Shape, right: Shape) -> Shape:
    """The shape to which both stretch when aligned at the right.

    Raises ValueError naming the first axis, from the right, where
    the sizes differ and neither is 1.
    """
    rank = max(len(left), len(right))
    a = (1,) * (rank - len(left)) + left
    b = (1,) * (rank - len(right)) + right
    for axis in range(-1, -rank - 1, -1):
        if a[axis] != b[axis] and 1 not in (a[axis], b[axis]):
            raise ValueError(
                f"cannot broadcast {left} with {right}: "
                f"axis {axis} has {a[axis]} and {b[axis]}"
            )
    return tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))


def elementwise(
    operation: Callable[[float, float], float], swap: bool = False
) -> Callable[[Array, Array | float], Array]:
    """Turn an operation on two numbers into an operator of arrays."""

    def method(self: Array, other: Array | float) -> Array:
        left, right = self, self._operand(other)
        if swap:
            left, right = right, left
        shape = broadcast_shapes(left.shape, right.shape)
        results = map(
            operation,
            left.broadcast_to(shape).values(),
            right.broadcast_to(shape).values(),
        )
        same = left.dtype == right.dtype
        return dense(results, shape, left.dtype if same else "float64")

    return method


def _average(values: Sequence[float]) -> float:
    return pairwise_sum(values) / len(values)


def _largest(values: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, values)) else max(values)


def _inner(row: Sequence[float], column: Sequence[float]) -> float:
    """The dot product of two lists of one length."""
    return pairwise_sum(list(map(operator.mul, row, column)))


def multiply(left: Array, right: Array) -> Array:
    """Rows of `left` dotted with columns of `right`.

    (m, k) with (k, n) makes (m, n); a vector (k,) may stand on
    either side. Raises ValueError if the inner sizes differ.
    """
    flat = left.ndim in (1, 2) and right.ndim in (1, 2)
    if not flat or left.shape[-1] != right.shape[0]:
        raise ValueError(
            f"cannot multiply {left.shape} by {right.shape}: "
            "want (m, k) by (k, n)"
        )
    lines = left if left.ndim == 2 else [left]
    others = right.T if right.ndim == 2 else [right]
    rows = [line.values() for line in lines]
    columns = [line.values() for line in others]
    sums = (_inner(row, column) for row in rows for column in columns)
    shape = left.shape[:-1] + right.shape[1:]
    same = left.dtype == right.dtype
    return dense(sums, shape, left.dtype if same else "float64")


class Array:
    """A view of a flat buffer of floats.

    Element (i, j, ...) is at offset + i * strides[0] + j * strides[1]
    + ... Strides default to those of a dense array. Raises ValueError
    if an element would lie outside the buffer.
    """

    def __init__(
        self,
        buffer: Buffer[float],
        shape: Shape,
        strides: Shape | None = None,
        offset: int = 0,
    ) -> None:
        self.buffer = buffer
        self.shape = shape
        self.strides = row_major(shape) if strides is None else strides
        self.offset = offset
        self._check()

    def _check(self) -> None:
        """Refuse a walk whose lowest or highest place isn't there."""
        spans = [(n - 1) * stride for n, stride in self.axes]
        low = self.offset + sum(min(span, 0) for span in spans)
        high = self.offset + sum(max(span, 0) for span in spans)
        if self.size and not 0 <= low <= high < len(self.buffer):
            raise ValueError(
                f"shape {self.shape}, strides {self.strides}, offset "
                f"{self.offset} reach from {low} to {high}: outside a "
                f"buffer of {len(self.buffer)}"
            )

    @property
    def axes(self) -> list[tuple[int, int]]:
        """The (size, stride) of each axis."""
        return list(zip(self.shape, self.strides, strict=True))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> str:
        """The format of the numbers: "float32" or "float64"."""
        return "float32" if self.buffer.typecode == "f" else "float64"

    def view(
        self, axes: Iterable[tuple[int, int]], offset: int
    ) -> Array:
        """Another walk through the same buffer."""
        pairs = list(axes)
        shape = tuple(n for n, _ in pairs)
        strides = tuple(stride for _, stride in pairs)
        return Array(self.buffer, shape, strides, offset)

    def places(self) -> list[int]:
        """Where in the buffer each element is, in row-major order."""
        places = [self.offset]
        for n, stride in self.axes:
            places = [p + i * stride for p in places for i in range(n)]
        return places

    def values(self) -> list[float]:
        """The elements in row-major order, as a new list."""
        return [self.buffer[place] for place in self.places()]

    def item(self) -> float:
        """The number in an array that has exactly one element."""
        if self.size != 1:
            raise ValueError(f"shape {self.shape} is not one number")
        return self.values()[0]

    def __float__(self) -> float:
        return self.item()

    def __bool__(self) -> bool:
        return self.item() != 0

    def __getitem__(self, key: Key) -> Array:
        axes, offset = [], self.offset
        old_axes = iter(enumerate(self.axes))
        for index in self._complete(key):
            if index is None:
                axes.append((1, 0))
                continue
            axis, (n, stride) = next(old_axes)
            if isinstance(index, slice):
                start, stop, step = index.indices(n)
                size = len(range(start, stop, step))
                axes.append((size, step * stride))
            else:
                start = self._position(index, axis)
            offset += start * stride
        return self.view(axes, offset)

    def _complete(self, key: Key) -> list[Any]:
        """One index for each axis, and None where an axis is new."""
        keys = key if isinstance(key, tuple) else (key,)
        dots = [at for at, k in enumerate(keys) if k is ...]
        given = sum(k is not None for k in keys) - bool(dots)
        if given > self.ndim:
            raise IndexError(f"{given} indices for shape {self.shape}")
        at = dots[0] if dots else len(keys)
        rest = [slice(None)] * (self.ndim - given)
        return [*keys[:at], *rest, *keys[at + 1 :]]

    def _position(self, index: int, axis: int) -> int:
        """The index counted from 0; IndexError if there is none."""
        n, index = self.shape[axis], operator.index(index)
        if not -n <= index < n:
            raise IndexError(
                f"index {index} on axis {axis} of shape {self.shape}"
            )
        return index % n

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __setitem__(self, key: Key, value: Array | float) -> None:
        target = self[key]
        if any(n > 1 and stride == 0 for n, stride in target.axes):
            raise ValueError(
                f"cannot write: elements of shape {target.shape} share "
                f"places, strides {target.strides}"
            )
        source = self._operand(value).broadcast_to(target.shape)
        new = source.values()  # all are read before any is written
        for place, number in zip(target.places(), new, strict=True):
            self.buffer[place] = number

    def _operand(self, value: Array | float) -> Array:
        """An array as it is; a number as an array without axes."""
        if isinstance(value, Array):
            return value
        return dense([value], (), self.dtype)

    def transpose(self, *order: int) -> Array:
        """A view with its axes in this order, by default reversed."""
        order = order or tuple(reversed(range(self.ndim)))
        if sorted(order) != list(range(self.ndim)):
            raise ValueError(f"{order} does not order {self.ndim} axes")
        return self.view([self.axes[k] for k in order], self.offset)

    @property
    def T(self) -> Array:
        """A view with its axes in reverse order."""
        return self.transpose()

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """How NumPy can walk this array; its strides count bytes."""
        size = self.buffer.itemsize
        start, _ = self.buffer.buffer_info()
        return {
            "version": 3,
            "shape": self.shape,
            "strides": tuple(size * s for s in self.strides),
            "typestr": f"=f{size}",
            "data": (start + size * self.offset, False),
        }

    def _runs(self) -> list[tuple[int, int]]:
        """The same walk in as few (size, stride) axes as possible."""
        runs: list[tuple[int, int]] = []
        for n, stride in self.axes:
            if n == 1:
                continue
            if runs and runs[-1][1] == n * stride:
                n *= runs.pop()[0]
            runs.append((n, stride))
        return runs

    def _regroup(self, shape: Shape) -> Shape | None:
        """Strides for the same walk in another shape, or None."""
        if self.size == 0:
            return row_major(shape)
        runs, strides = self._runs(), []
        left, step = 1, 1  # of the run that is being cut
        for n in reversed(shape):
            if left == 1 and n > 1:
                left, step = runs.pop()
            if left % n:
                return None
            strides.append(step)
            left, step = left // n, step * n
        return tuple(reversed(strides))

    def reshape(self, *shape: int) -> Array:
        """The same elements, in row-major order, in another shape.

        One size may be -1: whatever is left. Returns a view where
        strides can express it, otherwise a copy.
        """
        if -1 in shape:
            known = math.prod(n for n in shape if n != -1)
            rest = self.size // max(known, 1)
            shape = tuple(rest if n == -1 else n for n in shape)
        if math.prod(shape) != self.size:
            raise ValueError(
                f"cannot reshape {self.shape} to {shape}: "
                f"{self.size} elements against {math.prod(shape)}"
            )
        strides = self._regroup(shape)
        if strides is None:
            return dense(self.values(), shape, self.dtype)
        return Array(self.buffer, shape, strides, self.offset)

    def copy(self) -> Array:
        """The same elements, dense, in a buffer of their own."""
        return dense(self.values(), self.shape, self.dtype)

    def astype(self, dtype: str) -> Array:
        """A copy that keeps its numbers in this format."""
        return dense(self.values(), self.shape, dtype)

    def broadcast_to(self, shape: Shape) -> Array:
        """A view in which missing axes and those of size 1 stretch.

        Raises ValueError if the shape doesn't stretch to this one.
        """
        if broadcast_shapes(self.shape, shape) != shape:
            raise ValueError(f"cannot stretch {self.shape} to {shape}")
        missing = [(1, 0)] * (len(shape) - self.ndim)
        old = zip(shape, missing + self.axes, strict=True)
        new = [(m, stride if m == n else 0) for m, (n, stride) in old]
        return self.view(new, self.offset)

    __add__ = __radd__ = elementwise(operator.add)
    __mul__ = __rmul__ = elementwise(operator.mul)
    __sub__ = elementwise(operator.sub)
    __rsub__ = elementwise(operator.sub, swap=True)
    __truediv__ = elementwise(operator.truediv)
    __rtruediv__ = elementwise(operator.truediv, swap=True)
    __pow__ = elementwise(operator.pow)
    __lt__ = elementwise(operator.lt)
    __le__ = elementwise(operator.le)
    __gt__ = elementwise(operator.gt)
    __ge__ = elementwise(operator.ge)
    __eq__ = elementwise(operator.eq)  # type: ignore[assignment]
    __ne__ = elementwise(operator.ne)  # type: ignore[assignment]

    def __neg__(self) -> Array:
        return self.map(operator.neg)

    def map(self, function: Callable[[float], float]) -> Array:
        """Apply a function of one number to every element."""
        results = map(function, self.values())
        return dense(results, self.shape, self.dtype)

    def __matmul__(self, other: Array) -> Array:
        return multiply(self, other)

    def _fold(
        self,
        fold: Callable[[Sequence[float]], float],
        axis: int | None,
        keepdims: bool,
    ) -> Array:
        """Make one number of each line of elements along an axis."""
        if axis is None:
            ones = (1,) * self.ndim if keepdims else ()
            return self.reshape(-1)._fold(fold, 0, False).reshape(*ones)
        if not -self.ndim <= axis < self.ndim:
            raise IndexError(f"no axis {axis} in shape {self.shape}")
        axis %= self.ndim
        n = self.shape[axis]
        if n == 0 and fold is not pairwise_sum:
            raise ValueError(f"axis {axis} of {self.shape} is empty")
        others = [k for k in range(self.ndim) if k != axis]
        values = self.transpose(*others, axis).values()
        shape = [self.shape[k] for k in others]
        starts = (n * line for line in range(math.prod(shape)))
        folded = (fold(values[start : start + n]) for start in starts)
        if keepdims:
            shape.insert(axis, 1)
        return dense(folded, tuple(shape), self.dtype)

    def sum(
        self, axis: int | None = None, keepdims: bool = False
    ) -> Array:
        """Add up the elements along an axis, or all of them."""
        return self._fold(pairwise_sum, axis, keepdims)

    def mean(
        self, axis: int | None = None, keepdims: bool = False
    ) -> Array:
        """The average of the elements along an axis, or of all."""
        return self._fold(_average, axis, keepdims)

    def max(
        self, axis: int | None = None, keepdims: bool = False
    ) -> Array:
        """The largest element along an axis, or of all; nan wins."""
        return self._fold(_largest, axis, keepdims)

    def tolist(self) -> Any:
        """The elements as nested lists; one number without axes."""
        if not self.shape:
            return self.item()
        return [row.tolist() for row in self]

    def __repr__(self) -> str:
        cells = [f"{value:g}" for value in self.values()]
        width = max(map(len, cells), default=0)
        aligned = (cell.rjust(width) for cell in cells)
        return f"Array({_brackets(self.shape, aligned, len('Array('))})"
