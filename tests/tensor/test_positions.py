"""Positions, bags and neighbors, by other ways than the chapter's."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm import backends, bag, neighbors
from nand2llm.positions import Rotary, sinusoidal
from nand2llm.tensor import Tensor

VERSIONS = [(layout, sign) for layout in ("half", "pairs") for sign in (1, -1)]


def by_complex_numbers(
    x: Any, base: float, layout: str, sign: int, start: int = 0
) -> Any:
    """Rotation as a product of complex numbers."""
    half = x.shape[-1] // 2
    if layout == "half":
        z = x[..., :half] + 1j * x[..., half:]
    else:
        z = x[..., ::2] + 1j * x[..., 1::2]
    place = start + np.arange(x.shape[1])[:, None, None]
    z = z * np.exp(sign * 1j * place * base ** (-np.arange(half) / half))
    if layout == "half":
        return np.concatenate([z.real, z.imag], axis=-1)
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape)


@settings(max_examples=60, deadline=None)
@given(
    version=st.sampled_from(VERSIONS),
    shape=st.tuples(*(st.integers(1, 4) for _ in range(4))),
    start=st.integers(0, 500),
    base=st.sampled_from([2.0, 100.0, 10000.0, 5e5]),
)
def test_turning_is_multiplying_complex_numbers(
    version: Any, shape: Any, start: int, base: float
) -> None:
    b, t, h, half = shape
    x = np.random.default_rng(start).standard_normal((b, t, h, 2 * half))
    turn = Rotary(2 * half, start + t, base, *version)
    want = by_complex_numbers(x, base, *version, start)
    np.testing.assert_allclose(turn(Tensor(x), start).numpy(), want, atol=1e-9)


def test_llamas_rotate_half_and_nanochats() -> None:
    """Both as their authors write them, for the two signs of half."""
    x = np.random.default_rng(0).standard_normal((2, 6, 3, 8))
    angle = np.arange(6)[:, None] * 10000.0 ** (-np.arange(4) / 4)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x1, x2 = x[..., :4], x[..., 4:]
    rotated = np.concatenate([-x2, x1], axis=-1)
    both = [np.concatenate([table, table], axis=-1) for table in (cos, sin)]
    llama = x * both[0] + rotated * both[1]
    nanochat = np.concatenate(
        [x1 * cos + x2 * sin, x1 * -sin + x2 * cos], axis=-1
    )
    got = [Rotary(8, 6, sign=sign)(Tensor(x)).numpy() for sign in (1, -1)]
    np.testing.assert_allclose(got[0], llama, atol=1e-12)
    np.testing.assert_allclose(got[1], nanochat, atol=1e-12)


@pytest.mark.parametrize("backend", backends.available())
def test_every_backend_turns_alike(backend: str) -> None:
    x = np.random.default_rng(1).standard_normal((2, 5, 2, 6))
    turn = Rotary(6, 9, layout="pairs", sign=-1)
    want = turn(Tensor(x), 3).numpy()
    got = turn(Tensor(x, dtype="float32", backend=backend), 3)
    assert got.dtype == "float32" and got.backend.name == backend
    np.testing.assert_allclose(got.numpy(), want, atol=2e-6)


def test_a_copied_rotation_turns_alike() -> None:
    x = Tensor(np.ones((1, 4, 1, 4), np.float32))
    turn = Rotary(4, 4)
    before = turn(x).tolist()
    assert copy.deepcopy(turn)(x).tolist() == before


def test_far_positions_are_exact() -> None:
    x = np.ones((1, 1, 1, 4))
    far = 1_000_003
    got = Rotary(4, far + 1)(Tensor(x), far).numpy()
    want = by_complex_numbers(x, 10000.0, "half", 1, far)
    np.testing.assert_allclose(got, want, atol=1e-9)


def test_no_two_sinusoidal_rows_are_alike() -> None:
    rows = sinusoidal(500, 32)
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
    np.fill_diagonal(apart, 9)
    assert apart.min() > 0.5
    assert np.abs(rows).max() <= 1 and rows.dtype == np.float32


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9), max_size=6),
    reach=st.integers(1, 3),
)
def test_windows_are_the_slices(lengths: list[int], reach: int) -> None:
    rng = np.random.default_rng(len(lengths))
    documents = [rng.integers(0, 4, n) for n in lengths]
    contexts, middles = bag.windows(documents, reach)
    want = [
        ([*d[i - reach : i], *d[i + 1 : i + 1 + reach]], d[i])
        for d in documents
        for i in range(reach, len(d) - reach)
        if d[i] != 0
    ]
    assert contexts.tolist() == [list(c) for c, _ in want]
    assert middles.tolist() == [m for _, m in want]


def test_nearest_is_brute_force() -> None:
    rng = np.random.default_rng(2)
    rows = neighbors.directions(rng.standard_normal((40, 5)))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1)
    to = rng.standard_normal(5)
    found = neighbors.nearest(rows, to, 39, skip=[7])
    cosines = {i: r @ to / np.linalg.norm(to) for i, r in enumerate(rows)}
    del cosines[7]
    assert [i for i, _ in found] == sorted(cosines, key=lambda i: -cosines[i])
    assert rows[7].any()  # what is skipped is not overwritten


def test_equal_points_have_no_directions_but_no_nan_either() -> None:
    assert np.isfinite(neighbors.principal(np.ones((4, 3)))).all()
