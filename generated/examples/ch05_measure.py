# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 207098587f9c
"""Time sums of arrays, and gradients; print the figures as JSON."""

import json
import random
import statistics
from collections.abc import Callable
from time import perf_counter

import numpy as np

from nand2llm.array import full
from nand2llm.losses import LOSSES
from nand2llm.objective import Objective


def medians(tasks: list[Callable[[], object]]) -> list[float]:
    """Median microseconds of each task; the tasks take turns."""
    spent: list[list[float]] = [[] for _ in tasks]
    for _ in range(51):
        for task, times in zip(tasks, spent, strict=True):
            start = perf_counter()
            task()
            times.append(1e6 * (perf_counter() - start))
    return [statistics.median(times) for times in spent]


rng = random.Random(5)
shapes = sorted(
    {
        (round(2 ** rng.uniform(0, 7)), round(2 ** rng.uniform(0, 5)))
        for _ in range(24)
    }
)
arrays = [full(shape, 1.5) for shape in shapes]
big = full((300, 300), 1.5)
X = [[1.0, *(rng.gauss(0, 1) for _ in range(7))] for _ in range(1000)]
y = [float(rng.random() < 0.5) for _ in X]
slow = Objective(X, y, LOSSES["logistic"])
fast_X, fast_y, w = np.array(X), np.array(y), [0.1] * 8

def fast() -> object:
    belief = 1 / (1 + np.exp(-(fast_X @ w)))
    return fast_X.T @ (belief - fast_y) / len(y)


sums = medians([lambda a=a: a.sum(axis=1) for a in arrays])
[large] = medians([lambda: big.sum(axis=1)])  # alone: it is greedy
python, numpy = medians([lambda: slow.gradient(w), fast])
rows = zip(shapes, sums, strict=True)
report = {
    "sums": [[*shape, round(time)] for shape, time in rows],
    "300 by 300": round(large),
    "rows": len(X),
    "features": len(w),
    "python": round(python),
    "numpy": round(numpy),
}
print(json.dumps(report))
