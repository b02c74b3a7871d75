# Made from book/part1/04-measuring-wrongness.md by tangle.py; edit there, or here and stitch. b921f60daa6b
"""From scores to probabilities, and what they cost; in nats."""

import math
from collections.abc import Sequence

Logits = Sequence[float]  # one score for each possible answer


def log_sum_exp(logits: Logits) -> float:
    """Return ln of the sum of exp(z), for logits of any size."""
    top = max(logits)
    if math.isinf(top):  # one is infinite, or all are -infinite
        return top
    return top + math.log(sum(math.exp(z - top) for z in logits))


def softmax(logits: Logits) -> list[float]:
    """Return probabilities in proportion to exp(z)."""
    total = log_sum_exp(logits)
    return [math.exp(z - total) for z in logits]


def softmax_loss(logits: Logits, target: int) -> float:
    """Return the surprise, in nats, that `target` came."""
    return log_sum_exp(logits) - logits[target]


def softmax_slopes(logits: Logits, target: int) -> list[float]:
    """Return its slope in each logit: softmax minus one-hot."""
    return [q - (i == target) for i, q in enumerate(softmax(logits))]


def sigmoid(z: float) -> float:
    """Return 1 / (1 + exp(-z)): the softmax of (z, 0), for z."""
    power = math.exp(-abs(z))  # never above 1
    return (1.0 if z >= 0 else power) / (1 + power)
