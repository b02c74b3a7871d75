"""Fifty steps of AdamW beside PyTorch's, from the same weights, on the same rows.

Float32 on both sides. What's compared is the curve of the loss, not the weights:
the slope of GPT-2's biases of keys is exactly 0, since they raise all scores of a
query alike, and what rounding leaves of it AdamW blows up to whole steps, on both
sides in other directions.

    python tests/parity/test_gpt_training.py --json book/measurements/gpt-parity.json

records how far the curves and the logits are apart.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nand2llm import functional as F
from nand2llm import layouts
from nand2llm.gpt import GPT, GPTConfig, gpt2, modern
from nand2llm.optim import AdamW

torch = pytest.importorskip("torch", reason="needs PyTorch")
transformers = pytest.importorskip("transformers", reason="needs transformers")

# A loss of 4 is rounded to 5e-7, and what rounding has moved, later steps move on;
# of this the curves have been seen to differ by 1e-6. Half the decay, or half the
# norm that's clipped to, moves them by tens of times the tolerance.
STEPS, TOLERANCE = 50, 1e-5
torch.set_num_threads(1)
RATE, DECAY, MOST = 3e-3, 0.1, 1.0
SIZES: dict[str, Any] = {"context": 32, "n_head": 4, "width": 32, "n_layer": 3}
CONFIGS = {"GPT2LMHeadModel": gpt2(61, **SIZES), "NanoChatForCausalLM": modern(61, **SIZES)}


def batches() -> list[Any]:
    """Rows (4, 25) that repeat themselves, so that there's much to learn."""
    rng = np.random.default_rng(3)
    return [
        np.stack([np.resize(rng.integers(0, 20, 7), 25) for _ in range(4)])
        for _ in range(STEPS)
    ]


def ours(model: GPT) -> list[float]:
    optimizer = AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    losses = []
    for rows in batches():
        loss = F.cross_entropy(model(rows[:, :-1]), rows[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.clip(MOST)
        optimizer.step()
        losses.append(loss.item())
    return losses


def twin(model: GPT) -> Any:
    """The same model in `transformers`, with the same weights."""
    found = layouts.to_config(model.config)
    config = transformers.AutoConfig.for_model(**found)
    kind = getattr(transformers, found["architectures"][0])
    for name in ("attn_pdrop", "embd_pdrop", "resid_pdrop"):  # GPT-2's dropout
        if hasattr(config, name):
            setattr(config, name, 0.0)
    other = kind._from_config(config, attn_implementation="eager", dtype=torch.float32)
    state = {k: torch.tensor(v) for k, v in layouts.to_state(model).items()}
    other.load_state_dict(state, strict=False)
    other.tie_weights()
    return other.train()


def theirs(other: Any) -> list[float]:
    optimizer = torch.optim.AdamW(other.parameters(), lr=RATE, weight_decay=DECAY)
    losses = []
    for rows in map(torch.tensor, batches()):
        logits = other(rows[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(other.parameters(), MOST)
        optimizer.step()
        losses.append(loss.item())
    return losses


def curves(config: GPTConfig) -> tuple[list[float], list[float]]:
    model = GPT(config, np.random.default_rng(0))
    other = twin(model)  # before ours has moved
    return ours(model), theirs(other)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_fifty_steps(config: GPTConfig) -> None:
    mine, others = curves(config)
    assert mine[-1] < mine[0] - 1  # it has learned something
    np.testing.assert_allclose(mine, others, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_tolerance_tells_a_wrong_step(config: GPTConfig) -> None:
    """Clipped to half, or with half the decay, the curve is another one."""
    right = theirs(twin(GPT(config, np.random.default_rng(0))))
    for name in ("MOST", "DECAY"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys.modules[__name__], name, 0.5 * globals()[name])
            wrong = ours(GPT(config, np.random.default_rng(0)))
        assert np.abs(np.subtract(wrong, right)).max() > 10 * TOLERANCE


def logits_apart(config: GPTConfig) -> float:
    """The largest difference of logits, all weights being drawn."""
    rng = np.random.default_rng(0)
    model = GPT(config, rng)
    for p in model.parameters():
        p.assign(p.numpy() + rng.standard_normal(p.shape, np.float32) * 0.2)
    tokens = rng.integers(0, config.vocab_size, (2, 32))
    with torch.no_grad():
        answer = twin(model).eval()(torch.tensor(tokens)).logits.numpy()
    return float(np.abs(model(tokens).numpy() - answer).max())


def record(path: Path) -> None:
    figures = {}
    for name, config in CONFIGS.items():
        a, b = curves(config)
        figures[name] = {
            "logits apart": logits_apart(config),
            "first loss": round(a[0], 3),
            "last loss": round(a[-1], 3),
            "losses apart": float(np.abs(np.subtract(a, b)).max()),
        }
    found = {
        "what": "TinyGPT beside transformers: logits of loud weights, and the "
        f"losses of {STEPS} steps of AdamW from the same start, float32",
        "machine": f"{platform.system()} {platform.machine()}, PyTorch "
        f"{torch.__version__}, transformers {transformers.__version__}",
        "date": date.today().isoformat(),
        "figures": figures,
    }
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path, required=True)
    record(parser.parse_args().json)
