# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 97da0861ffee
"""Two layers, with a gradient that was derived by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from nand2llm.losses import LOSSES
from nand2llm.softmax import sigmoid

LOGISTIC = LOSSES["logistic"]
Vector = Sequence[float]
Matrix = Sequence[Vector]


@dataclass(frozen=True)
class Network:
    """The mean logistic loss of two layers, as a function of p."""

    X: Matrix  # (n, d), the first feature always 1
    y: Vector  # (n,)
    width: int  # k hidden units

    def unpack(self, p: Vector) -> tuple[list[Vector], Vector]:
        """Cut p, (kd + k + 1,), into A (k, d) and c (k + 1,)."""
        d, k = len(self.X[0]), self.width
        return [p[j * d : (j + 1) * d] for j in range(k)], p[k * d :]

    def logit(self, p: Vector, x: Vector) -> tuple[list[float], float]:
        """Return the hidden units' answers (k + 1,), and the logit."""
        A, c = self.unpack(p)
        h = [1.0, *(sigmoid(sum(map(mul, row, x))) for row in A)]
        return h, sum(map(mul, c, h))

    def loss(self, p: Vector) -> float:
        """Return the mean loss at p."""
        answers = [self.logit(p, x)[1] for x in self.X]
        pairs = zip(answers, self.y, strict=True)
        return sum(LOGISTIC.value(z, y) for z, y in pairs) / len(self.y)

    def gradient(self, p: Vector) -> list[float]:
        """Return the slopes of the loss at p, in the order of p."""
        d, k, n = len(self.X[0]), self.width, len(self.y)
        _, c = self.unpack(p)
        slopes = [0.0] * len(p)
        for x, y in zip(self.X, self.y, strict=True):
            h, z = self.logit(p, x)
            delta = (sigmoid(z) - y) / n
            for j in range(k + 1):
                slopes[k * d + j] += delta * h[j]
            for j in range(k):
                back = delta * c[j + 1] * h[j + 1] * (1 - h[j + 1])
                for i in range(d):
                    slopes[j * d + i] += back * x[i]
        return slopes
