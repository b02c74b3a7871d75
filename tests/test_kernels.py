"""Every native kernel against NumPy in float64, in every build.

The expected values are written out here, not taken from the package.
"""

from __future__ import annotations

import importlib.util
import os
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
    if name == "tanh":
        return np.tanh(x)
    if name == "silu":
        return x / (1 + np.exp(-x))
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@many(n=size(300), name=st.sampled_from(["relu", "relu_squared", "gelu", "silu", "tanh"]))
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


@many(n=size(300), cap=st.sampled_from([0.5, 15.0]))
def test_softcap(kernels, n, cap):
    x, dy = 3 * normal(n, 7), normal(n, 7, seed=1)
    y, slope = x.copy(), dy.copy()
    kernels.softcap(y, cap, y)
    want = np.tanh(wide(x)[0] / cap)
    near(y, cap * want)
    kernels.softcap_backward(y, cap, slope, slope)
    near(slope, dy * (1 - want**2), 5e-6)


@many(
    batch=st.integers(0, 3),
    length=st.integers(0, 5),
    heads=st.integers(1, 3),
    half=st.sampled_from([1, 3, 8, 9, 16, 33]),
    packed=st.booleans(),
)
def test_rotary(kernels, batch, length, heads, half, packed):
    x = normal(batch, length, 3 * heads, 2 * half)[:, :, heads : 2 * heads]
    x = np.ascontiguousarray(x) if packed else x
    angle = normal(length, half, seed=1)
    out = np.full(x.shape, np.nan, np.float32)
    z = x[..., :half] + 1j * x[..., half:].astype(np.float64)
    for back in (False, True):
        kernels.rotary(x, np.cos(angle), np.sin(angle), out, back)
        turned = z * np.exp((-1j if back else 1j) * angle)[:, None]
        near(out, np.concatenate([turned.real, turned.imag], axis=-1))
    if packed:
        kernels.rotary(out, np.cos(angle), np.sin(angle), out)
        near(out, x)
    with pytest.raises(ValueError, match="an even D"):
        kernels.rotary(x[..., :1], angle, angle, out)


def test_long_vectors(kernels):
    x, y = normal(70_001), normal(70_001, seed=1)
    out = np.empty_like(x)
    kernels.add(x, y, out)
    assert (out == x + y).all()
    kernels.add_scaled(-0.5, x, y)
    near(y, out - 1.5 * x)
    with pytest.raises(ValueError, match=r"y is float32 \(5,\)"):
        kernels.add_scaled(1.0, x, y[:5])


def norm_truth(x, weight, bias, center, eps):
    """The norm in float64, and its statistics."""
    mean = x.mean(-1, keepdims=True) * center
    rstd = 1 / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + eps)
    y_hat = (x - mean) * rstd
    return y_hat * weight + bias, mean, rstd, y_hat


@many(
    n=size(300),
    c=size(300).filter(bool),
    center=st.booleans(),
    weighted=st.booleans(),
    accumulate=st.booleans(),
)
def test_norms(kernels, n, c, center, weighted, accumulate):
    x, dy = 2 * normal(n, c) + 1, normal(n, c, seed=1)
    weight = normal(c, seed=2) if weighted else None
    bias = normal(c, seed=3) if weighted else None
    y, rstd = np.empty_like(x), np.empty(n, np.float32)
    mean = np.empty(n, np.float32) if center else None
    kernels.norm(x, weight, bias, y, mean, rstd, eps=1e-3)
    w, b = (wide(weight, bias)) if weighted else (np.ones(c), np.zeros(c))
    want, mu, r, x_hat = norm_truth(wide(x)[0], w, b, center, 1e-3)
    near(y, want)
    near(rstd, r[:, 0])
    if center:
        near(mean, mu[:, 0])
    dx, dweight, dbias = normal(n, c, seed=4), normal(c, seed=5), normal(c, seed=6)
    old = wide(dx * accumulate, dweight * accumulate, dbias * accumulate)
    kernels.norm_backward(
        dy, x, weight, mean, rstd, dx, dweight, dbias, accumulate, accumulate
    )
    g = dy * w
    along = (g * x_hat).mean(-1, keepdims=True)
    plain = g.mean(-1, keepdims=True) * center
    near(dx, old[0] + r * (g - plain - x_hat * along), 5e-6, scale=r.max(initial=1))
    near(dweight, old[1] + (dy * x_hat).sum(0), 5e-6, scale=n**0.5)
    near(dbias, old[2] + dy.sum(0), 5e-6, scale=n**0.5)


def test_norm_gradients_do_not_depend_on_the_threads(build):
    x, dy = normal(1000, 70), normal(1000, 70, seed=1)
    rstd, mean = np.empty((2, 1000), np.float32)
    results = []
    for threads in (1, 2, 3):
        build.set_threads(threads)
        y, dx = np.empty_like(x), np.empty_like(x)
        dweight, dbias = np.empty((2, 70), np.float32)
        build.norm(x, None, None, y, mean, rstd)
        build.norm_backward(dy, x, None, mean, rstd, dx, dweight, dbias)
        results.append((y, dx, dweight, dbias))
    build.set_threads(0)
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            assert (ours == theirs).all()


def softmax_truth(x, log=False):
    e = x - x.max(-1, keepdims=True)
    e -= np.log(np.exp(e).sum(-1, keepdims=True))
    return e if log else np.exp(e)


@many(n=size(100), c=size(300).filter(bool), log=st.booleans())
def test_softmax(kernels, n, c, log):
    x, dy = 5 * normal(n, c), normal(n, c, seed=1)
    y = x.copy()
    kernels.softmax(y, y, log)
    want = softmax_truth(wide(x)[0], log)
    near(y, want)
    dx = dy.copy()
    kernels.softmax_backward(y, dx, dx, log)
    if log:
        near(dx, dy - np.exp(want) * dy.sum(-1, keepdims=True), 1e-5)
    else:
        near(dx, want * (dy - (want * dy).sum(-1, keepdims=True)))


def test_softmax_of_what_is_not_finite(kernels):
    x = normal(5, 37)
    x[0, 3], x[1, 5], x[2], x[3, 1:] = np.nan, np.inf, -np.inf, -np.inf
    for log in (False, True):
        y = np.empty_like(x)
        kernels.softmax(x, y, log)
        assert np.isnan(y[:3]).any(-1).all()
        assert y[3, 0] == (0 if log else 1)
        assert (y[3, 1:] == (-np.inf if log else 0)).all()
        near(y[4], softmax_truth(wide(x[4])[0], log))


@many(n=size(100), c=size(300).filter(bool), ignored=st.sampled_from([0, 1, 3]))
def test_cross_entropy(kernels, n, c, ignored):
    x = 3 * normal(n, c)
    targets = np.random.default_rng(n).integers(0, c, n)
    targets[:ignored] = -1
    counts = targets >= 0
    loss, lse = np.full((2, n), np.nan, np.float32)
    kernels.cross_entropy(x, targets, loss, lse)
    log_p = softmax_truth(wide(x)[0], log=True)
    want = np.where(counts, -log_p[np.arange(n), targets], 0)
    near(loss, want)
    gradient = np.exp(log_p)
    gradient[np.arange(n), targets] -= 1
    gradient[~counts] = 0
    dx = np.full_like(x, np.nan)
    kernels.cross_entropy_backward(x, targets, lse, 0.25, dx)
    near(dx, 0.25 * gradient)
    mean = kernels.cross_entropy_in_place(x, targets, loss, scale=2.0)
    near(loss, want)
    count = counts.sum()
    assert np.isnan(mean) if not count else abs(mean - want.sum() / count) < 2e-6 * 20
    near(x, 2 * gradient / max(1, count))


def test_cross_entropy_refuses_what_is_no_class(kernels):
    x, targets = normal(4, 7), np.array([0, 6, 7, -2])
    loss, lse = np.zeros((2, 4), np.float32)
    before = x.copy()
    refused = pytest.raises(ValueError, match=r"row 2 is 7; it would be a class from 0 to 6")
    with refused:
        kernels.cross_entropy(x, targets, loss, lse)
    with refused:
        kernels.cross_entropy_backward(x, targets, lse, 1.0, x)
    with refused:
        kernels.cross_entropy_in_place(x, targets, loss)
    assert (x == before).all() and not loss.any() and not lse.any()
    targets[2] = 0
    with pytest.raises(ValueError, match="row 3 is -2"):
        kernels.cross_entropy(x, targets, loss, lse)


def attention_truth(q, k, v, dout, causal, window, scale):
    """Attention in float64 with all weights, and its gradients."""
    (b, t, h, d), (s, h_kv) = q.shape, k.shape[1:3]
    k, v = (np.repeat(x, h // h_kv, axis=2) for x in (k, v))
    last = np.arange(t)[:, None] + s - t
    keys = np.arange(s)
    seen = keys <= last if causal else np.ones((t, s), bool)
    if window:
        seen = seen & (keys > last - window)
    scores = np.einsum("bthd,bshd->bhts", q, k) * scale
    scores = np.where(seen, scores, -np.inf)
    with np.errstate(all="ignore"):
        most = scores.max(-1, keepdims=True, initial=-np.inf)
        most = np.where(np.isfinite(most), most, 0)
        e = np.exp(scores - most)
        total = e.sum(-1, keepdims=True)
        lse = (most + np.log(total))[..., 0]
        p = np.where(total > 0, e / total, 0)
    out = np.einsum("bhts,bshd->bthd", p, v)
    dp = np.einsum("bthd,bshd->bhts", dout, v)
    ds = p * (dp - (dout * out).sum(-1).transpose(0, 2, 1)[..., None]) * scale
    dq = np.einsum("bhts,bshd->bthd", ds, k)
    dk = np.einsum("bhts,bthd->bshd", ds, q)
    dv = np.einsum("bhts,bthd->bshd", p, dout)
    group = (b, s, h_kv, h // h_kv, d)
    return out, lse, dq, dk.reshape(group).sum(3), dv.reshape(group).sum(3)


@many(
    b=st.integers(0, 2),
    t=st.sampled_from([0, 1, 2, 5, 48, 49, 64, 100]),
    s=st.sampled_from([0, 1, 3, 16, 33, 64, 100, 130]),
    heads=st.sampled_from([(1, 1), (2, 2), (4, 2), (3, 1)]),
    d=st.sampled_from([1, 4, 8, 16, 20, 32, 40]),
    mask=st.sampled_from([(False, None), (True, None), (True, 1), (True, 20), (True, 500)]),
    scale=st.sampled_from([None, 0.3]),
)
def test_attention(kernels, b, t, s, heads, d, mask, scale):
    (h, h_kv), (causal, window) = heads, mask
    q, dout = normal(b, t, h, d), normal(b, t, h, d, seed=1)
    k, v = normal(b, s, h_kv, d, seed=2), normal(b, s, h_kv, d, seed=3)
    out, lse = np.full_like(q, np.nan), np.full((b, h, t), np.nan, np.float32)
    kernels.attention(q, k, v, out, lse, causal, window, scale)
    want = attention_truth(*wide(q, k, v, dout), causal, window, scale or d**-0.5)
    near(out, want[0], 4e-6)
    seeing = np.isfinite(want[1])
    near(lse[seeing], want[1][seeing])
    assert (lse[~seeing] == -np.inf).all()
    dq, dk, dv = (np.full_like(x, np.nan) for x in (q, k, v))
    kernels.attention_backward(dout, q, k, v, out, lse, dq, dk, dv, causal, window, scale)
    for got, expected in zip((dq, dk, dv), want[2:], strict=True):
        near(got, expected, 1e-5)


def test_attention_reads_a_packed_qkv(kernels):
    qkv, dqkv = normal(2, 70, 3, 4, 16), np.full((2, 70, 3, 4, 16), np.nan, np.float32)
    parts = [qkv[:, :, i] for i in range(3)]
    out, lse = np.empty((2, 70, 4, 16), np.float32), np.empty((2, 4, 70), np.float32)
    kernels.attention(*parts, out, lse)
    dout = normal(*out.shape, seed=1)
    kernels.attention_backward(
        dout, *parts, out, lse, *(dqkv[:, :, i] for i in range(3))
    )
    want = attention_truth(*wide(*parts, dout), True, None, 0.25)
    near(out, want[0])
    near(dqkv, np.stack(want[2:], axis=2), 5e-6)


def test_attention_refuses(kernels):
    q, k = normal(1, 3, 4, 8), normal(1, 5, 3, 8)
    out, lse = np.empty_like(q), np.empty((1, 4, 3), np.float32)
    with pytest.raises(ValueError, match="4 heads of q cannot share 3 of k"):
        kernels.attention(q, k, k, out, lse)
    k = k[:, :, :2]
    with pytest.raises(ValueError, match=r"v is float32 \(1, 5, 2, 4\)"):
        kernels.attention(q, k, k[..., :4], out, lse)
    with pytest.raises(ValueError, match="window is 3, causal False"):
        kernels.attention(q, k, k, out, lse, causal=False, window=3)
    with pytest.raises(ValueError, match="dense last axis"):
        kernels.attention(q, k, np.swapaxes(normal(1, 5, 8, 2), 2, 3), out, lse)


@many(n=size(300), c=size(300).filter(bool), v=size(65).filter(bool))
def test_embedding(kernels, n, c, v):
    table, rows = normal(v, c), normal(n, c, seed=1)
    indices = np.random.default_rng(n).integers(0, v, n)
    out = np.full((n, c), np.nan, np.float32)
    kernels.gather(table, indices, out)
    assert (out == table[indices]).all()
    want = wide(table)[0]
    np.add.at(want, indices, rows)
    kernels.scatter_add(rows, indices, table)
    near(table, want, 5e-6)


def test_embedding_refuses(kernels):
    table, out = normal(5, 3), np.zeros((2, 3), np.float32)
    for wrong in (5, -1):
        indices = np.array([4, wrong])
        with pytest.raises(ValueError, match=f"index 1 is {wrong}; .* rows 0 to 4"):
            kernels.gather(table, indices, out)
        before = table.copy()
        with pytest.raises(ValueError, match=f"index 1 is {wrong}; .* rows 0 to 4"):
            kernels.scatter_add(out + 1, indices, table)
        assert (table == before).all() and not out.any()
    with pytest.raises(ValueError, match="indices is int32"):
        kernels.gather(table, indices.astype(np.int32), out)


@many(n=st.sampled_from([0, 1, 17, 1000, 40_000]))
def test_sum_of_squares(kernels, n):
    x = 3 * normal(n)
    want = (wide(x)[0] ** 2).sum()
    assert abs(kernels.sum_squares(x) - want) <= 1e-12 * want


@many(n=st.sampled_from([1, 17, 5000]), decay=st.sampled_from([0.0, 0.1]), part=st.sampled_from([None, 0, 0.4]))
def test_adamw(kernels, n, decay, part):
    p, m, v = normal(n), np.zeros(n, np.float32), np.zeros(n, np.float32)
    decaying = None if part is None else int(part * n)
    want, mean, square = wide(p, m, v)
    for step in range(1, 11):
        g = normal(n, seed=step)
        kernels.adamw(p, g, m, v, step, 0.01, 0.9, 0.99, 1e-6, decay, decaying, 0.5)
        g = 0.5 * wide(g)[0]
        want[:decaying] *= 1 - 0.01 * decay
        mean += 0.1 * (g - mean)
        square += 0.01 * (g * g - square)
        hat, root = mean / (1 - 0.9**step), np.sqrt(square / (1 - 0.99**step))
        want -= 0.01 * hat / (root + 1e-6)
    near(p, want)
    near(m, mean)
    near(v, square)


@many(
    n=st.sampled_from([1, 17, 20_000]),
    momentum=st.sampled_from([0.0, 0.9]),
    nesterov=st.booleans(),
)
def test_sgd(kernels, n, momentum, nesterov):
    p, velocity = normal(n), np.zeros(n, np.float32)
    want, speed = wide(p, velocity)
    for step in range(5):
        g = normal(n, seed=step)
        state = velocity if momentum or nesterov else None
        kernels.sgd(p, g, state, 0.1, momentum, 0.05, n // 2, 0.5, nesterov)
        g = 0.5 * wide(g)[0]
        g[: n // 2] += 0.05 * want[: n // 2]
        speed = momentum * speed + g
        want -= 0.1 * (g + momentum * speed if nesterov else speed)
    near(p, want)


def test_threads(kernels):
    before = kernels.threads()
    kernels.set_threads(3)
    assert kernels.threads() == 3
    kernels.set_threads(before)
    assert kernels.threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(build):
    build.set_threads(2)
    a = normal(300, 300)
    want, got = np.empty_like(a), np.empty_like(a)
    build.gemm(a, a, want)
    child = os.fork()
    if not child:
        build.gemm(a, a, got)
        os._exit(0 if (got == want).all() and build.threads() == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    build.set_threads(0)


def test_levels_and_threads_are_checked(monkeypatch):
    monkeypatch.setenv("NAND2LLM_THREADS", "some")
    with pytest.raises(ValueError, match='NAND2LLM_THREADS is "some"'):
        load("baseline")
    with pytest.raises(native.NativeError, match="it would be one of baseline, v3, v4"):
        load("v9")
