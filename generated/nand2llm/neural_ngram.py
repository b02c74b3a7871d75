# Made from book/part4/13-next-token-prediction.md by tangle.py; edit there, or here and stitch. 8ef6a7ac57b8
"""The neural n-gram: a network that reads the last few tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nand2llm import functional as F
from nand2llm.batches import Pair
from nand2llm.nn import Embedding, Linear, Module
from nand2llm.optim import AdamW, warmup_cosine
from nand2llm.tensor import Tensor, concatenate


class NeuralNGram(Module):
    """Logits of the next token from the last order - 1 (Bengio, 2003).

    Before the first token stands one of its own, numbered vocab_size.
    """

    def __init__(
        self,
        order: int,
        vocab_size: int,
        width: int,
        hidden: int,
        rng: np.random.Generator,
    ) -> None:
        if order < 2:
            raise ValueError(f"order {order}; a context needs 2 or more")
        self.order, self.vocab_size = order, vocab_size
        self.table = Embedding(vocab_size + 1, width, rng, std=0.3)
        self.hidden = Linear((order - 1) * width, hidden, rng)
        self.head = Linear(hidden, vocab_size, rng)

    def forward(self, tokens: Any) -> Tensor:
        """Tokens (B, T) to logits (B, T, V) of what comes next."""
        tokens = np.asarray(tokens)
        batch, length = tokens.shape
        start = np.full((batch, self.order - 2), self.vocab_size)
        rows = self.table(np.concatenate([start, tokens], axis=1))
        seen = [
            rows[:, back : back + length] for back in range(self.order - 1)
        ]
        return self.head(self.hidden(concatenate(seen, axis=-1)).tanh())


def learn(
    model: Module, batches: Iterator[Pair], steps: int, lr: float
) -> list[float]:
    """Teach a model what comes next; the nats of every step's batch."""
    adam = AdamW(model.parameters(), lr, weight_decay=0.0)
    schedule = warmup_cosine(20, steps, 0.05)
    losses = []
    for step in range(steps):
        inputs, targets = next(batches)
        loss = F.cross_entropy(model(inputs), targets)
        adam.zero_grad()
        loss.backward()
        adam.clip(1.0)
        adam.step(schedule(step))
        losses.append(loss.item())
    return losses
