# Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. 4778e2d534c4
"""The letters of chapter 1, learned by whole tables at a time."""

from itertools import pairwise

from nand2llm.array import Array, full
from nand2llm.letters import SYMBOLS

SIDE = len(SYMBOLS)


def count_pairs(text: str) -> Array:
    """How often b follows a, at [a, b]: shape (27, 27)."""
    counts = full((SIDE, SIDE), 0.0)
    for a, b in pairwise(map(SYMBOLS.index, text)):
        counts[a, b] += 1
    return counts


def learn_table(
    counts: Array, learning_rate: float, steps: int
) -> Array:
    """The beliefs after so many steps of the loop: (27, 27)."""
    seen = counts.sum(axis=1, keepdims=True)  # (27, 1)
    questions = SIDE * counts.sum()  # N
    beliefs = full((SIDE, SIDE), 1 / SIDE)  # (27, 27)
    for _ in range(steps):
        slopes = 2 * (seen * beliefs - counts) / questions
        beliefs = beliefs - learning_rate * slopes
    return beliefs


def table_loss(beliefs: Array, counts: Array) -> float:
    """The mean squared error over all questions, from the counts."""
    seen = counts.sum(axis=1, keepdims=True)  # (27, 1)
    errors = seen * beliefs**2 - 2 * counts * beliefs + counts
    return (errors.sum() / (SIDE * counts.sum())).item()
