# Made from book/part2/09-optimization.md by tangle.py; edit there, or here and stitch. 6e96f6b34b32
"""Time optimizer steps, by what is moved at once; print JSON."""

from collections.abc import Callable

import numpy as np
from stopwatch import medians, record

from nand2llm.optim import AdamW
from nand2llm.tensor import Tensor


class Whole(AdamW):
    """The rule on a vector in one go."""

    def move(self, xp, p, g, state, s):
        self.rule(p, g, state, s)


class Each(Whole):
    """The rule on each parameter."""

    flat = False


def stepping(
    way: type[AdamW], shapes: list[tuple[int, int]]
) -> Callable[[], object]:
    params = [
        Tensor(np.ones(shape, np.float32), requires_grad=True)
        for shape in shapes
    ]
    return way(params).step


MODELS = {
    "96 of (64, 64)": [(64, 64)] * 96,
    "6 of (1024, 1024)": [(1024, 1024)] * 6,
}
report = {}
for name, shapes in MODELS.items():
    tasks = {way: stepping(way, shapes) for way in (Each, Whole, AdamW)}
    spent = medians(tasks, rounds=31)
    report[name] = [round(1e3 * time, 3) for time in spent.values()]
print(record("ch09_measure.py: milliseconds, medians of 31", report))
