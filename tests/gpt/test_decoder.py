"""A decoder against the model it reads for, in every design and build.

What a decoder says of a token may differ from the model's own logits by
what float32 loses in sums of another order, and by no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nand2llm
from nand2llm import backends, native
from nand2llm.backends import Backend
from nand2llm.decoder import NumPyDecoder, decoder
from nand2llm.gpt import (
    GPT,
    GPTConfig,
    NextLogits,
    generate,
    gpt2,
    modern,
)
from nand2llm.nn import Linear
from nand2llm.tensor import Tensor
from tests.test_kernels import LEVELS, load

NEAR = 2e-5
PROMPT = [3, 1, 4]
BUILDS = ["numpy", *(f"native {level}, {n}" for level in LEVELS for n in (1, 2))]


@pytest.fixture(scope="module", params=BUILDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each backend, the native one in each build, with 1 and 2 threads."""
    if request.param == "numpy":
        yield backends.get("numpy")
        return
    if not native.available():
        pytest.skip(native.why_not())
    level, threads = request.param.removeprefix("native ").split(", ")
    try:
        kernels = load(level)
    except native.NativeError as error:
        pytest.skip(str(error))
    kernels.set_threads(int(threads))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nand2llm, "kernels", kernels, raising=False)
        yield backends.get("native")
    kernels.set_threads(0)


def drawn(config: GPTConfig, backend: Backend) -> GPT:
    """A model whose every number is drawn, biases and scales too.

    Outputs of matrices are about as large as what goes in.
    """
    rng = np.random.default_rng(0)
    with backends.using(backend):
        model = GPT(config, rng)
    for _, p in model.named_parameters():
        noise = rng.standard_normal(p.shape, np.float32)
        size = p.shape[1] ** -0.5 if p.ndim == 2 else 0.3
        p.assign(p.numpy() + noise * np.float32(size))
    model.eval()
    return model


def tokens(config: GPTConfig, n: int) -> list[int]:
    found: list[int] = np.random.default_rng(1).integers(0, config.vocab_size, n).tolist()
    return found


@st.composite
def configs(draw: st.DrawFn) -> GPTConfig:
    """Any configuration, of a small model."""
    groups = draw(st.integers(1, 3))
    n_head = groups * draw(st.integers(1, 3))
    head = 2 * draw(st.sampled_from([1, 2, 3, 4, 8, 9]))
    flags = ("bias", "tied", "post_norm", "norm_embedding", "qk_norm")
    return GPTConfig(
        draw(st.sampled_from([1, 2, 17, 40])),
        context=draw(st.sampled_from([1, 2, 9, 20])),
        n_layer=draw(st.integers(1, 3)),
        n_head=n_head,
        width=n_head * head,
        n_kv_head=groups,
        hidden=draw(st.sampled_from([None, 1, 5, 33])),
        positions=draw(st.sampled_from(["learned", "rotary"])),
        norm=draw(st.sampled_from(["layer", "rms", "plain"])),
        feed=draw(st.sampled_from(["gelu", "relu2", "swiglu"])),
        softcap=draw(st.sampled_from([None, 2.0, 15.0])),
        window=draw(st.sampled_from([None, 1, 3, 100])),
        rope_theta=draw(st.sampled_from([100.0, 10000.0])),
        rope_sign=draw(st.sampled_from([1, -1])),
        eps=draw(st.sampled_from([1e-5, 1e-2])),
        **{flag: draw(st.booleans()) for flag in flags},
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(config=configs())
def test_any_design_token_by_token(backend: Backend, config: GPTConfig) -> None:
    model, text = drawn(config, backend), tokens(config, config.context)
    want = model([text]).numpy()[0]
    cache = model.cache()
    read = decoder(model, cache)
    assert read is not None
    for i, token in enumerate(text):
        np.testing.assert_allclose(
            read(token), want[i], rtol=0, atol=NEAR * max(1, np.abs(want[i]).max())
        )
        assert len(cache) == i + 1


SIZES: list[dict[str, Any]] = [
    {"width": 128, "n_head": 4, "n_layer": 2, "context": 64},
    {"width": 264, "n_head": 3, "n_layer": 1, "context": 300},
]


@pytest.mark.parametrize("size", SIZES, ids=["tiny", "odd"])
@pytest.mark.parametrize("design", [gpt2, modern])
def test_sizes_that_threads_share(backend: Backend, design: Any, size: Any) -> None:
    config = design(1001, **size)
    model, text = drawn(config, backend), tokens(config, config.context)
    want = model([text]).numpy()[0]
    read = decoder(model, model.cache())
    assert read is not None
    for i, token in enumerate(text):
        np.testing.assert_allclose(read(token), want[i], rtol=0, atol=NEAR)


@pytest.mark.parametrize("design", [gpt2, modern])
def test_next_logits_go_on_from_prompts_and_forget(
    backend: Backend, design: Any
) -> None:
    """Prompts of any length, texts begun anew, and more than a context."""
    config = design(40, context=8, n_layer=2, n_head=2, width=16)
    model, text = drawn(config, backend), tokens(config, 30)
    ask = NextLogits(model)
    for ends in ([3, 4, 5, 8, 9, 10, 30], [1, 2, 8, 8, 5, 6, 7, 21]):
        for end in ends:
            kept = text[:end]
            while len(kept) > 8:
                kept = kept[4:]
            want = model([kept]).numpy()[0, -1]
            np.testing.assert_allclose(ask(text[:end]), want, rtol=0, atol=NEAR)


def test_what_was_said_stays_said(backend: Backend) -> None:
    """Logits are the caller's: the next token doesn't overwrite them."""
    model = drawn(gpt2(40, 1), backend)
    read = decoder(model, model.cache())
    assert read is not None
    first = read(3)
    copy = first.copy()
    read(4)
    assert (first == copy).all()


def test_both_ways_of_generating_agree(backend: Backend) -> None:
    model = drawn(modern(40, 1, context=16), backend)

    class Own(GPT):
        """The same, but nobody knows."""

    other = Own(model.config, np.random.default_rng(0))
    other.load_state_dict(model.state_dict())
    texts = [
        list(generate(m, PROMPT, 40, np.random.default_rng(0))) for m in (model, other)
    ]
    assert decoder(model, model.cache())
    assert decoder(other, other.cache()) is None
    assert texts[0] == texts[1]


def test_refusals(backend: Backend) -> None:
    model = drawn(gpt2(40, 1, context=2), backend)
    cache = model.cache()
    read = decoder(model, cache)
    assert read is not None
    for token in (40, -1):
        with pytest.raises(IndexError, match=f"token {token}; there are 40"):
            read(token)
    assert len(cache) == 0
    read(0), read(39)
    with pytest.raises(ValueError, match="3 tokens, but a context of 2"):
        read(0)


def test_models_that_are_not_known(backend: Backend) -> None:
    class Adapted(Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 2

    model = drawn(gpt2(40, 1), backend)
    assert decoder(model, model.cache())
    model.blocks[0].feed.up.__class__ = Adapted
    assert decoder(model, model.cache()) is None


def test_a_model_in_training_answers_without_dropout(backend: Backend) -> None:
    model = drawn(gpt2(40, 1, dropout=0.5), backend)
    want = [model([PROMPT[:n]]).numpy()[0, -1] for n in (1, 2, 3)]
    model.train()
    ask = NextLogits(model)
    for n in (1, 3):  # by the decoder, and by the model
        np.testing.assert_allclose(
            ask(PROMPT[:n]), want[n - 1], rtol=0, atol=NEAR
        )
    assert model.training and ask.one is not None


def test_numbers_of_another_format() -> None:
    model = drawn(gpt2(40, 1), backends.get("numpy"))
    assert isinstance(decoder(model, model.cache()), NumPyDecoder)
    for p in model.parameters():
        p.data = p.data.astype(np.float64)
    assert decoder(model, model.cache()) is None
