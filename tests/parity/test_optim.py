"""The optimizers beside PyTorch's: a hundred steps from the same start.

In float64, with the same gradients to rounding. PyTorch's Muon computes its
rounds in bfloat16, whatever it is given; here that conversion is patched away,
since it is the algorithms that are compared, and not the formats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nand2llm import optim
from nand2llm.tensor import Tensor

torch = pytest.importorskip("torch", reason="no PyTorch here; `make parity` brings it")

rng = np.random.default_rng(0)
STARTS = [rng.standard_normal((7, 5)), rng.standard_normal(7)]
BATCHES = rng.standard_normal((100, 3, 5))
Maker = Callable[[list[Any]], Any]


def ours(make: Maker, n: int, scale: Callable[[int], float]) -> list[Any]:
    """Train with the book's optimizer on the first n parameters."""
    p = [Tensor(start.copy(), requires_grad=True) for start in STARTS]
    optimizer = make(p[:n])
    for step, x in enumerate(BATCHES):
        optimizer.zero_grad()
        y = (Tensor(x) @ p[0].T + p[1]).tanh().sum(1)
        (y * y).sum().backward()
        optimizer.clip(5.0)
        optimizer.step(scale(step))
    return [x.numpy() for x in p]


def theirs(make: Maker, n: int, scale: Callable[[int], float]) -> list[Any]:
    """The same with PyTorch's."""
    p = [torch.tensor(start, requires_grad=True) for start in STARTS]
    optimizer = make(p[:n])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, scale)
    for x in BATCHES:
        optimizer.zero_grad()
        y = (torch.tensor(x) @ p[0].T + p[1]).tanh().sum(1)
        (y * y).sum().backward()
        torch.nn.utils.clip_grad_norm_(p[:n], 5.0)
        optimizer.step()
        schedule.step()
    return [x.detach().numpy() for x in p]


O = torch.optim  # noqa: E741
PAIRS: dict[str, tuple[Maker, Maker]] = {
    "plain": (
        lambda p: optim.SGD(p, 1e-2),
        lambda p: O.SGD(p, 1e-2),
    ),
    "momentum, decay": (
        lambda p: optim.SGD(p, 1e-2, momentum=0.9, weight_decay=0.1),
        lambda p: O.SGD(p, 1e-2, 0.9, weight_decay=0.1),
    ),
    "Nesterov": (
        lambda p: optim.SGD(p, 1e-2, momentum=0.9, nesterov=True),
        lambda p: O.SGD(p, 1e-2, 0.9, nesterov=True),
    ),
    "RMSProp": (optim.RMSProp, O.RMSprop),
    "Adam, decay": (
        lambda p: optim.AdamW(p, decoupled=False, weight_decay=0.1),
        lambda p: O.Adam(p, weight_decay=0.1),
    ),
    "AdamW": (optim.AdamW, O.AdamW),
    "AdamW, groups": (
        lambda p: optim.AdamW(groups(p), 1e-2),
        lambda p: O.AdamW(groups(p), 1e-2),
    ),
}


def groups(p: list[Any]) -> list[dict[str, Any]]:
    """Two groups that differ in everything that may differ."""
    return [
        {"params": p[:1], "weight_decay": 0.1, "betas": (0.8, 0.9)},
        {"params": p[1:], "weight_decay": 0.0, "lr": 3e-2, "eps": 1e-5},
    ]


SCHEDULES = {
    "level": lambda step: 1.0,
    "cosine": optim.warmup_cosine(10, 100),
    "linear": optim.warmup_linear(10, 100, 40, floor=0.1),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", PAIRS)
def test_a_hundred_steps(name: str, schedule: str) -> None:
    mine, other = PAIRS[name]
    scale = SCHEDULES[schedule]
    for a, b in zip(ours(mine, 2, scale), theirs(other, 2, scale), strict=True):
        # Clipping divides by norm + 1e-6 on both sides; rounding is what is left.
        assert a == pytest.approx(b, rel=1e-9, abs=1e-10)


def test_muon(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(O, "Muon"):
        pytest.skip("this PyTorch has no Muon")
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self)
    mine = ours(
        lambda p: optim.Muon(p, weight_decay=0.1), 1, SCHEDULES["level"]
    )
    other = theirs(
        lambda p: O.Muon(p, lr=2e-2, weight_decay=0.1), 1, SCHEDULES["level"]
    )
    assert mine[0] == pytest.approx(other[0], rel=1e-5, abs=1e-6)
