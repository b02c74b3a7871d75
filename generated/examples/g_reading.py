# Made from book/appendices/g-decoder.md by tangle.py; edit there, or here and stitch. 4564a58b5a30
"""Time the reading of matrices in three orders; print JSON."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

from collections.abc import Callable

import numpy as np
from stopwatch import medians, record

ROWS, LONG = 1024, 256  # of a matrix: a megabyte
SIZES = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48]  # how many are read

rng = np.random.default_rng(0)
matrices = [
    rng.standard_normal((ROWS, LONG)).astype(np.float32)
    for _ in range(max(SIZES))
]
x, y = np.ones(LONG, np.float32), np.empty(ROWS, np.float32)


def ways(size: int) -> dict[str, Callable[[], object]]:
    """What reads the first matrices, by the order."""
    some = matrices[:size]
    lines = [matrix.reshape(-1) for matrix in some]
    return {
        "four rows at a time": lambda: [
            np.dot(w, x, out=y) for w in some
        ],
        "row by row": lambda: [np.vecdot(w, x, out=y) for w in some],
        "straight on": lambda: [np.dot(w, w) for w in lines],
    }


figures = {}
for size in SIZES:
    seconds = medians(ways(size))
    read = size * matrices[0].nbytes / 1e9
    figures[size] = {k: round(read / s, 1) for k, s in seconds.items()}
what = "g_reading.py: GB/s, by megabytes, medians of nine turns"
print(record(what, figures))
