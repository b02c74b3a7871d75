# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. d0faca99d206
"""Linear models: a weight for each feature, under any loss."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul

from nand2llm.losses import SQUARED, Loss

Vector = Sequence[float]
Matrix = Sequence[Vector]  # rows of equal length


def scores(X: Matrix, w: Vector) -> list[float]:
    """Return Xw: (n, d) and (d,) make (n,)."""
    return [sum(map(mul, row, w)) for row in X]


@dataclass(frozen=True)
class Objective:
    """The mean loss of a linear model, as a function of w (d,)."""

    X: Matrix  # (n, d), the first feature always 1
    y: Vector  # (n,)
    measure: Loss = SQUARED
    l2: float = 0.0  # price of large weights, but not of the bias

    def __post_init__(self) -> None:
        widths = sorted({len(row) for row in self.X})
        if len(self.X) != len(self.y) or not self.y:
            raise ValueError(
                f"{len(self.X)} rows, {len(self.y)} answers; one answer "
                "for each row is needed, and at least one row"
            )
        if len(widths) > 1:
            raise ValueError(f"rows of {widths} features; X is ragged")

    def loss(self, w: Vector) -> float:
        """Return the mean loss at w, and the price of w."""
        answers = zip(scores(self.X, w), self.y, strict=True)
        total = sum(self.measure.value(z, y) for z, y in answers)
        price = self.l2 * sum(v * v for v in w[1:])
        return total / len(self.y) + price

    def gradient(self, w: Vector) -> list[float]:
        """Return the slopes of the loss at w: (d,)."""
        answers = zip(scores(self.X, w), self.y, strict=True)
        pulls = [self.measure.slope(z, y) for z, y in answers]  # (n,)
        columns = zip(*self.X, strict=True)  # X transposed, (d, n)
        slopes = [sum(map(mul, c, pulls)) / len(pulls) for c in columns]
        prices = [0.0, *(2 * self.l2 * v for v in w[1:])]
        return [s + p for s, p in zip(slopes, prices, strict=True)]

    def subset(self, rows: Iterable[int]) -> "Objective":
        """Return the same objective over some of the examples."""
        chosen = list(rows)
        X, y = [self.X[i] for i in chosen], [self.y[i] for i in chosen]
        return Objective(X, y, self.measure, self.l2)


@dataclass(frozen=True)
class Standard:
    """What to subtract from each feature, and what to divide by."""

    means: list[float]
    spreads: list[float]

    @classmethod
    def of(cls, X: Matrix) -> "Standard":
        """Learn the means and spreads of features (n, d), no 1 yet."""
        means, spreads = [], []
        for j, column in enumerate(zip(*X, strict=True)):
            mean = sum(column) / len(column)
            spread = sum((x - mean) ** 2 for x in column) / len(column)
            if spread == 0:
                raise ValueError(f"feature {j} is always {mean:g}")
            means.append(mean)
            spreads.append(spread**0.5)
        return cls(means, spreads)

    def apply(self, X: Matrix) -> list[list[float]]:
        """Return the rows, standardized, with a 1 in front."""
        return [[1.0, *self._row(row)] for row in X]

    def _row(self, row: Vector) -> list[float]:
        parts = zip(row, self.means, self.spreads, strict=True)
        return [(x - mean) / spread for x, mean, spread in parts]


def solve(A: Matrix, b: Vector) -> list[float]:
    """Return w with Aw = b, by elimination; A has shape (d, d)."""
    rows = [[*row, value] for row, value in zip(A, b, strict=True)]
    for k in range(len(rows)):
        pivot = max(range(k, len(rows)), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        if rows[k][k] == 0:
            raise ValueError(f"no single answer: column {k} is spare")
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i, row in enumerate(rows):
            if i != k:
                pairs = zip(row, rows[k], strict=True)
                rows[i] = [x - row[k] * p for x, p in pairs]
    return [row[-1] for row in rows]


def best(objective: Objective) -> list[float]:
    """Return the weights of least squared error, without a walk."""
    columns = list(zip(*objective.X, strict=True))  # (d, n)
    gram = [scores(columns, column) for column in columns]  # (d, d)
    return solve(gram, scores(columns, objective.y))
