"""Time training steps of the engine beside PyTorch's, loss for loss.

    python tests/bench/bench_train.py [--models mlp-nano ...] [--threads 1 2]
        [--rounds 5] [--seconds 3] [--avx2] [--json FILE [--add]]
        [--through COMMAND]

Needs an interpreter with NumPy and PyTorch: `make bench-train` has one. Both
sides start from the same weights and see the same batches; the losses of their
first five steps must agree to 1e-4 before anything is timed. Every timing is a
process of its own, and the contenders take turns, so that what else the machine
does falls on all of them. A contender's figure is the median of its processes'
medians, its ratio the median over the rounds of torch's time by its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONTENDERS = ("torch", "torch compiled", "numpy", "numpy replicas", "native")
STEPS = 5  # whose losses are compared
TOLERANCE = 1e-4
DECAY, BETAS, RATE = 0.1, (0.9, 0.99), 1e-3

Step = Callable[[], float]
Weights = dict[str, Any]


@dataclass(frozen=True)
class MLP:
    """Layers with GELU between them; a batch of vectors, ten classes."""

    widths: tuple[int, ...]
    batch: int


@dataclass(frozen=True)
class GPT:
    """A transformer: vocabulary V, T places, width d, L blocks, H heads."""

    V: int
    T: int
    d: int
    L: int
    H: int
    batch: int


MODELS: dict[str, MLP | GPT] = {
    "mlp-nano": MLP((64, 128, 128, 10), 64),
    "mlp-tiny": MLP((784, 512, 512, 10), 128),
    "mlp-small": MLP((1024, 2048, 2048, 10), 256),
    "gpt-nano": GPT(V=65, T=64, d=64, L=2, H=4, batch=32),
    "gpt-tiny": GPT(V=65, T=64, d=128, L=4, H=4, batch=12),
    "gpt-small": GPT(V=4096, T=256, d=256, L=6, H=8, batch=16),
}


def main() -> int:
    """Compare, print and record."""
    options = parsed()
    if options.worker:
        work(*options.worker, options.seconds)
        return 0
    figures = known(options)
    for model in options.models:
        for threads in options.threads:
            figures[f"{model}, {threads}"] = race(model, threads, options)
            if options.json:
                record(options, figures)
    return 0


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", default=[*MODELS], choices=MODELS
    )
    parser.add_argument(
        "--contenders", nargs="+", default=[*CONTENDERS], choices=CONTENDERS
    )
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument(
        "--avx2", action="store_true", help="hold everybody to AVX2"
    )
    parser.add_argument("--json", type=Path, help="record the figures here")
    parser.add_argument(
        "--add", action="store_true", help="keep the figures that are there"
    )
    parser.add_argument(
        "--through", default="", help="what starts each process (taskset …)"
    )
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def race(
    model: str, threads: int, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Let the contenders take turns; print and return their figures."""
    shown = [
        who
        for who in options.contenders
        if threads > 1 or who != "numpy replicas"
    ]
    runs: dict[str, list[dict[str, Any]]] = {who: [] for who in shown}
    for _ in range(options.rounds):
        for who in shown:
            runs[who].append(timed(who, model, threads, options))
            agree(model, who, runs[who][-1], runs[shown[0]][0])
    figures = {}
    for who, results in runs.items():
        ratio = statistics.median(
            first["ms"] / mine["ms"]
            for first, mine in zip(runs[shown[0]], results, strict=True)
        )
        figures[who] = {
            "ms": round(statistics.median(r["ms"] for r in results), 3),
            "ratio": round(ratio, 2),
            "peak MB": round(statistics.median(r["MB"] for r in results)),
        }
        print(
            f"{model:10} {threads} {who:15}", *figures[who].values(), flush=True
        )
    return figures


def timed(
    who: str, model: str, threads: int, options: argparse.Namespace
) -> dict[str, Any]:
    """One process: its first losses, milliseconds a step, megabytes."""
    command = [sys.executable, __file__, "--worker", who, model, str(threads)]
    command += ["--seconds", str(options.seconds)]
    done = subprocess.run(
        [*shlex.split(options.through), *command],
        env=surroundings(who, threads, options.avx2),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{who} on {model}:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def surroundings(who: str, threads: int, avx2: bool) -> dict[str, str]:
    """The environment: as many threads as allowed, the same for all."""
    blas = 1 if who == "numpy replicas" else threads
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    env = os.environ | dict.fromkeys(names, str(blas))
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        env.pop(name, None)  # NumPy too may use what the processor has
    env |= {
        "PYTHONPATH": str(ROOT / "generated"),
        "NAND2LLM_THREADS": str(threads),
        "NAND2LLM_BACKEND": "native" if who == "native" else "numpy",
    }
    if avx2:
        env |= {
            "OPENBLAS_CORETYPE": "Haswell",
            "NAND2LLM_NATIVE_LEVEL": "v3",
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        }
    return env


def agree(
    model: str, who: str, mine: dict[str, Any], first: dict[str, Any]
) -> None:
    """Stop unless the losses of the first steps are the same."""
    pairs = list(zip(mine["losses"], first["losses"], strict=True))
    if max(abs(a - b) for a, b in pairs) > TOLERANCE:
        sys.exit(f"{who} on {model}: the losses differ: {pairs}")


def known(options: argparse.Namespace) -> dict[str, Any]:
    """The figures to begin with: none, or those of the file."""
    if not (options.add and options.json and options.json.is_file()):
        return {}
    found: dict[str, Any] = json.loads(options.json.read_text())["figures"]
    return found


def record(options: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Write what is known so far.

    Nothing large is imported here: a process begins with the peak memory
    of the one that started it.
    """
    found = {
        "what": "A training step (forward, backward, clipping, AdamW) of the "
        "same model, by model and threads; ratio: torch eager's time "
        "by this one's",
        "machine": f"{processor()}, {os.cpu_count()} logical processors",
        "date": date.today().isoformat(),
        "versions": f"Python {platform.python_version()}, "
        f"NumPy {version('numpy')}, PyTorch {version('torch')}",
        "instructions": "AVX2" if options.avx2 else "all",
        "rounds": options.rounds,
        "figures": {
            key: figures[key]
            for model in MODELS
            for key in sorted(figures)
            if key.startswith(model)
        },
    }
    options.json.write_text(json.dumps(found, indent=2) + "\n")


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(": ")[1] for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


# What a worker does --------------------------------------------------


def work(who: str, model: str, threads: str, seconds: float) -> None:
    """Train; print losses, median milliseconds and peak megabytes."""
    config = MODELS[model]
    inputs, targets = batch(config)
    make = torch_step if who.startswith("torch") else our_step
    step = make(who, config, int(threads), inputs, targets)
    losses = [step() for _ in range(STEPS)]
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak /= 1024 if sys.platform == "linux" else 1024**2
    ms = statistics.median(times) * 1e3
    print(json.dumps({"losses": losses, "ms": ms, "MB": peak}))


def batch(config: MLP | GPT) -> tuple[Any, Any]:
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


def weights(config: MLP | GPT) -> Weights:
    """The numbers to start from, by name, the same for both sides."""
    import numpy as np

    rng = np.random.default_rng(1)

    def normal(*shape: int, std: float) -> Any:
        return rng.standard_normal(shape, np.float32) * np.float32(std)

    if isinstance(config, MLP):
        found = {}
        for i, (n, m) in enumerate(pairwise(config.widths)):
            found[f"layers.{i}.weight"] = normal(m, n, std=n**-0.5)
            found[f"layers.{i}.bias"] = np.zeros(m, np.float32)
        return found
    d, std = config.d, 0.02
    last = std / math.sqrt(2 * config.L)
    found = {"wte.weight": normal(config.V, d, std=std)}
    found["wpe.weight"] = normal(config.T, d, std=std)
    for i in range(config.L):
        found |= {
            f"blocks.{i}.ln1.weight": np.ones(d, np.float32),
            f"blocks.{i}.ln2.weight": np.ones(d, np.float32),
            f"blocks.{i}.qkv.weight": normal(3 * d, d, std=std),
            f"blocks.{i}.out.weight": normal(d, d, std=last),
            f"blocks.{i}.up.weight": normal(4 * d, d, std=std),
            f"blocks.{i}.down.weight": normal(d, 4 * d, std=last),
        }
    return found | {"ln.weight": np.ones(d, np.float32)}


def groups(parameters: list[Any]) -> list[dict[str, Any]]:
    """Matrices decay, vectors don't."""
    return [
        {
            "params": [p for p in parameters if p.ndim == 2],
            "weight_decay": DECAY,
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]


def our_step(
    who: str, config: MLP | GPT, threads: int, inputs: Any, targets: Any
) -> Step:
    """A step of the book's engine."""
    import numpy as np

    from nand2llm.optim import AdamW

    model = our_model(config, np.random.default_rng(0))
    model.load_state_dict(weights(config))
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


def our_model(config: MLP | GPT, rng: Any) -> Any:
    """The model in the book's layers; called with inputs and targets."""
    from nand2llm import functional as F
    from nand2llm.nn import Embedding, LayerNorm, Linear, Module
    from nand2llm.tensor import Tensor

    class OurMLP(Module):
        def __init__(self, c: MLP) -> None:
            pairs = pairwise(c.widths)
            self.layers = [Linear(n, m, rng) for n, m in pairs]

        def forward(self, x: Any, targets: Any) -> Tensor:
            x = Tensor(x)
            for layer in self.layers[:-1]:
                x = F.gelu(layer(x))
            return F.cross_entropy(self.layers[-1](x), targets)

    class Block(Module):
        def __init__(self, c: GPT) -> None:
            self.heads, d = c.H, c.d
            self.ln1 = LayerNorm(d, bias=False)
            self.ln2 = LayerNorm(d, bias=False)
            self.qkv = Linear(d, 3 * d, rng, bias=False)
            self.out = Linear(d, d, rng, bias=False)
            self.up = Linear(d, 4 * d, rng, bias=False)
            self.down = Linear(4 * d, d, rng, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            B, T, C = x.shape
            split = (B, T, self.heads, C // self.heads)
            parts = self.qkv(self.ln1(x)).split([C, C, C])
            q, k, v = (part.reshape(split) for part in parts)
            x = x + self.out(F.attention(q, k, v).reshape((B, T, C)))
            return x + self.down(F.gelu(self.up(self.ln2(x))))

    class OurGPT(Module):
        def __init__(self, c: GPT) -> None:
            self.wte = Embedding(c.V, c.d, rng)
            self.wpe = Embedding(c.T, c.d, rng)
            self.blocks = [Block(c) for _ in range(c.L)]
            self.ln = LayerNorm(c.d, bias=False)

        def forward(self, i: Any, targets: Any) -> Tensor:
            x = self.wte(i) + self.wpe.weight
            for block in self.blocks:
                x = block(x)
            return F.cross_entropy(
                F.linear(self.ln(x), self.wte.weight), targets
            )

    return OurMLP(config) if isinstance(config, MLP) else OurGPT(config)


def torch_step(
    who: str, config: MLP | GPT, threads: int, inputs: Any, targets: Any
) -> Step:
    """A step of PyTorch's, with its fused optimizer."""
    import torch

    torch.set_num_threads(threads)
    model = torch_model(config)
    start = {k: torch.from_numpy(v) for k, v in weights(config).items()}
    model.load_state_dict(start)
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


def torch_model(config: MLP | GPT) -> Any:
    """The same model in PyTorch's layers, under the same names."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class TorchMLP(nn.Module):
        def __init__(self, c: MLP) -> None:
            super().__init__()
            pairs = pairwise(c.widths)
            self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in pairs)

        def forward(self, x: Any, targets: Any) -> Any:
            for layer in self.layers[:-1]:
                x = F.gelu(layer(x), approximate="tanh")
            return F.cross_entropy(self.layers[-1](x), targets)

    class Block(nn.Module):
        def __init__(self, c: GPT) -> None:
            super().__init__()
            self.heads, d = c.H, c.d
            self.ln1 = nn.LayerNorm(d, bias=False)
            self.ln2 = nn.LayerNorm(d, bias=False)
            self.qkv = nn.Linear(d, 3 * d, bias=False)
            self.out = nn.Linear(d, d, bias=False)
            self.up = nn.Linear(d, 4 * d, bias=False)
            self.down = nn.Linear(4 * d, d, bias=False)

        def forward(self, x: Any) -> Any:
            B, T, C = x.shape
            split = (B, T, self.heads, C // self.heads)
            parts = self.qkv(self.ln1(x)).split(C, dim=2)
            q, k, v = (part.view(split).transpose(1, 2) for part in parts)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(B, T, C))
            return x + self.down(
                F.gelu(self.up(self.ln2(x)), approximate="tanh")
            )

    class TorchGPT(nn.Module):
        def __init__(self, c: GPT) -> None:
            super().__init__()
            self.wte = nn.Embedding(c.V, c.d)
            self.wpe = nn.Embedding(c.T, c.d)
            self.blocks = nn.ModuleList(Block(c) for _ in range(c.L))
            self.ln = nn.LayerNorm(c.d, bias=False)

        def forward(self, i: Any, targets: Any) -> Any:
            x = self.wte(i) + self.wpe.weight
            for block in self.blocks:
                x = block(x)
            logits = F.linear(self.ln(x), self.wte.weight)
            return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    torch.manual_seed(0)
    return TorchMLP(config) if isinstance(config, MLP) else TorchGPT(config)


if __name__ == "__main__":
    raise SystemExit(main())
