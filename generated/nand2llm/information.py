# Made from book/part1/04-measuring-wrongness.md by tangle.py; edit there, or here and stitch. 5d44209ec3ed
"""How much does a text tell? Measured in bits."""

import math
from collections.abc import Sequence

Probabilities = Sequence[float]


def surprise(p: float) -> float:
    """Return -log2 p, in bits; infinite for p = 0."""
    if not 0 <= p <= 1:
        raise ValueError(f"{p} is no probability; it must be in 0..1")
    return -math.log2(p) if p > 0 else math.inf


def entropy(p: Probabilities) -> float:
    """Return the mean surprise, in bits, of one who knows p."""
    return cross_entropy(p, p)


def cross_entropy(p: Probabilities, q: Probabilities) -> float:
    """Return the mean surprise, in bits, of q in a world of p."""
    if len(p) != len(q):
        raise ValueError(f"{len(p)} probabilities against {len(q)}")
    for name, total in (("p", sum(p)), ("q", sum(q))):
        if not math.isclose(total, 1, abs_tol=1e-6):
            raise ValueError(f"{name} adds up to {total:.6g}, not to 1")
    chances = zip(p, q, strict=True)
    return sum(a * surprise(b) for a, b in chances if a > 0)


def kl(p: Probabilities, q: Probabilities) -> float:
    """Return the price of believing q in a world of p, in bits."""
    return cross_entropy(p, q) - entropy(p)


def perplexity(nats_per_token: float) -> float:
    """Return how many equal chances would surprise as much."""
    return math.exp(nats_per_token)


def bits_per_byte(total_nats: float, n_bytes: int) -> float:
    """Return a text's total loss in bits for each of its bytes.

    The bytes are those of the text as it was before anything was
    folded, split, or left out (Unicode, encoded as UTF-8).
    """
    if n_bytes < 1:
        raise ValueError(f"{n_bytes} bytes hold no text; 1 or more do")
    return total_nats / math.log(2) / n_bytes
