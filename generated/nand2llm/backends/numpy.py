# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. 84ff156d5bc1
"""NumPy: the reference that the other backends are tested against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nand2llm.backends import blocked
from nand2llm.backends.base import Array, Backend
from nand2llm.backends.memory import BLOCK, SMALL, Arena, blocks


class NumPy(Backend):
    """Arrays and functions of NumPy."""

    name = "numpy"
    module = np

    def __init__(self) -> None:
        self.arena = Arena()
        self.empty = self.arena.empty
        self.own = dict(blocked.OWN)

    def array(self, data: Any, dtype: str | None = None) -> Array:
        """An array; Python's reals become float32, unless typed."""
        if dtype is None and not hasattr(data, "dtype"):
            found = np.asarray(data)
            if found.dtype == object:
                raise TypeError(f"no numbers: {data!r:.60}")
            dtype = "float32" if found.dtype.kind == "f" else None
        return np.array(data, dtype)

    def to_numpy(self, x: Array) -> Any:
        """The array itself."""
        return x

    def pieces(self, x: Array) -> Iterator[Any]:
        """Blocks whose fresh temporaries fit the cache, and the heap."""
        return blocks(x, BLOCK // 4)

    def add(self, x: Array, y: Array) -> Array:
        """x + y; that of long arrays is written to a borrowed one."""
        if (
            getattr(x, "nbytes", 0) > 4 * SMALL
            and x.__class__ is y.__class__ is np.ndarray
            and x.dtype == y.dtype
            and x.shape[x.ndim - y.ndim :] == y.shape
        ):
            return np.add(x, y, out=self.empty(x.shape, x.dtype))
        return np.add(x, y)

    def scatter_add(
        self, shape: Sequence[int], index: Any, g: Array
    ) -> Array:
        """Zeros, with `g` added at an index that may repeat."""
        total = np.zeros(shape, g.dtype)
        parts = index if isinstance(index, tuple) else (index,)
        if all(_basic(part) for part in parts):
            total[index] += g  # slices name no place twice
        else:
            np.add.at(total, index, g)
        return total

    def add_rows(
        self, shape: Sequence[int], index: Array, g: Array
    ) -> Array:
        """Zeros (V, n), with the rows of g added where index says.

        Rows of one place are brought side by side by a stable sort,
        and added up by one call.
        """
        total = np.zeros(shape, g.dtype)
        if len(index):
            index = index % len(total)  # -1 is the last place
            order = np.argsort(index, kind="stable")
            place = index[order]
            first = np.flatnonzero(np.diff(place, prepend=place[0] - 1))
            total[place[first]] = np.add.reduceat(
                g[order], first, axis=0
            )
        return total


def _basic(part: Any) -> bool:
    return part is None or isinstance(part, int | slice | type(...))


def open_backend() -> Backend:
    """The NumPy backend."""
    return NumPy()
