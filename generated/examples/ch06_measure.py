# Made from book/part2/06-scalar-autograd.md by tangle.py; edit there, or here and stitch. a219d626ccf5
"""Time the gradient of a network, made in four ways; print JSON."""

import gc
import random
import tracemalloc
from collections.abc import Callable, Sequence
from operator import mul

import numpy as np
from stopwatch import medians, record

from nand2llm.check import central_slopes
from nand2llm.network import Network
from nand2llm.scalar import Value, gradient_of, topological

WIDTHS = (1, 2, 4, 8, 16, 32, 64)
rng = random.Random(6)
X = [[1.0, rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(32)]
y = [float(rng.random() < 0.5) for _ in X]

def graph_of(net: Network, p: Sequence[Value]) -> Value:
    """Return the network's loss at p as a graph."""
    A, c = net.unpack(p)
    total = Value(0)
    for x, truth in zip(net.X, net.y, strict=True):
        sums = (sum(map(mul, row, x)) for row in A)
        bent = ((1 + (s / 2).tanh()) / 2 for s in sums)
        z = sum(map(mul, c, [1.0, *bent]))
        total += (1 + z.exp()).log() - truth * z
    return total / len(net.y)


def numpy_gradient(net: Network, p: Sequence[float]) -> list[float]:
    """Return the gradient with an array for each layer."""
    X, y, (n, d), k = fast_X, fast_y, fast_X.shape, net.width
    A, c = np.reshape(p[: k * d], (k, d)), np.array(p[k * d :])
    h = np.ones((n, k + 1))
    h[:, 1:] = 1 / (1 + np.exp(-X @ A.T))
    delta = (1 / (1 + np.exp(-h @ c)) - y) / n  # (n,)
    back = delta[:, None] * c[1:] * h[:, 1:] * (1 - h[:, 1:])  # (n, k)
    return [*(back.T @ X).ravel().tolist(), *(h.T @ delta).tolist()]


fast_X, fast_y = np.array(X), np.array(y)


def per_node(net: Network, p: Sequence[float]) -> dict[str, float]:
    """Return the price of a node: making, walking back, keeping."""

    def forward() -> Value:
        return graph_of(net, [Value(v) for v in p])

    def both() -> None:
        forward().backward()

    times = medians({"made": forward, "both": both})
    made, walked = times["made"], times["both"]
    gc.collect()
    tracemalloc.start()
    root = forward()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    nodes = len(topological(root))
    return {
        "nodes": nodes,
        "forward ns": round(1e9 * made / nodes),
        "backward ns": round(1e9 * (walked - made) / nodes),
        "bytes": round(held / nodes),
    }


def four_ways(
    net: Network, p: Sequence[float]
) -> dict[str, Callable[[], object]]:
    """Return what makes the gradient at p, by name."""
    return {
        "nudges": lambda: central_slopes(net.loss, p),
        "graph": lambda: gradient_of(lambda q: graph_of(net, q))(p),
        "by hand": lambda: net.gradient(p),
        "NumPy": lambda: numpy_gradient(net, p),
    }


report: dict[str, object] = {"rows": len(X), "widths": WIDTHS}
times: dict[str, list[int]] = {}
for width in WIDTHS:
    net = Network(X, y, width)
    p = [rng.gauss(0, 1) for _ in range(4 * width + 1)]
    ways = four_ways(net, p)
    for name, time in medians(ways).items():
        times.setdefault(name, []).append(round(1e6 * time))
what = "ch06_measure.py: microseconds a gradient, medians of nine turns"
print(record(what, report | times | per_node(net, p)))
