"""Training TinyGPT, and the model that comes with the book.

Written against what the chapter promises, beside its own tests: the recorded
runs are read as a reader would read them, and the scripts are run as commands.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nand2llm import backends, pretrain
from nand2llm.evaluate import baselines
from nand2llm.gpt import GPT, modern
from nand2llm.pretrain import Recipe, Run
from nand2llm.tensor import no_grad

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / "generated/examples/ch17_train.py"
RECORD = ROOT / "book/measurements/ch17-runs.json"
CONFIG = modern(300, n_layer=1, n_head=2, width=32, context=32)
TINY = Recipe(CONFIG, 80, batch=8, length=32, lr=0.01, table_lr=0.1)


@pytest.fixture(scope="module")
def book() -> tuple[GPT, pretrain.Tokenizer]:
    """The model of the book."""
    return pretrain.tinygpt()


@pytest.fixture(scope="module")
def figures() -> dict[str, dict[str, object]]:
    """What the runs came to."""
    return json.loads(RECORD.read_text("utf-8"))["figures"]


def test_both_optimizers_learn() -> None:
    """After a few steps they know more than how often each token comes."""
    for optimizer in ("adamw", "muon"):
        run = Run(replace(TINY, optimizer=optimizer))
        tokens = run.files["learn"].tokens
        shares = np.bincount(tokens, minlength=300) / len(tokens)
        entropy = -sum(p * math.log(p) for p in shares if p)
        losses = [run.step() for _ in range(TINY.steps)]
        assert losses[0] == pytest.approx(math.log(300), abs=0.2)
        assert np.mean(losses[-10:]) < entropy


def test_repeatable_to_the_bit_whatever_else_was_drawn() -> None:
    """Nothing depends on NumPy's global generator, or on a former run."""
    found = []
    for noise in (0, 1):
        np.random.seed(noise)
        run = Run(replace(TINY, optimizer="muon"))
        found.append([run.step() for _ in range(4)])
    assert found[0] == found[1]


def test_the_exam_by_hand(tmp_path: Path) -> None:
    """Bits for each byte, as a sum over tokens that needs no batches."""
    run = Run(TINY)
    run.step()
    path = tmp_path / "some"
    text = pretrain.texts("judge")[3][:700]
    file = pretrain.token_file(path, [text], run.tokenizer)
    ids, nats, size = file.tokens.astype(int), 0.0, 0
    with no_grad():
        for i in range(1, len(ids)):
            start = (i - 1) // 32 * 32  # windows begin anew
            logits = run.model([ids[start:i]]).numpy()[0, -1].astype(float)
            nats += np.log(np.exp(logits).sum()) - logits[ids[i]]
            size += len(run.tokenizer.tokens[ids[i]])
    want = nats / size / math.log(2)
    got = pretrain.bits(run.model, run.tokenizer, file)
    assert got == pytest.approx(want, rel=1e-5)


def test_the_tokenizer_has_not_seen_the_exam() -> None:
    """Trained on the part to learn from, it's another than from all."""
    run = Run(TINY)
    learn, judge = (pretrain.texts(part) for part in ("learn", "judge"))
    assert run.tokenizer.merges == pretrain.bpe.train(learn, 300).merges
    wide = pretrain.bpe.train(learn, 2048).merges
    assert wide != pretrain.bpe.train(learn + judge, 2048).merges


def test_every_backend_takes_the_same_first_steps() -> None:
    """NumPy's losses, on all backends that this machine has."""
    losses = {}
    for name in ("numpy", "native", "mlx"):
        try:
            backend = backends.get(name)
        except backends.MissingBackend:
            continue
        with backends.using(backend):
            run = Run(replace(TINY, optimizer="muon"))
            losses[name] = [run.step() for _ in range(4)]
    for found in losses.values():
        assert found == pytest.approx(losses["numpy"], rel=2e-3)


def test_the_book_s_model_is_as_good_as_recorded(book, figures) -> None:
    """The committed weights, judged once more."""
    model, tokenizer = book
    run = Run(replace(TINY, steps=1))
    path = Path(run.folder.name, "again")
    file = pretrain.token_file(path, pretrain.texts("judge"), tokenizer)
    found = pretrain.bits(model, tokenizer, file)
    recorded = figures["tinygpt"]
    assert found == pytest.approx(recorded["bits in float16"], abs=2e-4)
    assert found == pytest.approx(recorded["bits"], abs=2e-3)
    assert found < baselines()["7-gram, Kneser–Ney"]["bits"] - 0.1


def test_the_book_s_model_is_small_and_writes_the_same(book) -> None:
    """4 MB at most; the same seed, the same text; another, another."""
    folder = ROOT / "book/data/tinygpt"
    assert sum(f.stat().st_size for f in folder.iterdir()) < 4_000_000
    said = [pretrain.written(*book, "The gradient", 30, seed) for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2]
    assert said[0].startswith("The gradient")


def test_the_ladder_is_a_ladder(figures) -> None:
    """Each rung is better than the last, from both seeds."""
    rungs = ("bytes", "gpt2", "modern", "muon")
    means = [
        np.mean([figures[k]["bits"] for k in figures if k.startswith(f"{name} ")])
        for name in rungs
    ]
    assert means == sorted(means, reverse=True)
    old, new = (figures[f"{name} 17"] for name in ("gpt2", "modern"))
    assert old["multiplications"] == new["multiplications"]
    for name in rungs:
        sweep = {k: r for k, r in figures.items() if k.startswith(f"sweep {name} ")}
        best = min(sweep.values(), key=lambda run: run["bits"])["recipe"]
        for rate in ("lr", "table_lr", "matrix_lr"):
            assert best[rate] == figures[f"{name} 17"]["recipe"][rate]


def train(*options: str) -> subprocess.Popen:
    """The script, as a command that Ctrl-C can stop.

    A process that was started in the background may ignore SIGINT, and its
    children with it.
    """
    return subprocess.Popen(
        [sys.executable, str(TRAIN), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "generated")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_the_command_from_end_to_end(tmp_path: Path) -> None:
    """A short run leaves all that's promised, and a shorter one lets it be."""
    folder = tmp_path / "gpt"
    said, wrong = (run := train("--steps", "20", "--folder", str(folder))).communicate()
    assert run.returncode == 0, wrong
    assert "to beat: 7-gram" in said and "held out" in said
    for name in (
        *("model.safetensors", "config.json", "tokens.json", "tokenizer.json"),
        *("samples.txt", "log.json", "loss.svg", "loss.png"),
    ):
        assert (folder / name).stat().st_size > 0, name
    log = json.loads((folder / "log.json").read_text("utf-8"))
    assert log["steps"] == len(log["losses"]) == 20
    assert log["losses"][-1] < log["losses"][0]
    weights = (folder / "model.safetensors").read_bytes()
    said, _ = train("--steps", "1", "--folder", str(folder)).communicate()
    assert "keeps its longer run" in said
    assert (folder / "model.safetensors").read_bytes() == weights
    assert (tmp_path / "gpt-1" / "log.json").exists()


def test_a_run_that_is_stopped_keeps_what_it_has(tmp_path: Path) -> None:
    """Ctrl-C: one line, no traceback, and a model."""
    run = train("--steps", "400", "--recipe", "bytes", "--folder", str(tmp_path / "g"))
    assert run.stdout is not None
    while not run.stdout.readline().startswith("step"):
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    said, wrong = run.communicate(timeout=120)
    assert run.returncode == 0 and "Traceback" not in wrong
    assert "stopped after" in said
    assert (tmp_path / "g" / "model.safetensors").exists()


@pytest.mark.parametrize(
    "options, words",
    [(["--steps", "0"], "at least 1"), (["--recipe", "gpt9"], "invalid choice")],
)
def test_what_cannot_be_asked_for(options: list[str], words: str) -> None:
    """One line says what would be right."""
    run = train(*options)
    _, wrong = run.communicate()
    assert run.returncode == 2 and words in wrong
