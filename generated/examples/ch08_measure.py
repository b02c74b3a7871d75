# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. ffb34e857b3c
"""Time layers, forward and back, done in several ways; print JSON."""

import json
import statistics
from collections.abc import Callable
from time import perf_counter

import numpy as np

from nand2llm import backends
from nand2llm import functional as F
from nand2llm.backends.numpy import NumPy
from nand2llm.nn import Linear, Sequential
from nand2llm.tensor import Tensor

ROWS, WIDTH = 2048, 768
rng = np.random.default_rng(8)


def medians(tasks: list[Callable[[], object]]) -> list[float]:
    """Median microseconds of each task; the tasks take turns."""
    spent: list[list[float]] = [[] for _ in tasks]
    for _ in range(51):
        for task, times in zip(tasks, spent, strict=True):
            start = perf_counter()
            task()
            times.append(1e6 * (perf_counter() - start))
    return [statistics.median(times) for times in spent]


def composite(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Layer normalization, put together from the table."""
    off = x - x.mean(-1, keepdims=True)
    variance = (off * off).mean(-1, keepdims=True)
    return off / (variance + 1e-5).sqrt() * weight + bias


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


targets = rng.integers(0, ROWS, ROWS)
LAYERS: dict[str, tuple[Callable[..., Tensor], list[np.ndarray]]] = {
    "linear": (
        F.linear,
        [normal(ROWS, WIDTH), normal(WIDTH, WIDTH), normal(WIDTH)],
    ),
    "gelu": (F.gelu, [normal(ROWS, WIDTH)]),
    "layer norm": (
        F.layer_norm,
        [normal(ROWS, WIDTH), normal(WIDTH), normal(WIDTH)],
    ),
    "cross entropy": (
        lambda z: F.cross_entropy(z, targets),
        [normal(ROWS, ROWS)],
    ),
}


def task(
    layer: Callable[..., Tensor],
    arrays: list[np.ndarray],
    backend: backends.Backend,
) -> Callable[[], None]:
    """One way forward and back; gradients are dropped."""
    leaves = [
        Tensor(a, requires_grad=True, backend=backend) for a in arrays
    ]

    def forward_and_back() -> None:
        y = layer(*leaves)
        y.backward(backend.ones_like(y.data))
        for leaf in leaves:
            leaf.grad = None

    return forward_and_back


def per_question(size: int) -> float:
    """Microseconds for each of so many questions at once."""
    model = Sequential(
        Linear(64, 128, rng), Tensor.relu, Linear(128, 10, rng)
    )
    x, y = Tensor(normal(size, 64)), rng.integers(0, 10, size)

    def learn() -> None:
        F.cross_entropy(model(x), y).backward()

    return medians([learn])[0] / size


def three(backend: backends.Backend, rows: int) -> Callable[[], None]:
    """GELU, layer normalization, and GELU."""

    def layers(x: Tensor) -> Tensor:
        return F.gelu(F.layer_norm(F.gelu(x)))

    return task(layers, [normal(rows, WIDTH)], backend)


plain, own, greedy = NumPy(), NumPy(), NumPy()
plain.own = {}
greedy.empty = np.empty
ways: dict[str, backends.Backend] = {
    "one piece": plain,
    "NumPy's own": own,
}
if "native" in backends.available():
    ways["native"] = backends.get("native")
report: dict[str, object] = {
    "batch": [
        [size, round(per_question(size), 2)]
        for size in (1, 4, 16, 64, 256, 1024)
    ]
}
for name, (layer, arrays) in LAYERS.items():
    tasks = {k: task(layer, arrays, xp) for k, xp in ways.items()}
    if name == "layer norm":
        tasks["composite"] = task(composite, arrays, plain)
    spent = medians([*tasks.values()])
    report[name] = dict(zip(tasks, map(round, spent), strict=True))
arena = {}
for rows in (ROWS, 8 * ROWS):
    spent = medians([three(xp, rows) for xp in (own, greedy)])
    arena[rows] = [round(t) for t in spent]
report["arena"] = arena
print(json.dumps(report))
