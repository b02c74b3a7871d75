# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. 561d413e4dc5
"""Time layers, forward and back, done in several ways; print JSON."""

from collections.abc import Callable

import numpy as np
from stopwatch import medians, record

from nand2llm import backends
from nand2llm import functional as F
from nand2llm.backends.numpy import NumPy
from nand2llm.nn import Linear, Sequential
from nand2llm.tensor import Tensor

ROWS, WIDTH = 2048, 768
rng = np.random.default_rng(8)

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

    return 1e6 * medians({"": learn})[""] / size


def three(backend: backends.Backend, rows: int) -> Callable[[], None]:
    """GELU, layer normalization, and GELU."""

    def layers(x: Tensor) -> Tensor:
        return F.gelu(F.layer_norm(F.gelu(x)))

    return task(layers, [normal(rows, WIDTH)], backend)


plain, own, greedy = NumPy(), NumPy(), NumPy()
plain.own = {}
greedy.empty = np.empty
BOTH = {"arena": own, "fresh": greedy}
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
    spent = medians(tasks)
    report[name] = {k: round(1e6 * t) for k, t in spent.items()}
arena = {}
for rows in (ROWS, 8 * ROWS):
    tasks = {k: three(xp, rows) for k, xp in BOTH.items()}
    arena[rows] = [round(1e6 * t) for t in medians(tasks).values()]
report["arena"] = arena
what = "ch08_measure.py: microseconds, medians of nine turns"
print(record(what, report))
