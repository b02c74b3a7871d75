# Made from book/part1/01-introduction.md by tangle.py; edit there, or here and stitch. 2e09b5bbb993
"""What chapter 1 claims, tried."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from nand2llm.letters import SYMBOLS, NextLetter, letters, questions
from nand2llm.line import Line
from nand2llm.loop import Diverged, gradient, learn, nudged_gradient
from nand2llm.lovelace import NOTE_G, lengths


def test_the_pencil_example() -> None:
    x, y, w = 4, 22, 5.0
    prediction = w * x
    error = prediction - y
    slope = 2 * error * x
    assert (prediction, error, error**2, slope) == (20, -2, 4, -16)
    w -= 0.01 * slope
    assert w == pytest.approx(5.16)
    assert (w * x - y) ** 2 == pytest.approx(1.8496)


def test_gradient_agrees_with_nudges() -> None:
    examples = lengths(NOTE_G)
    rng = random.Random(1)
    for _ in range(20):
        line = Line(w=rng.uniform(-9, 9), b=rng.uniform(-9, 9))
        by_formula = gradient(line, examples)
        by_nudge = nudged_gradient(line, examples)
        assert by_formula == pytest.approx(by_nudge, rel=1e-4, abs=1e-3)


def test_recovers_the_true_parameters() -> None:
    text = "could, could never, never bring those words"
    line = Line()
    losses = learn(line, lengths(text), learning_rate=0.1, steps=500)
    assert line.parameters == pytest.approx({"w": 6, "b": -1}, abs=1e-6)
    assert losses[-1] < 1e-12


def test_every_step_lowers_the_loss() -> None:
    losses = learn(Line(w=5.0), lengths(NOTE_G), 0.008, steps=50)
    assert all(b < a for a, b in pairwise(losses))


def test_learning_resumes_where_it_stopped() -> None:
    once, twice = Line(w=5.0), Line(w=5.0)
    learn(once, lengths(NOTE_G), 0.008, steps=50)
    learn(twice, lengths(NOTE_G), 0.008, steps=20)
    learn(twice, lengths(NOTE_G), 0.008, steps=30)
    assert once.parameters == twice.parameters


def test_the_check_catches_a_forgotten_x() -> None:
    class FridayLine(Line):
        def slopes(self, x: float) -> dict[str, float]:
            return {"w": 1.0, "b": 1.0}

    line, examples = FridayLine(w=5.0), lengths(NOTE_G)
    by_formula = gradient(line, examples)
    by_nudge = nudged_gradient(line, examples)
    assert by_formula["b"] == pytest.approx(by_nudge["b"], rel=1e-4)
    assert by_formula["w"] != pytest.approx(by_nudge["w"], rel=0.1)


def test_divergence_is_reported() -> None:
    with pytest.raises(Diverged, match=r"0\.02 is too large"):
        learn(Line(w=5.0), lengths(NOTE_G), 0.02, steps=1000)
    with pytest.raises(ValueError, match="no examples"):
        learn(Line(), [], 0.1, steps=1)


SHORT_TEXT = "the cat sat on the mat at tea and ate the tea"


def test_beliefs_become_frequencies() -> None:
    model = NextLetter()
    learn(model, questions(SHORT_TEXT), learning_rate=40, steps=400)
    pairs = Counter(pairwise(SHORT_TEXT))
    for a in set(SHORT_TEXT):
        times = SHORT_TEXT[:-1].count(a)
        for b in SYMBOLS:
            frequency = pairs[a, b] / times
            assert model.predict(a + b) == pytest.approx(frequency)


def test_beliefs_remain_probabilities() -> None:
    model = NextLetter()
    learn(model, questions(SHORT_TEXT), learning_rate=40, steps=25)
    for a in SYMBOLS:
        assert sum(model.beliefs(a)) == pytest.approx(1)
        assert min(model.beliefs(a)) >= 0


def test_writing_is_repeatable() -> None:
    model = NextLetter()
    assert model.write(50, seed=3) == model.write(50, seed=3)
    assert model.write(50, seed=3) != model.write(50, seed=4)


def test_questions_cover_every_symbol() -> None:
    asked = dict(questions("ab"))
    assert len(asked) == len(SYMBOLS)
    assert asked["ab"] == 1 and sum(asked.values()) == 1
    assert letters("  Ada, 1843!\n") == "ada"
