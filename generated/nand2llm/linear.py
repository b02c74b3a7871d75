# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. ae90df8de81b
"""The linear model: a line with as many inputs as you like."""

from collections.abc import Sequence

from nand2llm.loop import Parameters


class Linear:
    """The model w · x + b for questions x of n numbers."""

    def __init__(self, n: int) -> None:
        self.names = [f"w{i}" for i in range(n)]
        self.parameters: Parameters = dict.fromkeys(self.names, 0.0)
        self.parameters["b"] = 0.0

    def predict(self, x: Sequence[float]) -> float:
        """Return the weighted vote of the features in `x`."""
        votes = zip(self.names, x, strict=True)
        total = self.parameters["b"]
        for name, value in votes:
            total += self.parameters[name] * value
        return total

    def slopes(self, x: Sequence[float]) -> Parameters:
        """Return how fast the prediction moves with each weight."""
        return dict(zip(self.names, x, strict=True)) | {"b": 1.0}
