# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. 789165ce1d5d
"""Time graphs of arrays, and weigh them; print JSON."""

import gc
import json
import math
import statistics
import tracemalloc
from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

from nand2llm import backends
from nand2llm.backends.memory import Arena
from nand2llm.moons import two_moons
from nand2llm.neurons import MLP
from nand2llm.scalar import Value
from nand2llm.tensor import Tensor, checkpoint

WIDTHS = (1, 4, 16, 64, 256)
EVERY = (1, 2, 4, 8, 16, 32, 64)  # layers a checkpoint
Task = Callable[[], object]


def medians(tasks: Sequence[Task], rounds: int = 21) -> list[float]:
    """Median milliseconds of each task; the tasks take turns."""
    spent: list[list[float]] = [[] for _ in tasks]
    for _ in range(rounds):
        for task, times in zip(tasks, spent, strict=True):
            start = perf_counter()
            task()
            times.append(1e3 * (perf_counter() - start))
    return [round(statistics.median(times), 4) for times in spent]


def networks() -> dict[str, object]:
    """The gradient of a network, by values and by tensors."""
    points = two_moons(32, noise=0.1, seed=1)
    X = np.array([x for x, _ in points])
    y = np.array([[label] for _, label in points])
    found: dict[str, list[float]] = {"Value": [], "Tensor": []}
    for width in WIDTHS:
        model = MLP((2, width, 1), seed=1)
        rng = np.random.default_rng(1)
        sizes = ((2, width), (1, width), (width, 1), (1, 1))
        arrays = [rng.normal(size=size) for size in sizes]

        def by_values(model: MLP = model) -> None:
            p, total = model.leaves(), Value(0)
            for x, truth in points:
                z = model.answer(p, x)
                total += (1 + z.exp()).log() - truth * z
            (total / len(points)).backward()

        def by_tensors(arrays: Sequence[np.ndarray] = arrays) -> None:
            W, b, V, c = (Tensor(a, requires_grad=True) for a in arrays)
            z = (Tensor(X) @ W + b).tanh() @ V + c
            ((1 + z.exp()).log() - z * Tensor(y)).mean().backward()

        times = medians([by_values, by_tensors], 9)
        for name, time in zip(found, times, strict=True):
            found[name].append(time)
    return {"widths": WIDTHS, **found}


def checkpoints() -> dict[str, object]:
    """Peak bytes and milliseconds of 64 layers; at first, without."""
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(56, 64)), dtype="float32")
    weights = [
        Tensor(rng.normal(size=(64, 64)) / 8, True, "float32")
        for _ in range(64)
    ]

    def step(every: int) -> None:
        def some(y: Tensor, first: int) -> Tensor:
            for w in weights[first : first + (every or 64)]:
                y = (y @ w).tanh()
            return y

        y = x * Tensor(np.float32(1), requires_grad=True)
        for first in range(0, 64, every or 64):

            def part(y: Tensor, first: int = first) -> Tensor:
                return some(y, first)

            y = checkpoint(part, y) if every else part(y)
        y.sum().backward()

    def peak(every: int) -> int:
        gc.collect()
        tracemalloc.start()
        step(every)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    step(0)  # the weights have their gradients from now on
    ways = (0, *EVERY)
    return {
        "every": EVERY,
        "bytes": [peak(every) for every in ways],
        "step ms": medians([lambda e=e: step(e) for e in ways]),
        "layer bytes": x.data.nbytes,
    }


def memory() -> list[float]:
    """Sixteen products of 4 MB, in fresh memory and in the arena's."""
    x, arena = np.ones((1024, 1024), np.float32), Arena()

    def fresh() -> None:
        kept = [x]
        for _ in range(16):
            kept.append(np.multiply(kept[-1], x))

    def lent() -> None:
        kept = [x]
        for _ in range(16):
            out = arena.empty(x.shape)
            kept.append(np.multiply(kept[-1], x, out=out))

    return medians([fresh, lent])


def products() -> dict[str, list[float]]:
    """Milliseconds of matrix products, NumPy's and the kernels'."""
    if "native" not in backends.available():
        return {}
    found = {}
    for n in (64, 256, 1024):
        a = np.random.default_rng(n).normal(size=(n, n)) / math.sqrt(n)
        tasks = []
        for name in ("numpy", "native"):
            x = Tensor(a, dtype="float32", backend=name)
            tasks.append(lambda x=x: x @ x)
        found[str(n)] = medians(tasks, 51)
    return found


report: dict[str, object] = {**networks(), **checkpoints()}
report |= {"memory ms": memory(), "matmul ms": products()}
print(json.dumps(report))
