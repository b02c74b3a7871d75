# Made from book/appendices/e-cuda.md by tangle.py; edit there, or here and stitch. 0e961c54c1a7
"""CUDA kernels for CuPy's float32 arrays, and their rules.

All goes through a function `launch(name, grid, block, *arguments)`,
so that something else than a graphics card can stand behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numpy as np

from nand2llm.autograd import Array
from nand2llm.coarse import rows
from nand2llm.ops import OPERATIONS, Result

Launch = Callable[..., None]
Operation = Callable[..., Result]

FLOAT = np.dtype(np.float32)
NOTHING = np.uintp(0)  # the address of an array that isn't there


def compiled(cupy: Any) -> Launch:
    """What launches kernels.cu's kernels; compiled when first used."""
    source = Path(__file__).with_name("kernels.cu")
    module = cupy.RawModule(code=source.read_text("utf-8"))
    function = cache(module.get_function)

    def launch(
        name: str,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        *arguments: Any,
    ) -> None:
        function(name)(grid, block, arguments)

    return launch


def dense(xp: Any, x: Array) -> Array:
    """The same array, or a copy without gaps."""
    return x if x.flags.c_contiguous else xp.ascontiguousarray(x)


def threads(n: int) -> tuple[int]:
    """A block for a row of n: whole warps, not too many."""
    return (min(32 * math.ceil(n / 32), 512),)


def blocks(n: int) -> tuple[int]:
    """How many blocks of 256 threads stride over n elements."""
    return (min(math.ceil(n / 256), 4096),)


def kernel(method: Operation) -> Operation:
    """For float32 arrays; the plain version computes the others."""
    plain = OPERATIONS[method.__name__]

    @wraps(method)
    def choose(
        self: Kernels, xp: Any, *arrays: Array, **settings: Any
    ) -> Result:
        there = [x for x in arrays if x is not None]
        if all(x.dtype == FLOAT and x.size for x in there):
            return method(self, xp, *arrays, **settings)
        return plain(xp, *arrays, **settings)

    return choose


class Kernels:
    """A backend's own operations, by way of a launcher."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch

    def own(self) -> dict[str, Callable[..., Any]]:
        """The operations by name, as `Backend.own` wants them."""
        return {
            "gelu": self.gelu,
            "silu": self.silu,
            "relu_squared": self.relu_squared,
            "embedding": self.embedding,
            "layer_norm": self.layer_norm,
            "rms_norm": self.rms_norm,
            "cross_entropy": self.cross_entropy,
            "adamw": self.adamw,
        }

    @kernel
    def gelu(self, xp: Any, x: Array) -> Result:
        """As `coarse.gelu`."""
        return self._each("gelu", xp, x)

    @kernel
    def silu(self, xp: Any, x: Array) -> Result:
        """As `coarse.silu`."""
        return self._each("silu", xp, x)

    @kernel
    def relu_squared(self, xp: Any, x: Array) -> Result:
        """As `coarse.relu_squared`."""
        return self._each("relu_squared", xp, x)

    def _each(self, name: str, xp: Any, x: Array) -> Result:
        x = dense(xp, x)
        y = xp.empty(x.shape, FLOAT)
        shape, n = (blocks(x.size), (256,)), np.int64(x.size)
        self.launch(f"{name}_forward", *shape, x, y, n)

        def to_x(g: Array) -> Array:
            dx = xp.empty(x.shape, FLOAT)
            g = dense(xp, g)
            self.launch(f"{name}_backward", *shape, g, x, dx, n)
            return dx

        return y, (to_x,)

    @kernel
    def embedding(self, xp: Any, table: Array, index: Array) -> Result:
        """As `coarse.embedding`, but an index of no row gives NaN."""
        if not index.size:
            return OPERATIONS["embedding"](xp, table, index=index)
        table = dense(xp, table)
        count, n = table.shape
        shape = (*index.shape, n)
        places = index.reshape(-1).astype("int64")
        places = xp.where(places < 0, places + count, places)
        y = xp.empty(shape, FLOAT)
        self.launch(
            "embedding_forward",
            *(blocks(y.size), (256,)),
            *(table, places, y),
            *(np.int64(y.size), np.int64(count), np.int32(n)),
        )

        def to_table(g: Array) -> Array:
            each = xp.arange(places.size)
            keys = xp.sort(places * places.size + each)
            bounds = xp.arange(count + 1) * places.size
            starts = xp.searchsorted(keys, bounds).astype("int64")
            total = xp.empty(table.shape, FLOAT)
            self.launch(
                "embedding_backward",
                *((count,), threads(n)),
                *(dense(xp, g), keys, starts, total),
                *(np.int32(n), np.int64(places.size)),
            )
            return total

        return y, (to_table,)

    @kernel
    def layer_norm(
        self,
        xp: Any,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        eps: float = 1e-5,
    ) -> Result:
        """As `coarse.layer_norm`."""
        return self._norm(xp, x, weight, bias, eps, 1)

    @kernel
    def rms_norm(
        self,
        xp: Any,
        x: Array,
        weight: Array | None = None,
        eps: float = 1e-5,
    ) -> Result:
        """As `coarse.rms_norm`."""
        y, rule = self._norm(xp, x, weight, None, eps, 0)
        return y, lambda g: rule(g)[:2]

    def _norm(
        self,
        xp: Any,
        x: Array,
        weight: Array | None,
        bias: Array | None,
        eps: float,
        centered: int,
    ) -> tuple[Array, Callable[[Array], Sequence[Array | None]]]:
        x = dense(xp, x)
        count, n = rows(x).shape
        shape, width = ((count,), threads(n)), np.int32(n)
        y = xp.empty(x.shape, FLOAT)
        mean, scale = (xp.empty((count,), FLOAT) for _ in range(2))
        w, b = (
            NOTHING if a is None else dense(xp, a)
            for a in (weight, bias)
        )
        self.launch(
            "norm_forward",
            *shape,
            *(x, w, b, y, mean, scale, width),
            *(np.float32(eps), np.int32(centered)),
        )

        def to_all(g: Array) -> Sequence[Array | None]:
            g = dense(xp, g)
            dx = xp.empty(x.shape, FLOAT)
            self.launch(
                "norm_rows",
                *shape,
                *(g, x, w, mean, scale, dx),
                *(width, np.int32(centered)),
            )
            dw, db = (
                None if a is None else xp.empty((n,), FLOAT)
                for a in (weight, bias)
            )
            if weight is not None or bias is not None:
                self._columns(g, x, mean, scale, dw, db)
            return dx, dw, db

        return y, to_all

    def _columns(
        self,
        g: Array,
        x: Array,
        mean: Array,
        scale: Array,
        to_weight: Array | None,
        to_bias: Array | None,
    ) -> None:
        count, n = rows(x).shape
        self.launch(
            "norm_columns",
            (math.ceil(n / 32),),
            (32, 16),
            *(g, x, mean, scale),
            *(NOTHING if a is None else a for a in (to_weight, to_bias)),
            *(np.int32(count), np.int32(n)),
        )

    @kernel
    def cross_entropy(
        self, xp: Any, logits: Array, targets: Array, ignore: int = -1
    ) -> Result:
        """As `coarse.cross_entropy`; the slope is made on the way."""
        x = dense(xp, logits)
        kept = targets != ignore
        share = (kept / xp.maximum(kept.sum(), 1)).astype(FLOAT)
        loss = xp.empty((len(x),), FLOAT)
        slope = xp.empty(x.shape, FLOAT)
        self.launch(
            "cross_entropy",
            (len(x),),
            threads(x.shape[1]),
            x,
            dense(xp, targets.astype("int64")),
            share,
            loss,
            slope,
            np.int32(x.shape[1]),
        )
        return xp.sum(loss), (lambda g: slope * g,)

    def adamw(
        self,
        p: Array,
        g: Array,
        mean: Array,
        square: Array,
        step: int,
        s: dict[str, Any],
    ) -> bool:
        """One step of AdamW; False if it is not for these arrays."""
        vectors = (p, g, mean, square)
        if not p.size or not all(
            x.dtype == FLOAT and x.flags.c_contiguous for x in vectors
        ):
            return False
        b1, b2 = s["betas"]
        numbers = (
            1 - s["lr"] * s["weight_decay"],
            1 - b1,
            1 - b2,
            s["lr"] / (1 - b1**step),
            math.sqrt(1 - b2**step),
            s["eps"],
        )
        self.launch(
            "adamw",
            *(blocks(p.size), (256,)),
            *vectors,
            np.int64(p.size),
            *map(np.float32, numbers),
        )
        return True
