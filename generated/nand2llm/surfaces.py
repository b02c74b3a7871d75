# Made from book/part2/09-optimization.md by tangle.py; edit there, or here and stitch. 16c7460fbf00
"""Small landscapes on which optimizers show their characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nand2llm.optim import Optimizer
from nand2llm.tensor import Tensor

Surface = Callable[[Tensor], Tensor]


def ravine(steep: float = 40.0) -> Surface:
    """So many times as steep across, p[1], as along, p[0]."""
    return lambda p: 0.5 * (p[0] * p[0] + steep * p[1] * p[1])


def turned(surface: Surface, degrees: float = 45.0) -> Surface:
    """The same surface, with the map turned under it."""
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, s], [-s, c]])
    return lambda p: surface(Tensor(turn) @ p)


def shaken(surface: Surface, size: float, seed: int) -> Surface:
    """The surface with a random slope added, new at each look."""
    rng = np.random.default_rng(seed)

    def noisy(p: Tensor) -> Tensor:
        slope = Tensor(size * rng.standard_normal(p.shape))
        return surface(p) + (slope * p).sum()

    return noisy


def walk(
    make: Callable[[list[Tensor]], Optimizer],
    surface: Surface,
    start: Sequence[float],
    steps: int,
) -> Any:
    """All places on the way (steps + 1, n), the start first."""
    p = Tensor(np.array(start, np.float64), requires_grad=True)
    optimizer = make([p])
    path = [p.numpy().copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        surface(p).backward()
        optimizer.step()
        path.append(p.numpy().copy())
    return np.array(path)
