# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. 93b43d77ef19
"""Measure this machine's roofline; draw it, or a recorded one."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np


def spent(work: Callable[[], object], calls: int) -> float:
    """The processor's seconds for a call, averaged over some."""
    start = process_time()
    for _ in range(calls):
        work()
    return (process_time() - start) / calls


def medians(
    works: dict[str, Callable[[], object]], rounds: int = 9
) -> dict[str, float]:
    """Median seconds of each work; in a round they take turns."""
    calls = {k: 1 + int(0.01 / spent(w, 2)) for k, w in works.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(spent(work, calls[name]))
    return {name: statistics.median(t) for name, t in times.items()}


def measure() -> dict[str, list[list[float]] | list[float]]:
    """(bytes, GB/s) of reading; (intensity, GFLOP/s) of kernels."""
    x, y = np.ones((2, 1 << 25), np.float32)
    a, v = x.reshape(4096, 8192), y[:8192]
    sizes = [1 << power for power in range(15, 28)]
    read = {str(n): x[: n // 4].max for n in sizes}
    work = {"dot": lambda: x @ y, "matvec": lambda: a @ v}
    cost = {"dot": (1 / 4, 2 * x.size), "matvec": (1 / 2, 2 * x.size)}
    for n in (16, 64, 256, 2048):
        square = x[: n * n].reshape(n, n)
        work[f"matmul {n}"] = partial(np.matmul, square, square)
        cost[f"matmul {n}"] = n / 6, 2 * n**3
    time = medians(read | work)
    rates = [[float(n), n / time[str(n)] / 1e9] for n in sizes]
    speeds = {
        name: [intensity, flops / time[name] / 1e9]
        for name, (intensity, flops) in cost.items()
    }
    return {"bandwidth": rates, **speeds}


def draw(found: dict) -> None:
    """Print bandwidths, and the kernels with the roof over each."""
    rates = found["bandwidth"]
    kernels = {k: v for k, v in found.items() if k != "bandwidth"}
    memory = rates[-1][1]
    peak = max(speed for _, speed in kernels.values())
    for size, rate in rates[::2]:
        bar = "#" * round(rate / 5)
        print(f"{size / 1024:9,.0f} KiB {rate:5.0f} GB/s {bar:.40}")
    print(f"\nmemory {memory:.0f} GB/s, peak {peak:.0f} GFLOP/s:")
    print(f"they meet at {peak / memory:.1f} operations a byte")
    print("\nkernel       op/byte  GFLOP/s    roof")
    for name, (intensity, speed) in kernels.items():
        roof = min(peak, memory * intensity)
        print(f"{name:12}{intensity:8.2f}{speed:9.1f}{roof:8.1f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--json"]:
        print(json.dumps(measure(), indent=2))
    elif sys.argv[1:]:
        draw(json.loads(Path(sys.argv[1]).read_text())["figures"])
    else:
        draw(measure())
