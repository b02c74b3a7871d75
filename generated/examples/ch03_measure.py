# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. 189a0d760f15
"""Time products of two tables on this machine, rung by rung."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

import math
import random
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from stopwatch import medians, record

from nand2llm import native
from nand2llm.array import Array, dense

Work = tuple[float, Callable[[], object]]  # its operations; itself


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


def rungs() -> dict[str, Work]:
    """All rungs: n = 100 in Python, 1000 in Rust and NumPy."""
    a, small = noise(1000), noise(100)
    rows, x = small.tolist(), np.asarray(a)
    found: dict[str, Work] = {
        "array @": (2e6, lambda: small @ small),
        "triple loop": (2e6, lambda: triple_loop(rows, rows)),
    }
    if native.available():
        for order in native.ORDERS:
            table = partial(native.matmul, a, a, order)
            found[f"Rust, {order}"] = 2e9, table
        flat = a.reshape(-1)
        for sums, lanes in {"one sum": False, "lanes": True}.items():
            number = partial(native.dot, flat, flat, lanes)
            found[f"dot, {sums}"] = 2e6, number
    found["NumPy"] = 2e9, lambda: x @ x
    half = np.ones((1000, 2000), np.float32)[:, ::2]  # (1000, 1000)
    packed, v = half.copy(), x[0]
    found["matvec, dense"] = 2e6, lambda: packed @ v
    found["matvec, strided"] = 2e6, lambda: half @ v
    return found


found = rungs()
seconds = medians({name: work for name, (_, work) in found.items()})
speeds = {
    name: float(f"{operations / seconds[name] / 1e9:.4g}")
    for name, (operations, _) in found.items()
}
if sys.argv[1:] == ["--json"]:
    what = "ch03_measure.py: GFLOP/s, medians of nine turns, one thread"
    print(record(what, speeds))
else:
    for name, speed in speeds.items():
        bar = "#" * round(10 * math.log10(speed / 0.01))
        print(f"{name:16} {speed:8.3f} GFLOP/s {bar}")
