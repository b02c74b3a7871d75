# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. d8d962ab2109
"""What a backend is: an array module, and a few things beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Array = Any


class Backend:
    """The functions that operations call, over one kind of array.

    Whatever is not defined here is looked up in `module`, which has
    NumPy's names.
    """

    name: str
    module: Any
    own: dict[str, Any]  # its own versions of operations, by name
    views = True  # a slice shares its array's memory

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        function = getattr(self.module, name)
        setattr(self, name, function)  # found at once from now on
        return function

    def __repr__(self) -> str:
        return f"<backend {self.name}>"

    # Numbers in and out

    def array(self, data: Any, dtype: str | None = None) -> Array:
        """An array of the backend; reals are float32 unless typed."""
        raise NotImplementedError

    def to_numpy(self, x: Array) -> Any:
        """The array as NumPy's."""
        raise NotImplementedError

    def dtype(self, *arrays: Array) -> str:
        """The name of the number format of the first that is typed."""
        for x in arrays:
            if hasattr(x, "dtype"):
                return str(x.dtype).removeprefix("mlx.core.")
        raise TypeError("no array among numbers")

    def cast(self, x: Array, dtype: str) -> Array:
        """The same numbers in another format."""
        return x.astype(getattr(self.module, dtype))

    # In place, where the arrays allow it

    def write(self, x: Array, data: Any) -> Array:
        """Put other numbers into `x`; what holds them is returned."""
        if not x.shape:
            return self.array(data, self.dtype(x))
        x[...] = data
        return x

    def accumulate(self, total: Array, x: Array) -> Array:
        """Add `x` to `total`, in place if possible."""
        total += x
        return total

    def copy(self, x: Array) -> Array:
        """An array of its own with the same numbers."""
        return self.module.array(x)

    def pieces(self, x: Array) -> Iterator[Any]:
        """Indices of parts of `x` that are best treated one by one."""
        yield ...

    def all_finite(self, x: Array) -> bool:
        """Whether there is neither NaN nor infinity."""
        return bool(self.module.isfinite(x).all())

    # The opposite of indexing

    def scatter_add(
        self, shape: tuple[int, ...], index: Any, g: Array
    ) -> Array:
        """Zeros, with `g` added at an index that may repeat."""
        raise NotImplementedError

    def scatter_along_axis(
        self, shape: tuple[int, ...], index: Array, g: Array, axis: int
    ) -> Array:
        """Zeros, with `g` added where `index` says along an axis."""
        axis %= len(shape)
        places = [
            self.module.arange(n).reshape(
                [-1 if i == at else 1 for i in range(len(shape))]
            )
            for at, n in enumerate(index.shape)
        ]
        places[axis] = index
        return self.scatter_add(shape, tuple(places), g)
