# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. e8796783783d
"""Time products of two tables, rung by rung; print JSON."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

import json
import random
from functools import partial

import numpy as np
from ch03_roofline import medians

from nand2llm import native
from nand2llm.array import Array, dense


def noise(n: int) -> Array:
    """A table (n, n) of random float32 numbers."""
    rng = random.Random(3)
    values = [rng.random() for _ in range(n * n)]
    return dense(values, (n, n), "float32")


def triple_loop(
    a: list[list[float]], b: list[list[float]]
) -> list[list[float]]:
    """The definition, word for word, on lists of lists."""
    n = len(a)
    c = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            for p in range(n):
                c[i][j] += a[i][p] * b[p][j]
    return c


def figures() -> dict[str, float]:
    """Median seconds of each rung: n = 100 in Python, then 1000."""
    a, small = noise(1000), noise(100)
    rows, flat, x = small.tolist(), a.reshape(-1), np.asarray(a)
    works = {
        "triple loop": lambda: triple_loop(rows, rows),
        "array @": lambda: small @ small,
        "NumPy": lambda: x @ x,
    }
    if native.available():
        for order in native.ORDERS:
            rust = partial(native.matmul, a, a, order)
            works[f"Rust, {order}"] = rust
        works["dot, one sum"] = lambda: native.dot(flat, flat, False)
        works["dot, lanes"] = lambda: native.dot(flat, flat, True)
    half = np.ones((1000, 2000), np.float32)[:, ::2]  # (1000, 1000)
    packed, v = half.copy(), x[0]
    works["matvec, dense"] = lambda: packed @ v
    works["matvec, strided"] = lambda: half @ v
    return medians(works)


print(json.dumps(figures(), indent=2))
