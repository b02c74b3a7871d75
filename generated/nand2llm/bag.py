# Made from book/part3/12-embeddings.md by tangle.py; edit there, or here and stitch. 2e4290304d7c
"""Guess a word from those around it: a table of words that learns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nand2llm import functional as F
from nand2llm.nn import Embedding, Module, normal, parameter
from nand2llm.optim import AdamW, warmup_cosine
from nand2llm.tensor import Tensor, no_grad

Words = Sequence[str]


class Vocabulary:
    """The most frequent words, numbered by frequency from 1.

    0 stands for all the others. Equals are numbered by alphabet.
    """

    def __init__(self, documents: Iterable[Words], size: int) -> None:
        self.counts = Counter(w for words in documents for w in words)
        order = sorted(self.counts, key=lambda w: (-self.counts[w], w))
        self.words = ["…", *order[: size - 1]]
        self.numbers = {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Words) -> Any:
        """The numbers of words, (n,)."""
        found = [self.numbers.get(word, 0) for word in words]
        return np.array(found, np.int64)


def windows(documents: Iterable[Any], reach: int) -> tuple[Any, Any]:
    """Every known word, and `reach` words on either side of it.

    Returns contexts (n, 2 * reach) and middles (n,). Windows don't
    cross from one document to the next.
    """
    width = 2 * reach + 1
    found = [np.empty((0, width), np.int64)]
    for tokens in documents:
        if len(tokens) >= width:
            view = np.lib.stride_tricks.sliding_window_view
            found.append(view(tokens, width))
    rows = np.concatenate(found)
    rows = rows[rows[:, reach] != 0]
    return np.delete(rows, reach, axis=1), rows[:, reach]


class Bag(Module):
    """Logits of a word, from the sum of the rows of those around it.

    tied: the table that is read from also makes the logits. place:
    what is done to the rows (B, T, width) before they are summed.
    """

    def __init__(
        self,
        size: int,
        width: int,
        rng: np.random.Generator,
        tied: bool = True,
        place: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.table = Embedding(size, width, rng, std=0.1)
        own = None if tied else normal((size, width), 0.1, rng)
        self.head = self.table.weight if own is None else own
        self.bias = parameter(np.zeros(size, np.float32))
        self.place = place

    def forward(self, contexts: Any) -> Tensor:
        """Contexts (B, T) to logits (B, size)."""
        rows = self.table(contexts)
        if self.place is not None:
            rows = self.place(rows)
        return F.linear(rows.sum(axis=1), self.head, self.bias)


def learn(
    model: Module,
    contexts: Any,
    middles: Any,
    rng: np.random.Generator,
    epochs: int = 2,
) -> list[float]:
    """Teach the model the middles; return the loss of every batch."""
    optimizer = AdamW(model.parameters(), 0.01, weight_decay=0.0)
    losses: list[float] = []
    n = len(middles) // 256
    schedule = warmup_cosine(20, epochs * n)
    for _ in range(epochs):
        order = rng.permutation(len(middles))[: n * 256]
        for batch in order.reshape(n, 256):
            logits = model(contexts[batch])
            loss = F.cross_entropy(logits, middles[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step(schedule(len(losses)))
            losses.append(loss.item())
    return losses


def wrongness(model: Module, contexts: Any, middles: Any) -> float:
    """The mean loss, in nats a word."""
    with no_grad():
        return F.cross_entropy(model(contexts), middles).item()
