# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. 6145b4fa7a87
"""Measure this machine's roofline; draw it, or a recorded one."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from stopwatch import medians, record

SIZES = [1 << power for power in range(14, 28)]  # bytes read


def caches() -> dict[str, int]:
    """Bytes of each cache of data, if the system tells (Linux)."""
    found = {}
    folder = Path("/sys/devices/system/cpu/cpu0/cache")
    for cache in sorted(folder.glob("index*")):
        kind, level, size = (
            (cache / name).read_text().strip()
            for name in ("type", "level", "size")
        )
        if kind != "Instruction":
            found[f"L{level}"] = 1024 * int(size.removesuffix("K"))
    return found


def readings() -> dict[int, tuple[int, partial[Any]]]:
    """For each size how often it is read, and the work that reads."""
    x, y = np.ones((2, SIZES[-1] // 8), np.float32)
    found = {}
    for size in SIZES:
        times, n = max(1, x.nbytes // size), size // 8
        rows = np.broadcast_to(x[:n], (times, n))
        found[size] = times, partial(np.vecdot, rows, y[:n])
    return found


def kernels() -> dict[str, tuple[float, float, partial[Any]]]:
    """Operations a byte, operations, and the work itself."""
    x = np.ones((4096, 4096), np.float32)
    found = {"matvec": (1 / 2, 2.0 * x.size, partial(np.dot, x, x[0]))}
    for n in (16, 64, 256, 2048):
        square = x[:n, :n].copy()
        product = partial(np.matmul, square, square)
        found[f"matmul {n}"] = n / 6, 2.0 * n**3, product
    return found


def measure() -> dict[str, Any]:
    """Caches; (bytes, GB/s) of reading; (intensity, GFLOP/s)."""
    reads, works = readings(), kernels()
    time = medians({size: read for size, (_, read) in reads.items()})
    rates = [
        (size, round(times * size / time[size] / 1e9, 3))
        for size, (times, _) in reads.items()
    ]
    found: dict[str, Any] = {"caches": caches(), "bandwidth": rates}
    found["dot"] = 1 / 4, rates[-1][1] / 4
    spent = medians({name: work for name, (*_, work) in works.items()})
    for name, (intensity, flops, _) in works.items():
        found[name] = intensity, round(flops / spent[name] / 1e9, 3)
    return found


def draw(found: dict[str, Any]) -> None:
    """Print bandwidths, and the kernels with the roof over each."""
    found = dict(found)
    sizes, rates = found.pop("caches"), found.pop("bandwidth")
    memory, peak = rates[-1][1], max(v for _, v in found.values())
    for size, rate in rates[1::2]:
        fits = [name for name, room in sizes.items() if size < room]
        place = (fits or ["memory"])[0] if sizes else ""
        bar = "#" * round(rate / 5)
        print(f"{size >> 10:7,} KiB {rate:4.0f} GB/s {bar} {place}")
    print(f"\nmemory {memory:.0f} GB/s, peak {peak:.0f} GFLOP/s:")
    print(f"they meet at {peak / memory:.1f} operations a byte")
    print("\nkernel       op/byte  GFLOP/s    roof")
    for name, (intensity, speed) in found.items():
        roof = min(peak, memory * intensity)
        print(f"{name:12}{intensity:8.2f}{speed:9.1f}{roof:8.1f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--json"]:
        what = "ch03_roofline.py: GB/s and GFLOP/s, medians, one thread"
        print(record(what, measure()))
    elif sys.argv[1:]:
        draw(json.loads(Path(sys.argv[1]).read_text())["figures"])
    else:
        draw(measure())
