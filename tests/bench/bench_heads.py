"""Heads, distances, norms and windows over several seeds.

    PYTHONPATH=generated python tests/bench/bench_heads.py FILE [STAGE…]

Models of two layers learn the repeating rows of nand2llm.induction. All
stages, or those named, are written into the figures of FILE; chapter 15 reads
book/measurements/ch15-heads.json. Some minutes on one core, with
OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nand2llm import functional as F
from nand2llm.cache import Kept
from nand2llm.heads import SelfAttention
from nand2llm.induction import (
    LENGTH,
    Heads,
    fit,
    loss_of,
    recalled,
    right,
    rows,
)
from nand2llm.optim import AdamW
from nand2llm.positions import Rotary, angles
from nand2llm.tensor import Tensor, no_grad

sys.path.insert(0, str(Path(__file__).parents[2] / "generated" / "examples"))
from stopwatch import medians, record

STEPS, TAUGHT = 250, 40  # of training, and of more of it on long rows
SEEDS = range(3)
LONG = 128
BACKS = 6, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 120
NEAR = range(6, 21)
RATES = 0.003, 0.01, 0.03


def losses(
    model: Heads, rng: np.random.Generator, rate: float = 3e-3
) -> Iterator[float]:
    """Train without end; the loss before each step."""
    optimizer = AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    while True:
        loss = loss_of(model, rng)
        yield loss.item()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def by_groups(groups: int) -> list[list[float]]:
    """Right answers every hundred steps, for each seed."""
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        model, shares = Heads(2, 8, rng, kv_heads=groups), []
        for step, _ in zip(range(401), losses(model, rng), strict=False):
            if step % 100 == 0:
                shares.append(round(right(model), 3))
        found.append(shares)
    return found


def slowed(factor: float) -> Rotary:
    """Positions divided by a factor (Chen and others, 2023)."""
    rotary = Rotary(64, 8 * LENGTH)
    turned = angles(8 * LENGTH, 64) / factor
    rotary.cos, rotary.sin = np.cos(turned), np.sin(turned)
    return rotary


def far(model: Heads) -> list[float]:
    """Right answers in long rows, by how far back they are."""
    return [recalled(model, back, LONG) for back in BACKS]


def by_distance(seed: int) -> dict[str, list[float]]:
    """What becomes of a model asked beyond the distances it knows."""
    rng = np.random.default_rng(seed)
    model = Heads(2, 1, rng)
    fit(model, STEPS, rng)
    learned = model.state_dict()
    found: dict[str, list[float]] = {}
    factor = LONG // LENGTH
    ways = {
        "as it is": Rotary(64, 8 * LENGTH),
        "slowed": slowed(factor),
        "larger base": Rotary(64, 8 * LENGTH, 1e4 * factor ** (64 / 62)),
    }
    for name, rotary in ways.items():
        model.load_state_dict(learned)
        for layer in model.layers:
            layer.rotary = rotary
        found[f"{name}, untaught"] = far(model)
        fit(model, TAUGHT, np.random.default_rng(seed), LONG)
        found[name] = far(model)
    rng = np.random.default_rng(seed)
    model = Heads(2, 1, rng)
    model.layers[1].rotary = None
    fit(model, STEPS, rng)
    found["layer 2 without"] = far(model)
    return found


def largest(model: Heads, tokens: Any) -> float:
    """The largest score of two tokens, of either sign, in any layer."""
    x, found = model.tokens(tokens), []
    for layer in model.layers:
        inside = F.rms_norm(x)
        q, k, _ = (t.permute(0, 2, 1, 3).numpy() for t in layer.project(inside))
        found.append(np.abs(q @ k.swapaxes(-1, -2)).max() / layer.head**0.5)
        x = x + layer(inside)
    return round(float(max(found)), 2)


def growth(rate: float, qk_norm: bool, seed: int) -> dict[str, list[float]]:
    """The largest score every ten steps, and the loss then."""
    rng = np.random.default_rng(seed)
    model = Heads(2, 1, rng, qk_norm=qk_norm)
    tokens, _ = rows(16, np.random.default_rng(5))
    found: dict[str, list[float]] = {"scores": [], "losses": []}
    training = losses(model, rng, rate)
    for step, loss in zip(range(161), training, strict=False):
        if step % 10 == 0:
            with no_grad():
                found["scores"].append(largest(model, tokens))
            found["losses"].append(round(loss, 3))
    return found


def windows(sizes: tuple[int | None, int | None]) -> list[list[float]]:
    """Right answers by distance, for each seed."""
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        model = Heads(2, 1, rng)
        for layer, size in zip(model.layers, sizes, strict=True):
            layer.window = size
        fit(model, STEPS, rng)
        found.append([recalled(model, back, 40) for back in NEAR])
    return found


def decode() -> dict[str, list[float]]:
    """Milliseconds for the next token, without a cache and with."""
    rng = np.random.default_rng(0)
    layer = SelfAttention(256, 4, rng)
    x = Tensor(rng.standard_normal((1, 1024, 256), np.float32))
    times: dict[str, list[float]] = {"without": [], "with": []}
    for n in (16, 64, 256, 1024):
        kept = Kept((1, 1024, 4, 64))

        def again(n: int = n) -> None:
            layer(x[:, :n])

        def only(n: int = n, kept: Kept = kept) -> None:
            kept.n = n - 1
            layer(x[:, n - 1 : n], kept)

        with no_grad():
            took = medians({"without": again, "with": only})
        for name, seconds in took.items():
            times[name].append(round(1000 * seconds, 3))
    return times


def by_heads() -> dict[int, float]:
    """Milliseconds of attention, way back included, by number of heads."""
    rng = np.random.default_rng(0)
    parts = rng.standard_normal((3, 1, 256, 256), np.float32)

    def work(heads: int) -> None:
        qkv = (Tensor(p.reshape(1, 256, heads, -1), requires_grad=True) for p in parts)
        F.attention(*qkv).sum().backward()

    works = {n: lambda n=n: work(n) for n in (1, 2, 4, 8, 16, 32)}
    return {n: round(1000 * t, 3) for n, t in medians(works).items()}


STAGES: dict[str, Callable[[], Any]] = {
    "growth": lambda: {
        f"{rate} {name}": [growth(rate, norm, seed) for seed in SEEDS]
        for rate in RATES
        for name, norm in (("plain", False), ("normed", True))
    },
    "far": lambda: [by_distance(seed) for seed in SEEDS],
    "windows": lambda: {
        name: windows(sizes)
        for name, sizes in (
            ("no window", (None, None)),
            ("8 and 8", (8, 8)),
            ("2 and all", (2, None)),
        )
    },
    "groups": lambda: {str(n): by_groups(n) for n in (8, 2, 1)},
    "heads": by_heads,
    "decode": decode,
}


def main() -> None:
    """The stages, and the file written after each."""
    if len(sys.argv) < 2:
        sys.exit("usage: bench_heads.py FILE [STAGE…]")
    file = Path(sys.argv[1])
    figures: dict[str, Any] = {}
    if file.exists():
        figures = json.loads(file.read_text("utf-8"))["figures"]
    figures |= {"backs": BACKS, "near": list(NEAR)}
    for name in sys.argv[2:] or STAGES:
        print(name, flush=True)
        figures[name] = STAGES[name]()
        what = "bench_heads.py: the repeating rows, by seeds"
        file.write_text(record(what, figures) + "\n", "utf-8")


if __name__ == "__main__":
    main()
