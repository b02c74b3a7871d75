# Made from book/part2/09-optimization.md by tangle.py; edit there, or here and stitch. 60c792bb9d76
"""Optimizers: what to do with a gradient once there is one.

A rule of the common kind treats every number alike, so parameters,
gradients and state lie side by side in long vectors, and one pass
over those moves the whole model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from nand2llm.autograd import Array, Leaf, clock
from nand2llm.tensor import Tensor

Settings = dict[str, Any]
State = dict[str, Array]


class Group:
    """Parameters that share their settings.

    parts: the lists of parameters that are moved together. Where the
    backend's arrays may be views, that is one list, of which all the
    numbers lie in one vector, and so do all gradients; else each
    parameter is a part of its own.
    """

    def __init__(
        self, parameters: list[Tensor], settings: Settings, flat: bool
    ) -> None:
        if not parameters:
            raise ValueError("a group without parameters")
        self.backend = parameters[0].backend
        self.settings = settings
        flat = flat and self.backend.views
        self.parts = [parameters] if flat else [[p] for p in parameters]
        self.joined = [_join(parameters)] if flat else None
        if not flat:
            for p in parameters:
                grad = self.backend.zeros_like(p.data)
                p.grad = Tensor.of(grad, self.backend)
        self.grads = [p.grad for p in parameters if p.grad is not None]
        self.state: list[State] = [{} for _ in self.parts]

    def parameters(self) -> Iterator[Tensor]:
        """All parameters of the group."""
        for part in self.parts:
            yield from part

    def vectors(self) -> list[tuple[Array, Array]]:
        """The pairs (numbers, gradient), one for each part."""
        if self.joined is not None:
            return self.joined
        both = zip(self.parameters(), self.grads, strict=True)
        return [(p.data, grad.data) for p, grad in both]

    def pairs(self) -> Iterator[tuple[tuple[Array, Array], State]]:
        """The vectors, each with its state."""
        return zip(self.vectors(), self.state, strict=True)

    def check(self) -> None:
        """Raise RuntimeError if a gradient is not where it was."""
        for p, grad in zip(self.parameters(), self.grads, strict=True):
            if p.grad is not grad:
                raise RuntimeError(
                    f"the grad of a parameter {p.shape} was replaced; "
                    "use the zero_grad() of its one optimizer"
                )

    def wrote(self) -> None:
        """Tell the graph that the numbers have changed."""
        for p in self.parameters():
            if not self.backend.views:
                p.data = self.backend.write(p.data, p.data)
            if isinstance(p.node, Leaf):
                p.node.changed = clock()


def places(
    part: list[Tensor], vector: Array
) -> Iterator[tuple[Tensor, Array]]:
    """Each parameter with its place in a vector, in its shape."""
    vector, at = vector.reshape(-1), 0
    for p in part:
        yield p, vector[at : at + p.size].reshape(p.shape)
        at += p.size


def _join(part: list[Tensor]) -> tuple[Array, Array]:
    """Move parameters and their gradients into two long vectors."""
    xp = part[0].backend
    flat = xp.concatenate([p.data.reshape(-1) for p in part])
    grad = xp.zeros_like(flat)
    for p, place in places(part, flat):
        p.data = place
    for p, place in places(part, grad):
        p.grad = Tensor.of(place, xp)
    return flat, grad


class Optimizer:
    """Moves parameters against their gradients, rule by rule.

    parameters: tensors, or dictionaries with "params" and settings
    that differ from the optimizer's. A subclass has `defaults` of
    its settings (one is the rate, "lr"), names its `slots`, the
    state it keeps of every number, and writes the `rule`.
    """

    flat = True
    defaults: ClassVar[Settings] = {}
    slots: tuple[str, ...] = ()

    def __init__(
        self,
        parameters: Iterable[Tensor | Mapping[str, Any]],
        lr: float | None = None,
        **settings: Any,
    ) -> None:
        self.steps = 0
        if lr is not None:
            settings["lr"] = lr
        _refuse_unknown(settings, self.defaults)
        given = list(_grouped(parameters, self.defaults))
        _refuse_twice([p for params, _ in given for p in params])
        self.groups = [
            Group(params, self.defaults | settings | own, self.flat)
            for params, own in given
        ]
        for group in self.groups:
            for (p, _), state in group.pairs():
                zeros = group.backend.zeros_like
                state |= {name: zeros(p) for name in self.slots}

    def rule(
        self, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """Change p (and the state) in place, given the gradient g."""
        raise NotImplementedError

    def step(self, scale: float = 1.0) -> None:
        """Move once; scale: what a schedule makes of the rate."""
        self.steps += 1
        for group in self.groups:
            group.check()
            s = group.settings | {"lr": group.settings["lr"] * scale}
            for (p, g), state in group.pairs():
                self.move(group.backend, p, g, state, s)
            group.wrote()

    def move(
        self, xp: Any, p: Array, g: Array, state: State, s: Settings
    ) -> None:
        """Apply the rule to a vector, piece by piece."""
        if not xp.views:
            self.rule(p, g, state, s)
            return
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
            yield from group.vectors()

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
                            name: np.array(group.backend.to_numpy(x))
                            for name, x in state.items()
                        }
                        for state in group.state
                    ],
                }
                for group in self.groups
            ],
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where another stopped; what doesn't fit is refused."""
        ours, theirs = self.state_dict()["groups"], saved["groups"]
        if (here := _form(ours)) != (there := _form(theirs)):
            raise ValueError(f"saved: {there}; here: {here}")
        self.steps = saved["steps"]
        for group, other in zip(self.groups, theirs, strict=True):
            group.settings = dict(other["settings"])
            xp = group.backend
            for state, kept in zip(
                group.state, other["state"], strict=True
            ):
                for name in state:
                    state[name] = xp.write(state[name], kept[name])


def _form(groups: list[dict[str, Any]]) -> str:
    """What a saved state is made of, in words."""
    return "; ".join(
        f"group {i} with {', '.join(sorted(group['settings']))} keeps "
        + ", ".join(
            f"{name} {x.dtype} {x.shape}"
            for state in group["state"]
            for name, x in state.items()
        )
        for i, group in enumerate(groups)
    )


def _refuse_unknown(settings: Settings, defaults: Settings) -> None:
    if unknown := settings.keys() - defaults.keys():
        raise ValueError(
            f"unknown settings {sorted(unknown)}; there are "
            f"{sorted(defaults)}"
        )


def _refuse_twice(parameters: list[Tensor]) -> None:
    seen = set()
    for p in parameters:
        if id(p) in seen:
            raise ValueError(f"a parameter {p.shape} is given twice")
        seen.add(id(p))


def _grouped(
    parameters: Iterable[Tensor | Mapping[str, Any]],
    defaults: Settings,
) -> Iterator[tuple[list[Tensor], Settings]]:
    given = list(parameters)
    if all(isinstance(p, Tensor) for p in given):
        yield [p for p in given if isinstance(p, Tensor)], {}
        return
    for group in given:
        if isinstance(group, Tensor):
            raise TypeError("either tensors or groups, not both")
        own = {k: v for k, v in group.items() if k != "params"}
        _refuse_unknown(own, defaults)
        yield list(group["params"]), own


class SGD(Optimizer):
    """p ← p − lr·g, with momentum and Nesterov's look ahead."""

    defaults: ClassVar[Settings] = {
        "lr": 1e-2,
        "momentum": 0.0,
        "nesterov": False,
        "weight_decay": 0.0,
    }
    slots = ("momentum",)

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

    defaults: ClassVar[Settings] = {
        "lr": 1e-2,
        "alpha": 0.99,
        "eps": 1e-8,
    }
    slots = ("square",)

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

    defaults: ClassVar[Settings] = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 1e-2,
        "decoupled": True,
    }
    slots = ("mean", "square")

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
        same = s["decoupled"] and type(self).rule is AdamW.rule
        own = xp.own.get("adamw") if same else None
        m, v = state["mean"], state["square"]
        if own is None or not own(p, g, m, v, self.steps, s):
            super().move(xp, p, g, state, s)


class Muon(Optimizer):
    """Steps of matrices whose singular values are all about 1.

    For weights (n_out, n_in) only (Jordan and others, 2024).
    """

    flat = False
    defaults: ClassVar[Settings] = {
        "lr": 2e-2,
        "momentum": 0.95,
        "nesterov": True,
        "weight_decay": 0.0,
    }
    slots = ("momentum",)

    def __init__(
        self,
        parameters: Iterable[Tensor | Mapping[str, Any]],
        lr: float | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(parameters, lr, **settings)
        for group in self.groups:
            for p in group.parameters():
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
