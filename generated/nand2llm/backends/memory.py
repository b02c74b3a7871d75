# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. 6e11c01232f5
"""Memory that is used again, instead of asked for again.

The arena keeps the arrays it made and lends one again as soon as
nobody else holds it, which Python's reference counts tell. So nothing
needs to be given back, and an array that is kept is never touched.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

SMALL = 1 << 14  # bytes; below, NumPy and the C library do well

BLOCK = 1 << 16  # elements, so that a few temporaries fit level 2


def blocks(
    x: np.ndarray[Any, Any], size: int = BLOCK
) -> Iterator[slice]:
    """Slices of the first axis, of about `size` elements each."""
    step = max(1, size // max(1, x[:1].size))
    return (slice(i, i + step) for i in range(0, len(x), step))


class Arena(threading.local):
    """Buffers of one thread, by size."""

    def __init__(self) -> None:
        self.kept: dict[int, list[np.ndarray[Any, Any]]] = {}
        probe = [np.empty(0, np.uint8)]
        for buffer in probe:  # counted as `empty` counts
            self.free = sys.getrefcount(buffer)

    def empty(
        self, shape: Sequence[int], dtype: Any = np.float32
    ) -> np.ndarray[Any, Any]:
        """An array with whatever numbers its memory holds."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < SMALL:
            return np.empty(shape, dtype)
        kept = self.kept.setdefault(size, [])
        for buffer in kept:
            if sys.getrefcount(buffer) == self.free:
                return buffer.view(dtype).reshape(shape)
        buffer = np.empty(size, np.uint8)
        kept.append(buffer)
        return buffer.view(dtype).reshape(shape)

    def clear(self) -> None:
        """Forget the buffers; those in use live on with their users."""
        self.kept.clear()
