"""The kernels' logic, run on a processor, against NumPy's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nand2llm import ops
from nand2llm.backends.cuda import Kernels
from nand2llm.backends.cupy import CuPy
from nand2llm.backends.numpy import NumPy
from nand2llm.optim import AdamW
from nand2llm.tensor import Tensor
from tests.tensor.test_operations import cases, run

from .card import COMPILER, SOURCE, Card

if COMPILER is None:
    pytest.skip("CUDA kernels not run: no C++ compiler", allow_module_level=True)
if sys.platform != "linux":
    pytest.skip("CUDA kernels not run: the shim is for Linux", allow_module_level=True)

ORDERS = range(4)  # of the threads: forwards, backwards, shuffled
ACTIVATIONS = ["gelu", "silu", "relu_squared"]
OPERATIONS = [*ACTIVATIONS, "embedding", "layer_norm", "rms_norm", "cross_entropy"]


class Shimmed(NumPy):
    """NumPy's arrays, and the CUDA kernels' operations."""

    name = "cuda-on-a-processor"

    def __init__(self, card: Card) -> None:
        super().__init__()
        self.empty = np.empty
        self.own = Kernels(card.launch).own()


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return Card(SOURCE.read_text(), tmp_path_factory.mktemp("card"))


def larger(name: str) -> list[Any]:
    """Odd shapes, of less than a warp and more than a block."""
    rng = np.random.default_rng(11)
    made = []
    for count, n in [(1, 1), (3, 33), (37, 5), (19, 70), (2, 513), (3, 1300)]:
        x = rng.standard_normal((count, n)) + 3
        weight, bias = rng.standard_normal((2, n))
        targets = rng.integers(0, n, count)
        targets[::3] = -7
        index = rng.integers(-count, count, (2, 3 * n % 100))
        made += {
            **{name: [([x - 3], {})] for name in ACTIVATIONS},
            "embedding": [([x], {"index": index}), ([x], {"index": index * 0})],
            "layer_norm": [([x, weight, bias], {}), ([x, None, bias], {})],
            "rms_norm": [([x, weight], {"eps": 1e-3}), ([x, None], {})],
            "cross_entropy": [([9 * x], {"targets": targets, "ignore": -7})],
        }[name]
    return made


def agree(card: Card, name: str, case: Any, order: int) -> list[bytes]:
    card.schedule(order)
    value, grads = run(name, case, "float32", Shimmed(card))
    want_value, want_grads = run(name, case, "float64", "numpy")
    for got, want in zip([value, *grads], [want_value, *want_grads], strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5)
    return [x.tobytes() for x in (value, *grads)]


def steps(backend: Any, dtype: str, n: int) -> Any:
    """What ten steps of AdamW make of n parameters."""
    rng = np.random.default_rng(3)
    p = Tensor(rng.standard_normal(n), requires_grad=True, dtype=dtype, backend=backend)
    optimizer = AdamW([p], lr=0.01, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.1)
    for _ in range(10):
        p.grad.data[...] = rng.standard_normal(n)
        optimizer.step()
    return p.numpy()


def agree_adamw(card: Card, n: int, order: int = 0) -> None:
    card.schedule(order)
    got = steps(Shimmed(card), "float32", n)
    np.testing.assert_allclose(got, steps("numpy", "float64", n), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_agree_with_numpy(card: Card, name: str) -> None:
    for case in [*cases(name), *larger(name)]:
        results = [agree(card, name, case, order) for order in ORDERS]
        assert all(result == results[0] for result in results)


@pytest.mark.parametrize("n", [1, 255, 2_000])
def test_adamw_agrees_with_numpy(card: Card, n: int) -> None:
    for order in ORDERS:
        agree_adamw(card, n, order)


def test_strides_go_on_where_the_grid_ends(card: Card) -> None:
    x = np.linspace(-3, 3, 1000, dtype=np.float32)
    y, g = np.empty_like(x), np.ones_like(x)
    card.launch("gelu_forward", (3,), (32,), x, y, np.int64(1000))
    want, (rule,) = ops.OPERATIONS["gelu"](NumPy(), x.astype(float))
    np.testing.assert_allclose(y, want, rtol=1e-5, atol=1e-6)
    card.launch("gelu_backward", (3,), (32,), g, x, y, np.int64(1000))
    np.testing.assert_allclose(y, rule(1), rtol=1e-5, atol=1e-6)


def test_every_kernel_was_launched(card: Card) -> None:
    for name in OPERATIONS:
        agree(card, name, cases(name)[0], 0)
    agree_adamw(card, 5)
    assert card.launched == set(card.names)


def test_the_target_of_no_column_is_a_loss_of_nan(card: Card) -> None:
    xp, x = Shimmed(card), np.zeros((2, 3), np.float32)
    for target in (3, -2, 2**40):
        loss, _ = xp.own["cross_entropy"](xp, x, targets=np.array([1, target]))
        assert np.isnan(loss)


def test_an_index_of_no_row_is_a_row_of_nan(card: Card) -> None:
    xp, table = Shimmed(card), np.ones((3, 5), np.float32)
    index = np.array([1, 3, -3, -4, 2**40])
    y, (to_table,) = xp.own["embedding"](xp, table, index=index)
    np.testing.assert_array_equal(np.isnan(y).all(1), [0, 1, 0, 1, 1])
    np.testing.assert_array_equal(to_table(np.ones_like(y))[:, 0], [1, 1, 0])


def test_activations_pass_nan_on(card: Card) -> None:
    xp, x = Shimmed(card), np.full(3, np.nan, np.float32)
    for name in ACTIVATIONS:
        y, (to_x,) = xp.own[name](xp, x)
        assert np.isnan(y).all() and np.isnan(to_x(np.ones_like(x))).all()


@pytest.mark.parametrize("name", OPERATIONS)
def test_other_formats_take_the_plain_way(card: Card, name: str) -> None:
    card.launched.clear()
    for case in cases(name):
        got = run(name, case, "float64", Shimmed(card))[0]
        want = run(name, case, "float64", "numpy")[0]
        np.testing.assert_allclose(got, want, rtol=1e-12)
    assert not card.launched


@pytest.mark.parametrize(("name", "more"), [("gelu", []), ("layer_norm", [None, None])])
def test_empty_arrays_need_no_kernel(card: Card, name: str, more: list[Any]) -> None:
    value, _ = run(name, ([np.zeros((0, 3)), *more], {}), "float32", Shimmed(card))
    assert value.shape == (0, 3)
    value, _ = run("embedding", ([np.ones((2, 3))], {"index": np.zeros((0, 4), int)}), "float32", Shimmed(card))
    assert value.shape == (0, 4, 3)


def test_the_cupy_backend_launches_by_its_raw_module() -> None:
    launched = []

    class Module:
        def __init__(self, code: str) -> None:
            assert code == SOURCE.read_text()

        def get_function(self, name: str) -> Any:
            return lambda *how: launched.append((name, *how))

    class Cupy:
        RawModule, empty = Module, staticmethod(np.empty)

    xp, x = CuPy(Cupy, None), np.zeros((2, 300), np.float32)
    y, _ = xp.own["gelu"](xp, x)
    [(name, grid, block, arguments)] = launched
    assert (name, grid, block) == ("gelu_forward", (3,), (256,))
    assert arguments[0] is x and arguments[1] is y and arguments[2:] == (600,)


# The shim can fail ----------------------------------------------------

BARRIER = "    __syncthreads();\n"
AFTER = "    __syncthreads();  // from here on, part may be written again\n"
WRONG = {
    "read before all have written": (BARRIER + "    x = part", "    x = part"),
    "written before all have read": (AFTER, ""),
    "a shuffle left out": ("step = 16", "step = 8"),
    "a warp left out": ("warp < blockDim", "warp + 1 < blockDim"),
    "columns met too early": (BARRIER + "    if (threadIdx.y", "    if (threadIdx.y"),
    "a shuffle for some": ("        x = joined(x, __shfl", "        if (threadIdx.x & 1) x = joined(x, __shfl"),
    "a barrier for some": ("    total = centered ? sum", "    if (threadIdx.x) total = centered ? sum"),
    "one element too many": ("FOR_EACH(i, n) {\n        float t =", "FOR_EACH(i, n + 1) {\n        float t ="),
    "a slope's sign": ("/ total - hit", "/ total + hit"),
    "an activation's slope": ("1 + x[i] * (1 - s)", "1 + x[i] * s"),
    "a place left out": ("k < end; k++", "k < end - 1; k++"),
    "the row beside it": ("table[row * n", "table[(row ? row - 1 : row) * n"),
    "decay forgotten": ("keep * p[i]", "p[i]"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_kernel_is_found(wrong: str, tmp_path: Path) -> None:
    old, new = WRONG[wrong]
    source = SOURCE.read_text()
    assert source.count(old) == 1
    card = Card(source.replace(old, new), tmp_path)
    with pytest.raises((AssertionError, RuntimeError)):
        for order in ORDERS:
            agree_adamw(card, 300, order)
            for name in OPERATIONS:
                for case in larger(name)[-4:]:
                    agree(card, name, case, order)


def test_a_stuck_block_says_who_waits(tmp_path: Path) -> None:
    old, new = WRONG["a barrier for some"]
    card = Card(SOURCE.read_text().replace(old, new), tmp_path)
    with pytest.raises(RuntimeError, match="norm_rows: block 0 is stuck: "):
        agree(card, "layer_norm", larger("layer_norm")[-2], 0)


def test_arguments_are_looked_at(card: Card) -> None:
    x = np.zeros(4, np.float32)
    with pytest.raises(TypeError, match="argument 2 of gelu_forward is int; int64 would do"):
        card.launch("gelu_forward", (1,), (32,), x, x, 4)
    with pytest.raises(TypeError, match="argument 0 of gelu_forward is float64"):
        card.launch("gelu_forward", (1,), (32,), x.astype(float), x, np.int64(4))
    with pytest.raises(TypeError, match="strides"):
        card.launch("gelu_forward", (1,), (32,), x[::2], x, np.int64(2))
    with pytest.raises(TypeError, match="takes 3 arguments, not 2"):
        card.launch("gelu_forward", (1,), (32,), x, x)
    with pytest.raises(RuntimeError, match="a block of 33 threads"):
        card.launch("gelu_forward", (1,), (33,), x, x, np.int64(4))
