# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 6ad9db2ecb27
"""What chapter 5 claims, tried."""

import inspect
import math
import random

import pytest

from nand2llm import lines
from nand2llm.check import WrongSlope, check_slopes
from nand2llm.descent import descend, sampled, steepest
from nand2llm.lines import FEATURES, features, labeled_lines
from nand2llm.losses import LOSSES
from nand2llm.network import Network
from nand2llm.objective import Objective, Standard, best, solve
from nand2llm.softmax import sigmoid
from nand2llm.timings import SUMS


def some_objective(seed: int, name: str, l2: float = 0.0) -> Objective:
    rng = random.Random(seed)
    X = [[1.0, rng.gauss(0, 1), rng.gauss(3, 2)] for _ in range(12)]
    y = [float(rng.random() < 0.5) for _ in X]
    return Objective(X, y, LOSSES[name], l2)


@pytest.mark.parametrize("name", ["squared", "logistic"])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_gradient_agrees_with_nudges(name: str, l2: float) -> None:
    rng = random.Random(2)
    for seed in range(5):
        objective = some_objective(seed, name, l2)
        w = [rng.uniform(-2, 2) for _ in range(3)]
        check_slopes(objective.loss, objective.gradient(w), w)


def test_the_pencil_example() -> None:
    pencil = Objective([[1, 2], [1, 4]], [3, 9])
    assert pencil.loss([0, 0]) == 45
    assert pencil.gradient([0, 0]) == [-12, -42]
    landed = descend(pencil.gradient, [0, 0], 0.05, steps=1)[-1]
    assert landed == pytest.approx([0.6, 2.1])
    assert pencil.loss(landed) == pytest.approx(1.62)


def test_what_cannot_be_walked_says_so() -> None:
    with pytest.raises(ValueError, match="1 rows, 2 answers"):
        Objective([[1, 2]], [3, 9])
    with pytest.raises(ValueError, match="ragged"):
        Objective([[1, 2], [1]], [3, 9])
    pencil = Objective([[1, 2], [1, 4]], [3, 9])
    with pytest.raises(OverflowError, match="rate 9 is too large"):
        descend(pencil.gradient, [0, 0], 9.0, steps=1000)


def test_power_iteration_finds_the_steepest_direction() -> None:
    def gradient(w: list[float]) -> list[float]:
        return [10 * w[0], 3 * w[1], w[2]]

    size, direction = steepest(gradient, [1.0, 2.0, 3.0])
    assert size == pytest.approx(10)
    assert [abs(v) for v in direction] == pytest.approx([1, 0, 0])


def test_the_edge_is_where_it_is_said_to_be() -> None:
    objective = some_objective(3, "squared")
    edge = 2 / steepest(objective.gradient, [0.0] * 3)[0]
    bottom = objective.loss(best(objective))
    for share, settles in ((0.98, True), (1.02, False)):
        path = descend(objective.gradient, [9.0] * 3, share * edge, 900)
        gap = objective.loss(path[-1]) - bottom
        assert (gap < 1e-6) == settles


def test_descent_ends_where_the_normal_equations_say() -> None:
    for seed in range(4):
        objective = some_objective(seed, "squared")
        largest, _ = steepest(objective.gradient, [0.0] * 3)
        path = descend(objective.gradient, [0.0] * 3, 1 / largest, 4000)
        assert path[-1] == pytest.approx(best(objective), abs=1e-6)


def test_units_do_not_change_the_answers() -> None:
    raw = [[rows, rows * columns] for rows, columns, _ in SUMS]
    y = [time for *_, time in SUMS]
    plain = Objective([[1, *row] for row in raw], y)
    scaled = Objective(Standard.of(raw).apply(raw), y)
    least = plain.loss(best(plain))
    assert scaled.loss(best(scaled)) == pytest.approx(least)


def test_standardized_features() -> None:
    raw = [[rows, rows * columns] for rows, columns, _ in SUMS]
    X = Standard.of(raw).apply(raw)
    for column in list(zip(*X, strict=True))[1:]:
        assert sum(column) == pytest.approx(0, abs=1e-9)
        assert sum(x * x for x in column) == pytest.approx(len(X))
    with pytest.raises(ValueError, match="feature 1 is always 7"):
        Standard.of([[1, 7], [2, 7]])


def test_a_single_standardized_feature_needs_one_step() -> None:
    X = Standard.of([[2], [4], [9]]).apply([[2], [4], [9]])
    objective = Objective(X, [3, 9, -5])
    landed = descend(objective.gradient, [40.0, -7.0], 0.5, 1)[-1]
    assert landed == pytest.approx(best(objective))


def test_solve_wants_an_answer_to_exist() -> None:
    assert solve([[0, 2], [3, 0]], [4, 9]) == [3, 2]
    with pytest.raises(ValueError, match="spare"):
        solve([[1, 2], [2, 4]], [1, 2])


def test_batches_are_right_on_average() -> None:
    objective = some_objective(4, "logistic")
    noisy, w = sampled(objective, 3, seed=9), [0.3, -0.2, 0.1]
    total = [0.0] * 3
    for _ in range(8000):
        total = [t + g for t, g in zip(total, noisy(w), strict=True)]
    mean = [t / 8000 for t in total]
    assert mean == pytest.approx(objective.gradient(w), abs=0.03)


def test_order_of_examples_does_not_matter() -> None:
    objective, w = some_objective(6, "logistic"), [0.5, -1.0, 0.2]
    mixed = objective.subset([7, 3, 0, 11, 1, 2, 9, 4, 10, 5, 8, 6])
    assert mixed.loss(w) == pytest.approx(objective.loss(w))
    assert mixed.gradient(w) == pytest.approx(objective.gradient(w))


def test_same_seed_same_walk() -> None:
    objective = some_objective(5, "squared")
    walks = [
        descend(sampled(objective, 2, seed), [0.0] * 3, 0.01, 50)
        for seed in (1, 1, 2)
    ]
    assert walks[0] == walks[1] != walks[2]


def gate(answers: list[float], l2: float = 0.0) -> Objective:
    X = [[1.0, a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)]
    return Objective(X, answers, LOSSES["logistic"], l2)


def test_separable_weights_run_away_unless_priced() -> None:
    def reach(l2: float, steps: int) -> float:
        objective = gate([1, 1, 1, 0], l2)
        path = descend(objective.gradient, [0.0] * 3, 2.0, steps)
        return max(map(abs, path[-1]))

    assert reach(0.0, 4000) > 1.1 * reach(0.0, 1000)
    assert reach(0.01, 4000) == pytest.approx(reach(0.01, 3000))


def test_no_line_divides_xor() -> None:
    objective = gate([0, 1, 1, 0])
    end = descend(objective.gradient, [0.7, -1.0, 0.4], 1.0, 3000)[-1]
    assert end == pytest.approx([0, 0, 0], abs=1e-6)
    assert objective.loss(end) == pytest.approx(math.log(2))


SOURCE = '''
"""Add things up."""

def total(items):  # of numbers
    """Return the sum.

    Nothing is 0.
    """
    return sum(items)
    return sum(items)
'''


def test_labels_come_from_the_parser() -> None:
    assert labeled_lines(SOURCE) == [
        ("Add things up.", 0.0),
        ("Return the sum.", 0.0),
        ("Nothing is 0.", 0.0),
        ("def total(items):", 1.0),
        ("return sum(items)", 1.0),
    ]


def test_features() -> None:
    row = dict(zip(FEATURES, features("f(x) = 2"), strict=True))
    assert row["spaces"] == row["brackets"] == 2 / 8
    assert row["operators"] == row["digits"] == 1 / 8
    assert row["length"] == 8 and row["capital first"] == 0
    assert len(features("f", without=("digits",))) == len(FEATURES) - 1


def test_it_tells_code_from_prose() -> None:
    labeled = labeled_lines(inspect.getsource(lines))
    rows = [features(line) for line, _ in labeled]
    X = Standard.of([r[:3] for r in rows]).apply([r[:3] for r in rows])
    y = [label for _, label in labeled]
    objective = Objective(X, y, LOSSES["logistic"])
    w = descend(objective.gradient, [0.0] * 4, 1.0, 300)[-1]
    assert objective.loss(w) < 0.6 * objective.loss([0.0] * 4)


X4 = [[1.0, a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)]


def test_hand_derived_gradient() -> None:
    rng = random.Random(3)
    for width in (1, 2, 5):
        net = Network(X4, [0, 1, 1, 0], width)
        p = [rng.uniform(-3, 3) for _ in range(4 * width + 1)]
        check_slopes(net.loss, net.gradient(p), p)


def test_two_layers_learn_xor() -> None:
    net, rng = Network(X4, [0, 1, 1, 0], 5), random.Random(1)
    start = [rng.uniform(-2, 2) for _ in range(21)]
    end = descend(net.gradient, start, 5.0, 1000)[-1]
    beliefs = [sigmoid(net.logit(end, x)[1]) for x in X4]
    assert [round(b) for b in beliefs] == [0, 1, 1, 0]
    assert net.loss(end) < 0.05


def test_a_wrong_index_is_caught() -> None:
    class OffByOne(Network):
        def gradient(self, p: list[float]) -> list[float]:
            d, right = len(self.X[0]), super().gradient(p)
            hidden = right[: self.width * d]
            return hidden[d:] + hidden[:d] + right[self.width * d :]

    net, rng = OffByOne(X4, [0, 1, 1, 0], 3), random.Random(2)
    p = [rng.uniform(-2, 2) for _ in range(13)]
    with pytest.raises(WrongSlope, match="nudges say"):
        check_slopes(net.loss, net.gradient(p), p)
    check_slopes(net.loss, Network.gradient(net, p), p)
