# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. 75d6446ff517
"""Train the models that chapter 17 compares; a record of each.

    python generated/examples/ch17_runs.py NAME ...
    python generated/examples/ch17_runs.py --time
    python generated/examples/ch17_runs.py --collect

Each run has its file in build/gpt-runs, and isn't made twice.
--collect brings those that are there into the record, and the model
of the run "tinygpt" into book/data. --time measures steps of the
ladder's recipes, on a machine with nothing else to do. Without
arguments the names are listed.
"""

import json
import os
import statistics
import sys
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from stopwatch import record

from nand2llm import backends
from nand2llm import functional as F
from nand2llm.gpt import modern
from nand2llm.pretrain import (
    Recipe,
    Run,
    bits,
    load,
    recipes,
    save,
    texts,
    token_file,
    written,
)
from nand2llm.tensor import Tensor

KEPT = Path("build/gpt-runs")
RECORD = Path("book/measurements/ch17-runs.json")
TIMES = Path("book/measurements/ch17-times.json")
BOOK = Path("book/data/tinygpt")


def plan() -> dict[str, Recipe]:
    """All runs by name."""
    known, found = recipes(), {}
    for name, tables in (("bytes", 1), ("gpt2", 1), ("modern", 10)):
        for rate in (1e-3, 3e-3, 1e-2, 3e-2):
            found[f"sweep {name} {rate:g}"] = replace(
                known[name], steps=150, lr=rate, table_lr=tables * rate
            )
    for rate in (0.01, 0.02, 0.04):
        found[f"sweep muon {rate:g}"] = replace(
            known["muon"], steps=150, matrix_lr=rate
        )
    for seed in (17, 18):
        for name in ("bytes", "gpt2", "modern", "muon"):
            found[f"{name} {seed}"] = replace(known[name], seed=seed)
    found["too fast"] = replace(
        known["gpt2"], steps=150, lr=0.1, table_lr=0.1
    )
    found["longer"] = replace(known["muon"], steps=2000)
    best = found["tinygpt"] = known["tinygpt"]
    config = replace(best.config, dropout=0.2)
    found["more dropout"] = replace(best, config=config)
    return found | sizes()


def sizes() -> dict[str, Recipe]:
    """Three sizes of one design, on bytes, and nothing else differs."""
    found = {}
    for name, layers, width, steps in (
        ("nano", 2, 32, 100),
        ("small", 4, 64, 300),
        ("medium", 6, 128, 1000),
    ):
        config = modern(
            256,
            n_layer=layers,
            n_head=width // 32,
            width=width,
            hidden=2 * width,
            context=128,
        )
        found[f"size {name}"] = replace(
            recipes()["muon"], config=config, steps=steps
        )
    return found


def made(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The figures of a run; its model is kept in a folder."""
    run, start = Run(recipe), process_time()
    path = Path(run.folder.name, "seen")
    seen = token_file(path, texts("learn")[:20], run.tokenizer)
    losses: list[float] = []
    curve, held, samples = [], [], []
    steps = recipe.steps
    while run.done < steps:
        losses.append(run.step())
        if run.done % 10 == 0:
            mean = float(np.mean(losses[-10:]))
            curve.append((run.done, round(mean, 4)))
        if run.done % 50 == 0 or run.done == steps:
            both = (
                bits(run.model, run.tokenizer, file)
                for file in (run.files["judge"], seen)
            )
            held.append((run.done, *(round(b, 4) for b in both)))
        if run.done in (steps // 20, steps // 4, steps):
            said = written(
                run.model, run.tokenizer, "The gradient of ", 80
            )
            samples.append((run.done, said))
    seconds = round(process_time() - start)
    save(run.model, run.tokenizer, folder)
    return {
        "recipe": asdict(recipe),
        "numbers": sum(p.size for p in run.model.parameters()),
        "tokens": recipe.tokens,
        "multiplications": recipe.multiplications,
        "bits": held[-1][1],
        "processor's seconds": seconds,
        "losses": curve,
        "held out, seen": held,
        "samples": samples,
    }


def times(recipe: Recipe, steps: int = 30) -> dict[str, float]:
    """Median milliseconds of a step and of its parts."""
    run = Run(recipe)
    found: list[list[float]] = []
    for done in range(3 + steps):
        clock = [perf_counter()]
        inputs, targets = next(run.batches)
        clock.append(perf_counter())
        loss = F.cross_entropy(run.model(inputs), targets)
        clock.append(perf_counter())
        loss.backward()
        clock.append(perf_counter())
        for optimizer in run.optimizers:
            optimizer.clip(recipe.clip)
            optimizer.step()
            optimizer.zero_grad()
        clock.append(perf_counter())
        if done >= 3:
            found.append([*np.diff(clock), clock[-1] - clock[0]])
    parts = ("batch", "forward", "backward", "optimizer", "step")
    medians = map(statistics.median, zip(*found, strict=True))
    return {
        part: round(1000 * float(m), 2)
        for part, m in zip(parts, medians, strict=True)
    }


def product(size: int = 1024) -> float:
    """Multiplications a second of two large tables, in 10⁹."""
    x = Tensor(np.ones((size, size), np.float32))
    spent = []
    for _ in range(20):
        start = perf_counter()
        x @ x
        spent.append(perf_counter() - start)
    return round(size**3 / statistics.median(spent) / 1e9, 1)


def timed() -> dict[str, dict[str, float]]:
    """Times of the ladder, on this backend with these threads."""
    threads = os.environ.get("NAND2LLM_THREADS", os.cpu_count())
    where = f"{backends.get().name}, {threads}"
    found = {f"{k}, {where}": times(r) for k, r in recipes().items()}
    return found | {f"product, {where}": {"10⁹ a second": product()}}


def recorded(path: Path) -> dict[str, Any]:
    """The figures of a record, if there is one."""
    if not path.exists():
        return {}
    figures: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return figures["figures"]


def collect() -> None:
    """Bring what was made into the record, and the book's model."""
    figures = recorded(RECORD)
    for path in sorted(KEPT.glob("*.json")):
        figures[path.stem] = json.loads(path.read_text("utf-8"))
    if (KEPT / "tinygpt.json").exists():
        figures["tinygpt"]["bits in float16"] = halved()
    figures = {k: figures[k] for k in plan() if k in figures}
    text = record("ch17_runs.py: runs on the frozen book", figures)
    RECORD.write_text(text + "\n", "utf-8")


def halved() -> float:
    """Keep the book's model in half of its bytes; judge it again."""
    save(*load(KEPT / "tinygpt"), BOOK)
    path = BOOK / "model.safetensors"
    half = {k: x.astype(np.float16) for k, x in load_file(path).items()}
    save_file(half, path, {"format": "pt"})
    judge = Run(recipes()["tinygpt"]).files["judge"]
    return round(bits(*load(BOOK), judge), 5)


def main() -> None:
    """As the command line says."""
    KEPT.mkdir(parents=True, exist_ok=True)
    asked = sys.argv[1:]
    if not asked:
        print("runs: " + ", ".join(plan()))
    elif asked == ["--collect"]:
        collect()
    elif asked == ["--time"]:
        figures = recorded(TIMES) | timed()
        text = record("ch17_runs.py --time: ms of a step", figures)
        TIMES.write_text(text + "\n", "utf-8")
    else:
        make(asked)


def make(names: list[str]) -> None:
    """Make those of the runs that aren't there yet."""
    wanted = plan()
    for name in names:
        if name not in wanted:
            sys.exit(f"no run {name!r}; there are {', '.join(wanted)}")
        path = KEPT / f"{name}.json"
        if not path.exists():
            figures = made(wanted[name], KEPT / name)
            path.write_text(json.dumps(figures), "utf-8")
            print(f"{name}: {figures['bits']:.3f} bits", flush=True)


if __name__ == "__main__":
    main()
