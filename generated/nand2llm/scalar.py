# Made from book/part2/06-scalar-autograd.md by tangle.py; edit there, or here and stitch. 5aba595b1f00
"""Numbers that remember how they were made, and walk back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


class Value:
    """A number that remembers where it came from.

    `data` is the number, `inputs` are the values it was made from,
    `slopes` tell how fast it moves with each of them. In `grad`
    arrives how fast a result moves with it, when that is asked to
    walk `backward`. (After micrograd's class, Karpathy 2020.)
    """

    __slots__ = ("data", "grad", "inputs", "label", "op", "slopes")

    def __init__(
        self,
        data: float,
        inputs: tuple[Value, ...] = (),
        slopes: tuple[float, ...] = (),
        op: str = "",
        label: str = "",
    ) -> None:
        self.data = data if inputs else number(data)
        self.grad = 0.0
        self.inputs = inputs
        self.slopes = slopes
        self.op = op
        self.label = label

    def __add__(self, other: Value | float) -> Value:
        other = lift(other)
        total = self.data + other.data
        return Value(total, (self, other), (1.0, 1.0), "+")

    def __mul__(self, other: Value | float) -> Value:
        other = lift(other)
        a, b = self.data, other.data
        return Value(a * b, (self, other), (b, a), "*")

    def backward(self) -> None:
        """Add to the grad of each leaf the slope of self in it.

        Values in between get the slope of self in them, and forget
        what an earlier walk left there.
        """
        order = topological(self)
        for value in order:
            if value.inputs:
                value.grad = 0.0
        self.grad += 1.0
        for value in order:
            payments = zip(value.inputs, value.slopes, strict=True)
            for source, slope in payments:
                source.grad += slope * value.grad

    def __sub__(self, other: Value | float) -> Value:
        other = lift(other)
        gap = self.data - other.data
        return Value(gap, (self, other), (1.0, -1.0), "-")

    def __truediv__(self, other: Value | float) -> Value:
        other = lift(other)
        a, b = self.data, other.data
        return Value(a / b, (self, other), (1 / b, -a / (b * b)), "/")

    def __neg__(self) -> Value:
        return Value(-self.data, (self,), (-1.0,), "neg")

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: float) -> Value:
        return lift(other) - self

    def __rtruediv__(self, other: float) -> Value:
        return lift(other) / self

    def __rpow__(self, other: float) -> Value:
        return lift(other) ** self

    def __pow__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            return self._to_the(other)
        a, n = self.data, number(other)
        if (a < 0 and not n.is_integer()) or (a == 0 and 0 != n < 1):
            raise ValueError(
                f"({a:g}) ** {n:g} has no slope; with a base above 0 it has"
            )
        slope = n * a ** (n - 1) if n else 0.0
        return Value(a**n, (self,), (slope,), f"**{n:g}")

    def _to_the(self, other: Value) -> Value:
        a, n = self.data, other.data
        if a <= 0:
            raise ValueError(
                f"({a:g}) ** Value({n:g}) has no slope in the exponent; "
                f"for a fixed one write ** {n:g}"
            )
        slopes = n * a ** (n - 1), a**n * math.log(a)
        return Value(a**n, (self, other), slopes, "**")

    def exp(self) -> Value:
        """Return e to the power of self, which is its own slope."""
        power = math.exp(self.data)
        return Value(power, (self,), (power,), "exp")

    def log(self) -> Value:
        """Return the natural logarithm; its slope is 1 / self."""
        x = self.data
        if x <= 0:
            raise ValueError(f"log of {x:g}; it must be above 0")
        return Value(math.log(x), (self,), (1 / x,), "log")

    def tanh(self) -> Value:
        """Return the hyperbolic tangent t; its slope is 1 - t * t."""
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t * t,), "tanh")

    def relu(self) -> Value:
        """Return max(self, 0); its slope is 1 above 0, else 0."""
        slope = float(self.data > 0)
        return Value(max(self.data, 0.0), (self,), (slope,), "relu")

    def __lt__(self, other: Value | float) -> bool:
        return self.data < lift(other).data

    def __le__(self, other: Value | float) -> bool:
        return self.data <= lift(other).data

    def __gt__(self, other: Value | float) -> bool:
        return self.data > lift(other).data

    def __ge__(self, other: Value | float) -> bool:
        return self.data >= lift(other).data

    def __float__(self) -> float:
        raise TypeError(
            "float() would drop the graph; .data is the number, and "
            ".exp(), .log(), .tanh(), .relu() stay in the graph"
        )

    def __repr__(self) -> str:
        return f"Value(data={self.data}, grad={self.grad})"

    def _repr_svg_(self) -> str | None:
        """Return the graph as a picture, if it is small enough."""
        from nand2llm.graph import draw  # it imports this module

        return draw(self) if len(count_uses(self)) <= 120 else None


def number(x: float) -> float:
    """Return x as a float. Raises TypeError for what is no number."""
    if not isinstance(x, (int, float)):
        raise TypeError(f"{x!r} is no number; an int or a float is")
    return float(x)


def lift(x: Value | float) -> Value:
    """Return x itself if it is a Value, else a leaf that holds x."""
    return x if isinstance(x, Value) else Value(x)


def count_uses(root: Value) -> dict[Value, int]:
    """Return all that `root` was made from: how often is it used?"""
    uses, stack = {root: 0}, [root]
    while stack:
        for value in stack.pop().inputs:
            if value not in uses:
                uses[value] = 0
                stack.append(value)
            uses[value] += 1
    return uses


def topological(root: Value) -> list[Value]:
    """Return root and all that it was made from, users first."""
    waiting, ready = count_uses(root), [root]
    order = []
    while ready:
        order.append(ready.pop())
        for value in order[-1].inputs:
            waiting[value] -= 1
            if waiting[value] == 0:
                ready.append(value)
    return order


def gradient_of(
    formula: Callable[[Sequence[Value]], Value],
) -> Callable[[Sequence[float]], list[float]]:
    """Return the function that gives a formula's gradient."""

    def gradient(point: Sequence[float]) -> list[float]:
        leaves = [Value(x) for x in point]
        formula(leaves).backward()
        return [leaf.grad for leaf in leaves]

    return gradient
