# Made from book/part4/16-the-transformer-block.md by tangle.py; edit there, or here and stitch. 4cc285e80cf2
import itertools
from typing import Any

import numpy as np
import pytest

from nand2llm.block import Block, FeedForward, make_norm
from nand2llm.cache import Kept
from nand2llm.heads import SelfAttention
from nand2llm.nn import Module
from nand2llm.positions import Rotary
from nand2llm.tensor import Tensor

WIDTH = 16
KINDS = list(
    itertools.product(
        ("layer", "rms", "plain"),
        ("gelu", "relu2", "swiglu"),
        (False, True),
    )
)


def built(
    norm: Any = "rms",
    feed: Any = "gelu",
    post: bool = False,
    dropout: float = 0.0,
    bias: bool = True,
) -> Block:
    rng = np.random.default_rng(0)
    rotary = Rotary(8, 30)
    return Block(
        SelfAttention(WIDTH, 2, rng, rotary=rotary, bias=bias),
        FeedForward(WIDTH, 24, rng, feed, bias),
        lambda: make_norm(norm, WIDTH, bias),
        rng,
        dropout,
        post,
    )


def rows(*shape: int, seed: int = 1) -> Any:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*shape, WIDTH), np.float32)


def doubled(block: Module) -> list[Tensor]:
    """All parameters in float64, and none of them 0 or 1."""
    rng = np.random.default_rng(2)
    for module in block.modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, Tensor):
                array = value.numpy() + 0.1 * rng.standard_normal(
                    value.shape
                )
                tensor = Tensor(array, requires_grad=True)
                setattr(module, name, tensor)
    return block.parameters()


@pytest.mark.parametrize(("norm", "feed", "post"), KINDS)
def test_slopes(norm: str, feed: str, post: bool) -> None:
    block = built(norm, feed, post)
    x = Tensor(rows(2, 5).astype("float64"), requires_grad=True)
    rng = np.random.default_rng(3)
    g = rng.standard_normal(x.shape)
    tensors = [x, *doubled(block)]
    (block(x) * Tensor(g)).sum().backward()
    for tensor in tensors:
        assert tensor.grad is not None
        start = tensor.numpy().copy()
        way = rng.standard_normal(tensor.shape)
        sides = []
        for h in (1e-5, -1e-5):
            tensor.assign(start + h * way)
            sides.append((block(x).numpy() * g).sum())
        tensor.assign(start)
        slope = (sides[0] - sides[1]) / 2e-5
        told = (tensor.grad.numpy() * way).sum()
        assert told == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("norm", "feed", "post"), KINDS)
def test_in_pieces_as_whole(norm: str, feed: str, post: bool) -> None:
    block, x = built(norm, feed, post), Tensor(rows(2, 9))
    whole = block(x).numpy()
    kept = Kept((2, 9, 2, 8))
    parts = [
        block(x[:, a:b], kept).numpy()
        for a, b in ((0, 4), (4, 5), (5, 9))
    ]
    got = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(got, whole, atol=5e-6)


def test_no_future_leaks() -> None:
    block, x = built(), rows(1, 6)
    other = x.copy()
    other[:, 4:] = rows(1, 2, seed=9)
    y, z = (block(Tensor(part)).numpy() for part in (x, other))
    np.testing.assert_allclose(y[:, :4], z[:, :4], atol=1e-6)
    assert not np.allclose(y[:, 4:], z[:, 4:], atol=1e-2)


@pytest.mark.parametrize("norm", ["layer", "rms", "plain"])
def test_writing_nothing_is_the_identity(norm: str) -> None:
    block, x = built(norm, bias=False), rows(2, 5)
    for layer in (block.attention.out, block.feed.down):
        layer.weight.assign(np.zeros(layer.weight.shape, np.float32))
    assert np.array_equal(block(Tensor(x)).numpy(), x)


@pytest.mark.parametrize("norm", ["layer", "rms", "plain"])
@pytest.mark.parametrize("size", [1e-1, 1.0, 1e3])
def test_post_norm_rows_have_mean_square_1(
    norm: str, size: float
) -> None:
    y = built(norm, post=True)(Tensor(rows(2, 5) * np.float32(size)))
    np.testing.assert_allclose(
        (y.numpy() ** 2).mean(axis=-1), 1, rtol=1e-4
    )


def test_what_is_added_is_no_larger_in_a_louder_stream() -> None:
    block, x = built("plain", bias=False), rows(2, 5)
    added = [
        block(Tensor(x * np.float32(k))).numpy() - x * np.float32(k)
        for k in (1024, 2048)
    ]
    assert np.abs(added[0]).max() > 0.5
    np.testing.assert_allclose(added[0], added[1], atol=0.02)


def test_each_token_by_itself() -> None:
    for kind in ("gelu", "relu2", "swiglu"):
        feed = built(feed=kind).feed
        x = rows(3, 4)
        whole = feed(Tensor(x)).numpy()
        one = feed(Tensor(x[1:2, 2:3])).numpy()
        np.testing.assert_allclose(whole[1, 2], one[0, 0], atol=1e-6)


def test_dropout_keeps_the_mean_and_is_off_in_use() -> None:
    block, x = built(dropout=0.25), Tensor(rows(1, 2))
    found = x.numpy() + block.attention(block.norm1(x)).numpy()
    block.feed.down.weight.assign(np.zeros((WIDTH, 24), np.float32))
    draws = [block(x).numpy() for _ in range(4000)]
    spread = np.std(draws, axis=0) / 4000**0.5
    assert spread.min() > 0
    assert (np.abs(np.mean(draws, axis=0) - found) < 5 * spread).all()
    block.eval()
    assert np.array_equal(block(x).numpy(), block(x).numpy())
    np.testing.assert_allclose(block(x).numpy(), found, atol=1e-6)


def test_what_there_is_not() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="norm 'batch'; there are"):
        make_norm("batch", 4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="feed 'relu'; there are"):
        FeedForward(4, 8, rng, "relu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dropout of 1"):
        built(dropout=1.0)


def test_sums_are_sums() -> None:
    from nand2llm.adding import Adder, Alone, sums

    rng = np.random.default_rng(4)
    batch = sums(100, rng)
    want = (batch.lists.answers + batch.plus) % 10
    assert np.array_equal(batch.answers, want)
    assert set(batch.answers) == set(range(10))
    model = Adder([Alone(SelfAttention(32, 2, rng))], rng)
    assert model.rows(batch).shape == (100, 7, 32)
    assert model(batch).shape == (100, 10)
