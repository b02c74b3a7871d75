"""The native backend: what it makes of awkward arrays and libraries."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from nand2llm import backends, native, ops

needs_native = pytest.mark.skipif(
    not native.available(), reason=native.why_not()
)


def refusal(code: str, **environment: str) -> str:
    """What asking for the backend says in a process of its own."""
    asking = (
        f"from nand2llm import backends, native\n{code}\n"
        "try: backends.get('native')\n"
        "except backends.MissingBackend as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asking],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout


def test_a_missing_library_is_a_missing_backend() -> None:
    said = refusal("", NAND2LLM_NATIVE="/nowhere")
    assert "no native library at /nowhere" in said
    said = refusal(
        "assert backends.available()[0] == 'numpy'",
        NAND2LLM_NATIVE="/nowhere",
    )
    assert said.startswith("backend native: ")


@needs_native
def test_a_library_of_another_interface_is_refused() -> None:
    said = refusal("native.ABI += 1")
    assert (
        f"has interface {native.ABI}" in said
        and "run `make native`" in said
    )


@needs_native
def test_a_library_without_kernels_is_refused() -> None:
    said = refusal("native.load = lambda: object()")
    assert "has no kernels: run `make native`" in said


def views(*shape: int) -> list[np.ndarray]:
    """Numbers of a shape, lying in memory in several ways."""
    x = (
        np.random.default_rng([7, *shape])
        .normal(size=shape)
        .astype(np.float32)
    )
    turned = np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
    reversed_ = np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    gappy = np.repeat(x, 2, axis=0)[::2]
    return [x, turned, reversed_, gappy, np.broadcast_to(x[:1], shape)]


@needs_native
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((5, 4), (4, 3)),
        ((2, 5, 4), (4, 3)),
        ((2, 5, 4), (2, 4, 3)),
        ((5, 4), (2, 4, 3)),
        ((2, 1, 5, 4), (3, 4, 3)),
        ((2, 3, 5, 4), (2, 3, 4, 3)),
        ((0, 5, 4), (4, 3)),
        ((2, 5, 0), (2, 0, 3)),
        ((1, 5, 4), (1, 1, 4, 1)),
    ],
)
def test_products_of_stacks_however_they_lie(
    left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    backend = backends.get("native")
    product = backend.own["matmul"]
    for x in views(*left):
        for y in views(*right):
            got, rules = product(backend, x, y)
            want, wanted = ops.OPERATIONS["matmul"](backend, x, y)
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
            g = np.broadcast_to(np.float32(2), want.shape)
            for rule, other in zip(rules, wanted, strict=True):
                np.testing.assert_allclose(
                    rule(g), other(g), rtol=1e-5, atol=1e-5
                )


@needs_native
def test_attention_takes_arrays_however_they_lie() -> None:
    backend = backends.get("native")
    want = None
    for q, k, v in zip(
        *(views(2, 6, 2, 4)[:4] for _ in range(3)), strict=True
    ):
        out, rule = backend.own["attention"](backend, q, k, v)
        got = [out, *rule(np.broadcast_to(np.float32(1), out.shape))]
        want = want or [x.copy() for x in got]
        for ours, first in zip(got, want, strict=True):
            np.testing.assert_allclose(
                ours, first, rtol=1e-5, atol=1e-6
            )


@needs_native
def test_layers_of_no_rows() -> None:
    backend = backends.get("native")
    x, weight = (
        np.zeros((0, 3), np.float32),
        np.ones((2, 3), np.float32),
    )
    y, rules = backend.own["linear"](backend, x, weight, None)
    assert y.shape == (0, 2) and rules[1](y).shape == (2, 3)
    y, rule = backend.own["layer_norm"](backend, x)
    assert y.shape == (0, 3) and rule(y)[0].shape == (0, 3)
