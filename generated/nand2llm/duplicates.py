# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. b458a22140b6
"""Documents that are there already, to the byte or nearly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

import numpy as np

from nand2llm.corpus import Document

Array = np.ndarray[Any, Any]


def unique(documents: Iterable[Document]) -> Iterator[Document]:
    """Each text once, where it comes first.

    Remembers 16 bytes of each text, which take about 100.
    """
    seen: set[bytes] = set()
    for document in documents:
        data = document.text.encode()
        digest = blake2b(data, digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            yield document


def shingles(text: str, words: int = 5) -> Array:
    """Hashes (n,) of all runs of so many words, each once."""
    parts = text.split()
    runs = {
        " ".join(parts[i : i + words]).encode()
        for i in range(max(1, len(parts) - words + 1))
    }
    digests = (blake2b(run, digest_size=8).digest() for run in runs)
    return np.frombuffer(b"".join(digests), np.uint64)


def scrambled(x: Array) -> Array:
    """64 bits, each of which depends on all that come in."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def signature(hashes: Array, draws: Array) -> Array:
    """The lowest number of the hashes in each of the draws (n,).

    Goes by a thousand hashes, so that a long text needs no more.
    """
    lowest = np.full(len(draws), np.iinfo(np.uint64).max)
    for at in range(0, len(hashes), 1000):
        some = hashes[at : at + 1000, None]  # (1000, 1)
        numbers = scrambled(some + draws)  # (1000, n)
        np.minimum(lowest, numbers.min(axis=0), out=lowest)
    return lowest


class NearDuplicates:
    """Remembers texts by their signatures; finds those alike.

    A text takes about 5 kB of memory, however long it is. Source:
    Broder (1997); bands: Leskovec et al. (2020), chapter 3.
    """

    def __init__(
        self,
        threshold: float = 0.7,
        bands: int = 16,
        rows: int = 8,
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.threshold = threshold
        self.draws = rng.integers(0, 2**64, bands * rows, np.uint64)
        self.drawers: list[dict[bytes, list[int]]] = [
            {} for _ in range(bands)
        ]
        self.signatures: list[Array] = []

    def alike(self, text: str) -> list[int]:
        """Numbers of earlier texts that this one is like; adds it."""
        own = signature(shingles(text), self.draws)
        number, candidates = len(self.signatures), set()
        bands = np.split(own, len(self.drawers))
        for drawer, band in zip(self.drawers, bands, strict=True):
            there = drawer.setdefault(band.tobytes(), [])
            candidates.update(there)
            there.append(number)
        self.signatures.append(own)
        return [
            other
            for other in sorted(candidates)
            if (self.signatures[other] == own).mean() >= self.threshold
        ]


def families(
    texts: Iterable[str], near: NearDuplicates | None = None
) -> list[int]:
    """For each text the number of the first one in its family."""
    near = near or NearDuplicates()
    first: list[int] = []

    def head(i: int) -> int:
        while first[i] != i:
            first[i] = first[first[i]]  # shorten the way
            i = first[i]
        return i

    for number, text in enumerate(texts):
        first.append(number)
        for other in near.alike(text):
            low, high = sorted((head(other), head(number)))
            first[high] = low
    return [head(i) for i in range(len(first))]
