"""Every optimizer moves every backend's parameters as NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nand2llm import backends, optim
from nand2llm.tensor import Tensor


class Uncorrected(optim.AdamW):
    """A rule of its own, which no backend may pass over."""

    def rule(self, p: Any, g: Any, state: Any, s: Any) -> None:
        m = state["mean"]
        m *= 0.9
        m += 0.1 * g
        p -= s["lr"] * m


MAKERS: dict[str, Callable[[list[Tensor]], optim.Optimizer]] = {
    "nesterov": lambda p: optim.SGD(p, 1e-2, momentum=0.9, nesterov=True),
    "rmsprop": optim.RMSProp,
    "adamw": optim.AdamW,
    "adam": lambda p: optim.AdamW(p, weight_decay=0.1, decoupled=False),
    "uncorrected": Uncorrected,
    "muon": lambda p: optim.Muon(p[:1]),
}


def trained(backend: str, make: Callable[..., Any]) -> list[Any]:
    rng = np.random.default_rng(0)
    p = [
        Tensor(
            rng.standard_normal(shape, np.float32),
            requires_grad=True,
            backend=backend,
        )
        for shape in ((6, 4), (6,))
    ]
    x = Tensor(rng.standard_normal((5, 4), np.float32), backend=backend)
    optimizer = make(p)
    for _ in range(8):
        optimizer.zero_grad()
        ((x @ p[0].T + p[1]).tanh() ** 2).sum().backward()
        optimizer.clip(1.0)
        optimizer.step(0.5)
    return [np.array(t.numpy()) for t in p]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("backend", backends.available())
def test_backends_agree(backend: str, name: str) -> None:
    here = trained(backend, MAKERS[name])
    there = trained("numpy", MAKERS[name])
    for a, b in zip(here, there, strict=True):
        assert a == pytest.approx(b, rel=1e-4, abs=1e-5)
