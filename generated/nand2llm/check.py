# Made from book/part1/04-measuring-wrongness.md by tangle.py; edit there, or here and stitch. 4ebcefc1e15f
"""Is a gradient right? Ask the function itself, from both sides."""

import sys
from collections.abc import Callable, Sequence

from nand2llm.scalar import Value, gradient_of

STEP = sys.float_info.epsilon ** (1 / 3)  # 6e-6, see the chapter

Vector = Sequence[float]


def central_slopes(
    f: Callable[[list[float]], float], point: Vector, step: float = STEP
) -> list[float]:
    """Estimate the slope of f in each coordinate of `point`."""
    slopes = []
    for i, x in enumerate(point):
        h = step * max(1.0, abs(x))
        above, below = list(point), list(point)
        above[i], below[i] = x + h, x - h
        width = above[i] - below[i]  # 2 h, as rounded
        slopes.append((f(above) - f(below)) / width)
    return slopes


def relative_error(a: Vector, b: Vector) -> float:
    """Return the worst difference, as a share of the largest entry."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} slopes cannot match {len(b)}")
    size = max((abs(x) for x in (*a, *b)), default=0.0)
    gaps = (abs(x - y) for x, y in zip(a, b, strict=True))
    return max(gaps) / size if size else 0.0


class WrongSlope(AssertionError):
    """A slope is not what the function itself says."""


def check_slopes(
    f: Callable[[list[float]], float],
    slopes: Vector,
    point: Vector,
    tolerance: float = 1e-6,
) -> None:
    """Raise ``WrongSlope`` unless ``slopes`` are those of f."""
    nudged = central_slopes(f, point)
    if relative_error(slopes, nudged) > tolerance:
        gaps = [abs(a - b) for a, b in zip(slopes, nudged, strict=True)]
        i = gaps.index(max(gaps))
        told = f"{slopes[i]:.6g} given; nudges say {nudged[i]:.6g}"
        raise WrongSlope(f"slope {i} of {len(slopes)}: {told}")


def check_gradient(
    formula: Callable[[Sequence[Value]], Value],
    point: Vector,
    tolerance: float = 1e-6,
) -> None:
    """Raise ``WrongSlope`` unless the graph's slopes are right."""

    def value(p: Vector) -> float:
        return formula([Value(x) for x in p]).data

    check_slopes(value, gradient_of(formula)(point), point, tolerance)
