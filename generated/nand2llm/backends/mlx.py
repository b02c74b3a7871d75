# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. d2d381d4b793
"""MLX: lazy arrays in the unified memory of Apple silicon.

On Linux the same code runs on the processor, which is how the tests
know it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nand2llm.backends.base import Array, Backend


class MLX(Backend):
    """Arrays and functions of mlx.core.

    Nothing is computed before somebody looks: `write` evaluates, so
    that a training step does not grow the next one's work.
    """

    name = "mlx"
    views = False

    def __init__(self, mx: Any) -> None:
        self.module = mx
        self.own = {}

    def array(self, data: Any, dtype: str | None = None) -> Array:
        """An array; there is no float64, which is refused."""
        if dtype is None and hasattr(data, "dtype"):
            dtype = self.dtype(data)
        elif dtype is None and np.asarray(data).dtype.kind == "f":
            dtype = "float32"
        if dtype == "float64":
            raise TypeError(
                'mlx has no float64; convert to dtype "float32"'
            )
        return self.module.array(data, dtype and self._format(dtype))

    def to_numpy(self, x: Array) -> Any:
        """The numbers as a NumPy array (bfloat16 as float32)."""
        if x.dtype == self.module.bfloat16:
            x = x.astype(self.module.float32)
        return np.array(x)

    def _format(self, dtype: str) -> Any:
        return getattr(self.module, _NAMES.get(dtype, dtype))

    def cast(self, x: Array, dtype: str) -> Array:
        """The same numbers in another format."""
        return x.astype(self._format(dtype))

    def dtype(self, *arrays: Array) -> str:
        """The name of the number format of the first that is typed."""
        name = super().dtype(*arrays)
        return "bool" if name == "bool_" else name

    def write(self, x: Array, data: Any) -> Array:
        """A new array that stands in for `x`, computed at once."""
        new = self.module.array(data, x.dtype)
        if new.shape != x.shape:
            raise ValueError(f"{new.shape} cannot overwrite {x.shape}")
        self.module.eval(new)
        return new

    def accumulate(self, total: Array, x: Array) -> Array:
        """The sum, as a new array."""
        return total + x

    def empty(self, shape: Sequence[int], dtype: Any) -> Array:
        """Zeros, since nothing is ever written to them."""
        return self.module.zeros(shape, dtype)

    def scatter_add(
        self, shape: Sequence[int], index: Any, g: Array
    ) -> Array:
        """Zeros, with `g` added at an index that may repeat."""
        zeros = self.module.zeros(shape, g.dtype)
        return zeros.at[index].add(g)

    def add_rows(
        self, shape: Sequence[int], index: Array, g: Array
    ) -> Array:
        """Zeros (V, n), with the rows of g added where index says."""
        return self.scatter_add(shape, index, g)


_NAMES = {"bool": "bool_"}


def open_backend() -> Backend:
    """The MLX backend; ImportError, with advice, if it cannot be."""
    try:
        import mlx.core as mx
    except ImportError as error:
        raise ImportError(
            f"{error}; pip install 'nand2llm[mlx]' (Apple silicon), or "
            "'mlx[cpu]' on Linux"
        ) from error
    return MLX(mx)
