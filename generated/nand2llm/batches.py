# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 8827d9f8641c
"""Batches out of a token file, in an order that can be repeated."""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty, Queue
from typing import Any, TypeVar

import numpy as np

from nand2llm.tokenfile import TokenFile

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]
Item = TypeVar("Item")


class Batches:
    """Inputs and targets (B, T), without end; int64.

    Each row begins where a document does, or where a long one was
    cut. In an epoch each token is an input at most once, and
    nearly all are.
    """

    def __init__(
        self, file: TokenFile, batch: int, length: int, seed: int = 0
    ) -> None:
        if len(file.tokens) < 2 or min(batch, length) < 1:
            raise ValueError(
                f"{file.path}: {len(file.tokens)} tokens, for batches "
                f"({batch}, {length}); there must be 2, for (1, 1)"
            )
        self.file, self.batch, self.length = file, batch, length
        self.seed, self.pool_size = seed, 1024
        self.pool: list[tuple[int, int]] = []  # (size, start), sorted
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Shuffle the documents for the epoch."""
        self.epoch, self.at = epoch, 0
        self.rng = np.random.default_rng([self.seed, epoch])
        self.order = self.rng.permutation(len(self.file))

    def cut(self, number: int) -> None:
        """Put the pieces of a document into the pool."""
        at, stop = self.file.bounds(number)
        stop = min(stop, len(self.file.tokens) - 1)
        size = self.length
        if stop - at > size:
            size = int(self.rng.integers(1, size + 1))
        while at < stop:
            insort(self.pool, (min(size, stop - at), at))
            at, size = at + size, self.length

    def fill(self) -> None:
        """Cut documents until the pool is full or the epoch is over."""
        while True:
            todo = self.order[self.at :]
            for number in todo:
                if len(self.pool) >= self.pool_size:
                    break
                self.cut(int(number))
                self.at += 1
            if self.pool:
                return
            self.begin(self.epoch + 1)

    def row(self) -> Iterator[tuple[int, int]]:
        """The pieces (start, size) of a row."""
        room = self.length
        while room:
            self.fill()
            fitting = bisect_right(self.pool, (room + 1,))
            if room == self.length:
                pick = int(self.rng.integers(len(self.pool)))
            else:  # the longest that fits, or a part of the shortest
                pick = max(fitting - 1, 0)
            size, start = self.pool.pop(pick)
            yield start, min(size, room)
            room -= min(size, room)

    def __iter__(self) -> Iterator[Pair]:
        return self

    def __next__(self) -> Pair:
        shape, tokens = (self.batch, self.length), self.file.tokens
        inputs = np.empty(shape, np.int64)
        targets = np.empty(shape, np.int64)
        for x, y in zip(inputs, targets, strict=True):
            at = 0
            for start, size in self.row():
                x[at : at + size] = tokens[start : start + size]
                y[at : at + size] = tokens[start + 1 : start + size + 1]
                at += size
        return inputs, targets

    def state_dict(self) -> dict[str, Any]:
        """All that decides which batches come; fit for JSON."""
        return {
            "tokens": len(self.file.tokens),
            "length": self.length,
            "seed": self.seed,
            "epoch": self.epoch,
            "at": self.at,
            "pool": [list(piece) for piece in self.pool],
            "rng": self.rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another was; ValueError for another's file."""
        ours = {"tokens": len(self.file.tokens), "length": self.length}
        theirs = {name: state[name] for name in ours}
        if theirs != ours:
            raise ValueError(f"state is of {theirs}, and here are {ours}")
        self.seed = state["seed"]
        self.begin(state["epoch"])
        self.at = state["at"]
        self.pool = [(size, start) for size, start in state["pool"]]
        self.rng.bit_generator.state = state["rng"]


def sequential(
    file: TokenFile, batch: int, length: int
) -> Iterator[Pair]:
    """All of a file in order: each token but the first is a target.

    Batches are (B, T), the last full one has fewer rows, and what
    is left comes as one shorter row.
    """
    total = max(len(file.tokens) - 1, 0)
    whole = total - total % length
    for at in range(0, whole, batch * length):
        stop = min(at + batch * length, whole)
        part = file.tokens[at : stop + 1].astype(np.int64)
        shape = (-1, length)
        yield part[:-1].reshape(shape), part[1:].reshape(shape)
    if whole < total:
        part = file.tokens[whole:].astype(np.int64)
        yield part[None, :-1], part[None, 1:]


def background(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """The same items, made by a thread that is a few ahead.

    Its errors are raised here. Closing this generator ends it.
    """
    queue: Queue[tuple[bool, Any]] = Queue(depth)
    stop = threading.Event()

    def work() -> None:
        try:
            for item in items:
                queue.put((True, item))
                if stop.is_set():
                    return
            queue.put((False, None))
        except BaseException as problem:
            queue.put((False, problem))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            more, item = queue.get()
            if more:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        stop.set()
        with suppress(Empty):
            while True:
                queue.get_nowait()
        thread.join()
