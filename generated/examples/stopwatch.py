# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. 18b86bda6f77
"""Time pieces of work that take turns, and keep a record of it."""

import json
import statistics
from collections.abc import Callable, Hashable, Mapping
from datetime import date
from pathlib import Path
from platform import machine, python_version
from time import process_time
from typing import TypeVar

import numpy as np

Name = TypeVar("Name", bound=Hashable)


def spent(work: Callable[[], object], calls: int) -> float:
    """The processor's seconds for a call, averaged over some."""
    start = process_time()
    for _ in range(calls):
        work()
    return (process_time() - start) / calls


def medians(
    works: Mapping[Name, Callable[[], object]], rounds: int = 9
) -> dict[Name, float]:
    """Median seconds of each work; in a round they take turns."""
    calls = {k: 1 + int(0.01 / spent(w, 2)) for k, w in works.items()}
    times: dict[Name, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(spent(work, calls[name]))
    return {name: statistics.median(t) for name, t in times.items()}


def record(what: str, figures: object) -> str:
    """JSON for book/measurements: what was measured, where, when."""
    cpu, info = machine(), Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
    versions = f"Python {python_version()}, NumPy {np.__version__}"
    found = {
        "what": what,
        "machine": f"one {cpu} core, {versions}",
        "date": date.today().isoformat(),
        "figures": figures,
    }
    return json.dumps(found, indent=2)
