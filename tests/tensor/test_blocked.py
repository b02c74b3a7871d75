"""NumPy's own versions against the table's, where blocks and strips matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nand2llm import coarse, positions
from nand2llm.autograd import no_grad
from nand2llm.backends import blocked, get
from nand2llm.backends.memory import BLOCK
from nand2llm.tensor import Tensor

XP = get("numpy")
FORMATS = {np.float32: 2e-5, np.float64: 1e-11}


def both(
    name: str, *arrays: Any, sizes: dict[int, float] | None = None, **settings: Any
) -> None:
    """Value and gradients of one version are those of the other.

    sizes: by place among the results (0 is the value), of the terms that
    may cancel in it, where that isn't 1.
    """
    found = []
    for module in (coarse, blocked):
        y, rules = getattr(module, name)(XP, *arrays, **settings)
        g = np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)
        made = rules(g) if callable(rules) else [rule(g) for rule in rules]
        found.append([y, *made])
    for place, (want, seen) in enumerate(zip(*found, strict=True)):
        assert (want is None) == (seen is None)
        if want is not None:
            assert seen.dtype == arrays[0].dtype
            near(seen, want, (sizes or {}).get(place, 1.0))


def near(seen: Any, want: Any, size: float = 1.0) -> None:
    """The same, but for the rounding of sums in another order."""
    most = max(size, float(np.abs(want).max(initial=0)))
    atol = most * FORMATS[seen.dtype.type]
    np.testing.assert_allclose(seen, want, rtol=0, atol=atol)


def numbers(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(len(shape)).standard_normal(shape, dtype)


SHAPES = pytest.mark.parametrize("shape", [(3,), (5, 7), (BLOCK // 40, 100)])


@pytest.mark.parametrize("dtype", FORMATS)
@SHAPES
def test_relu_squared_and_softcap(shape: tuple[int, ...], dtype: Any) -> None:
    both("relu_squared", 3 * numbers(*shape, dtype=dtype))
    both("softcap", 3 * numbers(*shape, dtype=dtype), cap=2.0)


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (4, 5, 6), (BLOCK // 20, 50)])
def test_rms_norm(shape: tuple[int, ...], weighted: bool, dtype: Any) -> None:
    weight = numbers(shape[-1], dtype=dtype) if weighted else None
    x = 2 * numbers(*shape, dtype=dtype)
    rows = x.size / shape[-1]
    both("rms_norm", x, weight, sizes={2: rows**0.5})


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("layout", ["half", "pairs"])
@pytest.mark.parametrize("shape", [(0, 2, 1, 2), (2, 5, 3, 6), (3, 40, 20, 64)])
def test_rotary(shape: tuple[int, ...], layout: str, dtype: Any) -> None:
    """Of a part of something wider, as queries are."""
    batch, length, heads, width = shape
    x = numbers(batch, length, 2 * heads, width, dtype=dtype)[:, :, heads:]
    angle = numbers(length, width // 2)
    want = positions.rotary(XP, x, np.cos(angle), np.sin(angle), layout)
    seen = blocked.rotary(XP, x, np.cos(angle), np.sin(angle), layout)
    g = np.cos(np.arange(x.size)).reshape(x.shape).astype(dtype)
    near(seen[0], want[0])
    near(seen[1][0](g), want[1][0](g))


@pytest.mark.parametrize("dtype", FORMATS)
@SHAPES
def test_gelu(shape: tuple[int, ...], dtype: Any) -> None:
    both("gelu", 3 * numbers(*shape, dtype=dtype))


def test_gelu_is_the_same_without_a_graph() -> None:
    x = Tensor(numbers(300, 700), requires_grad=True)
    with no_grad():
        alone = x.backend.own["gelu"](XP, x.data)[0]
    np.testing.assert_array_equal(alone, blocked.gelu(XP, x.data)[0])


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("rows", [1, 5, 3 * BLOCK // 96 + 1])
def test_layer_norm(rows: int, dtype: Any) -> None:
    x = numbers(rows, 96, dtype=dtype) + 3
    weight, bias = numbers(96, dtype=dtype), 0.5 * x[0]
    both("layer_norm", x, weight, bias)
    both("layer_norm", x, weight)
    both("layer_norm", x)


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("spread", [1.0, 100.0])
def test_cross_entropy(spread: float, dtype: Any) -> None:
    logits = spread * numbers(BLOCK // 20, 65, dtype=dtype)
    targets = np.arange(len(logits)) % 66 - 1  # some are ignored
    found = []
    for module in (coarse, blocked):
        y, (rule,) = module.cross_entropy(XP, logits, targets)
        found.append((y, rule(np.asarray(0.5, dtype))))
    for want, seen in zip(*found, strict=True):
        near(seen, want)


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("spread", [1.0, 30.0])
@pytest.mark.parametrize(
    ("n_query", "n_key", "causal", "window"),
    [
        (150, 150, True, None),
        (150, 150, True, 1),
        (150, 150, True, 40),
        (150, 150, False, None),
        (150, 150, False, 40),
        (64, 64, True, None),
        (70, 200, True, None),
        (70, 200, True, 90),
        (200, 70, True, None),
        (200, 70, True, 30),
        (1, 90, True, None),
    ],
)
def test_attention(
    n_query: int,
    n_key: int,
    causal: bool,
    window: int | None,
    spread: float,
    dtype: Any,
) -> None:
    for heads, groups in ((4, 4), (4, 2), (3, 1)):
        q = spread * numbers(2, n_query, heads, 8, dtype=dtype)
        k, v = (
            numbers(2, n_key, 2 * groups, 8, dtype=dtype)[:, :, i::2]
            for i in (0, 1)
        )
        # The gradient of k is a sum of queries, and they may cancel.
        sizes = {2: spread}
        both("attention", q, k, v, sizes=sizes, causal=causal, window=window)
