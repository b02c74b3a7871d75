"""The block beside one written from the papers, in NumPy alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm import adding, backends
from nand2llm.block import Block, FeedForward, make_norm
from nand2llm.cache import Kept
from nand2llm.heads import SelfAttention
from nand2llm.nn import Module
from nand2llm.tensor import Tensor

WIDTH, HEADS = 12, 3
NORMS, FEEDS = ("layer", "rms", "plain"), ("gelu", "relu2", "swiglu")
DESIGNS = list(itertools.product(NORMS, FEEDS, (False, True)))
designs = pytest.mark.parametrize(("norm", "feed", "post"), DESIGNS)


def built(norm: Any, feed: Any, post: bool, hidden: int = 20) -> Block:
    """A block whose every number is drawn, biases and scales too."""
    rng = np.random.default_rng(0)
    block = Block(
        SelfAttention(WIDTH, HEADS, rng, bias=True),
        FeedForward(WIDTH, hidden, rng, feed, bias=True),
        lambda: make_norm(norm, WIDTH, bias=True),
        rng,
        post=post,
    )
    for p in block.parameters():
        p.assign(
            p.numpy() + 0.3 * rng.standard_normal(p.shape, np.float32)
        )
    return block


def numbers(block: Block) -> dict[str, Any]:
    state = block.state_dict()
    return {
        name: array.astype(np.float64) for name, array in state.items()
    }


def normed(x: Any, kind: str, s: dict[str, Any], name: str) -> Any:
    """Ba and others (2016), equation 4; Zhang and Sennrich (2019), 4."""
    if kind == "layer":
        mean = x.mean(-1, keepdims=True)
        deviation = np.sqrt(
            ((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5
        )
        return (x - mean) / deviation * s[f"{name}.weight"] + s[
            f"{name}.bias"
        ]
    u = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)
    return u * s[f"{name}.weight"] if kind == "rms" else u


def attended(x: Any, s: dict[str, Any]) -> Any:
    """Vaswani and others (2017), a text, a head, a place at a time."""
    qkv = x @ s["attention.qkv.weight"].T + s["attention.qkv.bias"]
    q, k, v = np.split(qkv, 3, axis=-1)
    found, head = np.zeros_like(x), WIDTH // HEADS
    for b, t, h in np.ndindex(*x.shape[:2], HEADS):
        some = slice(h * head, (h + 1) * head)
        scores = k[b, : t + 1, some] @ q[b, t, some] / head**0.5
        weights = np.exp(scores - scores.max())
        found[b, t, some] = (
            weights @ v[b, : t + 1, some] / weights.sum()
        )
    return found @ s["attention.out.weight"].T + s["attention.out.bias"]


def fed(x: Any, kind: str, s: dict[str, Any]) -> Any:
    """GELU by its fit, ReLU squared, and Shazeer's (2020) equation 6."""
    h = x @ s["feed.up.weight"].T + s["feed.up.bias"]
    if kind == "gelu":
        inner = np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)
        h = 0.5 * h * (1 + np.tanh(inner))
    elif kind == "relu2":
        h = np.maximum(h, 0) ** 2
    else:
        gate, h = np.split(h, 2, axis=-1)
        h = gate / (1 + np.exp(-gate)) * h
    return h @ s["feed.down.weight"].T + s["feed.down.bias"]


def by_the_papers(
    x: Any, s: dict[str, Any], post: bool, norm: str, feed: str
) -> Any:
    if post:
        x = normed(x + attended(x, s), norm, s, "norm1")
        return normed(x + fed(x, feed, s), norm, s, "norm2")
    x = x + attended(normed(x, norm, s, "norm1"), s)
    return x + fed(normed(x, norm, s, "norm2"), feed, s)


def moved(module: Module, backend: str) -> Any:
    """The same module with its parameters on another backend."""
    for part in module.modules():
        for name, value in list(vars(part).items()):
            if isinstance(value, Tensor):
                there = Tensor(
                    value.numpy(), requires_grad=True, backend=backend
                )
                setattr(part, name, there)
    return module


@pytest.mark.parametrize("backend", backends.available())
@designs
def test_the_block_of_the_papers(
    norm: str, feed: str, post: bool, backend: str
) -> None:
    block = built(norm, feed, post)
    x = np.random.default_rng(1).standard_normal(
        (2, 7, WIDTH), np.float32
    )
    double = x.astype(np.float64)
    want = by_the_papers(double, numbers(block), post, norm, feed)
    got = moved(block, backend)(Tensor(x, backend=backend))
    assert got.backend.name == backend and got.dtype == "float32"
    largest = np.abs(want).max()
    np.testing.assert_allclose(got.numpy(), want, atol=1e-5 * largest)


@pytest.mark.parametrize("backend", backends.available())
@designs
def test_its_gradients_on_every_backend(
    norm: str, feed: str, post: bool, backend: str
) -> None:
    """Every parameter's, by nudging the papers' block in float64."""
    block = built(norm, feed, post)
    rng = np.random.default_rng(2)
    x, g = rng.standard_normal((2, 1, 5, WIDTH), np.float32)
    double, state, wanted = x.astype(np.float64), numbers(block), {}
    for name, start in state.items():
        way, sides = rng.standard_normal(start.shape), []
        for h in (1e-6, -1e-6):
            nudged = state | {name: start + h * way}
            y = by_the_papers(double, nudged, post, norm, feed)
            sides.append((y * g).sum())
        wanted[name] = way, (sides[0] - sides[1]) / 2e-6
    there = moved(block, backend)
    y = there(Tensor(x, backend=backend))
    (y * Tensor(g, backend=backend)).sum().backward()
    for name, p in there.named_parameters():
        way, want = wanted[name]
        assert p.grad is not None
        told = p.grad.numpy().astype(np.float64)
        size = np.linalg.norm(told) * np.linalg.norm(way)
        assert (told * way).sum() == pytest.approx(
            want, abs=2e-5 * size
        )


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("post", [False, True])
def test_token_by_token_on_every_backend(
    backend: str, post: bool
) -> None:
    block = moved(built("rms", "swiglu", post), backend)
    rng = np.random.default_rng(3)
    x = Tensor(
        rng.standard_normal((2, 6, WIDTH), np.float32), backend=backend
    )
    whole = block(x).numpy()
    kept = Kept((2, 6, HEADS, WIDTH // HEADS), backend)
    parts = [block(x[:, t : t + 1], kept).numpy() for t in range(6)]
    got = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(
        got, whole, atol=2e-5 * np.abs(whole).max()
    )


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(FEEDS),
    bias=st.booleans(),
    width=st.sampled_from([4, 8, 16]),
    hidden=st.integers(1, 40),
    groups=st.sampled_from([1, 2, 4]),
    norm=st.sampled_from(NORMS),
)
def test_how_many_numbers_a_block_has(
    kind: Any,
    bias: bool,
    width: int,
    hidden: int,
    groups: int,
    norm: Any,
) -> None:
    rng = np.random.default_rng(0)
    block = Block(
        SelfAttention(width, 4, rng, groups, bias),
        FeedForward(width, hidden, rng, kind, bias),
        lambda: make_norm(norm, width, bias),
        rng,
    )
    matrices = 3 if kind == "swiglu" else 2
    want = 2 * width**2 + 2 * width * width * groups // 4
    want += matrices * width * hidden
    want += {
        "layer": 2 * width * (1 + bias),
        "rms": 2 * width,
        "plain": 0,
    }[norm]
    if bias:
        want += 2 * width + 2 * width * groups // 4  # qkv and out
        want += (matrices - 1) * hidden + width  # up and down
    assert sum(p.size for p in block.parameters()) == want


def test_the_two_norms_are_two_modules() -> None:
    block = built("rms", "gelu", False)
    names = [name for name, _ in block.named_parameters()]
    assert (
        names.count("norm1.weight") == names.count("norm2.weight") == 1
    )


def texts() -> Iterator[tuple[Any, Any]]:
    batch = adding.sums(300, np.random.default_rng(4))
    letters, digits, asked, *_ = batch.lists
    rows = zip(
        letters, digits, asked, batch.plus, batch.answers, strict=True
    )
    for row_letters, row_digits, one, plus, answer in rows:
        said = dict(zip(row_letters, row_digits, strict=True))
        yield (said[one] + plus) % 10, answer


def test_sums_are_of_what_the_list_says() -> None:
    assert all(want == answer for want, answer in texts())


def test_an_adder_reads_nothing_but_its_list() -> None:
    """The same list and question, the same logits, whatever the batch."""
    rng = np.random.default_rng(5)
    model = adding.Adder([adding.Alone(SelfAttention(32, 2, rng))], rng)
    batch = adding.sums(9, rng)
    part = adding.Sums(
        batch.lists._replace(
            letters=batch.lists.letters[3:4],
            digits=batch.lists.digits[3:4],
            asked=batch.lists.asked[3:4],
        ),
        batch.plus[3:4],
        batch.answers[3:4],
    )
    np.testing.assert_allclose(
        model(part).numpy()[0], model(batch).numpy()[3], atol=1e-5
    )
