# Made from book/appendices/g-decoder.md by tangle.py; edit there, or here and stitch. 3b42777fe846
"""One token through a model, by the shortest way there is.

A decoder answers as `model([[token]], cache)` does, without tensors
and without a tape: NumPy's functions write to buffers made once, or
one call of a native kernel does it all. Float32, one text at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nand2llm.block import FeedForward
from nand2llm.cache import Kept, KVCache
from nand2llm.coarse import CUBE, GELU
from nand2llm.heads import SelfAttention
from nand2llm.nn import LayerNorm, RMSNorm

if TYPE_CHECKING:
    from nand2llm.gpt import GPT

Array = Any
Row = Callable[[Array], Array]  # of a row; where it's written to


KNOWN = {
    "block.Block",
    "block.FeedForward",
    "gpt.GPT",
    "heads.SelfAttention",
    "nn.Dropout",
    "nn.Embedding",
    "nn.LayerNorm",
    "nn.Linear",
    "nn.RMSNorm",
}


def home(module: Any) -> str:
    """Where a module's class was written."""
    kind = type(module)
    place = kind.__module__.removeprefix("nand2llm.")
    return f"{place}.{kind.__qualname__}"


def decoder(model: GPT, cache: KVCache) -> Decoder | None:
    """A decoder that goes on with a cache for one text, if one can.

    None is for models with parts that we don't know, with numbers
    other than float32, or on a backend where tensors are as good.
    """
    if {home(m) for m in model.modules()} - KNOWN:
        return None
    plain = all(
        isinstance(p.data, np.ndarray)
        and p.dtype == "float32"
        and p.data.flags.c_contiguous
        for p in model.parameters()
    )
    kind = KINDS.get(model.tokens.weight.backend.name)
    return kind(model, cache) if kind and plain else None


class Decoder:
    """Reads a token; what it wants to keep of it is in the cache.

    The weights are read where they are, as they are. To change them
    is to begin a new cache, and so a new decoder.
    """

    def __init__(self, model: GPT, cache: KVCache) -> None:
        self.config, self.cache = model.config, cache
        self.prepare(model)

    def __call__(self, token: int) -> Array:
        """The logits (V) of what comes after one more token."""
        place, c = len(self.cache), self.config
        if place >= c.context:
            raise ValueError(
                f"{place + 1} tokens, but a context of {c.context}"
            )
        if not 0 <= token < c.vocab_size:
            raise IndexError(
                f"token {token}; there are {c.vocab_size}, from 0 on"
            )
        logits = self.read(token, place)
        for kept in self.cache.layers:
            kept.n = place + 1
        return logits

    def layers(self, model: GPT) -> Iterator[tuple[Any, Kept]]:
        """The blocks, and what is kept for each."""
        return zip(model.blocks, self.cache.layers, strict=True)

    def prepare(self, model: GPT) -> None:
        """Find the weights, make buffers."""
        raise NotImplementedError

    def read(self, token: int, place: int) -> Array:
        """The logits; keys and values are written to their place."""
        raise NotImplementedError


LONG = 256  # a row that is worth a call of its own


def product(weight: Array, bias: Array | None = None) -> Row:
    """W x + b of a row x, for W (n, k)."""
    times = np.vecdot if weight.shape[1] >= LONG else np.dot
    out = buffer(len(weight))
    if bias is None:
        return lambda x: times(weight, x, out=out)
    return lambda x: np.add(times(weight, x, out=out), bias, out=out)


def buffer(*shape: int) -> Array:
    """Room for float32."""
    return np.empty(shape, np.float32)


def weights(layer: Any) -> tuple[Array | None, Array | None]:
    """The weight and the bias of a layer, or None for what's not."""
    weight = getattr(layer, "weight", None)
    bias = getattr(layer, "bias", None)
    return (
        None if weight is None else weight.data,
        None if bias is None else bias.data,
    )


def normed(norm: Any, width: int) -> Row:
    """A norm of a row: a LayerNorm or an RMSNorm."""
    weight, shift = weights(norm)
    centered, eps = isinstance(norm, LayerNorm), norm.eps
    each, out = np.full(width, 1 / width, np.float32), buffer(width)

    def scaled(x: Array) -> Array:
        if centered:
            x = np.subtract(x, x.dot(each), out=out)
        scale = 1 / math.sqrt(float(x.dot(x)) / width + eps)
        np.multiply(x, np.float32(scale), out=out)
        if weight is not None:
            np.multiply(out, weight, out=out)
        if shift is not None:
            np.add(out, shift, out=out)
        return out

    return scaled


def fed(feed: FeedForward) -> Row:
    """A feed-forward layer of a row; its activation in place."""
    up, down = product(*weights(feed.up)), product(*weights(feed.down))
    bend, spare = BENDS[feed.kind], buffer(feed.hidden)
    return lambda x: down(bend(up(x), spare))


def gelu(x: Array, spare: Array) -> Array:
    """As `coarse.gelu`."""
    np.multiply(x, x, out=spare)
    np.multiply(spare, np.float32(GELU * CUBE), out=spare)
    np.add(spare, np.float32(GELU), out=spare)
    np.multiply(spare, x, out=spare)
    np.tanh(spare, out=spare)
    np.add(spare, np.float32(1), out=spare)
    np.multiply(spare, x, out=x)
    return np.multiply(x, np.float32(0.5), out=x)


def relu2(x: Array, spare: Array) -> Array:
    """As `coarse.relu_squared`."""
    np.maximum(x, np.float32(0), out=x)
    return np.multiply(x, x, out=x)


def swiglu(x: Array, spare: Array) -> Array:
    """The second half, gated by `coarse.silu` of the first."""
    gate, h = x[: len(spare)], x[len(spare) :]
    np.multiply(gate, np.float32(0.5), out=gate)
    np.tanh(gate, out=spare)
    np.add(spare, np.float32(1), out=spare)
    np.multiply(spare, gate, out=spare)
    return np.multiply(spare, h, out=spare)


BENDS = {"gelu": gelu, "relu2": relu2, "swiglu": swiglu}


class Attention:
    """One token's questions to those before it, and to itself."""

    def __init__(self, layer: SelfAttention, kept: Kept) -> None:
        self.qkv = product(*weights(layer.qkv))
        self.out = product(*weights(layer.out))
        self.width, n, _ = layer.sizes
        d = self.head = layer.head
        self.turned = self.width + n  # queries and keys, not values
        self.k = kept.k.reshape(-1, n)  # (T, G · D)
        self.v = kept.v.reshape(-1, n)
        groups = n // d
        share = self.width // n
        self.split = (groups, share, d)
        self.keys = kept.k[0].transpose(1, 2, 0)  # (G, D, T)
        self.values = kept.v[0].transpose(1, 0, 2)  # (G, T, D)
        self.y = buffer(groups, share, d)
        self.row = self.y.reshape(-1)  # the same memory
        self.window = layer.window or len(self.k)
        self.turn = self._turner(layer)
        self.eps = np.float32(layer.eps) if layer.qk_norm else None
        self.scale = np.float32(d**-0.5)

    def _turner(
        self, layer: SelfAttention
    ) -> Callable[[Array, int], None] | None:
        """What turns heads (H + G, D) for a place, in place."""
        if layer.rotary is None:
            return None
        half = self.head // 2
        cos, sin = layer.rotary.cos, layer.rotary.sin
        cos = np.stack([cos, cos], axis=1).astype(np.float32)
        sin = np.stack([-sin, sin], axis=1).astype(np.float32)
        spare = buffer(self.turned // self.head, 2, half)

        def turn(heads: Array, place: int) -> None:
            pairs = heads.reshape(-1, 2, half)
            np.multiply(pairs[:, ::-1], sin[place], out=spare)
            np.multiply(pairs, cos[place], out=pairs)
            np.add(pairs, spare, out=pairs)

        return turn

    def __call__(self, x: Array, place: int) -> Array:
        """What is to be added to the stream, for a row x (C)."""
        qkv, end = self.qkv(x), place + 1
        heads = qkv[: self.turned].reshape(-1, self.head)
        if self.turn is not None:
            self.turn(heads, place)
        if self.eps is not None:
            power = np.einsum("ij,ij->i", heads, heads) / self.head
            heads /= np.sqrt(power + self.eps)[:, None]
        self.k[place] = qkv[self.width : self.turned]
        self.v[place] = qkv[self.turned :]
        near = slice(max(0, end - self.window), end)
        q = qkv[: self.width].reshape(self.split)
        scores = np.matmul(q, self.keys[:, :, near])  # (G, H/G, n)
        np.multiply(scores, self.scale, out=scores)
        most = np.maximum.reduce(scores, axis=-1, keepdims=True)
        np.subtract(scores, most, out=scores)
        np.exp(scores, out=scores)
        total = np.add.reduce(scores, axis=-1, keepdims=True)
        np.matmul(scores, self.values[:, near], out=self.y)
        np.divide(self.y, total, out=self.y)
        return self.out(self.row)


class NumPyDecoder(Decoder):
    """A call of NumPy for every operation."""

    def prepare(self, model: GPT) -> None:
        """Find the weights, make buffers."""
        c = model.config
        self.tokens = model.tokens.weight.data
        self.places = None
        if model.places is not None:
            self.places = model.places.weight.data
        self.blocks = [
            (
                normed(block.norm1, c.width),
                Attention(block.attention, kept),
                normed(block.norm2, c.width),
                fed(block.feed),
            )
            for block, kept in self.layers(model)
        ]
        unit = RMSNorm(c.width, weight=False, eps=c.eps)
        self.unit = normed(unit, c.width)
        self.norm = normed(model.norm, c.width)
        self.head = product(*weights(model.head or model.tokens))
        self.x = buffer(c.width)

    def read(self, token: int, place: int) -> Array:
        """The logits; keys and values are written to their place."""
        x, c = self.x, self.config
        x[:] = self.tokens[token]
        if self.places is not None:
            np.add(x, self.places[place], out=x)
        if c.norm_embedding:
            x[:] = self.unit(x)
        for norm1, attention, norm2, feed in self.blocks:
            if c.post_norm:
                np.add(x, attention(x, place), out=x)
                x[:] = norm1(x)
                np.add(x, feed(x), out=x)
                x[:] = norm2(x)
            else:
                np.add(x, attention(norm1(x), place), out=x)
                np.add(x, feed(norm2(x)), out=x)
        logits = self.head(self.norm(x)).copy()
        if c.softcap is not None:
            logits /= np.float32(c.softcap)
            np.tanh(logits, out=logits)
            logits *= np.float32(c.softcap)
        return logits


class NativeDecoder(Decoder):
    """One call of a native kernel for a token."""

    def prepare(self, model: GPT) -> None:
        """Find the weights, make buffers."""
        from nand2llm import kernels  # there, or no such backend

        c = model.config
        self.logits = buffer(c.vocab_size)
        cos = sin = None
        if model.rotary is not None:
            cos = model.rotary.cos.astype(np.float32)
            sin = model.rotary.sin.astype(np.float32)
        tables = (
            *(model.tokens.weight.data, weights(model.places)[0]),
            *(cos, sin, *weights(model.norm)),
            *(weights(model.head or model.tokens)[0], self.logits),
        )
        blocks = [
            (
                *weights(block.norm1),
                *weights(block.attention.qkv),
                *weights(block.attention.out),
                *weights(block.norm2),
                *weights(block.feed.up),
                *weights(block.feed.down),
                *(kept.k, kept.v),
            )
            for block, kept in self.layers(model)
        ]
        windows = [
            block.attention.window or c.context
            for block, _ in self.layers(model)
        ]
        self._read = kernels.decoder(c, tables, blocks, windows)

    def read(self, token: int, place: int) -> Array:
        """The logits; keys and values are written to their place."""
        self._read(token, place)
        return self.logits.copy()


KINDS: dict[str, type[Decoder]] = {
    "numpy": NumPyDecoder,
    "native": NativeDecoder,
}
