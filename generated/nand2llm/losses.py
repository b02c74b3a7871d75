# Made from book/part1/04-measuring-wrongness.md by tangle.py; edit there, or here and stitch. b248b4655469
"""Losses, each beside its slope in the prediction."""

from typing import Protocol

from nand2llm.softmax import log_sum_exp, sigmoid

Truths = tuple[float, ...]


class Loss(Protocol):
    """How wrong is a prediction, and which way is worse?"""

    truths: Truths  # answers that it is made for

    def value(self, prediction: float, truth: float) -> float:
        """Return the loss: 0 or more, the less the better."""

    def slope(self, prediction: float, truth: float) -> float:
        """Return how fast the loss rises with the prediction."""


class Squared:
    """The squared error. It wants the mean."""

    truths: Truths = (-1.0, 1.0)

    def value(self, prediction: float, truth: float) -> float:
        """Return (prediction - truth) squared."""
        error = prediction - truth
        return error * error

    def slope(self, prediction: float, truth: float) -> float:
        """Return twice the error."""
        return 2 * (prediction - truth)


class Absolute:
    """The absolute error. It wants the median."""

    truths: Truths = (-1.0, 1.0)

    def value(self, prediction: float, truth: float) -> float:
        """Return the distance of prediction and truth."""
        return abs(prediction - truth)

    def slope(self, prediction: float, truth: float) -> float:
        """Return the sign of the error; 0 where it is 0."""
        return float((prediction > truth) - (prediction < truth))


class Hinge:
    """The hinge loss of a score, for truths +1 and -1."""

    truths: Truths = (-1.0, 1.0)

    def value(self, prediction: float, truth: float) -> float:
        """Return by how much the score misses its margin of 1."""
        return max(0.0, 1 - truth * prediction)

    def slope(self, prediction: float, truth: float) -> float:
        """Return -truth inside the margin, 0 outside."""
        return -truth if truth * prediction < 1 else 0.0


class Logistic:
    """The surprise, in nats, of a yes-or-no logit; truths 0, 1."""

    truths: Truths = (0.0, 1.0)

    def value(self, prediction: float, truth: float) -> float:
        """Return ln(1 + exp(z)) - truth * z."""
        return log_sum_exp([prediction, 0.0]) - truth * prediction

    def slope(self, prediction: float, truth: float) -> float:
        """Return the belief minus the truth."""
        return sigmoid(prediction) - truth


class Surprise:
    """The surprise, in nats, of a log-probability; truth 1."""

    truths: Truths = (1.0,)

    def value(self, prediction: float, truth: float) -> float:
        """Return -prediction, for each time that it came."""
        return -truth * prediction

    def slope(self, prediction: float, truth: float) -> float:
        """Return -1, for each time that it came."""
        return -truth


SQUARED = Squared()
SURPRISE = Surprise()
LOSSES: dict[str, Loss] = {
    "squared": SQUARED,
    "absolute": Absolute(),
    "hinge": Hinge(),
    "logistic": Logistic(),
    "surprise": SURPRISE,
}
