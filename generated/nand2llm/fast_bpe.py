# Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. bedc0dce3973
"""The tokenizer of bpe.py in Rust: the same ids and merges, sooner.

Texts are bytes here. Nothing needs this module: where there is no
library, `available()` is False, and bpe.py does all by itself.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nand2llm import native

Pair = tuple[int, int]
Ids = NDArray[np.uint32]

SPLITS = ("gpt2", "gpt4")  # as the crate counts them
BATCH = 1 << 24
SHORT = 1 << 12


class RawTexts(ctypes.Structure):
    """Texts in C's terms, as the crate declares them."""

    _fields_ = (
        ("count", ctypes.c_size_t),
        ("texts", ctypes.POINTER(ctypes.c_char_p)),
        ("lengths", ctypes.POINTER(ctypes.c_size_t)),
    )


def _raw(texts: Sequence[bytes]) -> RawTexts:
    """The texts for a call; it keeps them alive."""
    n = len(texts)
    return RawTexts(
        n,
        (ctypes.c_char_p * n)(*texts),
        (ctypes.c_size_t * n)(*map(len, texts)),
    )


def _call(name: str, *arguments: object) -> None:
    """Call into the library; ValueError with its reason if it fails."""
    library = native.load()
    if getattr(library, f"nand2llm_{name}")(*arguments):
        text = ctypes.create_string_buffer(1000)
        n = library.nand2llm_last_error(text, ctypes.c_size_t(1000))
        raise ValueError(text.raw[:n].decode(errors="replace"))


class Encoder:
    """Merges at work. Threads may share one."""

    def __init__(
        self, merges: Sequence[Pair], split: str, order: Sequence[int]
    ) -> None:
        self.recipe = merges, split, order
        pairs = np.array(merges, np.uint32).reshape(-1, 2)
        ids = np.argsort(order).astype(np.uint32)
        self.handle = ctypes.c_void_p()
        _call(
            "encoder_new",
            ctypes.c_void_p(ids.ctypes.data),
            ctypes.c_void_p(pairs.ctypes.data),
            ctypes.c_size_t(len(pairs)),
            ctypes.c_size_t(SPLITS.index(split)),
            ctypes.byref(self.handle),
        )
        free = native.load().nand2llm_encoder_free
        weakref.finalize(self, free, self.handle)

    def __reduce__(self) -> tuple[type[Encoder], tuple[object, ...]]:
        """A handle can't be copied; a recipe can."""
        return Encoder, self.recipe

    def encode_batch(
        self, texts: Sequence[bytes], threads: int = 1
    ) -> list[Ids]:
        """The ids of each text: stretches of one array."""
        ids = np.empty(sum(map(len, texts)), np.uint32)
        ends = (ctypes.c_size_t * len(texts))()
        _call(
            "encode",
            self.handle,
            ctypes.byref(_raw(texts)),
            ctypes.c_size_t(threads),
            ctypes.c_void_p(ids.ctypes.data),
            ends,
        )
        places = pairwise([0, *ends])
        return [ids[start:end] for start, end in places]

    def encode(self, text: bytes) -> list[int]:
        """The ids of a text, with less ado if it's short."""
        if len(text) > SHORT:
            return self.encode_batch([text])[0].tolist()
        ids = (ctypes.c_uint32 * len(text))()
        end = ctypes.c_size_t()
        raw, place = ctypes.byref(_raw([text])), ctypes.byref(end)
        one = ctypes.c_size_t(1)
        _call("encode", self.handle, raw, one, ids, place)
        return ids[: end.value]


class Counter:
    """Counts the pieces of texts, and learns merges from the counts."""

    def __init__(self, split: str) -> None:
        self.handle = ctypes.c_void_p()
        number = ctypes.c_size_t(SPLITS.index(split))
        _call("counter_new", number, ctypes.byref(self.handle))
        free = native.load().nand2llm_counter_free
        weakref.finalize(self, free, self.handle)

    def add(self, texts: Sequence[bytes], threads: int = 1) -> None:
        """Count the pieces of some texts."""
        raw = ctypes.byref(_raw(texts))
        _call("count", self.handle, raw, ctypes.c_size_t(threads))

    def learn(self, n: int, least: int = 2) -> list[Pair]:
        """At most n merges, as `bpe.learn_merges` finds them."""
        merges = np.empty((n, 2), np.uint32)
        found = ctypes.c_size_t()
        _call(
            "learn",
            self.handle,
            ctypes.c_size_t(n),
            ctypes.c_size_t(least),
            ctypes.c_void_p(merges.ctypes.data),
            ctypes.byref(found),
        )
        return [(a, b) for a, b in merges[: found.value].tolist()]


def available() -> bool:
    """Whether there is a library, with a tokenizer in it."""
    return native.available() and hasattr(
        native.load(), "nand2llm_encode"
    )


def encoder(
    merges: Sequence[Pair], split: str, order: Sequence[int]
) -> Encoder | None:
    """An encoder, or None where there is no library."""
    return Encoder(merges, split, order) if available() else None


def learn_merges(
    texts: Iterable[bytes],
    split: str,
    n: int,
    least: int = 2,
    threads: int | None = None,
) -> list[Pair]:
    """At most n merges from texts, read some megabytes at a time.

    Threads are as many as NAND2LLM_THREADS says, or the machine has.
    """
    given = os.environ.get("NAND2LLM_THREADS", os.cpu_count() or 1)
    counter = Counter(split)
    for some in batches(texts):
        counter.add(some, threads or int(given))
    return counter.learn(n, least)


def batches(texts: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The texts by the handful: about BATCH bytes at a time."""
    some: list[bytes] = []
    size = 0
    for text in texts:
        some.append(text)
        size += len(text)
        if size >= BATCH:
            yield some
            some, size = [], 0
    if some:
        yield some
