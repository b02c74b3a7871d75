# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. 2c8740f3f18a
"""TinyGPT: GPT-2, and what has become of it, by configuration.

Shapes: B texts of T tokens, width C, a vocabulary of V.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nand2llm import functional as F
from nand2llm.block import Block, Feed, FeedForward, Norm, make_norm
from nand2llm.cache import KVCache
from nand2llm.heads import SelfAttention
from nand2llm.nn import Dropout, Embedding, Linear, Module
from nand2llm.positions import Rotary
from nand2llm.sampling import continued
from nand2llm.tensor import Tensor, no_grad


@dataclass(frozen=True)
class GPTConfig:
    """Everything that tells one of our language models from another.

    What is left out is as in GPT-2. n_kv_head: heads of keys and
    values, if fewer than n_head. hidden: of the feed-forward layer,
    4 · width if None. window: how many tokens a token sees, in all
    layers but the last. softcap c: logits become c · tanh(logits / c).
    start: "gpt2" draws all matrices with deviation 0.02, and those
    that write into the stream with less; "zero" lets these begin at
    0, so that every block begins as the identity.
    """

    vocab_size: int
    context: int = 256
    n_layer: int = 4
    n_head: int = 4
    width: int = 128
    n_kv_head: int | None = None
    hidden: int | None = None
    positions: Literal["learned", "rotary"] = "learned"
    norm: Norm = "layer"
    feed: Feed = "gelu"
    bias: bool = True
    tied: bool = True
    post_norm: bool = False
    norm_embedding: bool = False
    qk_norm: bool = False
    softcap: float | None = None
    window: int | None = None
    dropout: float = 0.0
    rope_theta: float = 10000.0
    rope_sign: int = 1
    eps: float = 1e-5
    start: Literal["gpt2", "zero"] = "gpt2"

    def __post_init__(self) -> None:
        sizes = ("vocab_size", "context", "n_layer", "n_head", "width")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; it must be 1 or more"
                )
        for name, known in (
            ("positions", ("learned", "rotary")),
            ("start", ("gpt2", "zero")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} {getattr(self, name)!r}; there are {known}"
                )


def gpt2(vocab_size: int, depth: int = 4, **changes: Any) -> GPTConfig:
    """GPT-2's design, so many layers deep (Radford and others, 2019).

    The depth is a dial for all sizes: 32 columns of width and one
    head a layer. `changes` are settings that differ.
    """
    sizes = {"n_layer": depth, "n_head": depth, "width": 32 * depth}
    return GPTConfig(vocab_size, **(sizes | changes))


def modern(
    vocab_size: int, depth: int = 4, **changes: Any
) -> GPTConfig:
    """NanoChat's design, so many layers deep (Karpathy, 2025)."""
    design = {
        "positions": "rotary",
        "norm": "plain",
        "feed": "relu2",
        "bias": False,
        "tied": False,
        "norm_embedding": True,
        "qk_norm": True,
        "softcap": 15.0,
        "rope_sign": -1,
        "start": "zero",
    }
    return gpt2(vocab_size, depth, **(design | changes))


class GPT(Module):
    """A language model: tokens (B, T) to logits (B, T, V)."""

    def __init__(self, config: GPTConfig, rng: np.random.Generator) -> None:
        c = self.config = config
        self.tokens = Embedding(c.vocab_size, c.width, rng)
        self.places = self.rotary = None
        if c.positions == "learned":
            self.places = Embedding(c.context, c.width, rng)
        else:
            head = c.width // c.n_head
            self.rotary = Rotary(
                head, c.context, c.rope_theta, sign=c.rope_sign
            )
        self.dropout = Dropout(c.dropout, rng)
        self.blocks = [self._block(i, rng) for i in range(c.n_layer)]
        self.norm = make_norm(c.norm, c.width, c.bias, c.eps)
        self.head = None
        if not c.tied:
            self.head = Linear(c.width, c.vocab_size, rng, bias=False)
        start(self, rng)

    def _block(self, i: int, rng: np.random.Generator) -> Block:
        c = self.config
        attention = SelfAttention(
            c.width,
            c.n_head,
            rng,
            kv_heads=c.n_kv_head,
            bias=c.bias,
            rotary=self.rotary,
            qk_norm=c.qk_norm,
            window=c.window if i < c.n_layer - 1 else None,
            eps=c.eps,
        )
        hidden = c.hidden or 4 * c.width
        return Block(
            attention,
            FeedForward(c.width, hidden, rng, c.feed, c.bias),
            lambda: make_norm(c.norm, c.width, c.bias, c.eps),
            rng,
            c.dropout,
            c.post_norm,
        )

    def forward(self, tokens: Any, cache: KVCache | None = None) -> Tensor:
        """Tokens (B, T) to logits (B, T, V) of what comes next.

        With a cache, the tokens go on where it ends, and join it.
        """
        tokens = np.asarray(tokens)
        first = 0 if cache is None else len(cache)
        end = first + tokens.shape[1]
        if end > self.config.context:
            raise ValueError(
                f"{end} tokens, but a context of {self.config.context}"
            )
        x = self.tokens(tokens)  # (B, T, C)
        if self.places is not None:
            x = x + self.places(np.arange(first, end))
        x = self.dropout(x)
        if self.config.norm_embedding:
            x = F.rms_norm(x, None, self.config.eps)
        for i, block in enumerate(self.blocks):
            x = block(x, None if cache is None else cache.layers[i])
        return self.logits(self.norm(x))

    def logits(self, x: Tensor) -> Tensor:
        """What the last rows (…, C) say of each token, (…, V)."""
        table = self.tokens if self.head is None else self.head
        y = F.linear(x, table.weight)
        cap = self.config.softcap
        return y if cap is None else (y * (1 / cap)).tanh() * cap

    def cache(self, batch: int = 1) -> KVCache:
        """An empty cache for texts as long as the context."""
        c, like = self.config, self.tokens.weight
        groups = c.n_kv_head or c.n_head
        shape = (batch, c.context, groups, c.width // c.n_head)
        return KVCache(c.n_layer, shape, like.backend)


def start(model: GPT, rng: np.random.Generator) -> None:
    """Draw all matrices anew, as the configuration says."""
    for name, p in model.named_parameters():
        if p.ndim == 2:
            numbers = rng.standard_normal(p.shape, np.float32)
            size = np.float32(deviation(name, model.config))
            p.assign(numbers * size)


def deviation(name: str, c: GPTConfig) -> float:
    """How large the numbers of a matrix are at the start."""
    writes = name.endswith((".out.weight", ".down.weight"))
    if c.start == "gpt2":
        return 0.02 / math.sqrt(2 * c.n_layer) if writes else 0.02
    if writes:
        return 0.0
    if name == "tokens.weight":
        return 0.02 if c.tied else 1.0
    return 0.001 if name == "head.weight" else c.width**-0.5


class NextLogits:
    """What a model believes of the token after those it's given.

    Called with all tokens so far, (n), it returns logits (V). What it
    has read in the last call it doesn't read again. If the context is
    full it forgets the older half of it.
    """

    def __init__(self, model: GPT) -> None:
        self.model, self.cache = model, model.cache()
        self.seen: list[int] = []

    def __call__(self, tokens: Sequence[int]) -> Any:
        """The logits after the tokens."""
        tokens = list(tokens)[first_seen(len(tokens), self.model) :]
        known = len(self.seen)
        if known >= len(tokens) or tokens[:known] != self.seen:
            self.cache, known = self.model.cache(), 0
        with no_grad():
            logits = self.model([tokens[known:]], self.cache)
        self.seen = tokens
        return logits.numpy()[0, -1]


def first_seen(n: int, model: GPT) -> int:
    """Of n tokens, the first that is still in the context.

    It moves by half a context at a time, so that what's in between
    can be kept.
    """
    context = model.config.context
    half = max(1, context // 2)
    return max(0, -(-(n - context) // half) * half)


def generate(
    model: GPT,
    prompt: Sequence[int],
    n: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> Iterator[int]:
    """Yield n tokens that go on from the prompt, which isn't empty."""
    if not prompt:
        raise ValueError("an empty prompt; begin with a token")
    model.eval()
    ask = NextLogits(model)
    return continued(ask, prompt, n, rng, temperature, top_k)
