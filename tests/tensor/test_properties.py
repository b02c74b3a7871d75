"""Gradients against central differences, for shapes nobody thought of."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm import ops
from nand2llm.tensor import Tensor, matmul

from .cases import away
from .test_operations import numeric, run

SIDES = st.integers(0, 3)
SHAPES = st.lists(SIDES, max_size=3).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=60, deadline=None)


def agrees(name: str, arrays: list[Any], **settings: Any) -> None:
    """The gradients of an operation are its slopes, in float64."""
    case = ([np.asarray(x) for x in arrays], settings)
    value, ours = run(name, case, "float64", "numpy")
    assert value.dtype == "float64"
    for x, got, want in zip(case[0], ours, numeric(name, case), strict=True):
        assert got.shape == x.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@st.composite
def partners(draw: Any) -> tuple[Any, Any]:
    """Two shapes that broadcast: either may be 1, or missing, anywhere."""
    whole = draw(st.lists(SIDES, max_size=3))

    def part() -> tuple[int, ...]:
        kept = [draw(st.sampled_from((n, 1))) for n in whole]
        return tuple(kept[draw(st.integers(0, len(kept))) :])

    return part(), part()


@given(
    st.sampled_from(["negative", "exp", "sin", "cos", "tanh", "sigmoid"]),
    SHAPES,
    SEEDS,
)
@few
def test_one_number_at_a_time(name: str, shape: Any, seed: int) -> None:
    agrees(name, [np.random.default_rng(seed).uniform(-2, 2, shape)])


@given(st.sampled_from(["absolute", "relu"]), SHAPES, SEEDS)
@few
def test_functions_with_a_corner(name: str, shape: Any, seed: int) -> None:
    agrees(name, [away(np.random.default_rng(seed), shape)])


@given(
    st.sampled_from(["add", "subtract", "multiply", "divide", "power"]),
    partners(),
    SEEDS,
)
@few
def test_two_arrays_that_broadcast(name: str, shapes: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    agrees(name, [rng.uniform(0.5, 2, shape) for shape in shapes])


@given(
    st.sampled_from(["sum", "mean"]), SHAPES, st.data(), st.booleans(), SEEDS
)
@few
def test_reductions(
    name: str, shape: Any, data: Any, keepdims: bool, seed: int
) -> None:
    axes = st.none()
    if shape:
        one = st.integers(-len(shape), len(shape) - 1)
        several = st.sets(st.integers(0, len(shape) - 1)).map(tuple)
        axes = st.one_of(axes, one, several)
    axis = data.draw(axes)
    if name == "mean" and 0 in shape:
        return  # of no numbers there is none
    x = np.random.default_rng(seed).standard_normal(shape)
    agrees(name, [x], axis=axis, keepdims=keepdims)


@given(
    st.sampled_from(["logsumexp", "softmax", "log_softmax"]),
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    st.data(),
    SEEDS,
)
@few
def test_softmax_and_its_relatives(
    name: str, shape: Any, data: Any, seed: int
) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = 3 * np.random.default_rng(seed).standard_normal(shape)
    agrees(name, [x], axis=axis)
    far = Tensor(x + 1e4)
    near = ops.OPERATIONS[name](far.backend, far.data, axis=axis)[0]
    assert np.isfinite(near).all()


@given(partners(), SIDES, SIDES, SIDES, SEEDS)
@few
def test_products(stacks: Any, n: int, k: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((*stacks[0], n, k))
    y = rng.standard_normal((*stacks[1], k, m))
    agrees("matmul", [x, y])


@given(SIDES, SIDES, SEEDS)
@few
def test_products_with_vectors(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, v = rng.standard_normal((n, k)), rng.standard_normal(k)
    left, right = Tensor(x, requires_grad=True), Tensor(v, requires_grad=True)
    product = matmul(left, right)
    np.testing.assert_allclose(product.numpy(), x @ v, atol=1e-12)
    product.sum().backward()
    np.testing.assert_allclose(left.grad.numpy(), np.tile(v, (n, 1)))
    np.testing.assert_allclose(right.grad.numpy(), x.sum(axis=0), atol=1e-12)


@given(st.integers(1, 4), SIDES, st.data(), SEEDS)
@few
def test_reading_with_repeats(n: int, m: int, data: Any, seed: int) -> None:
    index = data.draw(st.lists(st.integers(-n, n - 1), max_size=6))
    x = np.random.default_rng(seed).standard_normal((n, m))
    agrees("getitem", [x], index=np.array(index, int))


@given(SIDES, SIDES, st.slices(3), st.data(), SEEDS)
@few
def test_reading_slices(
    n: int, m: int, part: slice, data: Any, seed: int
) -> None:
    x = np.random.default_rng(seed).standard_normal((n, m))
    other = data.draw(st.slices(m)) if m else slice(None)
    agrees("getitem", [x], index=(part, other))
    agrees("getitem", [x], index=(None, ..., other))


@given(st.lists(SIDES, min_size=1, max_size=3), SIDES, SEEDS)
@few
def test_parts_side_by_side_and_apart(
    sizes: list[int], m: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    agrees("concatenate", [rng.random((n, m)) for n in sizes], axis=0)
    x = Tensor(rng.random((sum(sizes), m)), requires_grad=True)
    weights = [rng.random((n, m)) for n in sizes]
    total = Tensor(np.zeros(()))
    for part, weight in zip(x.split(sizes, 0), weights, strict=True):
        total = total + (part * Tensor(weight)).sum()
    total.backward()
    assert (x.grad.numpy() == np.concatenate(weights)).all()


@given(SHAPES, st.randoms(use_true_random=False), SEEDS)
@few
def test_axes_in_another_order(shape: Any, chance: Any, seed: int) -> None:
    axes = list(range(len(shape)))
    chance.shuffle(axes)
    x = np.random.default_rng(seed).standard_normal(shape)
    agrees("permute", [x], axes=tuple(axes))
    agrees("reshape", [x], shape=tuple(reversed(shape)))
