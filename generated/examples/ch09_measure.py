# Made from book/part2/09-optimization.md by tangle.py; edit there, or here and stitch. b414705aeffb
"""Time optimizer steps, and a step with replicas; print JSON.

For the replicas' sake run it twice: with OPENBLAS_NUM_THREADS=1, and
with 2 for the step that leaves the threads to the library.
"""

import json
import statistics
from collections.abc import Callable
from itertools import pairwise
from time import perf_counter

import numpy as np

from nand2llm import nn
from nand2llm.functional import cross_entropy, gelu
from nand2llm.optim import AdamW
from nand2llm.replicas import Replicas
from nand2llm.tensor import Tensor


class Whole(AdamW):
    """The rule on a vector in one go."""

    def move(self, xp, p, g, state, s):
        self.rule(p, g, state, s)


class Each(Whole):
    """The rule on each parameter."""

    flat = False


def medians(tasks: list[Callable[[], object]]) -> list[float]:
    """Median milliseconds of each task; the tasks take turns."""
    spent: list[list[float]] = [[] for _ in tasks]
    for _ in range(31):
        for task, times in zip(tasks, spent, strict=True):
            start = perf_counter()
            task()
            times.append(1e3 * (perf_counter() - start))
    return [round(statistics.median(times), 3) for times in spent]


def stepping(make, shapes: list[tuple[int, int]]):
    params = [
        Tensor(np.ones(shape, np.float32), requires_grad=True)
        for shape in shapes
    ]
    return make(params).step


def training(threads: int) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    widths = (784, 512, 512, 10)
    layers = [nn.Linear(n, m, rng) for n, m in pairwise(widths)]
    model = nn.Sequential(layers[0], gelu, layers[1], gelu, layers[2])
    adam = AdamW(model.parameters())
    x = rng.standard_normal((128, 784), np.float32)
    y = rng.integers(0, 10, 128)
    halves = np.split(x, threads), np.split(y, threads)
    parts = list(zip(*halves, strict=True))
    replicas = Replicas(model, adam, threads)

    def step() -> None:
        adam.zero_grad()
        replicas.backward(
            lambda m, part: cross_entropy(m(Tensor(part[0])), part[1]),
            parts,
        )
        adam.step()

    return step


models = {
    "96 of (64, 64)": [(64, 64)] * 96,
    "6 of (1024, 1024)": [(1024, 1024)] * 6,
}
figures = {
    "steps": {
        name: medians([stepping(m, s) for m in (Each, Whole, AdamW)])
        for name, s in models.items()
    },
    "replicas": medians([training(1), training(2)]),
}
print(json.dumps(figures, indent=2))
