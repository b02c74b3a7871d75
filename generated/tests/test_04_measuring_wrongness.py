# Made from book/part1/04-measuring-wrongness.md by tangle.py; edit there, or here and stitch. e89337ebc063
"""What chapter 4 claims, tried."""

import math
import random
from collections import Counter
from itertools import pairwise

import pytest

from nand2llm import check
from nand2llm.bigram import Bigram, neighbors
from nand2llm.check import WrongSlope, check_slopes
from nand2llm.coding import decode, encode, recall, shares
from nand2llm.information import (
    bits_per_byte,
    cross_entropy,
    entropy,
    kl,
    perplexity,
    surprise,
)
from nand2llm.letters import SYMBOLS, letters
from nand2llm.line import Line
from nand2llm.loop import gradient, learn, nudged_gradient
from nand2llm.losses import LOSSES, SURPRISE
from nand2llm.lovelace import NOTE_G, lengths
from nand2llm.softmax import (
    log_sum_exp,
    sigmoid,
    softmax,
    softmax_loss,
    softmax_slopes,
)


def probabilities(rng: random.Random, n: int) -> list[float]:
    parts = [rng.random() ** 3 for _ in range(n)]
    return [part / sum(parts) for part in parts]


def test_no_belief_beats_the_truth() -> None:
    rng = random.Random(5)
    for n in (2, 3, 27):
        for _ in range(100):
            p, q = probabilities(rng, n), probabilities(rng, n)
            assert kl(p, q) > 0 == kl(p, p)
            assert 0 <= entropy(p) <= math.log2(n)


def test_the_table_of_four_letters() -> None:
    truth, even = [1 / 2, 1 / 4, 1 / 8, 1 / 8], [1 / 4] * 4
    assert entropy(truth) == 1.75
    assert cross_entropy(truth, even) == entropy(even) == 2
    assert kl([0.5, 0.5, 0, 0], truth) == 0.5
    assert kl(truth, [0.5, 0.5, 0, 0]) == math.inf
    for wrong in ([0.5, 0.6], [1.0]):
        with pytest.raises(ValueError, match=r"adds up|against"):
            cross_entropy([0.5, 0.5], wrong)
    with pytest.raises(ValueError, match="no probability"):
        surprise(1.1)


@pytest.mark.parametrize("name", LOSSES)
def test_every_slope_is_the_slope_of_its_loss(name: str) -> None:
    measure, rng = LOSSES[name], random.Random(4)
    for _ in range(50):
        for y in measure.truths:
            p = rng.uniform(-5, 5)
            check_slopes(
                lambda v, y=y: measure.value(v[0], y),
                [measure.slope(p, y)],
                [p],
            )


def test_the_check_has_teeth() -> None:
    def square(v: list[float]) -> float:
        return v[0] ** 2 + v[1] ** 2

    check_slopes(square, [6.0, -8.0], [3.0, -4.0])
    for wrong in ([3.0, -4.0], [6.0, 8.0], [6.0, -8.001]):
        with pytest.raises(WrongSlope, match="nudges say"):
            check_slopes(square, wrong, [3.0, -4.0])
    with pytest.raises(ValueError, match="1 slopes"):
        check.relative_error([1.0], [1.0, 2.0])


def test_a_nudge_can_be_too_small() -> None:
    def cube(v: list[float]) -> float:
        return v[0] ** 3

    def error(step: float) -> float:
        nudged = check.central_slopes(cube, [10.0], step)
        return check.relative_error([300.0], nudged)

    assert error(6e-6) < 1e-9 < min(error(1e-2), error(1e-13))


@pytest.mark.parametrize("name", ["squared", "absolute"])
def test_the_loop_follows_any_loss(name: str) -> None:
    line, measure = Line(w=5.3, b=0.2), LOSSES[name]
    by_formula = gradient(line, lengths(NOTE_G), measure)
    by_nudge = nudged_gradient(line, lengths(NOTE_G), measure=measure)
    assert by_formula == pytest.approx(by_nudge, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", ["absolute", "hinge"])
def test_at_a_kink_the_slope_is_none(name: str) -> None:
    below, here, above = (LOSSES[name].slope(c, 1.0) for c in (0, 1, 2))
    assert below < here == 0 <= above


def test_what_each_loss_wants() -> None:
    letters_of = [3, 2, 3, 2, 5, 2, 12]
    for name, wanted in (("squared", 29 / 7), ("absolute", 3)):
        measure, line = LOSSES[name], Line()
        examples = [(0.0, float(n)) for n in letters_of]
        learn(line, examples, 0.005, steps=4000, measure=measure)
        assert line.predict(0.0) == pytest.approx(wanted, abs=0.01)


def test_softmax_slopes_are_those_of_its_loss() -> None:
    rng = random.Random(7)
    for n in (1, 2, 3, 27):
        for _ in range(20):
            z, t = [rng.gauss(0, 3) for _ in range(n)], rng.randrange(n)
            slopes = softmax_slopes(z, t)
            check_slopes(lambda v, t=t: softmax_loss(v, t), slopes, z)
            assert sum(slopes) == pytest.approx(0)


def test_belief_minus_truth() -> None:
    rng = random.Random(9)
    for n in (2, 5, 27):
        p = probabilities(rng, n)
        z = [rng.gauss(0, 2) for _ in range(n)]
        q = softmax(z)
        slopes = [b - a for a, b in zip(p, q, strict=True)]
        for price in (cross_entropy, kl):
            check_slopes(
                lambda v, p=p, price=price: price(p, softmax(v)),
                [s / math.log(2) for s in slopes],  # in bits
                z,
            )
        check_slopes(log_sum_exp, q, z)


def test_only_differences_matter() -> None:
    z = [0.5, -1.0, 3.0]
    for shift in (-5000.0, 0.0, 5000.0):
        moved = [x + shift for x in z]
        assert softmax(moved) == pytest.approx(softmax(z))
        rise = log_sum_exp(moved) - log_sum_exp(z)
        assert rise == pytest.approx(shift)


def test_nothing_overflows() -> None:
    for z in (-1e6, -800.0, 0.0, 800.0, 1e6):
        assert 0 <= sigmoid(z) <= 1
        assert sigmoid(z) == pytest.approx(softmax([z, 0.0])[0])
        for y in (0.0, 1.0):
            assert math.isfinite(LOSSES["logistic"].value(z, y))
    assert log_sum_exp([-math.inf, 0.0]) == 0
    assert log_sum_exp([-math.inf] * 2) == -math.inf
    assert softmax_loss([0.0, -1000.0], 1) == 1000


def test_the_bigram_gradient() -> None:
    model, rng = Bigram(), random.Random(8)
    for pair in model.parameters:
        model.parameters[pair] = rng.gauss(0, 2)
    examples = [("th", 1.0), ("he", 1.0), ("th", 1.0), ("ta", 1.0)]
    by_formula = gradient(model, examples, SURPRISE)
    names = [a + b for a in "the" for b in SYMBOLS]

    def loss_at(row: list[float]) -> float:
        model.parameters.update(zip(names, row, strict=True))
        answers = [model.predict(pair) for pair, _ in examples]
        return -sum(answers) / len(answers)

    point = [model.parameters[name] for name in names]
    check_slopes(loss_at, [by_formula[name] for name in names], point)
    others = set(by_formula) - set(names)
    assert all(by_formula[name] == 0 for name in others)


def test_it_learns_frequencies_too() -> None:
    text = "abacabadabacaba"
    model = Bigram()
    losses = learn(model, neighbors(text), 5.0, 600, SURPRISE)
    assert all(b < a for a, b in pairwise(losses))
    assert losses[0] == pytest.approx(math.log(27))
    after = Counter(b for a, b in pairwise(text) if a == "a")
    for b, times in after.items():
        belief = math.exp(model.predict("a" + b))
        assert belief == pytest.approx(times / after.total(), abs=0.02)


def test_what_is_sent_is_received() -> None:
    rng = random.Random(6)
    for length in (0, 1, 2, 30):
        text = "".join(rng.choices(SYMBOLS, k=length))
        for order in (-1, 0, 2):

            def predict(past: str, order: int = order) -> list[float]:
                return recall(past, order)

            telegram = encode(text, predict)
            assert decode(telegram, length, predict) == text


def test_a_telegram_is_as_long_as_its_surprise() -> None:
    text, promised = letters(NOTE_G), 0.0
    for i, symbol in enumerate(text):
        belief = recall(text[:i], 1)[SYMBOLS.index(symbol)]
        promised += surprise(belief)
    sent = len(encode(text, lambda past: recall(past, 1)))
    assert promised - 1 < sent < promised + 4


def test_shares_leave_nothing_out() -> None:
    for beliefs in ([1.0] + [0.0] * 26, [1 / 27] * 27):
        cut = shares(beliefs)
        assert sum(cut) == 2**16 and min(cut) >= 1
    with pytest.raises(ValueError, match="no piece of the strip for"):
        encode("Ada", lambda past: recall(past, 0))


def test_recalled_beliefs_are_probabilities() -> None:
    for past in ("", "a", "abracadabra", letters(NOTE_G)[:99]):
        for order in (-1, 0, 1, 5):
            beliefs = recall(past, order)
            assert sum(beliefs) == pytest.approx(1)
            assert min(beliefs) > 0


def test_units() -> None:
    assert bits_per_byte(math.log(2) * 8, 1) == pytest.approx(8)
    assert perplexity(math.log(27)) == pytest.approx(27)
    with pytest.raises(ValueError, match="0 bytes"):
        bits_per_byte(1.0, 0)


def test_bits_per_byte_forget_the_tokens() -> None:
    text, p = "abab" * 4, {"a": 0.5, "b": 0.5}
    single = -sum(math.log(p[c]) for c in text)
    double = -8 * math.log(p["a"] * p["b"])
    assert single / 16 != pytest.approx(double / 8)
    assert bits_per_byte(single, 16) == bits_per_byte(double, 16) == 1
