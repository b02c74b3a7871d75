# Made from book/part2/09-optimization.md by tangle.py; edit there, or here and stitch. 4626a59c88c0
"""Optimizers: what to do with a gradient once there is one.

A rule of the common kind treats every number alike, so parameters,
gradients and state lie side by side in long vectors, and one pass
over those moves the whole model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from nand2llm.autograd import Array
from nand2llm.tensor import Tensor

Settings = dict[str, Any]
State = dict[str, Array]


class Group:
    """Parameters that share their settings.

    vectors: pairs (numbers, gradient) of arrays. Where the backend's
    arrays may be views, there is one pair, of which every parameter
    and its `grad` is a part; else there is one for each parameter.
    """

    def __init__(
        self, parameters: list[Tensor], settings: Settings, flat: bool
    ) -> None:
        if not parameters:
            raise ValueError("a group without parameters")
        self.parameters = parameters
        self.settings = settings
        backend = parameters[0].backend
        if flat and backend.views:
            self.vectors = [_join(parameters)]
        else:
            self.vectors = []
            for p in parameters:
                grad = backend.zeros_like(p.data)
                p.grad = Tensor.of(grad, backend)
                self.vectors.append((p.data, grad))
        self.state: list[State] = [{} for _ in self.vectors]


def _join(parameters: list[Tensor]) -> tuple[Array, Array]:
    """Move parameters and their gradients into two long vectors."""
    xp = parameters[0].backend
    flat = xp.concatenate([p.data.reshape(-1) for p in parameters])
    grad = xp.zeros_like(flat)
    at = 0
    for p in parameters:
        here, shape = slice(at, at + p.size), p.shape
        p.data = flat[here].reshape(shape)
        p.grad = Tensor.of(grad[here].reshape(shape), xp)
        at += p.size
    return flat, grad


class Optimizer:
    """Moves parameters against their gradients, rule by rule.

    parameters: tensors, or dictionaries with "params" and settings
    that differ from the optimizer's. A subclass names its `slots`,
    the state it keeps of every number, and writes the `rule`.
    """

    flat = True
    slots: tuple[str, ...] = ()

    def __init__(
        self,
        parameters: Iterable[Tensor | Mapping[str, Any]],
        **settings: Any,
    ) -> None:
        self.steps = 0
        self.groups = [
            Group(params, settings | own, self.flat)
            for params, own in _grouped(parameters, settings)
        ]
        for group in self.groups:
            for (p, _), state in zip(
                group.vectors, group.state, strict=True
            ):
                xp = group.parameters[0].backend
                state |= {name: xp.zeros_like(p) for name in self.slots}

    def rule(
        self, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """Change p (and the state) in place, given the gradient g."""
        raise NotImplementedError

    def step(self, scale: float = 1.0) -> None:
        """Move once; scale: what a schedule makes of the rate."""
        self.steps += 1
        for group in self.groups:
            s = group.settings | {"lr": group.settings["lr"] * scale}
            xp = group.parameters[0].backend
            for (p, g), state in zip(
                group.vectors, group.state, strict=True
            ):
                self.move(xp, p, g, state, s)

    def move(
        self, xp: Any, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """Apply the rule to a vector, piece by piece."""
        for piece in xp.pieces(p):
            part = {name: x[piece] for name, x in state.items()}
            self.rule(p[piece], g[piece], part, s)

    def zero_grad(self) -> None:
        """Set all gradients to 0, in place."""
        for _, g in self.vectors():
            g[...] = 0

    def vectors(self) -> Iterator[tuple[Array, Array]]:
        """The pairs (numbers, gradient) of all groups."""
        for group in self.groups:
            yield from group.vectors

    def clip(self, most: float) -> float:
        """Shrink all gradients together to a norm of at most `most`.

        Returns the norm before. Infinite or NaN gradients are left as
        they are, for the caller to see.
        """
        lines = [g.reshape(-1) for _, g in self.vectors()]
        norm = math.sqrt(sum(float(g @ g) for g in lines))
        if math.isfinite(norm) and norm > most:
            for _, g in self.vectors():
                g *= most / (norm + 1e-6)
        return norm

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs, as NumPy arrays."""
        return {
            "steps": self.steps,
            "groups": [
                {
                    "settings": dict(group.settings),
                    "state": [
                        {
                            name: np.array(
                                group.parameters[0].backend.to_numpy(x)
                            )
                            for name, x in state.items()
                        }
                        for state in group.state
                    ],
                }
                for group in self.groups
            ],
        }


def _grouped(
    parameters: Iterable[Tensor | Mapping[str, Any]], known: Settings
) -> Iterator[tuple[list[Tensor], Settings]]:
    given = list(parameters)
    if all(isinstance(p, Tensor) for p in given):
        yield [p for p in given if isinstance(p, Tensor)], {}
        return
    for group in given:
        if isinstance(group, Tensor):
            raise TypeError("either tensors or groups, not both")
        own = {k: v for k, v in group.items() if k != "params"}
        if unknown := own.keys() - known.keys():
            raise ValueError(
                f"unknown settings {sorted(unknown)}; there are "
                f"{sorted(known)}"
            )
        yield list(group["params"]), own


class SGD(Optimizer):
    """p ← p − lr·g, with momentum and Nesterov's look ahead."""

    slots = ("momentum",)

    def __init__(
        self,
        parameters: Iterable[Tensor | Mapping[str, Any]],
        lr: float = 1e-2,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
        )

    def rule(
        self, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """One step for every number of p."""
        if s["weight_decay"]:
            g = g + s["weight_decay"] * p
        if s["momentum"]:
            m = state["momentum"]
            m *= s["momentum"]
            m += g
            g = g + s["momentum"] * m if s["nesterov"] else m
        p -= s["lr"] * g


class RMSProp(Optimizer):
    """Each number's step is divided by the size of its gradients."""

    slots = ("square",)

    def __init__(
        self,
        parameters: Iterable[Tensor | Mapping[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr=lr, alpha=alpha, eps=eps)

    def rule(
        self, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """One step for every number of p."""
        square = state["square"]
        square *= s["alpha"]
        square += (1 - s["alpha"]) * (g * g)
        p -= s["lr"] * g / (square**0.5 + s["eps"])


class AdamW(Optimizer):
    """Momentum over size, both corrected for their start at 0.

    Weight decay is applied to the parameters themselves, before the
    step (Loshchilov and Hutter, 2019); with `decoupled` false it joins
    the gradient instead, which is Adam (Kingma and Ba, 2015).
    """

    slots = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[Tensor | Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        decoupled: bool = True,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            decoupled=decoupled,
        )

    def rule(
        self, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """One step for every number of p."""
        (b1, b2), decay = s["betas"], s["weight_decay"]
        m, v = state["mean"], state["square"]
        if s["decoupled"]:
            p *= 1 - s["lr"] * decay
        elif decay:
            g = g + decay * p
        m *= b1
        m += (1 - b1) * g
        v *= b2
        v += (1 - b2) * (g * g)
        size = v**0.5
        size /= math.sqrt(1 - b2**self.steps)
        size += s["eps"]
        p -= s["lr"] / (1 - b1**self.steps) * (m / size)

    def move(
        self, xp: Any, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """Apply the rule, or the backend's own version of it."""
        own = xp.own.get("adamw") if s["decoupled"] else None
        m, v = state["mean"], state["square"]
        if own is None or not own(p, g, m, v, self.steps, s):
            super().move(xp, p, g, state, s)


class Muon(Optimizer):
    """Steps of matrices whose singular values are all about 1.

    For weights (n_out, n_in) only (Jordan and others, 2024).
    """

    flat = False
    slots = ("momentum",)

    def __init__(
        self,
        parameters: Iterable[Tensor | Mapping[str, Any]],
        lr: float = 2e-2,
        momentum: float = 0.95,
        nesterov: bool = True,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
        )
        for group in self.groups:
            for p in group.parameters:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon moves matrices, not {p.shape}"
                    )

    def move(
        self, xp: Any, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """One step for one matrix."""
        m = state["momentum"]
        m *= s["momentum"]
        m += (1 - s["momentum"]) * g
        step = m
        if s["nesterov"]:
            step = (1 - s["momentum"]) * g + s["momentum"] * m
        p *= 1 - s["lr"] * s["weight_decay"]
        tall = max(1.0, p.shape[0] / p.shape[1])
        p -= s["lr"] * math.sqrt(tall) * orthogonal(xp, step)


def orthogonal(xp: Any, g: Array, rounds: int = 5) -> Array:
    """g with its singular values brought near 1.

    Each round applies an odd polynomial to them (Newton and Schulz),
    whose coefficients are Jordan's: steep at 0, loose around 1.
    """
    wide = g.shape[0] <= g.shape[1]
    x = g if wide else g.T
    x = x / (xp.sqrt((x * x).sum()) + 1e-7)
    for _ in range(rounds):
        a = xp.matmul(x, x.T)
        b = -4.7750 * a + 2.0315 * xp.matmul(a, a)
        x = 3.4445 * x + xp.matmul(b, x)
    return x if wide else x.T


Schedule = Callable[[int], float]


def warmup_cosine(
    warmup: int, total: int, floor: float = 0.0
) -> Schedule:
    """Up in a line to 1, then down half a cosine wave to `floor`."""

    def scale(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        done = min(1.0, (step - warmup) / max(1, total - warmup))
        return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2

    return scale


def warmup_linear(
    warmup: int, total: int, warmdown: int, floor: float = 0.0
) -> Schedule:
    """Up in a line to 1, level, and down in a line to `floor`."""

    def scale(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        left = max(0, total - step) / max(1, warmdown)
        return floor + (1 - floor) * min(1.0, left)

    return scale
