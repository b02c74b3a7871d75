# Made from book/part2/06-scalar-autograd.md by tangle.py; edit there, or here and stitch. ef24722ffb70
"""What chapter 6 claims, tried."""

import gc
import math
import random
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from operator import mul
from typing import Any
from xml.etree import ElementTree

import pytest

from nand2llm.bigram import Bigram
from nand2llm.check import WrongSlope, check_gradient, check_slopes
from nand2llm.graph import GAP, draw, lay_out, rows_of, settle
from nand2llm.letters import SYMBOLS
from nand2llm.line import Line
from nand2llm.loop import learn
from nand2llm.losses import LOSSES
from nand2llm.moons import two_moons
from nand2llm.network import Network
from nand2llm.neurons import MLP, Traced
from nand2llm.scalar import Value, gradient_of, topological


def test_the_pencil_example() -> None:
    w, x, y = Value(5), Value(4), Value(22)
    p = w * x
    e = p - y
    loss = e * e
    loss.backward()
    values = [v.data for v in (p, e, loss)]
    grads = [v.grad for v in (loss, e, p, y, w, x)]
    assert values == [20, -2, 4]
    assert grads == [1, -4, -4, 4, -16, -20]


def nested(n: int) -> Value:
    y = Value(0.5, label="x")
    for _ in range(n):
        y = (y + 1e-6).tanh() * 1.0001
    return y


@pytest.mark.parametrize("turned", [False, True])
def test_a_node_used_at_two_depths(turned: bool) -> None:
    w = Value(1)
    h = w * 5
    y = h * h + h if turned else h + h * h
    y.backward()
    assert (w.grad, h.grad) == (55, 11)


def test_the_order_has_users_first() -> None:
    y = Value(1)
    for _ in range(300):
        y = y + y  # 2**300 paths
    order = topological(y)
    assert len(order) == 301 and order[0] is y
    y.backward()
    assert order[-1].grad == 2.0**300
    place = {value: k for k, value in enumerate(order)}
    assert all(place[i] > place[v] for v in order for i in v.inputs)


def test_a_deep_graph_is_walked_and_freed() -> None:
    script = (
        "from nand2llm.scalar import Value\n"
        "x = y = Value(0.0)\n"
        "for _ in range(100_000): y = (y + 1).tanh()\n"
        "y.backward()\n"
        "del y\n"
        "print(x.grad >= 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_graphs_need_no_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        nested(100).backward()
        assert gc.collect() == 0  # no cycles: nothing was left
    finally:
        gc.enable()


def test_shared_values_do_not_pay_twice() -> None:
    w = Value(3)
    shared = w * w
    (shared + 1).backward()
    assert (w.grad, shared.grad) == (6, 1)
    (shared * 10).backward()
    assert (w.grad, shared.grad) == (66, 10)


def test_a_second_walk_adds_once_more() -> None:
    x = Value(3)
    cube = x * x * x
    for walks in (1, 2, 3):
        cube.backward()
        assert x.grad == walks * 27
    x.grad = 0.0
    cube.backward()
    assert x.grad == 27


def test_the_gradient_is_that_of_the_forward_pass() -> None:
    a, b = Value(2), Value(5)
    product = a * b
    b.data = 1000.0  # too late to matter
    product.backward()
    assert a.grad == 5


def test_a_leaf_is_its_own_result() -> None:
    x = Value(7)
    x.backward()
    assert x.grad == 1


def test_micrograds_own_example() -> None:
    a, b = Value(-4.0), Value(2.0)
    c, d = a + b, a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    f = (c - d) ** 2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    numbers = [round(v, 4) for v in (g.data, a.grad, b.grad)]
    assert numbers == [24.7041, 138.8338, 645.5773]


def test_values_stand_beside_numbers() -> None:
    w = Value(4)
    assert sum([w, w, 1]).data == 9
    assert ((2 - w).data, (2 / w).data, (2**w).data) == (-2, 0.5, 16)
    assert max(w, 3) is w and max(w, 5) == 5 and min(w, 5) is w
    assert w <= 4 <= w and not w < 4 and not w > Value(4)
    assert w != Value(4) and w == w
    assert repr(w) == "Value(data=4.0, grad=0.0)"


def test_what_has_no_slope_is_refused() -> None:
    for bad in (
        lambda: Value(-8) ** (1 / 3),
        lambda: Value(0) ** 0.5,
        lambda: Value(0) ** -1,
        lambda: Value(-2) ** Value(3),
        lambda: (-2) ** Value(3),
        lambda: Value(0).log(),
    ):
        with pytest.raises(ValueError, match=r"no slope|above 0"):
            bad()
    assert (Value(0) ** 0).slopes == (0,)
    for worse in (lambda: math.exp(Value(1)), lambda: Value(1) + "2"):
        with pytest.raises(TypeError, match=r"\.data|no number"):
            worse()


def test_rows_run_downward_and_boxes_do_not_touch() -> None:
    root = nested(3) * nested(2) + nested(1)
    heights = rows_of(topological(root))
    assert heights[root] == 0
    for value, height in heights.items():
        assert all(heights[i] > height for i in value.inputs)
    rows = lay_out(root)
    settle(rows)
    for row in rows:
        for a, b in pairwise(row):
            assert b.x - a.x >= (a.width + b.width) / 2 + GAP - 1e-9


def test_the_picture_shows_every_node() -> None:
    w = Value(-1.5, label="w<1>")
    y = (w * 2).tanh() + w
    y.backward()
    picture = ElementTree.fromstring(draw(y))
    texts = [t.text for t in picture.findall("{*}text")]
    assert "w<1> = −1.5" in texts and "tanh" in texts
    boxes = len(picture.findall("{*}rect"))
    assert boxes == len(topological(y)) + 3  # and 3 operations
    assert draw(y) == draw(y) == y._repr_svg_()
    assert nested(100)._repr_svg_() is None


OPERATIONS: dict[str, Callable[[Value, Value], Value]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "neg": lambda a, b: -a,
    "**3": lambda a, b: a**3,
    "**-2": lambda a, b: a**-2,
    "square root": lambda a, b: (a * a) ** 0.5,
    "**": lambda a, b: (a * a) ** b,
    "number **": lambda a, b: 2**a,
    "exp": lambda a, b: a.exp(),
    "log": lambda a, b: (a * a).log(),
    "tanh": lambda a, b: a.tanh(),
    "relu": lambda a, b: a.relu(),
    "max": lambda a, b: max(a, b),
    "all at once": lambda a, b: (1 - a * b).tanh() / (2 + b * b) - a,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_agrees_with_nudges(name: str) -> None:
    rng, operation = random.Random(name), OPERATIONS[name]
    for _ in range(50):
        point = [
            rng.choice((-1, 1)) * rng.uniform(0.2, 3) for _ in range(2)
        ]
        check_gradient(lambda p: operation(*p), point)


def test_the_check_finds_a_wrong_slope() -> None:
    def half_tanh(v: Value) -> Value:
        t = math.tanh(v.data)
        return Value(t, (v,), (1 - t,), "tanh")

    with pytest.raises(WrongSlope, match="nudges say"):
        check_gradient(lambda p: half_tanh(p[0]) * p[1], [0.3, 2.0])


class TracedLine(Traced, Line):
    def answer(self, p: dict[str, Value], x: float) -> Value:
        return p["w"] * x + p["b"]


class TracedBigram(Traced, Bigram):
    def answer(self, p: dict[str, Value], pair: str) -> Value:
        powers = (p[pair[0] + b].exp() for b in SYMBOLS)
        return p[pair] - sum(powers, start=Value(0)).log()


def test_slopes_of_part_one_follow_from_the_answers() -> None:
    rng = random.Random(3)
    pairs: list[tuple[Any, Any, list[Any]]] = [
        (TracedLine(), Line(), [4.0, -1.5]),
        (TracedBigram(), Bigram(), ["th", "q "]),
    ]
    for traced, derived, questions in pairs:
        for name in traced.parameters:
            traced.parameters[name] = rng.gauss(0, 2)
        derived.parameters = traced.parameters
        for x in questions:
            zeros = dict.fromkeys(traced.parameters, 0.0)
            slopes = zeros | derived.slopes(x)
            assert traced.slopes(x) == pytest.approx(slopes)
            answer = derived.predict(x)
            assert traced.predict(x) == pytest.approx(answer)


def test_the_network_needs_no_derivation() -> None:
    X = [[1.0, a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)]
    for width in (1, 2, 5):
        net, rng = Network(X, [0, 1, 1, 0], width), random.Random(width)

        def loss(p: Any, net: Network = net) -> Value:
            A, c = net.unpack(p)
            total = Value(0)
            for x, y in zip(net.X, net.y, strict=True):
                sums = (sum(map(mul, row, x)) for row in A)
                bent = ((1 + (a / 2).tanh()) / 2 for a in sums)
                z = sum(map(mul, c, [1.0, *bent]))
                total += (1 + z.exp()).log() - y * z
            return total / len(net.y)

        p = [rng.uniform(-3, 3) for _ in range(4 * width + 1)]
        assert gradient_of(loss)(p) == pytest.approx(net.gradient(p))


def test_the_moons_come_apart() -> None:
    points, model = two_moons(24, 0.1, seed=0), MLP((2, 6, 1), seed=1)
    losses = learn(model, points, 2.0, 60, LOSSES["logistic"])
    assert losses[-1] < 0.5 * losses[0]
    right = sum((model.predict(x) > 0) == (y == 1) for x, y in points)
    assert right >= 21
    assert two_moons(9, 0.1, seed=4) == two_moons(9, 0.1, seed=4)


def test_a_deeper_network_is_checked_as_a_whole() -> None:
    model = MLP((2, 3, 4, 1), seed=7)
    names = list(model.parameters)

    def answer(p: list[float]) -> float:
        model.parameters = dict(zip(names, p, strict=True))
        return model.predict((0.3, -1.2))

    point = list(model.parameters.values())
    slopes = [model.slopes((0.3, -1.2))[name] for name in names]
    check_slopes(answer, slopes, point)
