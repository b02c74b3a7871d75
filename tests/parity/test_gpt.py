"""TinyGPT beside the models of `transformers`, weight for weight.

Float32 on both sides. Logits may differ by 2e-5 and gradients by 2e-5 of the
largest gradient of their parameter: sums in another order differ by so much.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nand2llm import functional as F
from nand2llm import layouts
from nand2llm.gpt import GPT, GPTConfig, generate, gpt2, modern

torch = pytest.importorskip("torch", reason="needs PyTorch")
transformers = pytest.importorskip("transformers", reason="needs transformers")

LOGITS, GRADIENTS = 2e-5, 2e-5
SMALL: dict[str, Any] = {"context": 32, "n_head": 4, "width": 32, "n_layer": 3}
CONFIGS = {
    "gpt2": gpt2(61, **SMALL),
    "gpt2, narrow": gpt2(61, **SMALL | {"hidden": 40}),
    "gpt2, untied": gpt2(61, **SMALL | {"tied": False}),
    "llama": GPTConfig(
        61, **SMALL | layouts.LLAMA_DESIGN, n_kv_head=2, hidden=48, tied=False
    ),
    "llama, tied": GPTConfig(
        61, **SMALL | layouts.LLAMA_DESIGN, rope_theta=500.0, eps=1e-6
    ),
    "nanochat": modern(61, **SMALL),
    "nanochat, grouped": modern(61, **SMALL, n_kv_head=1, softcap=3.0),
}
cases = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def ours(config: GPTConfig) -> GPT:
    """A model whose every number is drawn, biases and scales too."""
    rng = np.random.default_rng(0)
    model = GPT(config, rng)
    for _, p in model.named_parameters():
        p.assign(p.numpy() + rng.standard_normal(p.shape, np.float32) * 0.2)
    return model


def theirs(model: GPT) -> Any:
    """The same in `transformers`, from what our layouts say alone."""
    found = layouts.to_config(model.config)
    name = found["architectures"][0]
    kinds = {"attn_implementation": "eager", "dtype": torch.float32}
    config = transformers.AutoConfig.for_model(**found)
    assert config.architectures == [name]
    other = getattr(transformers, name)._from_config(config, **kinds)
    state = {k: torch.tensor(v) for k, v in layouts.to_state(model).items()}
    missing, extra = other.load_state_dict(state, strict=False)
    tied = {"lm_head.weight"} if model.config.tied else set()
    assert set(missing) <= tied and not extra
    other.tie_weights()
    return other.eval()


def rows(config: GPTConfig) -> Any:
    return np.random.default_rng(1).integers(0, config.vocab_size, (2, 21))


@cases
def test_logits_and_gradients(config: GPTConfig) -> None:
    model, tokens = ours(config), rows(config)
    other = theirs(model)
    logits = model(tokens[:, :-1])
    answer = other(torch.tensor(tokens[:, :-1])).logits
    np.testing.assert_allclose(
        logits.numpy(), answer.detach().numpy(), rtol=0, atol=LOGITS
    )
    loss = F.cross_entropy(logits, tokens[:, 1:])
    loss.backward()
    wanted = torch.nn.functional.cross_entropy(
        answer.flatten(0, 1), torch.tensor(tokens[:, 1:]).flatten()
    )
    wanted.backward()
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-6)
    # Their gradients, brought home by the road of the weights.
    slopes = {k: p.grad.numpy() for k, p in other.named_parameters()}
    home = GPT(config, np.random.default_rng(2))
    layouts.load_state(home, slopes)
    wants = dict(home.named_parameters())
    for name, p in model.named_parameters():
        want = wants[name].numpy()
        assert p.grad is not None
        np.testing.assert_allclose(
            p.grad.numpy(),
            want,
            rtol=0,
            atol=GRADIENTS * max(1.0, np.abs(want).max()),
            err_msg=name,
        )


@cases
def test_they_write_and_we_read(config: GPTConfig, tmp_path: Path) -> None:
    other = theirs(ours(config))
    other.save_pretrained(tmp_path)
    model, tokens = layouts.load(tmp_path), rows(config)
    want = other(torch.tensor(tokens)).logits.detach().numpy()
    np.testing.assert_allclose(
        model(tokens).numpy(), want, rtol=0, atol=LOGITS
    )


@cases
def test_we_write_and_they_read(config: GPTConfig, tmp_path: Path) -> None:
    model, tokens = ours(config), rows(config)
    layouts.save(model, tmp_path)
    other = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, dtype=torch.float32
    ).eval()
    want = other(torch.tensor(tokens)).logits.detach().numpy()
    np.testing.assert_allclose(
        model(tokens).numpy(), want, rtol=0, atol=LOGITS
    )


@cases
def test_both_write_the_same(config: GPTConfig) -> None:
    model = ours(config)
    other, prompt = theirs(model), [3, 1, 4, 1, 5]
    told = other.generate(
        torch.tensor([prompt]), max_new_tokens=20, do_sample=False,
        eos_token_id=None, pad_token_id=0,
    )
    rng = np.random.default_rng(0)
    said = list(generate(model, prompt, 20, rng, temperature=0))
    assert said == told[0, len(prompt) :].tolist()
