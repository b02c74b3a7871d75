# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. 877ccf3ef4cf
"""The dot product of two vectors, and what can be read off it."""

import math

from nand2llm.array import Array


def dot(x: Array, y: Array) -> float:
    """Multiply pair by pair and add up; both have shape (n,).

    Raises ValueError if the shapes differ or have other axes.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"dot of shapes {x.shape} and {y.shape}; want (n,) twice"
        )
    return (x @ y).item()


def norm(x: Array) -> float:
    """The length of the vector as an arrow."""
    return math.sqrt(dot(x, x))


def cosine(x: Array, y: Array) -> float:
    """The cosine of the angle between two vectors, from -1 to 1.

    Raises ValueError for a vector of zeros: it has no direction.
    """
    lengths = norm(x) * norm(y)
    if lengths == 0:
        raise ValueError("a vector of zeros has no direction")
    return dot(x, y) / lengths
