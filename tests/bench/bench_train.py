"""Time training steps of the engine beside PyTorch's, loss for loss.

    python tests/bench/bench_train.py [--models mlp-nano ...] [--threads 1 2]
        [--rounds 5] [--seconds 3] [--avx2] [--json FILE [--add]]
        [--through COMMAND]

Needs an interpreter with NumPy and PyTorch: `make bench-train` has one. Both
sides start from the same weights and see the same batches; the losses of their
first five steps must agree to 1e-4 before anything is timed. The language
models are the package's own, GPT-2's design (gpt-…) and NanoChat's (modern-…).
How the contenders take turns is told in racing.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from racing import Race, report
from twins import MODELS as GPTS
from twins import Size, ours, twin

STEPS = 5  # whose losses are compared
DECAY, BETAS, RATE = 0.1, (0.9, 0.99), 1e-3

Step = Callable[[], float]
Weights = dict[str, Any]


@dataclass(frozen=True)
class MLP:
    """Layers with GELU between them; a batch of vectors, ten classes."""

    widths: tuple[int, ...]
    batch: int


MODELS: dict[str, MLP | Size] = {
    "mlp-nano": MLP((64, 128, 128, 10), 64),
    "mlp-tiny": MLP((784, 512, 512, 10), 128),
    "mlp-small": MLP((1024, 2048, 2048, 10), 256),
    **GPTS,
}


def work(who: str, model: str, threads: int, seconds: float) -> None:
    """Train."""
    config = MODELS[model]
    inputs, targets = batch(config)
    make = torch_step if who.startswith("torch") else our_step
    step = make(who, config, threads, inputs, targets)
    losses = [step() for _ in range(STEPS)]
    report(losses, step, seconds)


def batch(config: MLP | Size) -> tuple[Any, Any]:
    """Inputs and targets of one batch."""
    import numpy as np

    rng = np.random.default_rng(0)
    if isinstance(config, MLP):
        shape = (config.batch, config.widths[0])
        inputs = rng.standard_normal(shape, np.float32)
        return inputs, rng.integers(0, config.widths[-1], config.batch)
    size = (config.batch, config.T)
    inputs = rng.integers(0, config.V, size)
    return inputs, rng.integers(0, config.V, size)


def weights(config: MLP) -> Weights:
    """The numbers to start from, by name, the same for both sides."""
    import numpy as np

    rng, found = np.random.default_rng(1), {}
    for i, (n, m) in enumerate(pairwise(config.widths)):
        numbers = rng.standard_normal((m, n), np.float32)
        found[f"layers.{i}.weight"] = numbers * np.float32(n**-0.5)
        found[f"layers.{i}.bias"] = np.zeros(m, np.float32)
    return found


def groups(parameters: list[Any]) -> list[dict[str, Any]]:
    """Matrices decay, vectors don't, where there are any."""
    kinds = ((lambda p: p.ndim == 2, DECAY), (lambda p: p.ndim < 2, 0.0))
    found = [
        {"params": [p for p in parameters if of(p)], "weight_decay": decay}
        for of, decay in kinds
    ]
    return [group for group in found if group["params"]]


def our_step(
    who: str, config: MLP | Size, threads: int, inputs: Any, targets: Any
) -> Step:
    """A step of the book's engine."""
    import numpy as np

    from nand2llm.optim import AdamW

    model = our_model(config)
    optimizer = AdamW(groups(model.parameters()), lr=RATE, betas=BETAS)

    def finish() -> None:
        optimizer.clip(1.0)
        optimizer.step()
        optimizer.zero_grad()

    if who == "numpy replicas":
        from nand2llm.replicas import Replicas

        replicas = Replicas(model, optimizer, threads)
        parts = list(
            zip(
                np.split(inputs, threads),
                np.split(targets, threads),
                strict=True,
            )
        )

        def shared_step() -> float:
            loss = replicas.backward(lambda m, part: m(*part), parts)
            finish()
            return loss

        return shared_step

    def step() -> float:
        loss = model(inputs, targets)
        loss.backward()
        finish()
        return float(loss.item())

    return step


def our_model(config: MLP | Size) -> Any:
    """The model in the book's layers; called with inputs and targets."""
    import numpy as np

    from nand2llm import functional as F
    from nand2llm.nn import Linear, Module
    from nand2llm.tensor import Tensor

    class OurMLP(Module):
        def __init__(self, c: MLP) -> None:
            pairs, rng = pairwise(c.widths), np.random.default_rng(0)
            self.layers = [Linear(n, m, rng) for n, m in pairs]

        def forward(self, x: Any, targets: Any) -> Tensor:
            x = Tensor(x)
            for layer in self.layers[:-1]:
                x = F.gelu(layer(x))
            return F.cross_entropy(self.layers[-1](x), targets)

    class OurGPT(Module):
        def __init__(self, c: Size) -> None:
            self.model = ours(c)

        def forward(self, i: Any, targets: Any) -> Tensor:
            return F.cross_entropy(self.model(i), targets)

    if isinstance(config, Size):
        return OurGPT(config)
    model = OurMLP(config)
    model.load_state_dict(weights(config))
    return model


def torch_step(
    who: str, config: MLP | Size, threads: int, inputs: Any, targets: Any
) -> Step:
    """A step of PyTorch's, with its fused optimizer."""
    import torch

    torch.set_num_threads(threads)
    model = twin(config) if isinstance(config, Size) else torch_mlp(config)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        groups(parameters), lr=RATE, betas=BETAS, fused=True
    )
    run = torch.compile(model) if who == "torch compiled" else model
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)

    def step() -> float:
        loss = run(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.item())

    return step


def torch_mlp(config: MLP) -> Any:
    """The same model in PyTorch's layers, under the same names."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class TorchMLP(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            pairs = pairwise(config.widths)
            self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in pairs)

        def forward(self, x: Any, targets: Any) -> Any:
            for layer in self.layers[:-1]:
                x = F.gelu(layer(x), approximate="tanh")
            return F.cross_entropy(self.layers[-1](x), targets)

    model = TorchMLP()
    start = {k: torch.from_numpy(v) for k, v in weights(config).items()}
    model.load_state_dict(start)
    return model


RACE = Race(
    "A training step (forward, backward, clipping, AdamW) of the same model, "
    "by model and threads; ratio: torch eager's time by this one's",
    models=[*MODELS],
    contenders=[
        "torch",
        "torch compiled",
        "numpy",
        "numpy replicas",
        "native",
    ],
    tolerance=1e-4,
    figure=lambda model, ms: {"ms": round(ms, 3)},
    worker=work,
)

if __name__ == "__main__":
    raise SystemExit(RACE.main(__doc__.splitlines()[0]))
