# Made from book/part4/15-multi-head-self-attention.md by tangle.py; edit there, or here and stitch. 8cf811d2df7b
"""Keys and values of the tokens so far, kept for the next one."""

from __future__ import annotations

from typing import Any

from nand2llm import backends
from nand2llm.tensor import Tensor


class Kept:
    """One layer's keys and values: room for (B, length, G, D) each.

    n: how many tokens are kept. What is kept has no gradient.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        backend: Any = None,
    ) -> None:
        self.backend = backends.get(backend)
        self.k, self.v = (
            self.backend.zeros(shape, self.backend.float32)
            for _ in range(2)
        )
        self.n = 0

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep k and v (B, T, G, D); return all (B, n, G, D)."""
        end, room = self.n + k.shape[1], self.k.shape[1]
        if end > room:
            raise ValueError(
                f"cache: {end} tokens, but room for {room}"
            )
        self.k[:, self.n : end] = k.data
        self.v[:, self.n : end] = v.data
        self.n = end
        return (
            Tensor.of(self.k[:, :end], self.backend),
            Tensor.of(self.v[:, :end], self.backend),
        )


class KVCache:
    """The keys and values of all layers of a model."""

    def __init__(
        self,
        layers: int,
        shape: tuple[int, int, int, int],
        backend: Any = None,
    ) -> None:
        self.layers = [Kept(shape, backend) for _ in range(layers)]

    def __len__(self) -> int:
        """How many tokens are kept."""
        return self.layers[0].n if self.layers else 0
