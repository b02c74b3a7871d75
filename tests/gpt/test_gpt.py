"""TinyGPT beside models written a second time, in NumPy alone, in float64.

The second implementations read the weights by the names of `transformers`, as
`layouts.to_state` gives them, and share no line with the package. Gradients are
compared with central differences of their losses along random directions.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm import backends, layouts
from nand2llm import functional as F
from nand2llm.gpt import (
    GPT,
    GPTConfig,
    NextLogits,
    first_seen,
    generate,
    gpt2,
    modern,
)
from nand2llm.tensor import no_grad

LOGITS = 2e-5  # of float32 against float64, for logits of a few units
V = 37
SMALL: dict[str, Any] = {"context": 24, "n_head": 4, "width": 32, "n_layer": 3}
CONFIGS = {
    "gpt2": gpt2(V, **SMALL),
    "gpt2, untied, narrow": gpt2(V, **SMALL, tied=False, hidden=40),
    "llama, grouped": GPTConfig(
        V, **SMALL, **layouts.LLAMA_DESIGN, n_kv_head=2, hidden=48, tied=False
    ),
    "nanochat": modern(V, **SMALL),
    "nanochat, one head of keys": modern(V, **SMALL, n_kv_head=1, softcap=3.0),
}
cases = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
everywhere = pytest.mark.parametrize("backend", backends.available())


def loud(config: GPTConfig, seed: int = 0) -> GPT:
    """A model whose every number is drawn, biases and scales too."""
    rng = np.random.default_rng(seed)
    model = GPT(config, rng)
    for p in model.parameters():
        p.assign(p.numpy() + rng.standard_normal(p.shape, np.float32) * 0.2)
    return model


def rows(batch: int, n: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).integers(0, V, (batch, n))


# The second implementations


def softmax(s: Any) -> Any:
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def heads(x: Any, n: int) -> Any:
    return x.reshape(*x.shape[:2], n, -1).swapaxes(1, 2)  # (B, H, T, D)


def attended(q: Any, k: Any, v: Any) -> Any:
    share = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, share, axis=1), np.repeat(v, share, axis=1)
    s = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    future = np.triu(np.ones(s.shape[-2:], bool), 1)
    y = softmax(np.where(future, -np.inf, s)) @ v
    return y.swapaxes(1, 2).reshape(y.shape[0], y.shape[2], -1)


def their_gpt2(found: Any, w: Any, tokens: Any) -> Any:
    def norm(x: Any, name: str) -> Any:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + found["layer_norm_epsilon"])
        return x * w[name + ".weight"] + w[name + ".bias"]

    def conv1d(x: Any, name: str) -> Any:
        return x @ w[name + ".weight"] + w[name + ".bias"]

    table = w["transformer.wte.weight"]
    x = table[tokens] + w["transformer.wpe.weight"][: tokens.shape[1]]
    for i in range(found["n_layer"]):
        at = f"transformer.h.{i}."
        qkv = conv1d(norm(x, at + "ln_1"), at + "attn.c_attn")
        q, k, v = (heads(t, found["n_head"]) for t in np.split(qkv, 3, axis=-1))
        x = x + conv1d(attended(q, k, v), at + "attn.c_proj")
        h = conv1d(norm(x, at + "ln_2"), at + "mlp.c_fc")
        h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
        x = x + conv1d(h, at + "mlp.c_proj")
    exit_ = table if found["tie_word_embeddings"] else w["lm_head.weight"]
    return norm(x, "transformer.ln_f") @ exit_.T


def their_llama_or_nanochat(found: Any, w: Any, tokens: Any) -> Any:
    nano = found["model_type"] == "nanochat"

    def norm(x: Any, name: str | None) -> Any:
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + found["rms_norm_eps"])
        return x if nano or name is None else x * w[name + ".weight"]

    def turned(x: Any) -> Any:  # (B, H, T, D), as two halves
        half = x.shape[-1] // 2
        speed = found["rope_parameters"]["rope_theta"] ** (-np.arange(half) / half)
        angle = np.arange(x.shape[2])[:, None] * speed
        z = (x[..., :half] + 1j * x[..., half:]) * np.exp((-1j if nano else 1j) * angle)
        return np.concatenate([z.real, z.imag], axis=-1)

    x = w["model.embed_tokens.weight"][tokens]
    x = norm(x, None) if nano else x
    for i in range(found["num_hidden_layers"]):
        at = f"model.layers.{i}."
        h = norm(x, at + "input_layernorm")
        q, k, v = (
            heads(h @ w[f"{at}self_attn.{name}_proj.weight"].T, found[n])
            for name, n in (
                ("q", "num_attention_heads"),
                ("k", "num_key_value_heads"),
                ("v", "num_key_value_heads"),
            )
        )
        q, k = turned(q), turned(k)
        if nano:
            q, k = norm(q, None), norm(k, None)
        x = x + attended(q, k, v) @ w[at + "self_attn.o_proj.weight"].T
        h = norm(x, at + "post_attention_layernorm")
        if nano:
            h = np.maximum(h @ w[at + "mlp.fc1.weight"].T, 0) ** 2
            x = x + h @ w[at + "mlp.fc2.weight"].T
        else:
            gate = h @ w[at + "mlp.gate_proj.weight"].T
            h = gate / (1 + np.exp(-gate)) * (h @ w[at + "mlp.up_proj.weight"].T)
            x = x + h @ w[at + "mlp.down_proj.weight"].T
    tied = found["tie_word_embeddings"]
    y = norm(x, "model.norm") @ w["model.embed_tokens.weight" if tied else "lm_head.weight"].T
    cap = found.get("final_logit_softcapping")
    return cap * np.tanh(y / cap) if cap else y


def theirs(found: Any, state: Any, tokens: Any) -> Any:
    """Logits (B, T, V) in float64 of a model as its files tell it."""
    w = {name: array.astype(np.float64) for name, array in state.items()}
    kind = their_gpt2 if found["model_type"] == "gpt2" else their_llama_or_nanochat
    return kind(found, w, np.asarray(tokens))


def their_loss(found: Any, state: Any, tokens: Any) -> float:
    p = softmax(theirs(found, state, tokens[:, :-1]))
    b, t = np.indices(tokens[:, 1:].shape)
    return float(-np.log(p[b, t, tokens[:, 1:]]).mean())


# Beside them


@cases
@everywhere
def test_logits(config: GPTConfig, backend: str) -> None:
    state = loud(config).state_dict()
    with backends.using(backend):
        model, tokens = GPT(config, np.random.default_rng(5)), rows(2, 24)
        model.load_state_dict(state)
        got = model(tokens).numpy()
    want = theirs(layouts.to_config(config), layouts.to_state(model), tokens)
    assert got.shape == (2, 24, V) and got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=0, atol=LOGITS)


@cases
@everywhere
def test_gradients(config: GPTConfig, backend: str) -> None:
    """Of every parameter by itself, along a direction in its space."""
    state, tokens, step = loud(config).state_dict(), rows(2, 20), 1e-4
    with backends.using(backend):
        model = GPT(config, np.random.default_rng(5))
        model.load_state_dict(state)
        F.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:]).backward()
        slopes = {
            name: p.grad.numpy()
            for name, p in model.named_parameters()
            if p.grad is not None
        }
    found, rng = layouts.to_config(config), np.random.default_rng(6)
    other, losses = GPT(config, np.random.default_rng(7)), {}
    assert slopes.keys() == state.keys()
    for name, array in state.items():
        direction = rng.standard_normal(array.shape)
        direction /= np.sqrt((direction**2).sum())
        for sign in (1, -1):
            moved = {k: v.astype(np.float64) for k, v in state.items()}
            moved[name] = moved[name] + sign * step * direction
            for key, p in other.named_parameters():
                p.data = moved[key]  # float64, whatever the model is made in
            losses[sign] = their_loss(found, layouts.to_state(other), tokens)
        want = (losses[1] - losses[-1]) / (2 * step)
        got = float((slopes[name] * direction).sum())
        assert got == pytest.approx(want, rel=1e-4, abs=5e-6), name


@cases
@everywhere
def test_all_write_the_same(config: GPTConfig, backend: str) -> None:
    """Greedily, beyond the context, as the other implementation would."""
    reference = loud(config)
    found, state = layouts.to_config(config), layouts.to_state(reference)
    text = [3, 1, 4]
    for _ in range(30):
        tail = text[first_seen(len(text), config.context) :]
        text.append(int(theirs(found, state, [tail])[0, -1].argmax()))
    with backends.using(backend):
        model = GPT(config, np.random.default_rng(5))
        model.load_state_dict(reference.state_dict())
        said = generate(model, [3, 1, 4], 30, np.random.default_rng(0), 0.0)
        assert list(said) == text[3:]


# With a cache


@cases
@pytest.mark.parametrize("prompt", [1, 2, 23, 24, 25, 36, 37, 71])
def test_prompts_of_all_lengths(config: GPTConfig, prompt: int) -> None:
    model, text = loud(config), rows(1, 90)[0].tolist()
    found, state = layouts.to_config(config), layouts.to_state(model)
    ask = NextLogits(model)
    for n in range(prompt, min(prompt + 30, 90)):
        tail = text[first_seen(n, config.context) : n]
        want = theirs(found, state, [tail])[0, -1]
        np.testing.assert_allclose(ask(text[:n]), want, rtol=0, atol=LOGITS)


@given(st.sampled_from(list(CONFIGS)), st.sets(st.integers(1, 23)))
@settings(max_examples=25, deadline=None)
def test_a_batch_in_pieces(name: str, cuts: set[int]) -> None:
    model, tokens = loud(CONFIGS[name]), rows(3, 24)
    cache, ends = model.cache(batch=3), [0, *sorted(cuts), 24]
    with no_grad():
        parts = [
            model(tokens[:, a:b], cache).numpy()
            for a, b in pairwise(ends)
        ]
        whole = model(tokens).numpy()
        np.testing.assert_allclose(
            np.concatenate(parts, axis=1), whole, rtol=0, atol=LOGITS
        )
        with pytest.raises(ValueError, match="25 tokens, but a context of 24"):
            model(tokens[:, :1], cache)


@pytest.mark.parametrize("top_k", [None, 1, 5])
@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.5])
def test_a_seed_says_it_all(temperature: float, top_k: int | None) -> None:
    model = loud(CONFIGS["nanochat"])

    def text(seed: int) -> list[int]:
        rng = np.random.default_rng(seed)
        return list(generate(model, [1], 40, rng, temperature, top_k))

    assert text(0) == text(0)
    if temperature and top_k != 1:
        assert text(0) != text(1)
    else:
        assert text(0) == text(1)


def test_a_seed_makes_a_model() -> None:
    one, same, other = (
        GPT(CONFIGS["gpt2"], np.random.default_rng(seed)).state_dict()
        for seed in (0, 0, 1)
    )
    assert all((one[name] == same[name]).all() for name in one)
    assert (one["tokens.weight"] != other["tokens.weight"]).any()


# Configurations that nobody has thought of

CHOICES = st.fixed_dictionaries(
    {
        "context": st.integers(1, 12),
        "n_layer": st.integers(1, 3),
        "n_head": st.integers(1, 4),
        "width": st.integers(1, 16),
    },
    optional={
        "n_kv_head": st.none() | st.integers(0, 4),
        "hidden": st.none() | st.integers(0, 20),
        "positions": st.sampled_from(["learned", "rotary", "sines"]),
        "norm": st.sampled_from(["layer", "rms", "plain"]),
        "feed": st.sampled_from(["gelu", "relu2", "swiglu"]),
        "bias": st.booleans(),
        "tied": st.booleans(),
        "post_norm": st.booleans(),
        "norm_embedding": st.booleans(),
        "qk_norm": st.booleans(),
        "softcap": st.none() | st.floats(-1, 20),
        "window": st.none() | st.integers(0, 5),
        "window_pattern": st.text("SLX", max_size=3),
        "dropout": st.sampled_from([0.0, 0.5, 1.0]),
        "rope_sign": st.sampled_from([1, -1]),
        "start": st.sampled_from(["gpt2", "zero"]),
    },
)
SENSIBLE = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2)).map(
    lambda x: {"n_head": x[0], "width": 2 * x[0] * x[1], "n_kv_head": (None, 1, x[0])[x[2]]}
)


@given(CHOICES, SENSIBLE | st.just({}), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_any_configuration_works_or_says_why(
    changes: dict[str, Any], sizes: dict[str, Any], seed: int
) -> None:
    try:
        config = GPTConfig(11, **changes | sizes)
    except ValueError as error:
        assert "\n" not in str(error) and len(str(error)) > 10
        return
    rng = np.random.default_rng(seed)
    model = loud(config, seed)
    tokens = rng.integers(0, 11, (2, config.context + 1))
    logits = model(tokens[:, :-1])
    assert logits.shape == (2, config.context, 11)
    assert np.isfinite(logits.numpy()).all()
    F.cross_entropy(logits, tokens[:, 1:]).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and p.grad.shape == p.shape, name
        assert np.isfinite(p.grad.numpy()).all(), name
    model.eval()
    place = int(rng.integers(config.context))
    other = tokens[:, :-1].copy()
    other[:, place] = (other[:, place] + 1) % 11
    with no_grad():
        y, z = (model(x).numpy() for x in (tokens[:, :-1], other))
    size = 1 + np.abs(y).max()
    np.testing.assert_allclose(y[:, :place], z[:, :place], rtol=0, atol=2e-5 * size)
    ask, text = NextLogits(model), tokens[0].tolist()
    for n in range(1, config.context + 2):
        tail = text[first_seen(n, config.context) : n]
        with no_grad():
            want = model([tail]).numpy()[0, -1]
        size = 1 + np.abs(want).max()
        np.testing.assert_allclose(ask(text[:n]), want, rtol=0, atol=1e-4 * size)


@given(CHOICES, SENSIBLE)
@settings(max_examples=60, deadline=None)
def test_the_two_starts(changes: dict[str, Any], sizes: dict[str, Any]) -> None:
    """The first loss is ln V, whatever else is chosen."""
    try:
        config = GPTConfig(300, **changes | sizes | {"hidden": None, "softcap": None})
    except ValueError:
        return
    model = GPT(config, np.random.default_rng(0))
    x = np.random.default_rng(1).integers(0, 300, (20, config.context))
    y = np.random.default_rng(2).integers(0, 300, (20, config.context))
    loss = F.cross_entropy(model(x), y).item()
    assert abs(loss - np.log(300)) < 0.1


def test_window_patterns() -> None:
    seen = [
        [modern(9, 5, window=7, window_pattern=p).window_of(i) for i in range(5)]
        for p in ("SSSL", "S", "L", "SL")
    ]
    assert seen == [
        [7, 7, 7, None, None],
        [7, 7, 7, 7, None],
        [None] * 5,
        [7, None, 7, None, None],
    ]
    assert gpt2(9, 3).window_of(0) is None


def test_what_follows_from_a_configuration() -> None:
    c = replace(modern(9, 4), n_kv_head=2, hidden=100)
    assert (c.head_width, c.groups, c.inner) == (32, 2, 100)
    c = gpt2(9, 4)
    assert (c.head_width, c.groups, c.inner) == (32, 4, 512)
