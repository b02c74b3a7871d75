# Made from book/part2/06-scalar-autograd.md by tangle.py; edit there, or here and stitch. f40baa2dff0e
"""Pull two moons apart with a gradient that nobody derived."""

from itertools import pairwise

from nand2llm.loop import learn
from nand2llm.losses import LOSSES
from nand2llm.moons import two_moons
from nand2llm.neurons import MLP

INSTALLMENTS = (0, 10, 120)

points = two_moons(60, noise=0.1, seed=5)
model = MLP((2, 6, 1), seed=1)


def landscape() -> list[str]:
    """The plane in letters: points o and x, beliefs # and dots."""
    rows = []
    for k in range(11):
        y = 1.2 - 0.2 * k
        marks = [
            "#" if model.predict((-1.3 + 0.1 * i, y)) > 0 else "."
            for i in range(37)
        ]
        for (px, py), label in points:
            if round((1.2 - py) / 0.2) == k:
                marks[round((px + 1.3) / 0.1)] = "xo"[int(label)]
        rows.append("".join(marks))
    return rows


for before, steps in pairwise((0, *INSTALLMENTS)):
    losses = learn(
        model, points, 3.0, steps - before, LOSSES["logistic"]
    )
    print(f"after {steps} steps, loss {losses[-1]:.3f}")
    print("\n".join(landscape()), end="\n\n")
