# Made from book/part3/12-embeddings.md by tangle.py; edit there, or here and stitch. ef03f5e73f01
"""Rows of a table as points: who is near whom, seen from where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Rows = Any  # a NumPy array (n, width)


def unit(rows: Rows) -> Rows:
    """Rows (…, width) of length 1; rows of zeros stay zeros."""
    sizes = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.where(sizes == 0, 1, sizes)


def directions(table: Rows) -> Rows:
    """The rows as seen from their mean, each of length 1."""
    return unit(table - table.mean(axis=0))


def nearest(
    rows: Rows, to: Any, n: int, skip: Iterable[int] = ()
) -> list[tuple[int, float]]:
    """The n rows of length 1 with the largest cosines with `to`.

    to: a vector (width). skip: rows that don't count. Equals are
    ordered by their number.
    """
    cosines = rows @ unit(to)
    cosines[list(skip)] = -np.inf
    best = np.argsort(-cosines, kind="stable")[:n]
    return [(int(i), float(cosines[i])) for i in best]


def principal(points: Rows, n: int = 2, rounds: int = 300) -> Rows:
    """The n directions (n, width) in which points spread most.

    By power iteration on the table of covariances, from which each
    direction is removed when it is found. The largest number of a
    direction is made positive.
    """
    centered = points - points.mean(axis=0)
    spread = centered.T @ centered / len(points)  # (width, width)
    found = []
    for _ in range(n):
        v = spread[spread.diagonal().argmax()]
        for _ in range(rounds):
            v = unit(spread @ v)
        found.append(v * np.sign(v[np.abs(v).argmax()]))
        spread = spread - (v @ spread @ v) * np.outer(v, v)
    return np.array(found)
