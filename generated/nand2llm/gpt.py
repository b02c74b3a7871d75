# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. 28803da82122
"""TinyGPT: GPT-2, and what has become of it, by configuration.

Shapes: B texts of T tokens, width C, a vocabulary of V.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from nand2llm import functional as F
from nand2llm.block import Block, Feed, FeedForward, Norm, make_norm
from nand2llm.cache import KVCache
from nand2llm.decoder import decoder
from nand2llm.heads import SelfAttention
from nand2llm.nn import Dropout, Embedding, Linear, Module
from nand2llm.positions import Rotary
from nand2llm.sampling import continued
from nand2llm.tensor import Tensor, no_grad

Positions = Literal["learned", "rotary"]
Start = Literal["gpt2", "zero"]
TINY = 1e-30  # float32 can still divide by it


@dataclass(frozen=True)
class GPTConfig:
    """Everything that tells one of our language models from another.

    What is left out is as in GPT-2. n_kv_head: heads of keys and
    values, n_head if None. hidden: columns inside the feed-forward
    layer, 4 · width if None. softcap c: logits become
    c · tanh(logits / c). window: how many tokens a token sees in the
    layers that window_pattern calls S; those called L, and the last
    layer, see all. start: "gpt2" draws every matrix with deviation
    0.02, and those that write into the stream with less; "zero" lets
    these begin at 0, so that every block begins by doing nothing.
    """

    vocab_size: int
    context: int = 256
    n_layer: int = 4
    n_head: int = 4
    width: int = 128
    n_kv_head: int | None = None
    hidden: int | None = None
    positions: Positions = "learned"
    norm: Norm = "layer"
    feed: Feed = "gelu"
    bias: bool = True
    tied: bool = True
    post_norm: bool = False
    norm_embedding: bool = False
    qk_norm: bool = False
    softcap: float | None = None
    window: int | None = None
    window_pattern: str = "SSSL"
    dropout: float = 0.0
    rope_theta: float = 10000.0
    rope_sign: int = 1
    eps: float = 1e-5
    start: Start = "gpt2"

    @property
    def head_width(self) -> int:
        """D, the columns of a head."""
        return self.width // self.n_head

    @property
    def groups(self) -> int:
        """G, the heads of keys and values."""
        return self.n_kv_head or self.n_head

    @property
    def inner(self) -> int:
        """The columns inside the feed-forward layer."""
        return self.hidden or 4 * self.width

    def window_of(self, layer: int) -> int | None:
        """How many tokens a token sees in that layer; None: all."""
        kind = self.window_pattern[layer % len(self.window_pattern)]
        last = layer == self.n_layer - 1
        return self.window if kind == "S" and not last else None

    def __post_init__(self) -> None:
        if wrong := list(self._wrong()) or list(self._clashes()):
            raise ValueError("; ".join(wrong))

    def _wrong(self) -> Iterator[str]:
        """Settings that make no sense by themselves."""
        sizes = ("vocab_size", "context", "n_layer", "n_head", "width")
        for name in (*sizes, "n_kv_head", "hidden", "window"):
            n = getattr(self, name)
            if n is None and name not in sizes:
                continue
            if not isinstance(n, int) or n < 1:
                yield f"{name} is {n!r}, not a whole number from 1 on"
        for name in ("softcap", "rope_theta", "eps"):
            x = getattr(self, name)
            if x is None and name == "softcap":
                continue
            if not isinstance(x, int | float) or not TINY < x < math.inf:
                yield f"{name} is {x!r}, not a number above {TINY}"
        choices: dict[str, Sequence[Any]] = {
            "positions": get_args(Positions),
            "norm": get_args(Norm),
            "feed": get_args(Feed),
            "start": get_args(Start),
            "rope_sign": (1, -1),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                names = ", ".join(map(repr, known))
                yield f"{name} is {getattr(self, name)!r}, not one of {names}"
        if not self.window_pattern or set(self.window_pattern) - set("SL"):
            yield f"window_pattern is {self.window_pattern!r}, not of S and L"
        if not 0 <= self.dropout < 1:
            yield f"dropout is {self.dropout}, not in [0, 1)"

    def _clashes(self) -> Iterator[str]:
        """Settings that can't be together."""
        if self.width % self.n_head:
            yield f"{self.n_head} heads don't divide width {self.width}"
        elif self.positions == "rotary" and self.head_width % 2:
            yield (
                f"heads of {self.head_width} columns can't be turned in "
                "pairs, as positions 'rotary' does"
            )
        if self.n_head % self.groups:
            yield f"{self.groups} kv_heads don't divide {self.n_head} heads"
        if self.tied and self.start == "zero":
            yield (
                "start 'zero' needs tied=False: one table can't begin "
                "large for the stream and small for the logits"
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
            self.rotary = Rotary(
                c.head_width, c.context, c.rope_theta, sign=c.rope_sign
            )
        self.dropout = Dropout(c.dropout, rng)
        self.blocks = [self._block(i, rng) for i in range(c.n_layer)]
        self.norm = make_norm(c.norm, c.width, c.bias, c.eps)
        self.head = None
        if not c.tied:
            self.head = Linear(c.width, c.vocab_size, rng, bias=False)
        draw(self, rng)

    def _block(self, i: int, rng: np.random.Generator) -> Block:
        c = self.config
        attention = SelfAttention(
            c.width,
            c.n_head,
            rng,
            kv_heads=c.groups,
            bias=c.bias,
            rotary=self.rotary,
            qk_norm=c.qk_norm,
            window=c.window_of(i),
            eps=c.eps,
        )
        return Block(
            attention,
            FeedForward(c.width, c.inner, rng, c.feed, c.bias),
            lambda: make_norm(c.norm, c.width, c.bias, c.eps),
            rng,
            c.dropout,
            c.post_norm,
        )

    def forward(self, tokens: Any, cache: KVCache | None = None) -> Tensor:
        """Tokens (B, T) to logits (B, T, V) of what comes next.

        With a cache, the tokens go on where it ends, and join it.
        """
        return self.logits(self.stream(tokens, cache))

    def stream(self, tokens: Any, cache: KVCache | None = None) -> Tensor:
        """Tokens (B, T) to their rows (B, T, C) after the last norm."""
        first = 0 if cache is None else len(cache)
        tokens = self._checked(tokens, first)
        x = self.tokens(tokens)  # (B, T, C)
        if self.places is not None:
            end = first + tokens.shape[1]
            x = x + self.places(np.arange(first, end))  # (T, C) to each
        x = self.dropout(x)
        if self.config.norm_embedding:
            x = F.rms_norm(x, None, self.config.eps)
        for i, block in enumerate(self.blocks):
            x = block(x, None if cache is None else cache.layers[i])
        return self.norm(x)

    def logits(self, x: Tensor) -> Tensor:
        """What the last rows (…, C) say of each token, (…, V)."""
        table = self.tokens if self.head is None else self.head
        y = F.linear(x, table.weight)
        cap = self.config.softcap
        return y if cap is None else F.softcap(y, cap)

    def _checked(self, tokens: Any, first: int) -> Any:
        """The tokens as an array (B, T), if there's a place for each."""
        tokens, c = np.asarray(tokens), self.config
        if tokens.ndim != 2 or tokens.size == 0:
            raise ValueError(
                f"tokens of shape {tokens.shape}; they are (B, T)"
            )
        if tokens.dtype.kind not in "iu":
            raise TypeError(f"tokens of {tokens.dtype}; they are integers")
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= c.vocab_size:
            raise IndexError(
                f"token {low if low < 0 else high}; "
                f"there are 0 to {c.vocab_size - 1}"
            )
        if (end := first + tokens.shape[1]) > c.context:
            raise ValueError(f"{end} tokens, but a context of {c.context}")
        return tokens

    def cache(self, batch: int = 1) -> KVCache:
        """An empty cache for texts as long as the context."""
        c = self.config
        shape = (batch, c.context, c.groups, c.head_width)
        return KVCache(c.n_layer, shape, self.tokens.weight.backend)


def draw(model: GPT, rng: np.random.Generator) -> None:
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
    known = {"tokens.weight": 1.0, "head.weight": 0.001}
    return known.get(name, c.width**-0.5)


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
        """The logits after the tokens, without dropout."""
        model, context = self.model, self.model.config.context
        tokens = list(tokens)[first_seen(len(tokens), context) :]
        known = len(self.seen)
        goes_on = 0 < known < len(tokens) and tokens[:known] == self.seen
        if not goes_on or known != len(self.cache):
            self.cache, known = model.cache(), 0
            self.one = decoder(model, self.cache)  # None: as before
        if self.one is not None and known + 1 == len(tokens):
            self.seen = tokens
            return self.one(tokens[known])
        if was := model.training:
            model.eval()
        with no_grad():
            x = model.stream([tokens[known:]], self.cache)
            logits = model.logits(x[:, -1:])  # (1, 1, V)
        if was:
            model.train()
        self.seen = tokens
        return logits.numpy()[0, 0]


def first_seen(n: int, context: int) -> int:
    """Of n tokens, the first that is still in the context.

    It moves by half a context at a time, so that what's in between
    can be kept.
    """
    half = max(1, context // 2)
    return max(0, math.ceil((n - context) / half) * half)


def generate(
    model: GPT,
    prompt: Sequence[int],
    n: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> Iterator[int]:
    """Yield n tokens that go on from the prompt, which isn't empty."""
    if len(prompt) == 0:
        raise ValueError("an empty prompt; begin with a token")
    ask = NextLogits(model)
    return continued(ask, prompt, n, rng, temperature, top_k)
