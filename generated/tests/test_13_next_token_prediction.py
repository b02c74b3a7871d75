# Made from book/part4/13-next-token-prediction.md by tangle.py; edit there, or here and stitch. 2c63a370815e
"""What chapter 13 claims, tried."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest

from nand2llm.neural_ngram import NeuralNGram, learn
from nand2llm.ngram import NGram
from nand2llm.sampling import choose, continued


def text(n: int, size: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(0, size, n) * rng.integers(0, 2, n)


def test_beliefs_add_up_to_one() -> None:
    model = NGram(4, 6).fit(text(300, 5))
    for context in ([], [0], [5], [0, 1], [4, 4, 4], [5, 0, 0, 1, 2]):
        p = model.probabilities(context)
        assert p.sum() == pytest.approx(1)
        assert (p > 0).all()


def test_both_methods_agree() -> None:
    model, new = NGram(3, 5).fit(text(200, 5)), text(60, 5, seed=1)
    one_by_one = [
        -np.log(model.probabilities(new[:i])[w])
        for i, w in enumerate(new)
    ]
    assert model.surprises(new) == pytest.approx(one_by_one)


def test_bigrams_by_dictionaries() -> None:
    words = text(80, 4).tolist()
    model = NGram(2, 4).fit(words)
    after = defaultdict(Counter)
    before = defaultdict(set)
    for a, b in zip(["^", *words], words, strict=False):
        before[b].add(a)
        if a != "^":
            after[a][b] += 1
    low, high = model.discounts
    kinds = {w: len(before[w]) for w in range(4)}
    total, present = sum(kinds.values()), sum(map(bool, kinds.values()))
    for a in range(4):
        for b in range(4):
            below = (max(kinds[b] - low, 0) + low * present / 4) / total
            n = sum(after[a].values())
            want = max(after[a][b] - high, 0) / n
            want += high * len(after[a]) / n * below
            assert model.probabilities([a])[b] == pytest.approx(want)


def test_the_pencil_was_right() -> None:
    model = NGram(2, 5).fit(["abrcd".index(x) for x in "abracadabra"])
    assert model.discounts == pytest.approx([1, 0.4])
    after_a = [0.15, 0.4375, 0.0375, 0.1875, 0.1875]
    assert model.probabilities([0]) == pytest.approx(after_a)


def test_names_of_tokens_mean_nothing() -> None:
    new_name = np.random.default_rng(2).permutation(6)
    old, new = text(300, 6), text(40, 6, seed=1)
    one = NGram(3, 6).fit(old).surprises(new)
    other = NGram(3, 6).fit(new_name[old]).surprises(new_name[new])
    assert other == pytest.approx(one)


def test_a_pattern_is_learned() -> None:
    model = NGram(3, 3).fit([0, 1, 2] * 40)
    assert model.probabilities([0, 1])[2] > 0.98
    assert model.surprises([0, 1, 2] * 4)[3:].max() < 0.02


def test_francisco_is_not_expected_elsewhere() -> None:
    # 1 comes often, after 0 alone; 2 comes less, after three others
    words = [0, 1] * 30 + [3, 2, 4, 2, 5, 2]
    model = NGram(2, 7).fit(words)
    elsewhere = model.probabilities([6])
    assert elsewhere[2] > elsewhere[1]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="63 bits"):
        NGram(8, 256)
    with pytest.raises(ValueError, match="no 3-gram"):
        NGram(3, 5).fit([1, 2])


def test_a_neural_context_has_an_end() -> None:
    model = NeuralNGram(4, 7, 3, 8, np.random.default_rng(0))
    tokens = text(20, 7).reshape(2, 10)
    logits = model(tokens).numpy()
    assert logits.shape == (2, 10, 7)
    changed = tokens.copy()
    changed[:, 4] = (changed[:, 4] + 1) % 7
    differs = (model(changed).numpy() != logits).any(axis=(0, 2))
    assert differs.tolist() == [False] * 4 + [True] * 3 + [False] * 3


def test_a_network_learns_to_look_back() -> None:
    model = NeuralNGram(3, 5, 4, 16, np.random.default_rng(0))

    def batches() -> Any:
        rng = np.random.default_rng(1)
        while True:
            tokens = rng.integers(0, 5, (8, 12))
            yield tokens[:, :-1], np.roll(tokens, 1, 1)[:, :-1]

    losses = learn(model, batches(), 150, 0.02)
    assert len(losses) == 150
    assert losses[0] == pytest.approx(np.log(5), abs=0.3)
    assert losses[-1] < 0.4


def test_draws_have_their_shares() -> None:
    rng, logits = np.random.default_rng(0), np.log([0.1, 0.6, 0.3])
    draws = [choose(logits, rng) for _ in range(4000)]
    shares = np.bincount(draws, minlength=3) / 4000
    assert shares == pytest.approx([0.1, 0.6, 0.3], abs=0.03)
    cold = [choose(logits, rng, temperature=0.5) for _ in range(4000)]
    squares = np.array([0.01, 0.36, 0.09]) / 0.46
    shares = np.bincount(cold, minlength=3) / 4000
    assert shares == pytest.approx(squares, abs=0.03)
    assert {choose(logits, rng, top_k=2) for _ in range(200)} == {1, 2}
    assert choose(logits, rng, temperature=0) == 1
    assert choose([2.0, 2.0], rng, temperature=0) == 0


def test_text_goes_on_from_itself() -> None:
    def count_up(tokens: Any) -> Any:
        return np.eye(10)[(tokens[-1] + 1) % 10] * 50

    new = continued(count_up, [3], 9, np.random.default_rng(0))
    assert list(new) == [4, 5, 6, 7, 8, 9, 0, 1, 2]
    with pytest.raises(ValueError, match="top_k 0"):
        choose([0.0], np.random.default_rng(0), top_k=0)
