"""Counting, sampling and judging, by other ways than the chapter's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm import functional as F
from nand2llm.evaluate import baselines, held_out
from nand2llm.neural_ngram import NeuralNGram
from nand2llm.ngram import NGram
from nand2llm.sampling import choose, continued
from nand2llm.tensor import no_grad
from nand2llm.tokenfile import TokenFile, write_tokens


def discount(counts: Counter[Any]) -> float:
    once = sum(n == 1 for n in counts.values())
    twice = sum(n == 2 for n in counts.values())
    return once / (once + 2 * twice) if once else 0.5


def by_definition(
    text: list[int], order: int, size: int, context: tuple[int, ...], w: int
) -> float:
    """Kneser and Ney's recursion, with tuples and dictionaries."""
    if len(context) >= order:
        context = context[len(context) - order + 1 :]
    marked = [None, *text]

    def counts(n: int) -> Counter[Any]:
        if n == order:
            grams = (tuple(text[i : i + n]) for i in range(len(text) - n + 1))
            return Counter(grams)
        kinds = {tuple(marked[i : i + n + 1]) for i in range(len(text) - n + 1)}
        return Counter(k[1:] for k in kinds)

    def believed(h: tuple[int, ...]) -> float:
        table = counts(len(h) + 1)
        after = {g[-1]: n for g, n in table.items() if g[:-1] == h}
        below = believed(h[1:]) if h else 1 / size
        if not after:
            return below
        d, total = discount(table), sum(after.values())
        return (max(after.get(w, 0) - d, 0) + d * len(after) * below) / total

    return believed(context)


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(st.integers(0, 3), min_size=4, max_size=30),
    order=st.integers(1, 4),
    context=st.lists(st.integers(0, 4), max_size=5),
)
def test_ngrams_are_the_recursion(
    text: list[int], order: int, context: list[int]
) -> None:
    model = NGram(order, 5).fit(text)
    got = model.probabilities(context)
    want = [
        by_definition(text, order, 5, tuple(context), w) for w in range(5)
    ]
    np.testing.assert_allclose(got, want, rtol=1e-9)
    np.testing.assert_allclose(got.sum(), 1)


def test_beliefs_survive_large_vocabularies() -> None:
    rng = np.random.default_rng(0)
    text = rng.integers(0, 50_000, 3000)
    model = NGram(3, 50_000).fit(text)
    assert model.probabilities(text[:2]).sum() == pytest.approx(1)
    assert np.isfinite(model.surprises(text[::-1])).all()


def test_a_neural_ngram_sees_what_stood_before() -> None:
    model = NeuralNGram(3, 9, 4, 6, np.random.default_rng(1))
    tokens = np.random.default_rng(2).integers(0, 9, (1, 12))
    with no_grad():
        whole = model(tokens).numpy()
        part = model(tokens[:, 4:]).numpy()
    np.testing.assert_allclose(part[:, 1:], whole[:, 5:], atol=1e-6)
    assert not np.allclose(part[:, 0], whole[:, 4])


def test_held_out_counts_every_token_but_the_first(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    rng = np.random.default_rng(3)
    write_tokens(path, [rng.integers(0, 9, 50), rng.integers(0, 9, 23)], 9)
    file = TokenFile(path)
    model = NeuralNGram(2, 9, 4, 6, rng)
    text = np.asarray(file.tokens, np.int64)
    with no_grad():  # a bigram's contexts are cut nowhere
        logits = model(text[None, :-1])
        want = F.cross_entropy(logits, text[1:]).item() * 72
    for batch, length in ((1, 5), (4, 7), (16, 256), (3, 72)):
        got = held_out(model, file, batch, length)
        assert got == pytest.approx(want, rel=1e-5)
    assert model.training


@settings(max_examples=60, deadline=None)
@given(
    logits=st.lists(st.floats(-700, 700), min_size=1, max_size=9),
    k=st.one_of(st.none(), st.integers(1, 12)),
    temperature=st.sampled_from([0.0, 0.01, 1.0, 50.0]),
)
def test_choices_are_among_the_k_best(
    logits: list[float], k: int | None, temperature: float
) -> None:
    rng = np.random.default_rng(0)
    found = choose(logits, rng, temperature, k)
    better = sum(z > logits[found] for z in logits)
    assert better < (k or len(logits))
    if temperature == 0:
        assert better == 0


def test_the_same_seed_writes_the_same() -> None:
    model = NGram(3, 4).fit([0, 1, 2, 3, 1, 0, 2, 2] * 5)

    def write(seed: int) -> list[int]:
        rng = np.random.default_rng(seed)
        new = continued(
            lambda t: np.log(model.probabilities(t)), [], 40, rng
        )
        return list(new)

    assert write(1) == write(1) != write(2)


def test_the_table_to_beat_is_in_order() -> None:
    rows = {name: row["bits"] for name, row in baselines().items()}
    counted = [bits for name, bits in rows.items() if "Kneser" in name]
    assert counted == sorted(counted, reverse=True)
    assert len(rows) == 6 and 0 < min(rows.values()) < max(rows.values()) < 8
