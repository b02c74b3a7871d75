# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. abe2820e64c1
"""CuPy: NumPy's functions, computed on an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nand2llm.backends.base import Array, Backend


class CuPy(Backend):
    """Arrays and functions of CuPy, on the current device."""

    name = "cupy"

    def __init__(self, cupy: Any, scatter_add: Any) -> None:
        self.module = cupy
        from nand2llm.backends.cuda import Kernels, compiled

        self.own = Kernels(compiled(cupy)).own()
        self._scatter = scatter_add

    def array(self, data: Any, dtype: str | None = None) -> Array:
        """An array on the GPU; Python's reals become float32."""
        if dtype is None and not hasattr(data, "dtype"):
            kind = np.asarray(data).dtype.kind
            dtype = "float32" if kind == "f" else None
        return self.module.array(data, dtype)

    def to_numpy(self, x: Array) -> Any:
        """A copy in the computer's memory."""
        return self.module.asnumpy(x)

    def scatter_add(
        self, shape: Sequence[int], index: Any, g: Array
    ) -> Array:
        """Zeros, with `g` added at an index that may repeat."""
        total = self.module.zeros(shape, g.dtype)
        self._scatter(total, index, g)
        return total

    def add_rows(
        self, shape: Sequence[int], index: Array, g: Array
    ) -> Array:
        """Zeros (V, n), with the rows of g added where index says."""
        return self.scatter_add(shape, index, g)


def open_backend() -> Backend:
    """The CuPy backend; ImportError, with advice, if it cannot be."""
    try:
        import cupy
        from cupyx import scatter_add
    except ImportError as error:
        raise ImportError(
            f"{error}; pip install 'nand2llm[cuda]', on a machine "
            "with an NVIDIA GPU"
        ) from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ImportError(f"no NVIDIA GPU here: {error}") from error
    if not count:
        raise ImportError("no NVIDIA GPU here")
    return CuPy(cupy, scatter_add)
