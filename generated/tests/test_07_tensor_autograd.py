# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. 000ecdeb9305
"""What chapter 7 claims, tried."""

import gc
import os
import subprocess
import sys

import numpy as np
import pytest

from nand2llm import backends, ops
from nand2llm.autograd import GraphError, Node, unbroadcast, walk_back
from nand2llm.backends.memory import SMALL, Arena
from nand2llm.check import check_slopes
from nand2llm.tensor import (
    NotFinite,
    Tensor,
    apply,
    checkpoint,
    concatenate,
    detect_anomaly,
    no_grad,
)


def slopes(x: Tensor) -> list[float]:
    """The gradient that has arrived at x, as numbers."""
    assert x.grad is not None
    return x.grad.numpy().ravel().tolist()


def test_what_two_inputs_get_is_not_one_array() -> None:
    x, y = (Tensor([1.0], requires_grad=True) for _ in range(2))
    (x + y).sum().backward()
    (x * 10).sum().backward()  # adds to what x has, and not to y's
    assert (slopes(x), slopes(y)) == ([11.0], [1.0])


def test_numbers_are_not_changed_under_a_rule() -> None:
    x = Tensor([1.0, 2.0])
    w = Tensor([3.0, 4.0], requires_grad=True)
    y = (x * w).sum()
    x.assign([5.0, 5.0])  # has no node: gets a new array
    y.backward()
    assert slopes(w) == [1.0, 2.0]
    y = (x * w).sum()
    w.assign([0.0, 0.0])  # has one: is overwritten
    with pytest.raises(GraphError, match="after multiply had used"):
        y.backward()
import numpy as np
import pytest

from nand2llm import ops
from nand2llm.autograd import GraphError, unbroadcast
from nand2llm.check import check_slopes
from nand2llm.tensor import Tensor, apply, checkpoint, no_grad

SMOOTH = ["exp", "sin", "cos", "tanh", "sigmoid", "negative"]


@pytest.mark.parametrize("name", [*SMOOTH, "log", "sqrt"])
def test_slopes_are_those_of_the_function(name: str) -> None:
    points = [0.3, 0.9, 2.0]
    x = Tensor(np.array(points), requires_grad=True)
    apply(ops.OPERATIONS[name], x).sum().backward()

    def total(p: list[float]) -> float:
        y = apply(ops.OPERATIONS[name], Tensor(np.array(p)))
        return y.sum().item()

    assert x.grad is not None
    check_slopes(total, x.grad.tolist(), points)


@pytest.mark.parametrize("small", [(3,), (2, 1), (1, 1), (), (1, 3)])
def test_broadcasting_is_undone_by_sums(small: tuple[int, ...]) -> None:
    g = np.arange(6.0).reshape(2, 3)
    x = np.random.default_rng(0).normal(size=small)
    back = unbroadcast(g, small)
    assert back.shape == small
    assert (x * back).sum() == pytest.approx((x * g).sum())


def test_reading_twice_pays_twice() -> None:
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[np.array([0, 2, 2])].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 0.0, 2.0]


def test_a_walked_graph_is_gone() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(GraphError, match="retain_graph"):
        y.backward()


def test_checkpoints_change_nothing_but_the_memory() -> None:
    x = Tensor([0.1, 0.2], requires_grad=True)
    y = Tensor([0.1, 0.2], requires_grad=True)
    x.exp().tanh().sum().backward()
    checkpoint(lambda t: t.exp().tanh(), y).sum().backward()
    assert x.grad is not None and y.grad is not None
    assert x.grad.tolist() == y.grad.tolist()
    with no_grad():
        assert not (x * 2).requires_grad
