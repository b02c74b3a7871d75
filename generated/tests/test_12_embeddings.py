# Made from book/part3/12-embeddings.md by tangle.py; edit there, or here and stitch. db0e6d504810
"""What chapter 12 claims, tried."""

from typing import Any

import numpy as np
import pytest

from nand2llm import bag, neighbors, positions
from nand2llm import functional as F
from nand2llm.positions import Rotary
from nand2llm.tensor import Tensor


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def test_reading_is_a_product_with_one_hot_rows() -> None:
    tokens, g = np.array([[2, 0], [2, 4]]), numbers(2, 2, 3, seed=1)
    read = Tensor(numbers(5, 3), requires_grad=True)
    made = Tensor(numbers(5, 3), requires_grad=True)
    rows = F.embedding(read, tokens)
    product = Tensor(np.eye(5)[tokens]) @ made
    rows.backward(g)
    product.backward(g)
    assert (rows.numpy() == product.numpy()).all()
    assert read.grad.numpy() == pytest.approx(made.grad.numpy())
    assert (read.grad.numpy()[[1, 3]] == 0).all()


def test_a_tied_gradient_is_the_sum_of_two() -> None:
    tied = bag.Bag(6, 3, np.random.default_rng(0))
    untied = bag.Bag(6, 3, np.random.default_rng(0), tied=False)
    untied.table.weight.assign(tied.table.weight)
    untied.head.assign(tied.table.weight)
    around, middle = np.array([[0, 1], [4, 4]]), np.array([3, 4])
    for model in (tied, untied):
        F.cross_entropy(model(around), middle).backward()
    assert len(tied.parameters()) + 1 == len(untied.parameters())
    both = untied.table.weight.grad.numpy() + untied.head.grad.numpy()
    grad = tied.table.weight.grad.numpy()
    assert grad == pytest.approx(both, abs=1e-6)


def test_windows_stay_in_their_documents() -> None:
    documents = [
        np.array([1, 2, 3, 4]),
        np.array([5]),
        np.array([6, 0, 7]),
    ]
    around, middle = bag.windows(documents, 1)
    assert around.tolist() == [[1, 3], [2, 4]]
    assert middle.tolist() == [2, 3]


def test_words_are_numbered_by_frequency() -> None:
    words = bag.Vocabulary([["b", "a", "c", "c"], ["a", "d"]], 4)
    assert words.words == ["…", "a", "c", "b"]
    assert words.encode(["c", "d", "a"]).tolist() == [2, 0, 1]


def test_rows_learn_the_company_they_keep() -> None:
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 2, (4000, 1))  # two worlds of four words
    text = (1 + 4 * pairs + rng.integers(0, 4, (4000, 3))).ravel()
    around, middle = bag.windows([text.astype(np.int64)], 1)
    model = bag.Bag(9, 8, rng)
    losses = bag.learn(model, around[::3], middle[::3], rng, epochs=6)
    assert losses[-1] < 1.6 < 1.9 < losses[0]
    rows = neighbors.directions(model.table.weight.numpy()[1:])
    for i in range(8):
        near = neighbors.nearest(rows, rows[i], 3, skip=[i])
        assert {j // 4 for j, _ in near} == {i // 4}


def test_principal_directions_are_the_librarys() -> None:
    points = numbers(60, 7) * np.array([9, 5, 3, 1, 1, 1, 1]) + 4
    ours = neighbors.principal(points, 3)
    _, _, theirs = np.linalg.svd(points - points.mean(axis=0))
    assert np.abs(ours @ theirs[:3].T) == pytest.approx(
        np.eye(3), abs=1e-6
    )
    assert all(v[np.abs(v).argmax()] > 0 for v in ours)


def test_nearest_by_direction_and_in_order() -> None:
    rows = neighbors.unit(np.array([[9.0, 0], [1, 1], [0, 2], [0, 0]]))
    found = neighbors.nearest(rows, np.array([5.0, 0]), 3, skip=[0])
    assert [i for i, _ in found] == [1, 2, 3]
    assert found[0][1] == pytest.approx(0.5**0.5)


VERSIONS = [(la, s) for la in ("half", "pairs") for s in (1, -1)]


def turned(x: Any, layout: Any, sign: int, start: int = 0) -> Any:
    turn = Rotary(x.shape[-1], 40, 100.0, layout, sign)
    return turn(Tensor(x), start).numpy()


@pytest.mark.parametrize("version", VERSIONS)
def test_scores_depend_on_the_distance_alone(version: Any) -> None:
    q, k = (np.tile(numbers(6, seed=s), (1, 12, 1, 1)) for s in (1, 2))
    q, k = (turned(v, *version)[0, :, 0] for v in (q, k))
    scores = q @ k.T
    assert scores[1:, 1:] == pytest.approx(scores[:-1, :-1])
    assert scores[5, 3] != pytest.approx(scores[3, 5])
    assert np.linalg.norm(q, axis=1) == pytest.approx(
        np.linalg.norm(q[0])
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_starting_later_is_a_part_of_the_whole(version: Any) -> None:
    x = numbers(2, 9, 3, 4)
    whole = turned(x, *version)
    assert turned(x[:, 5:], *version, start=5) == pytest.approx(
        whole[:, 5:]
    )
    again = turned(
        turned(x[:, 4:5], *version, start=3), *version, start=6
    )
    there = turned(x[:, 4:5], *version, start=9)
    assert again == pytest.approx(there)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_gradient_is_the_opposite_turn(version: Any) -> None:
    layout, sign = version
    x = Tensor(numbers(1, 5, 2, 6), requires_grad=True)
    g = numbers(1, 5, 2, 6, seed=3)
    Rotary(6, 40, 100.0, layout, sign)(x).backward(g)
    assert x.grad.numpy() == pytest.approx(turned(g, layout, -sign))


def test_each_version_reads_the_others_vectors() -> None:
    q, k = numbers(2, 1, 7, 2, 8)
    order = [0, 4, 1, 5, 2, 6, 3, 7]  # halves, dealt into pairs
    flip = np.array([1, 1, 1, 1, -1, -1, -1, -1])

    def scores(q: Any, k: Any, *version: Any) -> Any:
        q, k = (turned(v, *version) for v in (q, k))
        return np.einsum("bthd,bshd->bhts", q, k)

    want = scores(q, k, "half", 1)
    mirrored = q * flip, k * flip
    dealt = q[..., order], k[..., order]
    both = (q * flip)[..., order], (k * flip)[..., order]
    assert scores(*mirrored, "half", -1) == pytest.approx(want)
    assert scores(*dealt, "pairs", 1) == pytest.approx(want)
    assert scores(*both, "pairs", -1) == pytest.approx(want)
    assert scores(q, k, "pairs", 1) != pytest.approx(want, abs=0.1)


def test_sines_are_an_upright_hand_turned_clockwise() -> None:
    hand = np.tile([0.0, 1.0], (1, 30, 1, 4))
    hands = Rotary(8, 30, layout="pairs", sign=-1)(Tensor(hand))
    rows = positions.sinusoidal(30, 8)
    assert hands.numpy()[0, :, 0] == pytest.approx(rows, abs=1e-6)


def test_what_rotary_refuses() -> None:
    x = Tensor(np.zeros((1, 5, 1, 8)))
    with pytest.raises(IndexError, match=r"97 to 101, .* 0 to 99"):
        Rotary(8, 100)(x, start=97)
    with pytest.raises(IndexError, match="-1 to 3"):
        Rotary(8, 100)(x, start=-1)
    with pytest.raises(ValueError, match=r"\(B, T, H, 6\)"):
        Rotary(6, 100)(x)
    with pytest.raises(ValueError, match="odd"):
        Rotary(7, 100)
    with pytest.raises(ValueError, match="layout 'halves'"):
        Rotary(8, 100, layout="halves")  # type: ignore[arg-type]
