# Made from book/part2/06-scalar-autograd.md by tangle.py; edit there, or here and stitch. 798d1dcaaa54
"""Models that give an answer, and leave their slopes to the graph."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from nand2llm.loop import Parameters
from nand2llm.scalar import Value, lift

Leaves = dict[str, Value]


class Traced:
    """A model for the loop that has to know only its answer."""

    parameters: Parameters

    def answer(self, p: Leaves, x: Any) -> Value:
        """Return the answer to x, as a graph over the leaves p."""
        raise NotImplementedError("a model is made of its answer")

    def leaves(self) -> Leaves:
        """Return the parameters as leaves of a new graph."""
        pairs = self.parameters.items()
        return {name: Value(x, label=name) for name, x in pairs}

    def predict(self, x: Any) -> float:
        """Return the model's answer to the question x."""
        return self.answer(self.leaves(), x).data

    def slopes(self, x: Any) -> Parameters:
        """Return how fast the answer moves with each parameter."""
        leaves = self.leaves()
        self.answer(leaves, x).backward()
        return {name: leaf.grad for name, leaf in leaves.items()}


class MLP(Traced):
    """Layers of neurons with tanh between them; one answer."""

    def __init__(self, sizes: Sequence[int], seed: int) -> None:
        rng = random.Random(seed)
        self.sizes = sizes  # inputs, neurons a layer, ..., 1
        self.parameters = {}
        for k, (n, m) in enumerate(pairwise(sizes)):
            for j in range(m):
                for i in range(n):
                    weight = rng.gauss(0, n**-0.5)
                    self.parameters[f"w{k}.{j}.{i}"] = weight
                self.parameters[f"b{k}.{j}"] = 0.0

    def answer(self, p: Leaves, x: Sequence[float]) -> Value:
        """Return the last layer's only neuron, as it is: a logit."""
        values = [lift(feature) for feature in x]
        for k, m in enumerate(self.sizes[1:]):
            if k > 0:
                values = [value.tanh() for value in values]
            values = [neuron(p, f"{k}.{j}", values) for j in range(m)]
        return values[0]


def neuron(p: Leaves, name: str, inputs: Sequence[Value]) -> Value:
    """Return the weighted sum of the inputs, and the bias."""
    votes = (p[f"w{name}.{i}"] * v for i, v in enumerate(inputs))
    return sum(votes, start=p[f"b{name}"])
