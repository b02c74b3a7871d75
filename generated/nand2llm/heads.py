# Made from book/part4/15-multi-head-self-attention.md by tangle.py; edit there, or here and stitch. 7b75654b9126
"""Self-attention: every token asks all those before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nand2llm import functional as F
from nand2llm.attending import attend
from nand2llm.cache import Kept
from nand2llm.nn import Linear, Module
from nand2llm.positions import Rotary
from nand2llm.tensor import Tensor


class SelfAttention(Module):
    """H heads of queries over G heads of keys and values.

    width C is cut into heads of D = C / H. kv_heads G divides H: with
    G = H it's multi-head attention (Vaswani and others, 2017), with
    G = 1 multi-query (Shazeer, 2019), between them grouped-query
    (Ainslie and others, 2023). With `rotary`, queries and keys are
    turned by their positions; with `qk_norm` they get mean square 1;
    with `window` a token sees itself and window − 1 before it.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        rng: np.random.Generator,
        kv_heads: int | None = None,
        bias: bool = False,
        rotary: Rotary | None = None,
        qk_norm: bool = False,
        window: int | None = None,
        eps: float = 1e-5,
    ) -> None:
        groups = heads if kv_heads is None else kv_heads
        if heads < 1 or width % heads:
            raise ValueError(
                f"{heads} heads don't divide a width of {width}"
            )
        if groups < 1 or heads % groups:
            raise ValueError(
                f"{groups} kv_heads don't divide {heads} heads"
            )
        self.head = width // heads
        self.sizes = [width, groups * self.head, groups * self.head]
        self.rotary, self.qk_norm = rotary, qk_norm
        self.window, self.eps = window, eps
        self.qkv = Linear(width, sum(self.sizes), rng, bias=bias)
        self.out = Linear(width, width, rng, bias=bias)

    def project(
        self, x: Tensor, start: int = 0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, T, C) to q (B, T, H, D) and k, v (B, T, G, D)."""
        shape = (*x.shape[:2], -1, self.head)
        parts = self.qkv(x).split(self.sizes)
        q, k, v = (part.reshape(*shape) for part in parts)
        if self.rotary is not None:
            q, k = self.rotary(q, start), self.rotary(k, start)
        if self.qk_norm:
            q = F.rms_norm(q, None, self.eps)
            k = F.rms_norm(k, None, self.eps)
        return q, k, v

    def forward(self, x: Tensor, kept: Kept | None = None) -> Tensor:
        """(B, T, C) to the same; with `kept`, T more tokens of a text."""
        q, k, v = self.project(x, 0 if kept is None else kept.n)
        if kept is not None:
            k, v = kept.append(k, v)
        y = F.attention(q, k, v, window=self.window)
        return self.out(y.reshape(*x.shape))

    def weights(self, x: Tensor) -> Any:
        """Where each token of x (B, T, C) looks: (B, H, T, T)."""
        q, k, v = self.project(x)
        n, (_, _, heads, _) = x.shape[1], q.shape
        share = heads // k.shape[2]
        each = [i // share for i in range(heads)]  # a head's keys
        seen = np.tri(n, dtype=bool)
        if self.window is not None:
            seen &= ~np.tri(n, k=-self.window, dtype=bool)
        q, k, v = (t.permute(0, 2, 1, 3) for t in (q, k, v))
        return attend(q, k[:, each], v[:, each], seen)[1].numpy()
