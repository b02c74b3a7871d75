# Made from book/part4/14-attention.md by tangle.py; edit there, or here and stitch. 5922d6e96ee8
from typing import Any

import numpy as np
import pytest

from nand2llm import functional as F
from nand2llm.attending import (
    OnlineSoftmax,
    attend,
    causal_mask,
    tiled,
)
from nand2llm.tensor import Tensor


def three(n_query: int, n_key: int, width: int = 8) -> Any:
    rng = np.random.default_rng(n_query + 100 * n_key)
    shapes = [(2, n, width) for n in (n_query, n_key, n_key)]
    return [rng.standard_normal(shape) for shape in shapes]


@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (3, 10), (1, 9)])
@pytest.mark.parametrize("causal", [True, False])
def test_steps_piece_and_tiles_agree(
    shape: tuple[int, int], causal: bool
) -> None:
    q, k, v = three(*shape)
    seen = causal_mask(*shape) if causal else None
    y, w = attend(Tensor(q), Tensor(k), Tensor(v), seen)
    assert np.allclose(w.numpy().sum(axis=-1), 1)
    one = [Tensor(x[:, :, None]) for x in (q, k, v)]  # (B, T, 1, D)
    piece = F.attention(one[0], one[1], one[2], causal)[:, :, 0]
    np.testing.assert_allclose(piece.numpy(), y.numpy(), atol=1e-12)
    for size in (1, 4, 64):
        z = tiled(q, k, v, size, causal)
        np.testing.assert_allclose(z, y.numpy(), atol=1e-12)


@pytest.mark.parametrize("place", range(6))
def test_no_future_leaks(place: int) -> None:
    x = np.random.default_rng(0).standard_normal((1, 6, 8))
    other = x.copy()
    other[:, place:] = np.random.default_rng(1).standard_normal(
        other[:, place:].shape
    )
    seen = causal_mask(6)
    y, z = (
        attend(Tensor(a), Tensor(a), Tensor(a), seen)[0].numpy()
        for a in (x, other)
    )
    assert np.array_equal(y[:, :place], z[:, :place])
    assert not np.allclose(y[:, place:], z[:, place:])


def test_gradients_of_steps_and_piece_agree() -> None:
    q, k, v = three(4, 6)
    g = np.random.default_rng(5).standard_normal(q.shape)
    first = [Tensor(x, requires_grad=True) for x in (q, k, v)]
    second = [Tensor(x, requires_grad=True) for x in (q, k, v)]
    y, _ = attend(first[0], first[1], first[2], causal_mask(4, 6))
    one = [x.reshape(2, -1, 1, 8) for x in second]
    z = F.attention(one[0], one[1], one[2]).reshape(*q.shape)
    for result in (y, z):
        (result * Tensor(g)).sum().backward()
    for a, b in zip(first, second, strict=True):
        assert a.grad is not None and b.grad is not None
        np.testing.assert_allclose(
            a.grad.numpy(), b.grad.numpy(), atol=1e-12
        )


def test_a_sharp_query_is_a_dictionary() -> None:
    keys, values = np.eye(5), np.arange(5.0)[:, None]
    y, _ = attend(Tensor(1e3 * keys), Tensor(keys), Tensor(values))
    np.testing.assert_allclose(y.numpy(), values, atol=1e-12)


def test_a_stream_may_be_cut_anywhere() -> None:
    rng = np.random.default_rng(6)
    s, v = 300 * rng.standard_normal((3, 20)), rng.random((20, 2))
    e = np.exp(s - s.max(axis=1, keepdims=True))
    whole = e @ v / e.sum(axis=1, keepdims=True)
    for cuts in ([], [1], [3, 4, 19], range(1, 20)):
        state = OnlineSoftmax()
        for columns in np.split(np.arange(20), cuts):
            state.add(s[:, columns], v[columns])
        np.testing.assert_allclose(state.mean, whole, rtol=1e-12)


def test_lists_and_their_answers() -> None:
    from nand2llm.recall import lists

    batch = lists(200, 9, np.random.default_rng(7))
    for letters, digits, asked, answer, back in zip(
        *batch, strict=True
    ):
        assert len(set(letters)) == 9
        said = dict(zip(letters, digits, strict=True))
        assert said[asked] == answer
        assert letters[-back] == asked
    with pytest.raises(ValueError, match="27 pairs"):
        lists(1, 27, np.random.default_rng(7))
