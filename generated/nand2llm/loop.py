# Made from book/part1/01-introduction.md by tangle.py; edit there, or here and stitch. 1ca542227dda
"""The loop: prediction, loss, gradient, update, better prediction."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

from nand2llm.losses import SQUARED, Loss

Parameters = dict[str, float]
Examples = Sequence[tuple[Any, float]]  # questions, true answers


class Model(Protocol):
    """What the loop needs to know of a model, and all it knows."""

    parameters: Parameters

    def predict(self, x: Any) -> float:
        """Return the model's answer to the question `x`."""

    def slopes(self, x: Any) -> Parameters:
        """Return how fast `predict(x)` moves with each parameter.

        Parameters on which the answer doesn't depend may be left out.
        """


class Diverged(ArithmeticError):
    """The loss has left the finite numbers."""

    def __init__(self, losses: list[float], rate: float) -> None:
        super().__init__(
            f"loss {losses[0]:.4g} became {losses[-1]} in "
            f"{len(losses) - 1} steps; rate {rate:g} is too large, "
            f"try {rate / 10:g}"
        )


def loss(
    model: Model, examples: Examples, measure: Loss = SQUARED
) -> float:
    """Return the mean loss of the model's predictions."""
    if not examples:
        raise ValueError("no examples; at least one (x, y) is needed")
    total = 0.0
    for x, y in examples:
        total += measure.value(model.predict(x), y)
    return total / len(examples)


def gradient(
    model: Model, examples: Examples, measure: Loss = SQUARED
) -> Parameters:
    """Return the slope of `loss` in every parameter."""
    total = dict.fromkeys(model.parameters, 0.0)
    for x, y in examples:
        outer = measure.slope(model.predict(x), y)
        for name, slope in model.slopes(x).items():
            total[name] += outer * slope
    return {name: t / len(examples) for name, t in total.items()}


def update(
    parameters: Parameters, slopes: Parameters, learning_rate: float
) -> None:
    """Move every parameter a little against its slope, in place."""
    for name, slope in slopes.items():
        parameters[name] -= learning_rate * slope


def learn(
    model: Model,
    examples: Examples,
    learning_rate: float,
    steps: int,
    measure: Loss = SQUARED,
) -> list[float]:
    """Go around the loop; return the losses, first to last.

    Raises `Diverged` when the loss is no longer a finite number.
    """
    losses = [loss(model, examples, measure)]
    for _ in range(steps):
        slopes = gradient(model, examples, measure)
        update(model.parameters, slopes, learning_rate)
        losses.append(loss(model, examples, measure))
        if not math.isfinite(losses[-1]):
            raise Diverged(losses, learning_rate)
    return losses


def nudged_gradient(
    model: Model,
    examples: Examples,
    nudge: float = 1e-6,
    measure: Loss = SQUARED,
) -> Parameters:
    """Estimate `gradient` from the loss alone, to check it by."""
    before = loss(model, examples, measure)
    slopes = {}
    for name, value in model.parameters.items():
        model.parameters[name] = value + nudge
        after = loss(model, examples, measure)
        slopes[name] = (after - before) / nudge
        model.parameters[name] = value
    return slopes
