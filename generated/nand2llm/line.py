# Made from book/part1/01-introduction.md by tangle.py; edit there, or here and stitch. d8068c9b9755
"""The straight line, smallest of models."""

from nand2llm.loop import Parameters


class Line:
    """The model w * x + b."""

    def __init__(self, w: float = 0.0, b: float = 0.0) -> None:
        self.parameters: Parameters = {"w": w, "b": b}

    def predict(self, x: float) -> float:
        """Return the height of the line at `x`."""
        return self.parameters["w"] * x + self.parameters["b"]

    def slopes(self, x: float) -> Parameters:
        """Return how fast the height at `x` moves with w and b."""
        return {"w": x, "b": 1.0}
