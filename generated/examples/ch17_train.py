# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. 77146cba98a7
"""Train TinyGPT on the text of this book: `make gpt`.

    python generated/examples/ch17_train.py
        [--recipe tinygpt] [--steps 1000] [--folder build/gpt]

The folder gets the model, its tokenizer, what it wrote on the way,
and the curve. Ctrl-C ends the run early; what it has learned is kept.
"""

import argparse
import json
import os
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from nand2llm.backends import MissingBackend, using
from nand2llm.evaluate import baselines
from nand2llm.pretrain import Run, recipes, save, written

PROMPTS = "The gradient of ", "def forward(self", "## What is a "


def backend() -> str:
    """The one that's asked for, else the fastest that's here."""
    if name := os.environ.get("NAND2LLM_BACKEND"):
        return name
    with suppress(MissingBackend), using("native"):
        return "native"
    return "numpy"


class Told:
    """What is known of a run so far, step by step."""

    def __init__(self, run: Run) -> None:
        self.run, self.start = run, perf_counter()
        self.losses: list[float] = []  # nats for a token
        self.bits: dict[int, float] = {}  # by step, held out
        self.samples: dict[int, list[str]] = {}
        steps = run.recipe.steps
        self.every = max(20, steps // 20)
        self.stages = {max(1, steps // 20), max(1, steps // 4), steps}

    def step(self) -> None:
        """One step, and at times a look at where it has got to."""
        self.losses.append(self.run.step())
        done = self.run.done
        if done % self.every == 0 or done == self.run.recipe.steps:
            self.bits[done] = self.run.bits()
        if done in self.stages:
            self.samples[done] = [
                written(self.run.model, self.run.tokenizer, prompt)
                for prompt in PROMPTS
            ]

    def line(self) -> str:
        """Loss and bits, in words."""
        last = self.losses[-self.every :]
        held = f"{[*self.bits.values()][-1]:.3f}" if self.bits else "…"
        return (
            f"loss {sum(last) / len(last):.3f}, held out {held} bits "
            "a byte"
        )


def bar(steps: int) -> Any:
    """A progress bar, if this is a terminal that can show one."""
    with suppress(ImportError):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console()
        if console.is_terminal:
            return Progress(
                BarColumn(24),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=console,
            )
    return None


def follow(told: Told) -> None:
    """Make all steps, and show them."""
    run, shown = told.run, bar(told.run.recipe.steps)
    steps, seen = run.recipe.steps, 0
    if shown is None:
        while run.done < steps:
            told.step()
            if run.done in told.bits:
                print(f"step {run.done:5}: {told.line()}", flush=True)
        return
    with shown:
        task = shown.add_task("", total=steps)
        while run.done < steps:
            told.step()
            shown.update(task, advance=1, description=told.line())
            if len(told.samples) > seen:
                seen = len(told.samples)
                sample = told.samples[run.done][0]
                shown.console.print(
                    f"\n{sample}\n", markup=False, highlight=False
                )


def keep(told: Told, folder: Path) -> Path:
    """Write all of it; where a longer run lies, beside that."""
    run, log = told.run, folder / "log.json"
    if log.exists() and json.loads(log.read_text("utf-8"))[
        "steps"
    ] > run.done:
        print(f"{folder} keeps its longer run;", end=" ")
        folder = folder.with_name(f"{folder.name}-{run.done}")
    save(run.model, run.tokenizer, folder)
    record = {
        "recipe": asdict(run.recipe),
        "steps": run.done,
        "seconds": round(perf_counter() - told.start, 1),
        "losses": [round(loss, 4) for loss in told.losses],
        "bits": {k: round(b, 4) for k, b in told.bits.items()},
    }
    (folder / "log.json").write_text(json.dumps(record), "utf-8")
    texts = [
        f"--- step {step}\n" + "\n\n".join(samples)
        for step, samples in told.samples.items()
    ]
    (folder / "samples.txt").write_text("\n\n".join(texts), "utf-8")
    draw(told, folder)
    return folder


def draw(told: Told, folder: Path) -> None:
    """The curves beside the baselines, if Matplotlib is here."""
    with suppress(ImportError):
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        fig, ax = plt.subplots(figsize=(6, 3.6))
        ax.plot(*zip(*told.bits.items(), strict=True), "-o", ms=3)
        for name in ("3-gram, Kneser–Ney", "7-gram, Kneser–Ney"):
            bits = baselines()[name]["bits"]
            ax.axhline(bits, color="gray", lw=0.7, ls="--")
            ax.text(0, bits, name, fontsize=7, va="bottom")
        ax.set(xlabel="steps", ylabel="bits a byte, held out")
        for kind in ("svg", "png"):
            fig.savefig(folder / f"loss.{kind}", bbox_inches="tight")
        plt.close(fig)


def main() -> None:
    """As the command line says."""
    known = recipes()
    parser = argparse.ArgumentParser(
        description="Train TinyGPT on the text of this book."
    )
    parser.add_argument("--recipe", default="tinygpt", choices=known)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--folder", type=Path, default="build/gpt")
    asked = parser.parse_args()
    recipe = known[asked.recipe]
    if asked.steps is not None:
        if asked.steps < 1:
            parser.error(f"--steps {asked.steps}; at least 1")
        recipe = replace(recipe, steps=asked.steps)
    with using(backend()) as chosen:
        told = Told(Run(recipe))
        numbers = sum(p.size for p in told.run.model.parameters())
        print(
            f"{asked.recipe}: {numbers:,} numbers, {recipe.steps:,} "
            f"steps, {recipe.tokens:,} tokens, on {chosen.name}"
        )
        best = min(baselines().items(), key=lambda x: x[1]["bits"])
        print(f"to beat: {best[0]}, {best[1]['bits']} bits a byte")
        try:
            follow(told)
        except KeyboardInterrupt:
            print(f"stopped after {told.run.done} steps;", end=" ")
            if not told.run.done:
                print("nothing was learned, and nothing is kept")
                return
            told.bits[told.run.done] = told.run.bits()
        folder = keep(told, asked.folder)
        print(f"{folder}: {told.line()}\n")
        print(written(told.run.model, told.run.tokenizer, PROMPTS[0]))


if __name__ == "__main__":
    main()
