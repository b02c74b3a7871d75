# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. 4610d8fd8cd1
"""Learn to read digits; show those that are read wrongly."""

from itertools import islice

import numpy as np

from nand2llm.classify import accuracy, answers, fit
from nand2llm.digits import SIDE, Digits, split
from nand2llm.nn import Dropout, Linear, Sequential
from nand2llm.tensor import Tensor

SHADES = " .:-=+*#%@"


def draw(digits: Digits, found: np.ndarray, columns: int = 4) -> None:
    """Print digits side by side, with what each was taken for."""
    for at in range(0, len(digits), columns):
        part = slice(at, at + columns)
        shades = (digits.images[part] * 9.99).astype(int)
        for y in range(SIDE):
            lines = shades[:, y * SIDE : (y + 1) * SIDE]
            points = (
                "".join(2 * SHADES[s] for s in row) for row in lines
            )
            print(" ".join(points).rstrip())
        pairs = zip(digits.labels[part], found[part], strict=True)
        words = (f"{label}, read as {x}" for label, x in pairs)
        print(" ".join(f"{word:16}" for word in words).rstrip() + "\n")


def main() -> None:
    learn, choose, judge = split()
    rng = np.random.default_rng(8)
    model = Sequential(
        Dropout(0.2, rng),
        Linear(SIDE * SIDE, 128, rng),
        Tensor.relu,
        Dropout(0.5, rng),
        Linear(128, 10, rng),
    )
    losses = islice(fit(model, learn, 0.3, rng), 61)
    for epoch, loss in enumerate(losses):
        if epoch in (0, 5, 20, 60):
            share = accuracy(model, choose)
            print(
                f"epoch {epoch:2}: loss {loss:.2f}, {share:.0%} right"
            )
    found = answers(model, judge.images)
    wrong = found != judge.labels
    print(f"\n{wrong.sum()} wrong of {len(judge)} never seen:\n")
    draw(judge[wrong], found[wrong])


if __name__ == "__main__":
    main()
