"""Every native kernel against NumPy in float64, in every build.

The expected values are written out here, not taken from the package.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "generated"))
from nand2llm import native  # noqa: E402

pytestmark = pytest.mark.skipif(
    not native.available(), reason=native.why_not()
)
LEVELS = ("baseline", "v3", "v4")


def load(level: str) -> ModuleType:
    """nand2llm.kernels once more, in the build for a level."""
    source = ROOT / "generated/nand2llm/kernels.py"
    spec = importlib.util.spec_from_file_location(f"kernels_{level}", source)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAND2LLM_NATIVE_LEVEL", level)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=LEVELS)
def build(request: pytest.FixtureRequest) -> ModuleType:
    try:
        return load(request.param)
    except native.NativeError as error:
        pytest.skip(str(error))


@pytest.fixture(params=(1, 2))
def kernels(build: ModuleType, request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    build.set_threads(request.param)
    yield build
    build.set_threads(0)


def many(**arguments: st.SearchStrategy):
    """A property test whose examples may share the fixture."""

    def decorate(test):
        limits = settings(
            max_examples=15,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
            derandomize=True,
        )
        return limits(given(**arguments)(test))

    return decorate


def size(most: int) -> st.SearchStrategy[int]:
    """A size from 0 on: what vectors and tiles stumble over."""
    return st.sampled_from([0, 1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 48, 65, 100, 300]).filter(
        lambda n: n <= most
    )


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng([seed, *shape])
    return chance.standard_normal(shape, dtype=np.float32)


def near(got: np.ndarray, want: np.ndarray, error: float = 2e-6, scale: float = 1.0):
    """Equal, up to rounding in float32."""
    most = max(scale, float(np.abs(want).max(initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=error * most)


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    return [array.astype(np.float64) for array in arrays]


LAYOUTS = ("rows", "columns", "every other", "reversed axes", "stretched")


def laid_out(layout: str, m: int, n: int, seed: int) -> np.ndarray:
    """An (m, n) matrix with strides of some kind."""
    if layout == "columns":
        return normal(n, m, seed=seed).T
    if layout == "every other":
        return normal(2 * m, 3 * n, seed=seed)[::2, ::3]
    if layout == "reversed axes":
        return normal(2 * n, 2 * m, seed=seed)[::2, ::2].T
    if layout == "stretched":
        return np.broadcast_to(normal(1, n, seed=seed), (m, n))
    return normal(m, n, seed=seed)


@many(
    m=size(300),
    n=size(300),
    k=size(300),
    left=st.sampled_from(LAYOUTS),
    right=st.sampled_from(LAYOUTS),
    accumulate=st.booleans(),
)
def test_gemm(kernels, m, n, k, left, right, accumulate):
    a, b = laid_out(left, m, k, 1), laid_out(right, k, n, 2)
    out = normal(m, n + 2, seed=3)
    want = np.matmul(*wide(a, b)) + accumulate * wide(out)[0][:, :n]
    beside = out[:, n:].copy()
    kernels.gemm(a, b, out[:, :n], accumulate)
    near(out[:, :n], want, 4e-6, scale=k**0.5)
    assert (out[:, n:] == beside).all()


@pytest.mark.parametrize("m, n, k", [(1, 700, 900), (700, 1, 900), (2, 2, 5000), (500, 40, 1)])
@pytest.mark.parametrize("left", LAYOUTS[:2])
@pytest.mark.parametrize("right", LAYOUTS[:2])
def test_gemm_long_and_thin(kernels, m, n, k, left, right):
    a, b = laid_out(left, m, k, 1), laid_out(right, k, n, 2)
    out = np.full((m, n), np.nan, np.float32)
    kernels.gemm(a, b, out)
    near(out, np.matmul(*wide(a, b)), 4e-6, scale=k**0.5)


@many(
    batch=st.integers(0, 5),
    m=size(33),
    n=size(33),
    k=size(33),
    shared=st.sampled_from(["a", "b", "a one", "b one", ""]),
    turned=st.booleans(),
)
def test_gemm_batches(kernels, batch, m, n, k, shared, turned):
    a, b = normal(batch, m, k, seed=1), normal(batch, k, n, seed=2)
    if turned:
        a = np.ascontiguousarray(a.transpose(1, 0, 2)).transpose(1, 0, 2)
    if shared and batch:
        a, b = (a[:1], b) if "a" in shared else (a, b[:1])
        if "one" not in shared:
            a, b = (a[0], b) if "a" in shared else (a, b[0])
    out = np.full((batch, m, n), np.nan, np.float32)
    kernels.gemm(a, b, out)
    near(out, np.matmul(*wide(a, b)), 4e-6, scale=k**0.5)


def test_gemm_refuses(kernels):
    a, b, out = normal(3, 4), normal(4, 5), np.empty((3, 5), np.float32)
    with pytest.raises(ValueError, match=r"\(4, 3\) @ \(4, 5\) to \(3, 5\)"):
        kernels.gemm(a.T, b, out)
    with pytest.raises(ValueError, match="a is float64"):
        kernels.gemm(a.astype(np.float64), b, out)
    with pytest.raises(ValueError, match=r"b is float32 .4, 5., not contiguous"):
        kernels.gemm(a, b[::-1], out)
    out.flags.writeable = False
    with pytest.raises(ValueError, match=r"out is .* not writable"):
        kernels.gemm(a, b, out)


def truth(name: str, x: np.ndarray) -> np.ndarray:
    """An activation in float64."""
    if name.startswith("relu"):
        return np.maximum(x, 0) ** (2 if "squared" in name else 1)
    if name == "silu":
        return x / (1 + np.exp(-x))
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@many(n=size(300), name=st.sampled_from(["relu", "relu_squared", "gelu", "silu"]))
def test_activations(kernels, n, name):
    x, dy, dx = 3 * normal(n, 7), normal(n, 7, seed=1), normal(n, 7, seed=2)
    y, old = x.copy(), dx.copy()
    kernels.activation(name, y, y)
    near(y, truth(name, wide(x)[0]))
    h = 1e-6
    up, down = truth(name, wide(x)[0] + h), truth(name, wide(x)[0] - h)
    want = dy * (up - down) / (2 * h)
    kernels.activation_backward(name, x, dy, dx, accumulate=True)
    near(dx, old + want, 1e-5)
    kernels.activation_backward(name, x, dy, dx)
    near(dx, want, 1e-5)


def test_long_vectors(kernels):
    x, y = normal(70_001), normal(70_001, seed=1)
    out = np.empty_like(x)
    kernels.add(x, y, out)
    assert (out == x + y).all()
    kernels.add_scaled(-0.5, x, y)
    near(y, out - 1.5 * x)
    with pytest.raises(ValueError, match=r"y is float32 \(5,\)"):
        kernels.add_scaled(1.0, x, y[:5])
