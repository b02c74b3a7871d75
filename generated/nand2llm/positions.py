# Made from book/part3/12-embeddings.md by tangle.py; edit there, or here and stitch. 9f31cb3b9f22
"""Where a token stands: sines, and rotations.

A rotary embedding turns pairs of numbers of queries and keys by
angles that grow with the position (Su and others, 2021), so that
dot products depend on distances alone. Which numbers form a pair,
and which way they turn, differs between models; both are here.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from nand2llm.autograd import Array
from nand2llm.ops import Backend, Result, operation
from nand2llm.tensor import Tensor, apply

Layout = Literal["half", "pairs"]


def angles(length: int, width: int, base: float = 10000.0) -> Any:
    """Position times speed, in radians: (length, width/2)."""
    if width % 2:
        raise ValueError(f"width {width} is odd; angles turn pairs")
    speeds = base ** (-np.arange(0, width, 2) / width)
    return np.arange(length)[:, None] * speeds


def sinusoidal(length: int, width: int, base: float = 10000.0) -> Any:
    """Sines (even columns) and cosines of angles: (length, width).

    Vaswani and others, 2017, section 3.5.
    """
    turned = angles(length, width, base)
    both = np.stack([np.sin(turned), np.cos(turned)], axis=-1)
    return both.reshape(length, width).astype(np.float32)


@operation
def rotary(
    xp: Backend, x: Array, cos: Array, sin: Array, layout: Layout
) -> Result:
    """x (B, T, H, D), its pairs turned by angles (T, D/2)."""
    dtype = xp.dtype(x)
    cos, sin = (xp.cast(t, dtype)[:, None] for t in (cos, sin))

    def turn(x: Array, sin: Array) -> Array:
        a, b = _apart(x, layout)
        both = [a * cos - b * sin, a * sin + b * cos]
        if layout == "half":
            return xp.concatenate(both, axis=-1)
        return xp.stack(both, axis=-1).reshape(x.shape)

    return turn(x, sin), (lambda g: turn(g, -sin),)


def _apart(x: Array, layout: Layout) -> tuple[Array, Array]:
    """The first numbers of all pairs, and the second."""
    if layout == "half":
        half = x.shape[-1] // 2
        return x[..., :half], x[..., half:]
    return x[..., 0::2], x[..., 1::2]


class Rotary:
    """Turns queries or keys (B, T, H, width) by their positions.

    length: how many positions there are. layout: "half" pairs number
    i with number i + width/2, as GPT-NeoX does and Llama's weights in
    `transformers`; "pairs" pairs 2i with 2i + 1, as RoFormer and
    GPT-J do. sign: +1 turns counterclockwise, as all of these do, -1
    clockwise, as NanoChat does.
    """

    def __init__(
        self,
        width: int,
        length: int,
        base: float = 10000.0,
        layout: Layout = "half",
        sign: int = 1,
    ) -> None:
        if layout not in ("half", "pairs") or sign not in (1, -1):
            raise ValueError(
                f"layout {layout!r}, sign {sign}; a layout is 'half' "
                "or 'pairs', a sign is 1 or -1"
            )
        turned = angles(length, width, base)
        self.cos, self.sin = np.cos(turned), sign * np.sin(turned)
        self.width, self.length, self.layout = width, length, layout
        self._tables: dict[tuple[str, str], tuple[Array, Array]] = {}

    def __call__(self, x: Tensor, start: int = 0) -> Tensor:
        """(B, T, H, width) at positions start … start + T - 1."""
        if x.ndim != 4 or x.shape[-1] != self.width:
            raise ValueError(
                f"rotary of {x.shape}; it turns (B, T, H, {self.width})"
            )
        stop = start + x.shape[1]
        if start < 0 or stop > self.length:
            raise IndexError(
                f"positions {start} to {stop - 1}, but the rotary "
                f"table has 0 to {self.length - 1}"
            )
        cos, sin = (table[start:stop] for table in self._on(x))
        return apply(rotary, x, cos=cos, sin=sin, layout=self.layout)

    def _on(self, x: Tensor) -> tuple[Array, Array]:
        """The tables where x is, in its number format."""
        key = x.backend.name, x.dtype
        if key not in self._tables:
            array = x.backend.array
            cos, sin = array(self.cos, x.dtype), array(self.sin, x.dtype)
            self._tables[key] = cos, sin
        return self._tables[key]
