"""Scalar autograd against finite differences, torch, and sheer size.

Nothing here comes from the book: the programs are random, the nudges
are our own, and torch is asked when it is installed.
"""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm.scalar import Value, gradient_of, topological

# Each takes two numbers of any kind and keeps them of moderate size.
STEPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda a, b, m: (a + b) / 2,
    "subtract": lambda a, b, m: a - 0.5 * b,
    "multiply": lambda a, b, m: m.tanh(a) * b,
    "square": lambda a, b, m: m.tanh(b) ** 2 + 1 - a,
    "divide": lambda a, b, m: a / (1 + b * b),
    "into": lambda a, b, m: 2 / (1 + m.exp(m.tanh(a))) - b,
    "root": lambda a, b, m: (a * a + 1) ** 0.5 - 1,
    "power": lambda a, b, m: (1 + b * b) ** m.tanh(a),
    "raise": lambda a, b, m: 1.5 ** m.tanh(a) - 1,
    "log": lambda a, b, m: m.log(1 + a * a) - b,
    "negate": lambda a, b, m: -a,
}


class OfValues:
    """The functions of a program, for values."""

    exp, log, tanh = Value.exp, Value.log, Value.tanh


PROGRAMS = st.lists(
    st.tuples(
        st.sampled_from(sorted(STEPS)),
        st.integers(0, 99),
        st.integers(0, 99),
    ),
    min_size=1,
    max_size=12,
)
POINTS = st.lists(st.floats(-2, 2), min_size=3, max_size=3)
Program = list[tuple[str, int, int]]


def run(program: Program, inputs: list[Any], functions: Any) -> Any:
    """The last number that a program computes."""
    known = list(inputs)
    for name, i, j in program:
        a, b = known[i % len(known)], known[-1 - j % len(known)]
        known.append(STEPS[name](a, b, functions))
    return known[-1] + 0 * sum(inputs)


def nudged(program: Program, point: list[float]) -> list[float]:
    """Slopes by central differences, extrapolated once (Richardson)."""

    def rate(i: int, h: float) -> float:
        ends = []
        for way in (h, -h):
            moved = list(point)
            moved[i] += way
            ends.append(run(program, moved, math))
        return (ends[0] - ends[1]) / (2 * h)

    return [
        (4 * rate(i, 5e-4) - rate(i, 1e-3)) / 3
        for i in range(len(point))
    ]


@settings(max_examples=300, deadline=None)
@given(PROGRAMS, POINTS)
def test_random_programs_against_nudges(
    program: Program, point: list[float]
):
    value = run(program, [Value(x) for x in point], OfValues)
    assert value.data == pytest.approx(
        run(program, point, math), nan_ok=False
    )
    slopes = gradient_of(lambda p: run(program, list(p), OfValues))(
        point
    )
    assert slopes == pytest.approx(
        nudged(program, point), rel=1e-5, abs=1e-6
    )


@settings(max_examples=200, deadline=None)
@given(PROGRAMS, POINTS)
def test_random_programs_against_torch(
    program: Program, point: list[float]
):
    torch = pytest.importorskip("torch", reason="no PyTorch here; `make parity` brings it")
    tensors = [
        torch.tensor(x, dtype=torch.float64, requires_grad=True)
        for x in point
    ]
    theirs = run(program, tensors, torch)
    theirs.backward()
    leaves = [Value(x) for x in point]
    ours = run(program, leaves, OfValues)
    ours.backward()
    assert ours.data == pytest.approx(
        theirs.item(), rel=1e-12, abs=1e-12
    )
    for leaf, tensor in zip(leaves, tensors, strict=True):
        assert leaf.grad == pytest.approx(
            tensor.grad.item(), rel=1e-9, abs=1e-12
        )


@settings(max_examples=100, deadline=None)
@given(PROGRAMS, PROGRAMS, POINTS)
def test_gradients_of_two_results_add_up(
    one: Program, two: Program, point: list[float]
):
    """Leaves collect, whatever the results share."""
    apart = [
        gradient_of(lambda p, q=q: run(q, list(p), OfValues))(point)
        for q in (one, two)
    ]
    leaves = [Value(x) for x in point]
    shared = run(one, leaves, OfValues)
    other = shared * 0 + run(two, leaves, OfValues)
    shared.backward()
    other.backward()
    total = [a + b for a, b in zip(*apart, strict=True)]
    assert [leaf.grad for leaf in leaves] == pytest.approx(
        total, rel=1e-9, abs=1e-12
    )


@settings(max_examples=100, deadline=None)
@given(PROGRAMS, POINTS)
def test_order_is_topological_and_whole(
    program: Program, point: list[float]
):
    root = run(program, [Value(x) for x in point], OfValues)
    order = topological(root)
    place = {value: k for k, value in enumerate(order)}
    assert order[0] is root and len(place) == len(order)
    for value in order:
        assert all(
            place[source] > place[value] for source in value.inputs
        )


def test_what_micrograd_tests():
    """The sanity check of micrograd's own suite, worked out by hand."""
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    y = (z * z).relu() + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)


def test_a_million_nodes():
    """One graph of a million nodes, half a million deep."""
    x = y = Value(0.25)
    for _ in range(500_000):
        y = y + 1e-9
    assert len(topological(y)) == 1_000_001
    y.backward()
    assert x.grad == 1.0


@pytest.mark.parametrize("walk", ["y.backward()", "pass"])
def test_a_million_deep_graph_is_freed(walk: str):
    """In another process: an overflow in C would take us with it."""
    script = f"""
from nand2llm.scalar import Value
y = Value(0.0)
for _ in range(1_000_000):
    y = y.tanh()
{walk}
del y
print("free")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "free\n"), done.stderr


def test_deep_graphs_in_a_thread():
    """A thread has a smaller stack; nothing of ours may lean on it."""
    grads: list[float] = []

    def work() -> None:
        x = y = Value(1.0)
        for _ in range(100_000):
            y = -y
        y.backward()
        del y
        grads.append(x.grad)

    before = threading.stack_size(1 << 20)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    threading.stack_size(before)
    assert grads == [1.0]


def test_a_browser_could_import_it():
    """Without site-packages there is nothing but the standard library."""
    modules = "scalar, graph, check, neurons, moons"
    script = (
        f"from nand2llm import {modules}; print(scalar.Value(2) * 3)"
    )
    import nand2llm

    package = str(next(iter(nand2llm.__path__))).rpartition("/")[0]
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": package, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stdout == "Value(data=6.0, grad=0.0)\n", done.stderr


@settings(max_examples=60, deadline=None)
@given(PROGRAMS, POINTS)
def test_pictures_of_random_graphs(
    program: Program, point: list[float]
):
    """Well-formed, every node once, no two boxes on one another."""
    from nand2llm.graph import draw

    root = run(
        program,
        [Value(x, label=f"x{x:.1f}<&") for x in point],
        OfValues,
    )
    order = topological(root)
    picture = ElementTree.fromstring(draw(root))
    boxes = [
        [
            float(box.get(key, ""))
            for key in ("x", "y", "width", "height")
        ]
        for box in picture.findall("{*}rect")
        if float(box.get("height", "0")) >= 20
    ]
    assert len(boxes) == len(order)
    for k, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[:k]:
            apart = x >= left + wide or left >= x + width
            assert apart or y >= top + high or top >= y + height
    joints = sum(len(value.inputs) for value in order)
    assert len(picture.findall("{*}path")) >= joints
