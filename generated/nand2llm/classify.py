# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. b40a8d83dd23
"""Teach a model which of several classes its inputs belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nand2llm.digits import Digits
from nand2llm.functional import cross_entropy
from nand2llm.nn import Module
from nand2llm.tensor import Tensor, no_grad


def step(model: Module, loss: Tensor, rate: float) -> None:
    """Move all parameters a little way against their gradients."""
    parameters = model.parameters()
    for p in parameters:
        p.grad = None
    loss.backward()
    for p in parameters:
        if p.grad is not None:
            p.assign(p.data - rate * p.grad.data)


def fit(
    model: Module,
    digits: Digits,
    rate: float,
    rng: np.random.Generator,
    size: int = 50,
) -> Iterator[float]:
    """Learn, forever; yield the mean loss of every epoch."""
    while True:
        losses = []
        for images, labels in digits.batches(size, rng):
            loss = cross_entropy(model(Tensor(images)), labels)
            step(model, loss, rate)
            losses.append(loss.item())
        yield float(np.mean(losses))


def answers(model: Module, images: Any) -> Any:
    """The likeliest class (n) of each image (n, …)."""
    was = model.training
    model.eval()
    with no_grad():
        logits = model(Tensor(images)).numpy()
    model.train(was)
    return logits.argmax(axis=1)


def accuracy(model: Module, digits: Digits) -> float:
    """The share of digits that the model names rightly."""
    found = answers(model, digits.images) == digits.labels
    return float(found.mean())
