# Made from book/part2/06-scalar-autograd.md by tangle.py; edit there, or here and stitch. d23f5e5d7c01
"""Two crescents of points, reaching into each other."""

import math
import random

Point = tuple[float, float]


def two_moons(
    n: int, noise: float, seed: int
) -> list[tuple[Point, float]]:
    """Return n points with the label 1.0 (upper moon) or 0.0."""
    rng, points = random.Random(seed), []
    for k in range(n):
        angle, upper = rng.uniform(0, math.pi), k % 2 == 0
        x, y = math.cos(angle), math.sin(angle)
        if not upper:
            x, y = 1 - x, 0.5 - y
        place = x + rng.gauss(0, noise), y + rng.gauss(0, noise)
        points.append((place, float(upper)))
    return points
