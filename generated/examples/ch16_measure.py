# Made from book/part4/16-the-transformer-block.md by tangle.py; edit there, or here and stitch. 375996f482bf
"""Norms timed; feed-forward layers, dropout, deep stacks; JSON."""

from functools import partial
from typing import Any

import numpy as np
from stopwatch import medians, record

from nand2llm import backends, digits, induction
from nand2llm import functional as F
from nand2llm.adding import Adder, sums
from nand2llm.backends.numpy import NumPy
from nand2llm.block import Block, Feed, FeedForward, make_norm
from nand2llm.heads import SelfAttention
from nand2llm.nn import Embedding, Linear, Module
from nand2llm.optim import AdamW
from nand2llm.positions import Rotary
from nand2llm.tensor import Tensor

WIDTH, STEPS = 32, 600


def norms() -> dict[str, dict[str, int]]:
    """Microseconds of both, there and back, for (2048, 256)."""
    plain = NumPy()
    plain.own = {}  # no operation has a version of its own
    rng = np.random.default_rng(0)
    rows, g = rng.random((2, 2048, 256), np.float32)
    works = {}
    for where in (plain, NumPy(), backends.get("native")):
        x, w = (
            Tensor(array, requires_grad=True, backend=where)
            for array in (rows, np.ones(256, np.float32))
        )
        name = "plain" if where is plain else where.name
        for kind, norm in (
            ("layer", F.layer_norm),
            ("rms", F.rms_norm),
        ):
            works[name, kind] = partial(there_and_back, norm, x, w, g)
    found = medians(works)
    return {
        name: {k: round(1e6 * found[name, k]) for k in ("layer", "rms")}
        for name, _ in works
    }


def there_and_back(norm: Any, x: Tensor, w: Tensor, g: Any) -> None:
    norm(x, w).backward(g)


def steps_needed(kind: Feed, hidden: int, seed: int) -> int:
    """Steps until twenty losses in a row have a mean below 0.1."""
    rng = np.random.default_rng(seed)
    block = Block(
        SelfAttention(WIDTH, 1, rng),
        FeedForward(WIDTH, hidden, rng, kind),
        lambda: make_norm("rms", WIDTH),
        rng,
    )
    model, losses = Adder([block], rng), list[float]()
    optimizer = AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    for _ in range(STEPS):
        batch = sums(128, rng)
        loss = F.cross_entropy(model(batch), batch.answers)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
        if len(losses) >= 20 and np.mean(losses[-20:]) < 0.1:
            break
    return len(losses)


def feeds() -> dict[str, dict[str, Any]]:
    """Each kind at about the same number of parameters."""
    return {
        kind: {
            "hidden": hidden,
            "steps": [steps_needed(kind, hidden, s) for s in range(6)],
        }
        for kind, hidden in (
            ("gelu", 4 * WIDTH),
            ("relu2", 4 * WIDTH),
            ("swiglu", 8 * WIDTH // 3),
        )
    }


class Stack(Module):
    """Twelve blocks that learn to go on with rows that repeat."""

    def __init__(
        self, post: bool, writes: float, rng: np.random.Generator
    ) -> None:
        rotary = Rotary(WIDTH, induction.LENGTH)
        self.tokens = Embedding(induction.TOKENS, WIDTH, rng, std=1.0)
        self.blocks = [
            Block(
                SelfAttention(WIDTH, 1, rng, rotary=rotary),
                FeedForward(WIDTH, 4 * WIDTH, rng),
                lambda: make_norm("layer", WIDTH),
                rng,
                post=post,
            )
            for _ in range(12)
        ]
        self.out = Linear(WIDTH, induction.TOKENS, rng, std=0.02)
        for block in self.blocks:
            for layer in (block.attention.out, block.feed.down):
                layer.weight.assign(layer.weight.numpy() * writes)

    def forward(self, tokens: Any) -> Tensor:
        """Tokens (B, T) to logits (B, T, 20)."""
        x = self.tokens(tokens)
        for block in self.blocks:
            x = block(x)
        return self.out(F.rms_norm(x))


def curve(
    post: bool, warm: int, writes: float, rate: float, seed: int
) -> list[float]:
    """The share of certain tokens right, every hundred steps."""
    rng = np.random.default_rng(seed)
    model, shares = Stack(post, writes, rng), list[float]()
    optimizer = AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    for step in range(1, STEPS + 1):
        x, certain = induction.rows(16, rng)
        y = np.where(certain, x[:, 1:], -1)
        F.cross_entropy(model(x[:, :-1]), y).backward()
        optimizer.step(min(1.0, step / warm) if warm else 1.0)
        optimizer.zero_grad()
        if step % 100 == 0:
            shares.append(round(induction.right(model), 3))
    return shares


VARIANTS = {  # post, steps of warm-up, a factor for what is written
    "pre": (False, 0, 1.0),
    "post": (True, 0, 1.0),
    "post, warm-up": (True, 300, 1.0),
    "post, small": (True, 0, 24**-0.5),
}


def places() -> dict[str, dict[float, list[list[float]]]]:
    """Norms before and behind, at two rates, with two seeds."""
    return {
        name: {
            rate: [curve(*variant, rate, seed) for seed in (0, 1)]
            for rate in (1e-3, 3e-3)
        }
        for name, variant in VARIANTS.items()
    }


class Pictures(Module):
    """Two blocks that read a digit as a text of eight rows."""

    def __init__(
        self, dropout: float, rng: np.random.Generator
    ) -> None:
        self.rows = Linear(8, WIDTH, rng)
        self.places = Embedding(8, WIDTH, rng, std=1.0)
        self.blocks = [
            Block(
                SelfAttention(WIDTH, 4, rng),
                FeedForward(WIDTH, 4 * WIDTH, rng),
                lambda: make_norm("rms", WIDTH),
                rng,
                dropout,
            )
            for _ in range(2)
        ]
        self.out = Linear(WIDTH, 10, rng)

    def forward(self, images: Any) -> Tensor:
        """Images (B, 64) to logits (B, 10)."""
        x = self.rows(Tensor(images.reshape(-1, 8, 8)))
        x = x + self.places.weight
        for block in self.blocks:
            x = block(x)
        return self.out(F.rms_norm(x).mean(axis=1))


def wrong(dropout: float, n: int, noise: float, seed: int) -> int:
    """How many of 500 digits are read wrongly after 400 steps."""
    learn, _, judge = digits.split()
    rng, luck = np.random.default_rng(seed), np.random.default_rng(0)
    images, labels = learn.images[:n], learn.labels[:n]
    guesses = luck.integers(0, 10, n)
    labels = np.where(luck.random(n) < noise, guesses, labels)
    model = Pictures(dropout, rng)
    optimizer = AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(400):
        some = rng.integers(0, n, 50)
        F.cross_entropy(model(images[some]), labels[some]).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    said = model(judge.images).numpy().argmax(axis=1)
    return int((said != judge.labels).sum())


def pictures() -> dict[str, dict[float, list[int]]]:
    """Few digits, and many with a fifth of doubtful labels."""
    return {
        name: {
            p: [wrong(p, n, noise, seed) for seed in range(4)]
            for p in (0.0, 0.2, 0.4)
        }
        for name, n, noise in (
            ("few", 200, 0.0),
            ("doubtful", 1000, 0.2),
        )
    }


figures = {
    "norms": norms(),
    "feeds": feeds(),
    "pictures": pictures(),
    "places": places(),
}
what = (
    "ch16_measure.py: norms in microseconds, medians of nine turns; "
    "feeds in steps; pictures in wrong ones of 500; "
    "places in shares of right answers"
)
print(record(what, figures))
