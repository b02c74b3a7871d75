# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. 9e3a1a0ba759
"""Neural networks: layers that own their parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nand2llm import functional as F
from nand2llm.tensor import Tensor


class Module:
    """Something with parameters: tensors, or modules that have them.

    They are found among the attributes, in the order in which those
    were set; lists and dictionaries are looked into.
    """

    training = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The same as forward()."""
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """The parameters, each once, named like `blocks.0.weight`."""
        seen: set[int] = set()
        for name, part in _inside(self, ""):
            if isinstance(part, Tensor) and id(part) not in seen:
                seen.add(id(part))
                yield name, part

    def parameters(self) -> list[Tensor]:
        """The parameters without their names."""
        return [tensor for _, tensor in self.named_parameters()]

    def modules(self) -> Iterator[Module]:
        """This module and all inside it."""
        yield self
        for _, part in _inside(self, ""):
            if isinstance(part, Module):
                yield part

    def train(self, training: bool = True) -> Module:
        """Let layers behave as in training (dropout drops)."""
        for module in self.modules():
            module.training = training
        return self

    def eval(self) -> Module:
        """Let layers behave as in use."""
        return self.train(False)

    def state_dict(self) -> dict[str, Any]:
        """Copies of all parameters, as NumPy arrays by name."""
        return {
            name: np.array(tensor.numpy())
            for name, tensor in self.named_parameters()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Overwrite the parameters; all or none, by name and shape."""
        known = dict(self.named_parameters())
        if missing := known.keys() - state.keys():
            raise KeyError(f"missing parameters: {sorted(missing)}")
        if extra := state.keys() - known.keys():
            raise KeyError(f"unknown parameters: {sorted(extra)}")
        for name, tensor in known.items():
            if (shape := np.shape(state[name])) != tensor.shape:
                raise ValueError(
                    f"{name} is {tensor.shape}, the one to load {shape}"
                )
        for name, tensor in known.items():
            tensor.assign(state[name])


def _inside(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """All tensors and modules in a value, named by the way there."""
    if isinstance(value, Module):
        parts: Any = vars(value).items()
    elif isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    else:
        return
    for key, part in parts:
        full = f"{name}.{key}" if name else str(key)
        if isinstance(part, Tensor | Module):
            yield full, part
        yield from _inside(part, full)


def parameter(data: Any) -> Tensor:
    """A tensor that training may change."""
    return Tensor(data, requires_grad=True)


def normal(
    shape: tuple[int, ...], std: float, rng: np.random.Generator
) -> Tensor:
    """A parameter of normal numbers with mean 0."""
    return parameter(
        rng.standard_normal(shape, np.float32) * np.float32(std)
    )


class Linear(Module):
    """y = x Wᵀ + b, with W (n_out, n_in) and b (n_out).

    The weights start as normal numbers of deviation `std`, by default
    1/√n_in, so that outputs are about as large as inputs.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        rng: np.random.Generator,
        bias: bool = True,
        std: float | None = None,
    ) -> None:
        std = 1 / math.sqrt(n_in) if std is None else std
        self.weight = normal((n_out, n_in), std, rng)
        zeros = np.zeros(n_out, np.float32)
        self.bias = parameter(zeros) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(…, n_in) to (…, n_out)."""
        return F.linear(x, self.weight, self.bias)


class Embedding(Module):
    """A table with one row (width) for each of n things."""

    def __init__(
        self,
        n: int,
        width: int,
        rng: np.random.Generator,
        std: float = 0.02,
    ) -> None:
        self.weight = normal((n, width), std, rng)

    def forward(self, index: Any) -> Tensor:
        """Whole numbers (…) to their rows (…, width)."""
        return F.embedding(self.weight, index)


class LayerNorm(Module):
    """Rows of mean 0 and variance 1, scaled and shifted."""

    def __init__(
        self, width: int, bias: bool = True, eps: float = 1e-5
    ) -> None:
        self.weight = parameter(np.ones(width, np.float32))
        zeros = np.zeros(width, np.float32)
        self.bias = parameter(zeros) if bias else None
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) to the same."""
        return F.layer_norm(x, self.weight, self.bias, self.eps)


class RMSNorm(Module):
    """Rows of mean square 1, scaled unless `weight` is false."""

    def __init__(
        self, width: int, weight: bool = True, eps: float = 1e-5
    ) -> None:
        ones = np.ones(width, np.float32)
        self.weight = parameter(ones) if weight else None
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) to the same."""
        return F.rms_norm(x, self.weight, self.eps)


class Dropout(Module):
    """In training, zeros in place of a share p of the numbers.

    The others grow by 1/(1 − p), so that sums stay what they were.
    """

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"dropout of {p}; it must be in [0, 1)")
        self.p, self.rng = p, rng

    def forward(self, x: Tensor) -> Tensor:
        """(…) to the same."""
        if not self.training or self.p == 0:
            return x
        kept = self.rng.random(x.shape, np.float32) >= self.p
        mask = kept.astype(np.float32) / (1 - self.p)
        return x * Tensor(mask, dtype=x.dtype, backend=x.backend)


class Sequential(Module):
    """Modules, or functions of tensors, one after the other."""

    def __init__(self, *layers: Any) -> None:
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        """Through all layers."""
        for layer in self.layers:
            x = layer(x)
        return x
