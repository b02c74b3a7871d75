# Made from book/part1/04-measuring-wrongness.md by tangle.py; edit there, or here and stitch. ed48bf594c99
"""Arithmetic coding: a text in as many bits as its surprise."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate

from nand2llm.letters import SYMBOLS

BITS = 16  # beliefs are cut to multiples of 2**-16

# From the text so far to the beliefs in what comes, as in SYMBOLS.
Predictor = Callable[[str], Sequence[float]]


def shares(beliefs: Sequence[float]) -> list[int]:
    """Return whole numbers in proportion, with the sum 2**BITS.

    Every symbol gets at least 1: what has no share of the strip
    could not be sent at all.
    """
    free = 2**BITS - len(beliefs)
    cut = [1 + int(free * p) for p in beliefs]
    cut[cut.index(max(cut))] += 2**BITS - sum(cut)
    return cut


def encode(text: str, predict: Predictor) -> str:
    """Return `text` as a string of 0 and 1.

    Raises ValueError for symbols that have no piece of the strip.
    """
    if strange := set(text) - set(SYMBOLS):
        raise ValueError(f"no piece of the strip for {strange}")
    low, width = 0, 1
    for i, symbol in enumerate(text):
        cut = shares(predict(text[:i]))
        n = SYMBOLS.index(symbol)
        low = (low << BITS) + width * sum(cut[:n])
        width *= cut[n]
    return name_of(low, width, BITS * len(text))


def name_of(low: int, width: int, scale: int) -> str:
    """Return the fewest digits that name a part of the piece.

    The piece is low / 2**scale to (low + width) / 2**scale.
    """
    digits = scale - width.bit_length() + 1
    while True:
        unit = scale - digits
        number = -(-low >> unit)
        if (number + 1) << unit <= low + width:
            return f"{number:0{digits}b}" if digits else ""
        digits += 1


def decode(bits: str, length: int, predict: Predictor) -> str:
    """Return the text of `length` symbols that bits encode."""
    point = int(bits or "0", 2) << (BITS * length - len(bits))
    low, width, text = 0, 1, ""
    for i in range(length):
        cut = shares(predict(text))
        here = point >> BITS * (length - 1 - i)
        low <<= BITS
        ends = list(accumulate(cut))
        n = bisect_right(ends, (here - low) // width)
        low += width * (ends[n] - cut[n])
        width *= cut[n]
        text += SYMBOLS[n]
    return text


def recall(past: str, order: int) -> list[float]:
    """Return beliefs from what followed the last `order` symbols.

    Where the past says little, those of a shorter memory weigh in;
    the last resort is no opinion (Witten and Bell, 1991).
    """
    if order < 0:
        return [1 / len(SYMBOLS)] * len(SYMBOLS)
    shorter = recall(past, order - 1)
    starts = range(len(past) - order)
    context = past[len(past) - order :]
    seen = Counter(
        past[i + order] for i in starts if past.startswith(context, i)
    )
    doubt = len(seen) or 1
    whole = seen.total() + doubt
    hints = zip(SYMBOLS, shorter, strict=True)
    return [(seen[s] + doubt * p) / whole for s, p in hints]
