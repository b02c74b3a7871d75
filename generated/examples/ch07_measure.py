# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. bdc0f5e19d61
"""Time graphs of arrays, and weigh them; print JSON."""

import gc
import math
import tracemalloc
from collections.abc import Sequence

import numpy as np
from stopwatch import medians, record

from nand2llm import backends
from nand2llm.backends.memory import Arena
from nand2llm.moons import two_moons
from nand2llm.neurons import MLP
from nand2llm.scalar import Value
from nand2llm.tensor import Tensor, checkpoint

WIDTHS = (1, 4, 16, 64, 256)
EVERY = (1, 2, 4, 8, 16, 32, 64)  # layers a checkpoint


def thousandths(seconds: dict[str, float]) -> list[float]:
    """Seconds in milliseconds, without the names."""
    return [round(1e3 * s, 4) for s in seconds.values()]


POINTS = two_moons(32, noise=0.1, seed=1)
X = np.array([x for x, _ in POINTS])  # (32, 2)
Y = np.array([[label] for _, label in POINTS])  # (32, 1)


def by_values(model: MLP) -> None:
    """One gradient of a network, made of values."""
    p, total = model.leaves(), Value(0)
    for x, truth in POINTS:
        z = model.answer(p, x)
        total += (1 + z.exp()).log() - truth * z
    (total / len(POINTS)).backward()


def by_tensors(arrays: Sequence[np.ndarray]) -> None:
    """The same, made of tensors."""
    W, b, V, c = (Tensor(a, requires_grad=True) for a in arrays)
    z = (Tensor(X) @ W + b).tanh() @ V + c
    ((1 + z.exp()).log() - z * Tensor(Y)).mean().backward()


def networks() -> dict[str, object]:
    """The gradient of networks, by values and by tensors."""
    found: dict[str, list[float]] = {"Value": [], "Tensor": []}
    for width in WIDTHS:
        model = MLP((2, width, 1), seed=1)
        rng = np.random.default_rng(1)
        sizes = ((2, width), (1, width), (width, 1), (1, 1))
        arrays = [rng.normal(size=size) for size in sizes]
        tasks = {
            "Value": lambda m=model: by_values(m),
            "Tensor": lambda a=arrays: by_tensors(a),
        }
        times = thousandths(medians(tasks))
        for name, time in zip(found, times, strict=True):
            found[name].append(time)
    return {"widths": WIDTHS, **found}


def layers(weights: Sequence[Tensor], y: Tensor) -> Tensor:
    """What comes out of some layers of the chain."""
    for w in weights:
        y = (y @ w).tanh()
    return y


def step(weights: Sequence[Tensor], x: Tensor, every: int) -> None:
    """One gradient; 0 is for no checkpoints."""
    y = x * Tensor(np.float32(1), requires_grad=True)
    for first in range(0, len(weights), every or len(weights)):
        some = weights[first : first + (every or len(weights))]
        if every:
            y = checkpoint(lambda t, w=some: layers(w, t), y)
        else:
            y = layers(some, y)
    y.sum().backward()


def peak(weights: Sequence[Tensor], x: Tensor, every: int) -> int:
    """The most bytes that a gradient holds at once."""
    gc.collect()
    tracemalloc.start()
    step(weights, x, every)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def checkpoints() -> dict[str, object]:
    """Peak bytes and milliseconds of 64 layers; at first, without."""
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(56, 64)), dtype="float32")
    weights = [
        Tensor(rng.normal(size=(64, 64)) / 8, True, "float32")
        for _ in range(64)
    ]
    step(weights, x, 0)  # the weights have gradients from now on
    ways = (0, *EVERY)
    tasks = {str(k): lambda k=k: step(weights, x, k) for k in ways}
    return {
        "every": EVERY,
        "bytes": [peak(weights, x, k) for k in ways],
        "step ms": thousandths(medians(tasks, 21)),
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

    return thousandths(medians({"fresh": fresh, "lent": lent}))


def products() -> dict[str, list[float]]:
    """Milliseconds of matrix products, NumPy's and the kernels'."""
    if "native" not in backends.available():
        return {}
    found = {}
    for n in (64, 256, 1024):
        a = np.random.default_rng(n).normal(size=(n, n)) / math.sqrt(n)
        tasks = {}
        for name in ("numpy", "native"):
            x = Tensor(a, dtype="float32", backend=name)
            tasks[name] = lambda x=x: x @ x
        found[str(n)] = thousandths(medians(tasks, 51))
    return found


report: dict[str, object] = {**networks(), **checkpoints()}
report |= {"memory ms": memory(), "matmul ms": products()}
what = "ch07_measure.py: milliseconds, medians of turns; peak bytes"
print(record(what, report))
