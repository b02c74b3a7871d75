"""Time operations on tensors beside PyTorch's.

    python tests/bench/bench_ops.py --torch PYTHON [--record FILE]

Two processes, one an engine, each on one thread, take turns: an operation at
one size, forward alone or forward and backward, first by the one and then by
the other, round after round, so that what else the machine does falls on both.
The figures are medians, in microseconds, and of the ratios of the turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from bench_tangle import machine

ROOT = Path(__file__).resolve().parents[2]
THREADS = ("OMP", "OPENBLAS", "MKL", "NAND2LLM")
SHAPES = ((), (64, 64), (1024, 1024))
OPERATIONS = ("add", "multiply", "exp", "tanh", "matmul", "softmax", "sum")
HELD = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # to older processors
TURN = 0.004  # seconds of repetitions in a turn

Task = Callable[[], Any]


def cases() -> list[tuple[str, tuple[int, ...], bool]]:
    """What is timed: an operation, a shape, and whether gradients too."""
    return [
        (name, shape, grad)
        for shape in SHAPES
        for name in OPERATIONS
        if shape or name not in ("matmul", "softmax", "sum")
        for grad in (False, True)
    ]


def formula(name: str, x: Any, y: Any) -> Task:
    """The operation on tensors of either engine."""
    return {
        "add": lambda: x + y,
        "multiply": lambda: x * y,
        "exp": lambda: x.exp(),
        "tanh": lambda: x.tanh(),
        "matmul": lambda: x @ y,
        "softmax": lambda: x.softmax(-1),
        "sum": lambda: x.sum(),
    }[name]


def engine(torch: bool, backend: str) -> None:
    """One of the two processes: told a case, it answers with a time."""
    import random

    if torch:
        import torch as their

        their.set_num_threads(1)
        version = their.__version__
    else:
        import nand2llm

        version = getattr(nand2llm, "__version__", "")
    print(json.dumps(version), flush=True)
    known: dict[str, tuple[Task, int]] = {}
    for line in sys.stdin:
        if line not in known:
            name, shape, grad = json.loads(line)
            chance = random.Random(7)

            def numbers(shape: list[int], chance: Any = chance) -> Any:
                if not shape:
                    return chance.random()
                return [numbers(shape[1:]) for _ in range(shape[0])]

            if torch:
                x, y, ones = (
                    their.tensor(numbers(shape), requires_grad=grad)
                    for _ in range(3)
                )
                ones = ones.detach()
            else:
                from nand2llm.tensor import Tensor

                x, y, ones = (
                    Tensor(numbers(shape), requires_grad=grad, backend=backend)
                    for _ in range(3)
                )
                ones = ones.detach()
            known.clear()
            task = formula(name, x, y)
            if grad:
                task = with_gradient(task, x, y, ones, name)
            known[line] = (task, repetitions(task))
        task, n = known[line]
        print(json.dumps(timed(task, n)), flush=True)


def with_gradient(forward: Task, x: Any, y: Any, ones: Any, name: str) -> Task:
    """Forward, and back to new gradients of the inputs."""

    def both() -> None:
        x.grad = y.grad = None
        result = forward()
        result.backward(ones if result.shape else None)

    return both


def timed(task: Task, n: int) -> float:
    """Microseconds of one repetition."""
    start = time.perf_counter()
    for _ in range(n):
        task()
    return 1e6 * (time.perf_counter() - start) / n


def repetitions(task: Task) -> int:
    """How many of them fill a turn."""
    task()
    return max(1, int(TURN / (timed(task, 3) / 1e6)))


class Process:
    """An engine, and what it said."""

    def __init__(self, python: str, *flags: str) -> None:
        env = {f"{name}_NUM_THREADS": "1" for name in THREADS}
        env |= {"NAND2LLM_THREADS": "1", "PYTHONPATH": str(ROOT / "generated")}
        free = {k: v for k, v in os.environ.items() if k not in HELD}
        self.pipe = subprocess.Popen(
            [python, __file__, "--engine", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=free | env,
        )
        self.version = self.answer()

    def answer(self) -> Any:
        """What it says next."""
        line = self.pipe.stdout.readline()
        if not line:
            sys.exit("bench: an engine stopped; its message is above")
        return json.loads(line)

    def time(self, case: Any) -> float:
        """Microseconds for one of a case."""
        self.pipe.stdin.write(json.dumps(case) + "\n")
        self.pipe.stdin.flush()
        return self.answer()


def main() -> None:
    """Measure, print the table, record it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torch", metavar="PYTHON")
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.engine:
        engine(given.torch == "it", given.backend)
        return
    ours = Process(sys.executable, "--backend", given.backend)
    theirs = Process(given.torch or sys.executable, "--torch", "it")
    what = (
        f"microseconds, ours ({given.backend}) and PyTorch {theirs.version}'s, "
        "and the median ratio theirs/ours; one thread each"
    )
    figures: dict[str, list[float]] = {}
    print(f"{what}\n\n{'':<28}{'ours':>10}{'theirs':>10}{'ratio':>8}")
    for name, shape, grad in cases():
        both = [
            (ours.time((name, shape, grad)), theirs.time((name, shape, grad)))
            for _ in range(given.rounds)
        ]
        mine, other = (statistics.median(times) for times in zip(*both, strict=True))
        ratio = statistics.median(b / a for a, b in both)
        key = f"{name} {shape}" + (" gradient" if grad else "")
        figures[key] = [round(mine, 2), round(other, 2), round(ratio, 2)]
        print(f"{key:<28}{mine:>10.2f}{other:>10.2f}{ratio:>8.2f}")
    if given.record:
        record = {"what": what, "machine": machine()}
        record |= {"date": date.today().isoformat(), "figures": figures}
        text = json.dumps(record, indent=2, ensure_ascii=False)
        given.record.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
