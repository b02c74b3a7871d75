"""What the races have in common: processes that take turns, and a record.

A contender's timing is a process of its own, so that nobody's threads, caches
or memory are in another's way, and the contenders take turns, so that what else
the machine does falls on all of them. A contender's figure is the median of its
processes' medians, its ratio the median over the rounds of the first's time by
its own.

Nothing large is imported here: a process begins with the peak memory of the one
that started it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Worker = Callable[[str, str, int, float], None]


@dataclass(frozen=True)
class Race:
    """Who races over what; the first contender is the measure.

    `figure` makes the figures to be shown of the milliseconds a step; what
    the workers compute may differ by `tolerance`.
    """

    what: str
    models: Sequence[str]
    contenders: Sequence[str]
    tolerance: float
    figure: Callable[[str, float], dict[str, float]]
    worker: Worker

    def main(self, description: str) -> int:
        """Compare, print and record, as the command line says."""
        options = self.parsed(description)
        if options.worker:
            who, model, threads = options.worker
            self.worker(who, model, int(threads), options.seconds)
            return 0
        figures = known(options)
        for model in options.models:
            for threads in options.threads:
                found = self.run(model, threads, options)
                figures[f"{model}, {threads}"] = found
                if options.json:
                    self.record(options, figures)
        return 0

    def parsed(self, description: str) -> argparse.Namespace:
        """The command line."""
        parser = argparse.ArgumentParser(description=description)
        add = parser.add_argument
        add("--models", nargs="+", default=[*self.models], choices=self.models)
        add(
            "--contenders",
            nargs="+",
            default=[*self.contenders],
            choices=self.contenders,
        )
        add("--threads", nargs="+", type=int, default=[1, 2])
        add("--rounds", type=int, default=5)
        add("--seconds", type=float, default=3.0)
        add("--avx2", action="store_true", help="hold everybody to AVX2")
        add("--json", type=Path, help="record the figures here")
        add("--add", action="store_true", help="keep the figures there are")
        add("--through", default="", help="what starts each process (taskset …)")
        add("--worker", nargs=3, help=argparse.SUPPRESS)
        return parser.parse_args()

    def run(
        self, model: str, threads: int, options: argparse.Namespace
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
                self.agree(model, who, runs[who][-1], runs[shown[0]][0])
        figures = {}
        for who, results in runs.items():
            ratio = statistics.median(
                first["ms"] / mine["ms"]
                for first, mine in zip(runs[shown[0]], results, strict=True)
            )
            ms = statistics.median(r["ms"] for r in results)
            figures[who] = self.figure(model, ms) | {
                "ratio": round(ratio, 2),
                "peak MB": round(statistics.median(r["MB"] for r in results)),
            }
            print(
                f"{model:12} {threads} {who:15}",
                *figures[who].values(),
                flush=True,
            )
        return figures

    def agree(
        self, model: str, who: str, mine: dict[str, Any], first: dict[str, Any]
    ) -> None:
        """Stop unless both computed the same."""
        pairs = list(zip(mine["numbers"], first["numbers"], strict=True))
        if max(abs(a - b) for a, b in pairs) > self.tolerance:
            sys.exit(f"{who} on {model}: the results differ: {pairs}")

    def record(
        self, options: argparse.Namespace, figures: dict[str, Any]
    ) -> None:
        """Write what is known so far."""
        found = {
            "what": self.what,
            "machine": f"{processor()}, {os.cpu_count()} logical processors",
            "date": date.today().isoformat(),
            "versions": versions("numpy", "torch"),
            "instructions": "AVX2" if options.avx2 else "all",
            "rounds": options.rounds,
            "figures": {
                key: figures[key]
                for model in self.models
                for key in sorted(figures)
                if key.startswith(f"{model}, ")
            },
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")


def timed(
    who: str, model: str, threads: int, options: argparse.Namespace
) -> dict[str, Any]:
    """One process: what it computed, milliseconds a step, megabytes."""
    command = [sys.executable, sys.argv[0], "--worker", who, model]
    command += [str(threads), "--seconds", str(options.seconds)]
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
        "NAND2LLM_BACKEND": "native" if who.startswith("native") else "numpy",
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


def known(options: argparse.Namespace) -> dict[str, Any]:
    """The figures to begin with: none, or those of the file."""
    if not (options.add and options.json and options.json.is_file()):
        return {}
    found: dict[str, Any] = json.loads(options.json.read_text())["figures"]
    return found


def processor() -> str:
    """The processor's name, and its generation where the name hides it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.partition(":")[::2] for line in lines if ":" in line)
    told = {name.strip(): value.strip() for name, value in pairs}
    if "model name" not in told:
        return platform.machine()
    family, model = (told.get(word, "?") for word in ("cpu family", "model"))
    return f"{told['model name']} (family {family}, model {model})"


def versions(*packages: str) -> str:
    """Of Python, and of what raced on it."""
    found = [f"Python {platform.python_version()}"]
    return ", ".join(found + [f"{name} {version(name)}" for name in packages])


# What a worker does --------------------------------------------------


def report(
    numbers: Iterable[float], step: Callable[[], object], seconds: float, steps: int = 1
) -> None:
    """Time a step, which is so many; print that, with what was computed."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak /= 1024 if sys.platform == "linux" else 1024**2
    ms = statistics.median(times) * 1e3 / steps
    print(json.dumps({"numbers": [*numbers], "ms": ms, "MB": peak}))
