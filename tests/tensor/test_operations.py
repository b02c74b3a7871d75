"""One suite over the table: backend × operation × case."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nand2llm import backends, coarse, ops, positions  # noqa: F401
from nand2llm.tensor import Tensor, apply

from . import cases_nn  # noqa: F401
from .cases import CASES

NAMES = sorted(ops.OPERATIONS)
TOLERANCE = {"float64": 1e-9, "float32": 2e-4}


def tensors(arrays: list[Any], dtype: str, backend: str) -> list[Any]:
    return [
        Tensor(x, requires_grad=True, dtype=dtype, backend=backend)
        if isinstance(x, np.ndarray)
        else x
        for x in arrays
    ]


def moved(settings: dict[str, Any], backend: str) -> dict[str, Any]:
    xp = backends.get(backend)

    def move(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return xp.array(value)
        if isinstance(value, tuple):
            return tuple(move(part) for part in value)
        return value

    return {name: move(value) for name, value in settings.items()}


def run(
    name: str, case: Any, dtype: str, backend: str
) -> tuple[Any, list[Any]]:
    """The value, and the gradients of a fixed weighted sum of it."""
    arrays, settings = case
    inputs = tensors(arrays, dtype, backend)
    out = apply(ops.OPERATIONS[name], *inputs, **moved(settings, backend))
    weights = np.cos(np.arange(out.size)).reshape(out.shape)
    out.backward(Tensor(weights, dtype=out.dtype, backend=backend))
    grads = [x.grad.numpy() for x in inputs if isinstance(x, Tensor)]
    return out.numpy(), grads


def numeric(name: str, case: Any) -> list[Any]:
    """The same gradients by central differences, in float64."""
    arrays, settings = case
    arrays = [
        x.copy() if isinstance(x, np.ndarray) else x for x in arrays
    ]

    def total() -> float:
        out = apply(
            ops.OPERATIONS[name],
            *(Tensor(x) if isinstance(x, np.ndarray) else x for x in arrays),
            **settings,
        ).numpy()
        return float((np.cos(np.arange(out.size)).reshape(out.shape) * out).sum())

    slopes = []
    for x in arrays:
        if not isinstance(x, np.ndarray):
            continue
        slope = np.zeros_like(x)
        for at in np.ndindex(*x.shape):
            kept, h = x[at], 1e-5
            x[at] = kept + h
            above = total()
            x[at] = kept - h
            slope[at] = (above - total()) / (2 * h)
            x[at] = kept
        slopes.append(slope)
    return slopes


def cases(name: str) -> list[Any]:
    return [
        (
            [np.asarray(x) if isinstance(x, np.generic) else x for x in arrays],
            settings,
        )
        for arrays, settings in CASES[name](np.random.default_rng(7))
    ]


def test_every_operation_has_cases() -> None:
    assert sorted(CASES) == NAMES


@pytest.mark.parametrize("name", [n for n in NAMES if n != "astype"])
def test_gradients_are_those_of_the_function(name: str) -> None:
    for case in cases(name):
        if sum(np.size(x) for x in case[0] if x is not None) > 1500:
            continue
        _, ours = run(name, case, "float64", "numpy")
        for got, want in zip(ours, numeric(name, case), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_backends_agree(name: str, backend: str, dtype: str) -> None:
    if backend == "mlx" and dtype == "float64":
        pytest.skip("MLX has no float64")
    for case in cases(name):
        value, grads = run(name, case, dtype, backend)
        want_value, want_grads = run(name, case, "float64", "numpy")
        assert value.dtype == (
            "float32" if name == "astype" else dtype
        )
        for got, want in zip(
            [value, *grads], [want_value, *want_grads], strict=True
        ):
            assert got.shape == want.shape
            np.testing.assert_allclose(
                got, want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
            )
