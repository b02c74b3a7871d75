# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. 51e7d818c2ef
"""What chapter 7 claims, tried."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nand2llm import backends, ops
from nand2llm.autograd import GraphError, unbroadcast
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


@pytest.mark.parametrize("small", [(3,), (2, 1), (1, 1), (), (1, 3)])
def test_broadcasting_is_undone_by_sums(small: tuple[int, ...]) -> None:
    g = np.arange(6.0).reshape(2, 3)
    x = np.random.default_rng(0).normal(size=small)
    back = unbroadcast(g, small)
    assert back.shape == small
    assert (x * back).sum() == pytest.approx((x * g).sum())


@pytest.mark.parametrize("walk", ["end.backward()", ""])
def test_a_deep_graph_is_walked_and_freed(walk: str) -> None:
    script = f"""
from nand2llm.tensor import Tensor
start = end = Tensor(1.0, requires_grad=True)
for _ in range(100_000): end = end * 1.0
{walk}
del end
print(start.grad)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True)
    found = "Tensor(1.0)\n" if walk else "None\n"
    assert (done.returncode, done.stdout) == (0, found), done.stderr


def test_a_walked_graph_is_gone() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert slopes(x) == [4.0, 8.0]
    with pytest.raises(GraphError, match="retain_graph"):
        y.backward()


def test_a_batch_may_come_in_portions() -> None:
    rng = np.random.default_rng(3)
    w = Tensor(rng.normal(size=(3, 1)), requires_grad=True)
    X = Tensor(rng.normal(size=(6, 3)))
    (X @ w).tanh().sum().backward()
    whole, w.grad = slopes(w), None
    for k in range(3):
        (X[2 * k : 2 * k + 2] @ w).tanh().sum().backward()
    assert slopes(w) == pytest.approx(whole)


def test_errors_name_the_operation_and_both_shapes() -> None:
    row = Tensor([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match=r"matmul: .*\(1, 3\) and .*3"):
        row @ row
    with pytest.raises(TypeError, match=r'astype\("float32"\)'):
        row + row.astype("float64")
    with pytest.raises(TypeError, match="where"):
        row[0] = 1.0


def test_the_first_bad_operation_is_named() -> None:
    x = Tensor([0.0, 1.0], requires_grad=True)
    with detect_anomaly(), np.errstate(all="ignore"):
        with pytest.raises(NotFinite, match=r"test_07.*: log of"):
            x.log().exp().sum()
        y = (x.sqrt() * 2).sum()
        with pytest.raises(NotFinite, match="gradient of sqrt"):
            y.backward()
    with np.errstate(all="ignore"):
        assert np.isinf(x.log().data[0])  # nobody looks now


def test_reading_twice_pays_twice() -> None:
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[np.array([0, 2, 2])].sum().backward()
    assert slopes(x) == [1.0, 0.0, 2.0]


def test_gather_and_scatter_undo_each_other() -> None:
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    index = np.array([[2], [0]])
    picked = x.gather(index, axis=1)
    assert picked.tolist() == [[2.0], [3.0]]
    back = Tensor(np.zeros((2, 3))).scatter(index, picked, axis=1)
    assert back.tolist() == [[0.0, 0.0, 2.0], [3.0, 0.0, 0.0]]
    (back * 10).sum().backward()
    assert slopes(x) == [0.0, 0.0, 10.0, 10.0, 0.0, 0.0]


@pytest.mark.parametrize("wanted", [(0, 1, 2), (1,), (2, 0)])
def test_parts_pay_into_one_array(wanted: tuple[int, ...]) -> None:
    x = Tensor(np.arange(5.0), requires_grad=True)
    parts = x.split([1, 2, 2])
    concatenate([parts[i] * (i + 1) for i in wanted]).sum().backward()
    factors = [i + 1 if i in wanted else 0 for i in (0, 1, 1, 2, 2)]
    assert slopes(x) == factors


def test_one_matrix_for_a_stack_of_them() -> None:
    rng = np.random.default_rng(4)
    X = Tensor(rng.normal(size=(5, 2, 3)))  # five of them
    W = Tensor(rng.normal(size=(3, 4)), requires_grad=True)
    ((X @ W) ** 2).sum().backward()
    together, W.grad = slopes(W), None
    for k in range(5):
        ((X[k] @ W) ** 2).sum().backward()
    assert together == pytest.approx(slopes(W))


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


def test_hooks_see_what_arrives_and_may_change_it() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    seen: list[list[float]] = []
    y = x * 3
    y.register_hook(lambda g: seen.append(g.tolist()))  # returns None
    y.register_hook(lambda g: g * 10)
    y.retain_grad()  # a hook too, and the last
    y.sum().backward()
    assert seen == [[1.0, 1.0]]
    assert slopes(y) == [10.0, 10.0] and slopes(x) == [30.0, 30.0]


def test_checkpoints_change_nothing_but_the_memory() -> None:
    x = Tensor([0.1, 0.2], requires_grad=True)
    y = Tensor([0.1, 0.2], requires_grad=True)
    calls = []

    def layer(t: Tensor) -> Tensor:
        calls.append(t.requires_grad)
        return t.exp().tanh()

    layer(x).sum().backward()
    checkpoint(layer, y).sum().backward()
    assert slopes(x) == slopes(y)
    assert len(calls) == 3  # once without, forward and again with
    with no_grad():
        assert not checkpoint(layer, y).requires_grad


def test_nobody_chooses_a_backend_but_you() -> None:
    script = (
        "import sys, nand2llm.tensor as t\n"
        "x = t.Tensor([1.0])\n"
        "print(x.backend, 'cupy' in sys.modules, 'mlx' in sys.modules)"
    )
    command = [sys.executable, "-c", script]
    free = {k: v for k, v in os.environ.items() if "BACKEND" not in k}
    printed = subprocess.check_output(command, text=True, env=free)
    assert printed == "<backend numpy> False False\n"
    with backends.using("numpy") as numpy, pytest.raises(ValueError):
        assert Tensor([1.0]).backend is numpy
        backends.get("nympy")


def test_the_arena_lends_what_nobody_holds() -> None:
    arena, n = Arena(), SMALL // 4  # float32
    first = arena.empty((n,))
    home = first.ctypes.data
    view = first[1:]
    del first
    assert arena.empty((n,)).ctypes.data != home  # a view holds it
    del view
    assert arena.empty((n // 2, 2)).ctypes.data == home


SMOOTH = ["exp", "sin", "cos", "tanh", "sigmoid", "negative"]


@pytest.mark.parametrize("name", [*SMOOTH, "log", "sqrt"])
def test_slopes_are_those_of_the_function(name: str) -> None:
    points = [0.3, 0.9, 2.0]
    x = Tensor(np.array(points), requires_grad=True)
    apply(ops.OPERATIONS[name], x).sum().backward()

    def total(p: list[float]) -> float:
        y = apply(ops.OPERATIONS[name], Tensor(np.array(p)))
        return y.sum().item()

    check_slopes(total, slopes(x), points)
