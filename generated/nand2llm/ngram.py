# Made from book/part4/13-next-token-prediction.md by tangle.py; edit there, or here and stitch. 4c2e1601bda4
"""Count what follows what: n-grams, with Kneser–Ney smoothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


@dataclass
class Level:
    """What follows contexts of one length, and how often.

    grams are the codes of context and token together, sorted, with
    their counts. contexts are codes too, each with the total of its
    counts, the number of different tokens, and its first gram.
    """

    grams: Array
    counts: Array
    contexts: Array
    totals: Array
    kinds: Array
    first: Array


def grouped(grams: Array, counts: Array, vocab_size: int) -> Level:
    """Group sorted grams by their contexts."""
    owner = grams // vocab_size
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    kinds = np.diff(first, append=len(grams))
    totals = np.add.reduceat(counts, first)
    return Level(grams, counts, owner[first], totals, kinds, first)


def find(codes: Array, wanted: Array) -> tuple[Array, Array]:
    """Where in sorted codes the wanted are, and whether they are."""
    place = np.searchsorted(codes, wanted)
    place = np.minimum(place, len(codes) - 1)
    return place, codes[place] == wanted


def codes(tokens: Array, length: int, vocab_size: int) -> Array:
    """The code of the `length` tokens up to each place, (n,)."""
    found = np.zeros(len(tokens), np.int64)
    for back in range(length - 1, -1, -1):
        found *= vocab_size
        found[back:] += tokens[: len(tokens) - back]
    return found


class NGram:
    """Which token follows the last order - 1, by counting.

    Interpolated Kneser–Ney smoothing (Chen and Goodman, 1999), with
    one discount for every length of context.
    """

    def __init__(self, order: int, vocab_size: int) -> None:
        if order < 1 or (vocab_size + 1) ** order >= 2**63:
            raise ValueError(
                f"grams of {order} among {vocab_size} tokens don't fit "
                "a code of 63 bits; take a smaller order, from 1 on"
            )
        self.order, self.vocab_size = order, vocab_size
        self.levels: list[Level] = []
        self.discounts: list[float] = []

    def fit(self, tokens: Array) -> NGram:
        """Count a text (n,); what was counted before is forgotten."""
        tokens = np.asarray(tokens, np.int64)
        if len(tokens) < self.order:
            raise ValueError(
                f"{len(tokens)} tokens hold no {self.order}-gram"
            )
        self.levels = [self._counted(tokens, k) for k in range(self.order)]
        self.discounts = [_discount(x.counts) for x in self.levels]
        return self


    def _counted(self, tokens: Array, k: int) -> Level:
        grams = codes(tokens, k + 1, self.vocab_size)[k:]
        if k < self.order - 1:  # count the kinds of tokens before it
            before = np.full(len(grams), self.vocab_size)
            before[1:] = tokens[: len(grams) - 1]
            size = self.vocab_size ** (k + 1)
            grams = np.unique(before * size + grams) % size
        found, counts = np.unique(grams, return_counts=True)
        return grouped(found, counts, self.vocab_size)

    def probabilities(self, context: Sequence[int]) -> Array:
        """Of every token to come after the context, (vocab_size,)."""
        p = np.full(self.vocab_size, 1 / self.vocab_size)
        tokens = np.asarray(context, np.int64)[-self.order :]
        both = zip(self.levels, self.discounts, strict=True)
        for k, (at, discount) in enumerate(both):
            if k > len(tokens):
                break
            code = codes(tokens, k, self.vocab_size)[-1] if k else 0
            place, known = find(at.contexts, code)
            if not known:
                break
            start, kinds = at.first[place], at.kinds[place]
            mine = slice(start, start + kinds)
            p *= discount * kinds / at.totals[place]
            words = at.grams[mine] % self.vocab_size
            p[words] += (at.counts[mine] - discount) / at.totals[place]
        return p

    def surprises(self, tokens: Array) -> Array:
        """Nats for each token (n,), given those before it."""
        tokens = np.asarray(tokens, np.int64)
        p = np.full(len(tokens), 1 / self.vocab_size)
        both = zip(self.levels, self.discounts, strict=True)
        for k, (at, discount) in enumerate(both):
            grams = codes(tokens, k + 1, self.vocab_size)[k:]
            place, known = find(at.contexts, grams // self.vocab_size)
            gram, seen = find(at.grams, grams)
            above = np.where(seen, at.counts[gram] - discount, 0)
            mixed = above + discount * at.kinds[place] * p[k:]
            p[k:] = np.where(known, mixed / at.totals[place], p[k:])
        return -np.log(p)


def _discount(counts: Array) -> float:
    """What is subtracted from counts for the sake of the unseen."""
    once, twice = (counts == 1).sum(), (counts == 2).sum()
    return float(once / (once + 2 * twice)) if once else 0.5
