# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 59785824989e
"""Walking downhill: how far, how fast, and how steep it gets."""

import math
import random
from collections.abc import Callable, Sequence

from nand2llm.objective import Objective

Vector = Sequence[float]
Gradient = Callable[[Vector], list[float]]
Rate = float | Callable[[int], float]  # the same for all steps, or not


def descend(
    gradient: Gradient, start: Vector, rate: Rate, steps: int
) -> list[list[float]]:
    """Walk against the gradient; return the places, start first.

    Raises OverflowError when a weight leaves the finite numbers.
    """
    path = [list(start)]
    for step in range(steps):
        eta = rate(step) if callable(rate) else rate
        slopes = zip(path[-1], gradient(path[-1]), strict=True)
        path.append([w - eta * slope for w, slope in slopes])
        if not all(map(math.isfinite, path[-1])):
            raise OverflowError(
                f"no finite weights after step {step + 1}; "
                f"rate {eta:g} is too large"
            )
    return path


def bend(
    gradient: Gradient, at: Vector, along: Vector, step: float = 1e-3
) -> list[float]:
    """Return how fast the gradient changes along a direction."""
    ways = list(zip(at, along, strict=True))
    above = gradient([w + step * v for w, v in ways])
    below = gradient([w - step * v for w, v in ways])
    pairs = zip(above, below, strict=True)
    return [(a - b) / (2 * step) for a, b in pairs]


def steepest(
    gradient: Gradient, at: Vector, rounds: int = 200
) -> tuple[float, list[float]]:
    """Return the largest curvature at a place, and its direction.

    Power iteration; its start is random but always the same.
    """
    rng = random.Random(0)
    v = [rng.gauss(0, 1) for _ in at]
    size = math.hypot(*v)
    for _ in range(rounds):
        v = bend(gradient, at, [x / size for x in v])
        size = math.hypot(*v)
    return size, [x / size for x in v]


def sampled(objective: Objective, size: int, seed: int) -> Gradient:
    """Return a gradient of random mini-batches, new at each call."""
    rng = random.Random(seed)

    def gradient(w: Vector) -> list[float]:
        rows = rng.sample(range(len(objective.y)), size)
        return objective.subset(rows).gradient(w)

    return gradient
