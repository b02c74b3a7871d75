# Made from book/part4/16-the-transformer-block.md by tangle.py; edit there, or here and stitch. 519c2f1244ad
"""The transformer block: attend, then compute; add both to x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from nand2llm import functional as F
from nand2llm.cache import Kept
from nand2llm.nn import Dropout, LayerNorm, Linear, Module, RMSNorm
from nand2llm.tensor import Tensor

Norm = Literal["layer", "rms", "plain"]
Feed = Literal["gelu", "relu2", "swiglu"]


def make_norm(
    kind: Norm, width: int, bias: bool = False, eps: float = 1e-5
) -> Module:
    """A norm of rows (…, width).

    "layer": mean 0 and variance 1, scaled, and shifted with `bias`;
    "rms": mean square 1, scaled; "plain": the same without a scale.
    """
    if kind not in get_args(Norm):
        raise ValueError(f"norm {kind!r}; there are {get_args(Norm)}")
    if kind == "layer":
        return LayerNorm(width, bias, eps)
    return RMSNorm(width, kind == "rms", eps)


class FeedForward(Module):
    """Each token by itself: wider, bent, and back to its width.

    kind "gelu" is GPT-2's; "relu2" squares what is positive (So and
    others, 2021); "swiglu" (Shazeer, 2020) makes two products, the
    upper half of `up` and the lower, and bends one to gate the other.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        rng: np.random.Generator,
        kind: Feed = "gelu",
        bias: bool = False,
    ) -> None:
        if kind not in get_args(Feed):
            raise ValueError(
                f"feed {kind!r}; there are {get_args(Feed)}"
            )
        self.kind, self.hidden = kind, hidden
        gates = 2 if kind == "swiglu" else 1
        self.up = Linear(width, gates * hidden, rng, bias)
        self.down = Linear(hidden, width, rng, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(…, C) to the same."""
        h = self.up(x)
        if self.kind == "gelu":
            h = F.gelu(h)
        elif self.kind == "relu2":
            h = F.relu_squared(h)
        else:
            gate, h = h.split([self.hidden, self.hidden])
            h = F.silu(gate) * h
        return self.down(h)


class Block(Module):
    """What attention finds, then what `feed` makes of it, added to x.

    norm makes the two norms. They stand before the layers ("pre"), or
    with `post` behind the sums, as in the first transformer (Vaswani
    and others, 2017). Dropout is of what is added.
    """

    def __init__(
        self,
        attention: Module,
        feed: Module,
        norm: Callable[[], Module],
        rng: np.random.Generator,
        dropout: float = 0.0,
        post: bool = False,
    ) -> None:
        self.norm1, self.attention = norm(), attention
        self.norm2, self.feed = norm(), feed
        self.dropout, self.post = Dropout(dropout, rng), post

    def forward(self, x: Tensor, kept: Kept | None = None) -> Tensor:
        """(B, T, C) to the same; with `kept`, T more of a text."""
        drop = self.dropout
        if self.post:
            x = self.norm1(x + drop(self.attention(x, kept)))
            return self.norm2(x + drop(self.feed(x)))
        x = x + drop(self.attention(self.norm1(x), kept))
        return x + drop(self.feed(self.norm2(x)))
