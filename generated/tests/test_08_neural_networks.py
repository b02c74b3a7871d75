# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. 1ccee402da7d
import numpy as np
import pytest

from nand2llm import functional as F
from nand2llm.nn import (
    Dropout,
    Embedding,
    LayerNorm,
    Linear,
    Module,
    RMSNorm,
    Sequential,
)
from nand2llm.tensor import Tensor


def blackboard_norm(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    off = x - x.mean(-1, keepdims=True)
    variance = (off * off).mean(-1, keepdims=True)
    return off / (variance + 1e-5).sqrt() * w + b


def blackboard_rms(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    power = (x * x).mean(-1, keepdims=True)
    return x / (power + 1e-5).sqrt() * w + b


def blackboard_gelu(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    inner = (2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + inner.tanh()) * w + b


def blackboard_loss(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    targets = np.array([[2], [0], [3]])
    return -(x * w + b).log_softmax().gather(targets, axis=1).mean()


PAIRS = {
    "linear": (
        lambda x, w, b: F.linear(x, w.reshape(1, -1), b[:1]),
        lambda x, w, b: (x @ w + b[0]).reshape(-1, 1),
    ),
    "layer_norm": (F.layer_norm, blackboard_norm),
    "rms_norm": (
        lambda x, w, b: F.rms_norm(x, w) + b,
        blackboard_rms,
    ),
    "gelu": (lambda x, w, b: F.gelu(x) * w + b, blackboard_gelu),
    "silu": (
        lambda x, w, b: F.silu(x) * w + b,
        lambda x, w, b: x * x.sigmoid() * w + b,
    ),
    "relu_squared": (
        lambda x, w, b: F.relu_squared(x) * w + b,
        lambda x, w, b: x.relu() ** 2 * w + b,
    ),
    "cross_entropy": (
        lambda x, w, b: F.cross_entropy(x * w + b, [2, 0, 3]),
        blackboard_loss,
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_is_what_is_on_the_blackboard(name: str) -> None:
    rng = np.random.default_rng(4)
    arrays = [rng.standard_normal(s) for s in [(3, 5), (5,), (5,)]]
    seen = []
    for layer in PAIRS[name]:
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        y = layer(*leaves)
        (y * y).sum().backward()
        seen.append([y, *(t.grad for t in leaves)])
    for ours, reference in zip(*seen, strict=True):
        np.testing.assert_allclose(
            ours.numpy(), reference.numpy(), rtol=1e-9, atol=1e-12
        )


class Tied(Module):
    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.table = Embedding(5, 4, rng)
        self.blocks = [Linear(4, 4, rng), {"norm": LayerNorm(4)}]
        self.head = Linear(4, 5, rng, bias=False)
        self.head.weight = self.table.weight


def test_parameters_are_found_once_and_named_by_their_place() -> None:
    assert [name for name, _ in Tied().named_parameters()] == [
        "table.weight",
        "blocks.0.weight",
        "blocks.0.bias",
        "blocks.1.norm.weight",
        "blocks.1.norm.bias",
    ]


@pytest.mark.parametrize("fault", ["missing", "extra", "shape"])
def test_a_faulty_state_changes_nothing(fault: str) -> None:
    model = Tied()
    before = model.state_dict()
    state = {name: x + 1 for name, x in before.items()}
    if fault == "missing":
        del state["blocks.0.bias"]
    elif fault == "extra":
        state["blocks.2.bias"] = state["blocks.0.bias"]
    else:
        state["blocks.1.norm.bias"] = np.zeros(5)
    with pytest.raises((KeyError, ValueError), match=r"blocks\.[0-2]"):
        model.load_state_dict(state)
    for name, x in model.state_dict().items():
        np.testing.assert_array_equal(x, before[name])


def test_dropout_keeps_the_mean_and_is_off_in_use() -> None:
    x = Tensor(np.ones(100_000, np.float32))
    drop = Dropout(0.25, np.random.default_rng(0))
    y = drop(x).numpy()
    assert set(y.tolist()) == {0.0, np.float32(1 / 0.75).item()}
    assert y.mean() == pytest.approx(1, abs=0.01)
    model = Sequential(drop).eval()
    assert model(x) is x
    with pytest.raises(ValueError, match=r"1\.5"):
        Dropout(1.5, np.random.default_rng(0))


def test_normalized_rows_forget_their_size() -> None:
    x = np.random.default_rng(0).standard_normal((3, 50))
    for norm in (LayerNorm(50), RMSNorm(50)):
        small, large = (
            norm(Tensor(x * k, dtype="float32")).numpy()
            for k in (1, 1000)
        )
        np.testing.assert_allclose(small, large, atol=1e-4)
        assert (large**2).mean() == pytest.approx(1, abs=1e-3)
