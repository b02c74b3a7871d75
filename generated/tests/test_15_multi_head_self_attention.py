# Made from book/part4/15-multi-head-self-attention.md by tangle.py; edit there, or here and stitch. f7167fc6ff3f
from typing import Any

import numpy as np
import pytest

from nand2llm import functional as F
from nand2llm.attending import attend
from nand2llm.cache import Kept, KVCache
from nand2llm.heads import SelfAttention
from nand2llm.nn import Module
from nand2llm.positions import Rotary
from nand2llm.tensor import Tensor, concatenate

CHOICES: list[dict[str, Any]] = [
    {},
    {"kv_heads": 2},
    {"kv_heads": 1, "qk_norm": True},
    {"rotary": Rotary(8, 40)},
    {"rotary": Rotary(8, 40, sign=-1), "qk_norm": True, "bias": True},
    {"window": 3, "kv_heads": 2},
]


def made(settings: dict[str, Any]) -> tuple[SelfAttention, Tensor]:
    rng = np.random.default_rng(0)
    layer = SelfAttention(32, 4, rng, **settings)
    return layer, Tensor(rng.standard_normal((2, 9, 32), np.float32))


def by_head(layer: SelfAttention, x: Tensor) -> Tensor:
    """One head after the other."""
    q, k, v = layer.project(x)
    share = q.shape[2] // k.shape[2]
    near = np.tri(9) - np.tri(9, k=-(layer.window or 9))
    found = [
        attend(
            q[:, :, h],
            k[:, :, h // share],
            v[:, :, h // share],
            near > 0,
        )[0]
        for h in range(q.shape[2])
    ]
    return layer.out(concatenate(found, axis=-1))


@pytest.mark.parametrize("settings", CHOICES)
def test_same_as_a_loop_over_heads(settings: dict[str, Any]) -> None:
    layer, x = made(settings)
    want = by_head(layer, x).numpy()
    np.testing.assert_allclose(layer(x).numpy(), want, atol=2e-6)


@pytest.mark.parametrize("settings", CHOICES)
def test_weights_are_what_attention_used(
    settings: dict[str, Any],
) -> None:
    layer, x = made(settings)
    w = layer.weights(x)
    assert w.shape == (2, 4, 9, 9)
    np.testing.assert_allclose(w.sum(axis=-1), 1, atol=1e-6)
    _, _, v = layer.project(x)
    each = [h // (4 // v.shape[2]) for h in range(4)]
    values = v.numpy()[:, :, each].transpose(0, 2, 1, 3)
    y = Tensor((w @ values).transpose(0, 2, 1, 3).reshape(2, 9, 32))
    np.testing.assert_allclose(
        layer.out(y).numpy(), layer(x).numpy(), atol=2e-6
    )


@pytest.mark.parametrize("settings", CHOICES)
@pytest.mark.parametrize("cuts", [[4], [1, 2, 3], list(range(1, 9))])
def test_in_pieces_as_whole(
    settings: dict[str, Any], cuts: list[int]
) -> None:
    layer, x = made(settings)
    kept = Kept((2, 9, layer.sizes[1] // 8, 8))
    ends = zip([0, *cuts], [*cuts, 9], strict=True)
    parts = [layer(x[:, a:b], kept).numpy() for a, b in ends]
    got = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(got, layer(x).numpy(), atol=2e-6)
    assert kept.n == 9


def test_a_full_cache_says_so() -> None:
    layer, x = made({})
    kept = Kept((2, 10, 4, 8))
    layer(x, kept)
    with pytest.raises(ValueError, match="18 tokens, but room for 10"):
        layer(x, kept)
    assert kept.n == 9  # nothing was lost


def test_an_empty_model_keeps_nothing() -> None:
    assert len(KVCache(0, (1, 4, 1, 2))) == 0
    assert len(KVCache(3, (1, 4, 1, 2)).layers) == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"heads": 5}, "5 heads don't divide a width of 32"),
        ({"heads": 4, "kv_heads": 3}, "3 kv_heads don't divide 4"),
        ({"heads": 4, "kv_heads": 0}, "0 kv_heads"),
    ],
)
def test_shapes_that_do_not_fit(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        SelfAttention(32, rng=np.random.default_rng(0), **settings)


def test_normalized_scores_have_a_bound() -> None:
    layer, x = made({"qk_norm": True})
    q, k, _ = layer.project(x * 1000.0)
    s = F.attention(q, k, k)  # nothing overflows
    assert np.isfinite(s.numpy()).all()
    lengths = np.linalg.norm(q.numpy(), axis=-1)
    np.testing.assert_allclose(lengths, 8**0.5, rtol=1e-4)


def test_induction_rows_repeat() -> None:
    from nand2llm.induction import rows

    x, certain = rows(50, np.random.default_rng(0))
    for row, sure in zip(x, certain, strict=True):
        period = int(np.argmax(sure))
        assert 6 <= period <= 15
        assert (row[period:] == row[:-period]).all()
        assert sure[period:].all() and not sure[:period].any()


@pytest.mark.parametrize("settings", CHOICES)
def test_no_future_in_any_variant(settings: dict[str, Any]) -> None:
    layer, x = made(settings)
    other = x.numpy().copy()
    other[:, 5:] *= -3
    y, z = layer(x).numpy(), layer(Tensor(other)).numpy()
    np.testing.assert_allclose(y[:, :5], z[:, :5], atol=1e-6)
    assert (abs(y - z)[:, 5:].max(axis=-1) > 0.01).all()


@pytest.mark.parametrize("settings", CHOICES)
def test_gradient_of_the_whole_layer(settings: dict[str, Any]) -> None:
    layer, x = made(settings)
    rng = np.random.default_rng(1)
    for linear in (layer.qkv, layer.out):
        for name, p in list(linear.named_parameters()):
            setattr(linear, name, Tensor(p.numpy(), True, "float64"))
    x, g = x.astype("float64"), Tensor(rng.standard_normal(x.shape))
    (layer(x) * g).sum().backward()
    for p in layer.parameters():
        assert p.grad is not None
        start, way = p.numpy().copy(), rng.standard_normal(p.shape)
        ends = []
        for step in (1e-5, -1e-5):
            p.assign(start + step * way)
            ends.append((layer(x) * g).sum().item())
        p.assign(start)
        slope = (p.grad.numpy() * way).sum()
        nudged = (ends[0] - ends[1]) / 2e-5
        assert nudged == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_rotary_scores_do_not_mind_the_start() -> None:
    layer, x = made({"rotary": Rotary(8, 200)})
    near, far = (
        np.einsum("bthd,bshd->bhts", q.numpy(), k.numpy())
        for q, k, _ in (layer.project(x, start) for start in (0, 150))
    )
    np.testing.assert_allclose(near, far, atol=1e-4)
    assert abs(near - near[..., ::-1, :]).max() > 1


@pytest.mark.parametrize(("layers", "window"), [(1, 5), (2, 4), (3, 2)])
def test_reach_of_windows(layers: int, window: int) -> None:
    rng = np.random.default_rng(0)
    stack = [
        SelfAttention(16, 2, rng, window=window) for _ in range(layers)
    ]
    numbers = rng.standard_normal((1, 20, 16), np.float32)
    x = y = Tensor(numbers, requires_grad=True)
    for layer in stack:
        y = y + layer(y)
    y[:, -1].sum().backward()
    assert x.grad is not None
    felt = np.flatnonzero(x.grad.numpy()[0].any(axis=1))
    assert felt.tolist() == [*range(19 - layers * (window - 1), 20)]


class ByProgram(Module):
    """What came after the last token's previous occurrence."""

    def forward(self, tokens: Any) -> Tensor:
        logits = np.zeros((*tokens.shape, 20), np.float32)
        for row, out in zip(tokens, logits, strict=True):
            place = np.flatnonzero(row[:-1] == row[-1])[-1]
            out[-1, row[place + 1]] = 1
        return Tensor(logits)


def test_recalled_is_about_the_right_place() -> None:
    from nand2llm.induction import recalled

    for back, length in ((2, 12), (10, 12), (60, 128)):
        assert recalled(ByProgram(), back, length) == 1
