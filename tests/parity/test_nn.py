"""Layers beside torch's: outputs and all gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nand2llm import functional as F
from nand2llm import nn
from nand2llm.tensor import Tensor

torch = pytest.importorskip("torch", reason="no PyTorch here; `make parity` brings it")
functional = torch.nn.functional

Layer = Callable[..., Any]
INDEX = np.array([[4, 0, 4], [1, 4, 2]])
TARGETS = np.array([0, 6, -1, 2])

# Our layer, torch's, and the shapes of the arrays that both are given.
LAYERS: dict[str, tuple[Layer, Layer, list[tuple[int, ...]]]] = {
    "linear": (F.linear, functional.linear, [(2, 5, 7), (3, 7), (3,)]),
    "linear without bias": (
        F.linear,
        functional.linear,
        [(4, 7), (3, 7)],
    ),
    "embedding": (
        lambda w: F.embedding(w, INDEX),
        lambda w: functional.embedding(torch.tensor(INDEX), w),
        [(5, 3)],
    ),
    "relu": (Tensor.relu, functional.relu, [(3, 50)]),
    "gelu": (
        F.gelu,
        lambda x: functional.gelu(x, approximate="tanh"),
        [(3, 50)],
    ),
    "silu": (F.silu, functional.silu, [(3, 50)]),
    "relu squared": (
        F.relu_squared,
        lambda x: functional.relu(x) ** 2,
        [(3, 50)],
    ),
    "layer norm": (
        F.layer_norm,
        lambda x, w, b: functional.layer_norm(x, w.shape, w, b),
        [(2, 5, 33), (33,), (33,)],
    ),
    "rms norm": (
        F.rms_norm,
        lambda x, w: functional.rms_norm(x, w.shape, w, eps=1e-5),
        [(2, 5, 33), (33,)],
    ),
    "cross entropy": (
        lambda z: F.cross_entropy(z, TARGETS),
        lambda z: functional.cross_entropy(
            z, torch.tensor(TARGETS), ignore_index=-1
        ),
        [(4, 7)],
    ),
    "attention": (
        F.attention,
        lambda q, k, v: functional.scaled_dot_product_attention(
            *(x.transpose(1, 2) for x in (q, k, v)),
            is_causal=True,
            enable_gqa=True,
        ).transpose(1, 2),
        [(2, 6, 4, 8), (2, 6, 2, 8), (2, 6, 2, 8)],
    ),
}


@pytest.mark.parametrize(
    ("dtype", "close"), [("float32", 2e-5), ("float64", 1e-11)]
)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_torchs(name: str, dtype: str, close: float) -> None:
    ours, theirs, shapes = LAYERS[name]
    rng = np.random.default_rng(5)
    arrays = [
        rng.standard_normal(shape).astype(dtype) for shape in shapes
    ]
    mine = [Tensor(x, requires_grad=True) for x in arrays]
    other = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, z = ours(*mine), theirs(*other)
    np.testing.assert_allclose(
        y.numpy(), z.detach().numpy(), rtol=close, atol=close
    )
    g = rng.standard_normal(y.shape).astype(dtype)
    y.backward(g)
    z.backward(torch.tensor(g))
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(
            a.grad.numpy(), b.grad.numpy(), rtol=close, atol=close
        )


def test_a_whole_network_with_the_same_state() -> None:
    rng = np.random.default_rng(6)
    mine = nn.Sequential(
        nn.Linear(7, 16, rng),
        nn.LayerNorm(16),
        F.gelu,
        nn.Linear(16, 4, rng),
    )
    other = torch.nn.Sequential(
        torch.nn.Linear(7, 16),
        torch.nn.LayerNorm(16),
        torch.nn.GELU("tanh"),
        torch.nn.Linear(16, 4),
    )
    state = mine.state_dict()
    other.load_state_dict(
        {
            name.removeprefix("layers."): torch.tensor(x)
            for name, x in state.items()
        }
    )
    x, y = (
        rng.standard_normal((9, 7), np.float32),
        rng.integers(0, 4, 9),
    )
    F.cross_entropy(mine(Tensor(x)), y).backward()
    functional.cross_entropy(
        other(torch.tensor(x)), torch.tensor(y)
    ).backward()
    theirs = dict(other.named_parameters())
    for name, p in mine.named_parameters():
        np.testing.assert_allclose(
            p.grad.numpy(),
            theirs[name.removeprefix("layers.")].grad.numpy(),
            rtol=1e-4,
            atol=1e-6,
        )
