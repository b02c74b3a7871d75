# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 78002b856660
"""Time sums of arrays on this machine, and learn their prices."""

import random
import sys
from collections.abc import Sequence
from functools import partial

import numpy as np
from stopwatch import medians, record

from nand2llm.array import full
from nand2llm.losses import LOSSES
from nand2llm.objective import Objective, best
from nand2llm.timings import SUMS

Sums = Sequence[tuple[int, int, float]]  # rows, columns, time


def sums() -> Sums:
    """Microseconds of sum(axis=1), for arrays of random shapes."""
    rng, works = random.Random(5), {}
    for _ in range(24):
        shape = (
            round(2 ** rng.uniform(0, 7)),
            round(2 ** rng.uniform(0, 5)),
        )
        works[shape] = partial(full(shape, 1.5).sum, 1)
    times = sorted(medians(works).items())
    return [(*shape, 1e6 * seconds) for shape, seconds in times]


def prices(found: Sums) -> list[float]:
    """What a call, a row and a number cost, in microseconds."""
    X = [[1.0, rows, rows * columns] for rows, columns, _ in found]
    return best(Objective(X, [time for *_, time in found]))


def gradients() -> dict[str, int]:
    """Microseconds of a logistic gradient, ours and in matrices."""
    rng = random.Random(6)
    noise = [[rng.gauss(0, 1) for _ in range(7)] for _ in range(1000)]
    X = [[1.0, *row] for row in noise]
    y = [float(rng.random() < 0.5) for _ in X]
    slow, w = Objective(X, y, LOSSES["logistic"]), [0.1] * 8
    A, b = np.array(X), np.array(y)

    def fast() -> object:
        belief = 1 / (1 + np.exp(-(A @ w)))
        return A.T @ (belief - b) / len(b)

    times = medians({"python": lambda: slow.gradient(w), "numpy": fast})
    found = {name: round(1e6 * time) for name, time in times.items()}
    return {"rows": len(X), "features": len(w), **found}


found, big = sums(), full((300, 300), 1.5)
large = 1e6 * medians({"": partial(big.sum, 1)})[""]
if sys.argv[1:] == ["--json"]:
    what = "ch05_measure.py: microseconds, medians of nine turns"
    figures = {
        "sums": [(*shape, round(time)) for *shape, time in found],
        "300 by 300": round(large),
    }
    print(record(what, figures | gradients()))
else:
    here, there = prices(found), prices(SUMS)
    print("microseconds     here   in the book")
    for i, name in enumerate(("call", "row", "number")):
        print(f"a {name:8} {here[i]:10.3f} {there[i]:10.3f}")
    guess = here[0] + 300 * here[1] + 300 * 300 * here[2]
    print(f"300 by 300: {guess:,.0f} predicted, {large:,.0f} measured")
