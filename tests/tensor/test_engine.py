"""The graph: what flows, what is freed, and what is refused."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tangle
from nand2llm import backends
from nand2llm.autograd import GraphError, unbroadcast
from nand2llm.backends.memory import SMALL, Arena
from nand2llm.tensor import (
    NotFinite,
    Tensor,
    checkpoint,
    concatenate,
    detect_anomaly,
    no_grad,
    stack,
    where,
)

ROOT = Path(__file__).resolve().parents[2]


def leaf(*shape: int, dtype: str = "float32") -> Tensor:
    x = np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(shape)
    return Tensor(x / 10, requires_grad=True, dtype=dtype)


def test_a_value_used_twice_gets_both_gradients() -> None:
    x = leaf(3)
    (x * x + x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.numpy() + 1)


def test_gradients_accumulate_until_they_are_removed() -> None:
    x = leaf(3)
    for _ in range(3):
        (2 * x).sum().backward()
    assert x.grad.tolist() == [6, 6, 6]


def test_gradients_do_not_share_memory() -> None:
    x, y = leaf(3), leaf(3)
    (x + y).backward(np.ones(3, np.float32))
    x.grad.data += 1
    assert y.grad.tolist() == [1, 1, 1]


def test_a_second_walk_needs_the_graph_kept() -> None:
    x = leaf(2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 4 * x.numpy())
    with pytest.raises(GraphError, match=r"retain_graph=True"):
        y.backward()


def test_a_shared_part_that_was_freed_is_named() -> None:
    x = leaf(2)
    shared = x.exp()
    shared.sum().backward()
    with pytest.raises(GraphError, match=r"exp \(2,\)"):
        (shared * 2).sum().backward()


def test_a_long_chain_is_walked_and_forgotten() -> None:
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 0.0
    y.backward()
    assert x.grad.item() == 1
    z = x
    for _ in range(100_000):
        z = z * 1.0
    del y, z  # never walked: freed from the end, without recursion
    gc.collect()


def test_what_the_walk_has_passed_is_freed() -> None:
    x = leaf(1000)
    y = x.exp()
    big = weakref.ref(y.data.base if y.data.base is not None else y.data)
    loss = (y * y).sum()
    del y
    assert big() is not None
    loss.backward()
    assert big() is None


def test_no_grad_records_nothing() -> None:
    x = leaf(2)
    with no_grad():
        y = x * 2
    assert not y.requires_grad
    with pytest.raises(GraphError, match="requires_grad"):
        y.sum().backward()
    assert (x * 2).requires_grad
    assert not x.detach().requires_grad


def test_hooks_see_and_change_what_arrives() -> None:
    x, seen = leaf(2), []
    y = x * 3
    y.register_hook(lambda g: seen.append(g.copy()))
    y.register_hook(lambda g: g * 10)
    y.retain_grad()
    y.sum().backward()
    assert seen[0].tolist() == [1, 1]
    assert x.grad.tolist() == [30, 30]
    assert y.grad.tolist() == [10, 10]


def test_a_leaf_changed_too_early_is_noticed() -> None:
    x = leaf(2)
    y = (x * x).sum()
    x.assign([5, 5])
    with pytest.raises(GraphError, match="changed in place after multiply"):
        y.backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [10, 10]


@pytest.mark.parametrize("backend", backends.available())
def test_a_batch_that_changes_is_not_changed_for_the_rules(backend) -> None:
    x = Tensor([1.0, 2.0], backend=backend)
    w = Tensor([3.0, 4.0], requires_grad=True, backend=backend)
    y = (x * w).sum()
    other = w.detach()
    for new in ([5.0, 6.0], other):
        x.assign(new)
        assert x.tolist() == (new if new is not other else [3.0, 4.0])
    other.assign([9.0, 9.0])
    assert w.tolist() == x.tolist() == [3.0, 4.0]
    y.backward()
    assert w.grad.tolist() == [1.0, 2.0]


def test_computed_tensors_and_elements_are_not_assigned() -> None:
    x = leaf(2)
    with pytest.raises(GraphError, match="multiply"):
        (x * 2).assign([1, 2])
    with pytest.raises(TypeError, match="where"):
        x[0] = 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: leaf(2, 3) @ leaf(2, 3), r"matmul: .*\(2, 3\).*\(2, 3\)"),
        (lambda: leaf(2, 3) + leaf(4), r"add: .*\(2, 3\).*\(4,\)"),
        (lambda: leaf(6).reshape(4, 2), r"reshape: .*\(6,\).*\(4, 2\)"),
        (lambda: leaf(2)[5], r"getitem: .*\(2,\)"),
        (lambda: concatenate([leaf(2, 3), leaf(2, 4)]), r"concatenate: "),
        (lambda: leaf(5).split([2, 2]), r"split: .*\(5,\).*add up to 4"),
        (lambda: leaf(2).sum(axis=3), r"sum: .*axis=3"),
        (lambda: leaf(2).item(), r"item\(\) of a tensor \(2,\)"),
    ],
)
def test_errors_name_the_operation_and_the_shapes(wrong, words) -> None:
    with pytest.raises((ValueError, IndexError), match=words):
        wrong()


def test_formats_are_not_mixed() -> None:
    x, y = leaf(2), leaf(2, dtype="float64")
    with pytest.raises(TypeError, match=r"astype\(\"float32\"\)"):
        x + y
    with pytest.raises(TypeError, match="int64"):
        Tensor([1, 2], requires_grad=True)
    assert (x * 2.5).dtype == (x + 1).dtype == (2**x).dtype == "float32"
    assert Tensor([1, 2]).dtype == "int64"
    assert Tensor([1.0]).dtype == "float32"
    assert Tensor(np.ones(2)).dtype == "float64"


@pytest.mark.skipif(
    "mlx" not in backends.available(), reason="MLX is not installed"
)
def test_backends_are_not_mixed() -> None:
    x = leaf(2)
    with pytest.raises(TypeError, match=r"numpy and mlx.*\.to\("):
        x * x.to("mlx")


def test_a_backend_that_is_missing_says_what_to_do() -> None:
    for name in set(backends.NAMES) - set(backends.available()):
        with pytest.raises(backends.MissingBackend, match=name):
            Tensor([1.0], backend=name)
    with pytest.raises(ValueError, match="numpy, native, cupy, mlx"):
        Tensor([1.0], backend="abacus")


def test_backward_needs_a_number_or_a_gradient() -> None:
    x = leaf(2, 3)
    with pytest.raises(GraphError, match=r"\(2, 3\)"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"\(3,\) for a tensor \(2, 3\)"):
        (x * 2).backward(np.ones(3, np.float32))


def test_anomaly_mode_names_the_first_bad_operation() -> None:
    x = Tensor([1.0, -1.0], requires_grad=True)
    seen = pytest.raises(NotFinite, match=r"test_engine.py:\d+: log of")
    with detect_anomaly(), np.errstate(invalid="ignore"), seen:
        (x * 2).log().sum()
    z = Tensor([4.0, 0.0], requires_grad=True)
    with detect_anomaly(), np.errstate(divide="ignore"):
        loss = z.sqrt().sum()
        with pytest.raises(NotFinite, match=r"py:\d+: the gradient of sqrt"):
            loss.backward()


def test_the_place_in_anomaly_mode_becomes_the_chapters() -> None:
    script = ROOT / "generated/examples/ch07_deblur.py"
    line = 1 + script.read_text().split("\n").index("def main() -> None:")
    code = compile("\n" * line + "x.log()", str(script), "exec")
    x = Tensor([-1.0])
    with (
        detect_anomaly(),
        np.errstate(invalid="ignore"),
        pytest.raises(NotFinite) as caught,
    ):
        exec(code, {"x": x})
    lines = tangle.Map(ROOT, tangle.contents(ROOT, None)[0])
    told = tangle.translate(str(caught.value), lines)
    assert re.match(r"book/part2/07-tensor-autograd.md:\d+: log of", told)


def test_a_tensor_shows_its_numbers_and_what_made_it() -> None:
    x = leaf(2)
    assert repr(x) == "Tensor([0.1, 0.2], dtype=float32, leaf)"
    assert repr((x * 10).sum()) == "Tensor(3.0, sum)"


@pytest.mark.parametrize("other", [(2, 3), (1,), (), (4,)])
def test_a_leaf_keeps_its_shape(other: tuple[int, ...]) -> None:
    x = leaf(3)
    for new in (np.ones(other), Tensor(np.ones(other))):
        with pytest.raises(ValueError, match=r"to a tensor \(3,\)"):
            x.assign(new)
    assert x.tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_a_tree_without_a_backend_says_so(monkeypatch) -> None:
    monkeypatch.setattr(backends, "NAMES", ("abacus",))
    with pytest.raises(
        backends.MissingBackend, match=r"abacus: comes later in the book"
    ):
        backends.get("abacus")


def test_no_backend_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, nand2llm.tensor as t; t.Tensor([1.0]) + 1; "
    code += "print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "generated")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "nand2llm.backends.numpy" in loaded
    assert not loaded & {"cupy", "mlx", "nand2llm.kernels", "matplotlib"}


def test_a_checkpoint_computes_again_what_it_did_not_keep() -> None:
    w = leaf(3)

    def layer(x: Tensor) -> Tensor:
        return (x * w).exp().tanh().exp()

    x = leaf(2, 3)
    layer(layer(x)).sum().backward()
    plain = x.grad.numpy().copy(), w.grad.numpy().copy()
    x.grad = w.grad = None
    checkpoint(layer, checkpoint(layer, x)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), plain[0], rtol=1e-6)
    np.testing.assert_allclose(w.grad.numpy(), plain[1], rtol=1e-6)


def test_checkpoints_cost_less_memory() -> None:
    def peak(wrap: bool) -> int:
        def layer(x: Tensor) -> Tensor:
            for _ in range(10):
                x = x.exp().tanh()
            return x

        x = Tensor(np.zeros(1000), requires_grad=True)  # below the arena
        tracemalloc.start()
        y = x
        for _ in range(10):
            y = checkpoint(layer, y) if wrap else layer(y)
        y.sum().backward()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(wrap=True) < 0.4 * peak(wrap=False)


def test_split_parts_share_a_buffer_and_may_go_unused() -> None:
    x = leaf(2, 6)
    a, _, c = x.split([1, 2, 3])
    loss = (a * 2).sum() + (c * c).sum()
    loss.backward(retain_graph=True)
    want = np.zeros((2, 6))
    want[:, 0], want[:, 3:] = 2, 2 * x.numpy()[:, 3:]
    np.testing.assert_allclose(x.grad.numpy(), want)
    x.grad = None
    (loss + (x * 0).sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), want)


def test_stack_and_where_accept_numbers() -> None:
    x = leaf(3)
    y = where(x > 0.15, x, 0.0)
    assert stack([x, y]).shape == (2, 3)
    stack([x, y], axis=-1).sum().backward()
    assert x.grad.tolist() == [1, 2, 2]


shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@given(shapes, st.data())
@settings(max_examples=200, deadline=None)
def test_unbroadcast_is_the_transpose_of_broadcast(small, data) -> None:
    extra = data.draw(st.lists(st.integers(0, 3), max_size=2))
    large = (*extra, *(
        data.draw(st.integers(0, 3)) if n == 1 else n for n in small
    ))  # fmt: skip
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, small).astype(float)
    g = rng.integers(-9, 9, large).astype(float)
    back = unbroadcast(g, small)
    assert back.shape == small
    assert (np.broadcast_to(x, large) * g).sum() == (x * back).sum()


def test_the_arena_lends_again_what_nobody_holds() -> None:
    arena, n = Arena(), SMALL
    first = arena.empty((n,), np.uint8)
    address = first.ctypes.data
    second = arena.empty((n,), np.uint8)
    assert second.ctypes.data != address
    view = first[5:10]
    del first
    third = arena.empty((n // 4,), np.float32)
    assert third.ctypes.data not in (address, second.ctypes.data)
    del view
    assert arena.empty((n // 4,), np.float32).ctypes.data == address


def test_results_survive_the_steps_that_follow() -> None:
    x = Tensor(np.ones((100, 100)), requires_grad=True, dtype="float32")
    kept = x @ x
    before = kept.numpy().copy()
    for _ in range(5):
        ((x * 3) @ x).sum().backward()
    assert (kept.numpy() == before).all()
