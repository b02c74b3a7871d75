# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. fb19fd075203
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nand2llm import functional as F
from nand2llm import layouts, looking, pretrain
from nand2llm.gpt import (
    GPT,
    GPTConfig,
    NextLogits,
    first_seen,
    generate,
    gpt2,
    modern,
)
from nand2llm.ngram import NGram
from nand2llm.pretrain import Recipe, Run
from nand2llm.tensor import no_grad

SMALL: dict[str, Any] = {
    "context": 16,
    "n_layer": 3,
    "n_head": 4,
    "width": 32,
}
CONFIGS = {
    "gpt2": gpt2(40, **SMALL),
    "modern": modern(40, **SMALL),
    "llama": GPTConfig(
        40, **SMALL, **layouts.LLAMA_DESIGN, n_kv_head=2, hidden=24
    ),
    "windows": modern(40, **SMALL, window=4, window_pattern="SL"),
    "post-norm": gpt2(40, **SMALL, post_norm=True, tied=False),
}
each = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def loud(config: GPTConfig) -> GPT:
    """A model in which nothing is zero or one."""
    rng = np.random.default_rng(0)
    model = GPT(config, rng)
    for p in model.parameters():
        noise = rng.standard_normal(p.shape, np.float32)
        p.assign(p.numpy() + 0.2 * noise)
    return model


def rows(n: int = 16) -> Any:
    return np.random.default_rng(1).integers(0, 40, (2, n))


def test_the_designs_differ_where_the_table_says() -> None:
    old, new = asdict(gpt2(40)), asdict(modern(40))
    differs = {name for name in old if old[name] != new[name]}
    assert differs == {
        *("positions", "rope_sign", "norm", "norm_embedding"),
        *("qk_norm", "feed", "bias", "tied", "softcap", "start"),
    }


@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize("design", [gpt2, modern])
def test_the_first_loss(design: Any, depth: int) -> None:
    model = GPT(design(300, depth), np.random.default_rng(0))
    x = np.random.default_rng(1).integers(0, 300, (8, 64))
    loss = F.cross_entropy(model(x[:, :-1]), x[:, 1:]).item()
    assert abs(loss - np.log(300)) < 0.05


def test_blocks_that_start_at_zero_do_nothing() -> None:
    model = GPT(modern(40, 2), np.random.default_rng(0))
    x = F.rms_norm(model.tokens(rows()))
    for block in model.blocks:
        assert np.array_equal(block(x).numpy(), x.numpy())


@each
@pytest.mark.parametrize("place", [1, 9, 15])
def test_no_future_leaks(config: GPTConfig, place: int) -> None:
    model, x = loud(config), rows()
    other = x.copy()
    other[:, place:] = (x[:, place:] + 7) % 40
    y, z = model(x).numpy(), model(other).numpy()
    moved = np.abs(y - z).max(axis=(0, 2))  # (T)
    assert (moved[:place] < 1e-5).all() and moved[place] > 0.1


@each
def test_cached_is_uncached(config: GPTConfig) -> None:
    model, text = loud(config), rows(50)[0].tolist()
    ask = NextLogits(model)
    for n in range(1, 51):
        tail = text[first_seen(n, 16) : n]
        with no_grad():
            want = model([tail]).numpy()[0, -1]
        np.testing.assert_allclose(ask(text[:n]), want, atol=2e-5)
    np.testing.assert_allclose(ask(text[:n]), want, atol=2e-5)
    elsewhere = model([[3, 1]]).numpy()[0, -1]
    np.testing.assert_allclose(ask([3, 1]), elsewhere, atol=2e-5)


def test_an_interrupted_call_is_forgotten() -> None:
    model = loud(CONFIGS["modern"])
    ask = NextLogits(model)
    ask([1, 2])
    model.stream([[9]], ask.cache)  # as if it stopped half way
    want = model([[1, 2, 3]]).numpy()[0, -1]
    np.testing.assert_allclose(ask([1, 2, 3]), want, atol=2e-5)


def test_samples_in_training() -> None:
    model = loud(replace(CONFIGS["gpt2"], dropout=0.5))
    drawn = [
        list(generate(model, [5], 30, np.random.default_rng(4)))
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]  # no dropout
    assert all(module.training for module in model.modules())
    other = generate(model, [5], 30, np.random.default_rng(9))
    assert list(other) != drawn[0]


@pytest.mark.parametrize("context", [1, 2, 5, 16])
def test_the_context_is_never_empty_or_overfull(context: int) -> None:
    for n in range(1, 80):
        kept = n - first_seen(n, context)
        assert 1 <= kept <= context
        assert kept == n or kept >= context // 2


@each
def test_files_go_around(config: GPTConfig, tmp_path: Path) -> None:
    model = loud(config)
    try:
        layouts.save(model, tmp_path)
    except ValueError as error:
        assert "no layout of transformers fits" in str(error)
        assert config.window or config.post_norm
        return
    again = layouts.load(tmp_path)
    assert again.config == replace(config, start=again.config.start)
    x = rows()
    assert np.array_equal(model(x).numpy(), again(x).numpy())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 30}, "4 heads don't divide width 30"),
        ({"width": 12, "positions": "rotary"}, "heads of 3 columns"),
        ({"n_kv_head": 3}, "3 kv_heads don't divide 4 heads"),
        ({"start": "zero"}, "needs tied=False"),
        ({"norm": "batch"}, "'layer', 'rms', 'plain'"),
        ({"n_layer": 0}, "n_layer is 0"),
        ({"hidden": 2.5}, "hidden is 2.5"),
        ({"softcap": 0}, "softcap is 0"),
        ({"window_pattern": "SX"}, "window_pattern is 'SX'"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"rope_sign": 0}, "not one of 1, -1"),
    ],
)
def test_what_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        GPTConfig(40, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([[3, 40]], "token 40; there are 0 to 39"),
        ([[-1]], "token -1"),
        ([1, 2], r"shape \(2,\)"),
        ([[]], r"shape \(1, 0\)"),
        ([[1.5]], "float64"),
        ([[1] * 17], "17 tokens, but a context of 16"),
    ],
)
def test_tokens_that_are_none(tokens: Any, words: str) -> None:
    model = GPT(CONFIGS["gpt2"], np.random.default_rng(0))
    with pytest.raises(
        (ValueError, IndexError, TypeError), match=words
    ):
        model(tokens)


def test_an_empty_prompt() -> None:
    model = GPT(CONFIGS["gpt2"], np.random.default_rng(0))
    with pytest.raises(ValueError, match="empty prompt"):
        generate(model, [], 3, np.random.default_rng(0))


LITTLE: dict[str, Any] = {
    "n_layer": 2,
    "n_head": 2,
    "width": 32,
    "context": 32,
}
OLD = Recipe(gpt2(256, **LITTLE), 60, batch=8, length=32)
NEW = replace(
    OLD,
    config=modern(256, **LITTLE),
    optimizer="muon",
    lr=0.01,
    table_lr=0.1,
)


def losses(recipe: Recipe, steps: int) -> list[float]:
    run = Run(recipe)
    return [run.step() for _ in range(steps)]


def test_a_run_learns_more_than_how_often() -> None:
    run = pretrain.train(replace(NEW, steps=150))
    learn, judge = (run.files[part].tokens for part in pretrain.SHARES)
    alone = NGram(1, 256).fit(learn).surprises(judge)[1:].mean()
    assert run.bits() < alone / np.log(2) - 0.5


def test_the_same_recipe_the_same_run() -> None:
    assert losses(NEW, 5) == losses(NEW, 5)
    assert losses(NEW, 3) != losses(replace(NEW, seed=18), 3)


def test_a_first_loss_that_knows_nothing() -> None:
    for recipe in (OLD, NEW):
        first = losses(recipe, 1)[0]
        assert first == pytest.approx(np.log(256), abs=0.1)


def test_nobody_has_read_the_exam() -> None:
    learn, judge = (pretrain.texts(part) for part in pretrain.SHARES)
    assert len(learn) > 9 * len(judge) > 100
    assert not set(learn) & set(judge)
    run = Run(NEW)
    assert len(run.files["judge"]) == len(judge)
    assert len(run.files["learn"]) == len(learn)
    assert run.batches.file is run.files["learn"]


def test_every_parameter_has_one_kind_and_one_optimizer() -> None:
    for recipe in (OLD, NEW):
        model = GPT(recipe.config, np.random.default_rng(0))
        every = sorted(map(id, model.parameters()))
        kinds = pretrain.kinds(model)
        assert sorted(id(p) for k in kinds.values() for p in k) == every
        made = pretrain.optimizers(model, recipe)
        moved = [
            (id(p), group.settings)
            for optimizer in made
            for group in optimizer.groups
            for p in group.parameters()
        ]
        assert sorted(key for key, _ in moved) == every
        settings = dict(moved)
        for kind, params in kinds.items():
            decays = kind in ("matrices", "head")
            for p in params:
                assert bool(settings[id(p)]["weight_decay"]) == decays


def test_what_is_saved_is_what_was_trained(tmp_path: Path) -> None:
    run = pretrain.train(replace(NEW, steps=20))
    pretrain.save(run.model, run.tokenizer, tmp_path)
    model, tokenizer = pretrain.load(tmp_path)
    found = pretrain.bits(model, tokenizer, run.files["judge"])
    assert found == run.bits()
    said = [
        pretrain.written(m, run.tokenizer, "The ", 30, seed=3)
        for m in (run.model, model)
    ]
    assert said[0] == said[1] and said[0].startswith("The ")


def test_recipes_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="steps is 0"):
        replace(OLD, steps=0)
    with pytest.raises(ValueError, match="rows of 33"):
        replace(OLD, length=33)
    with pytest.raises(ValueError, match="'sgd'"):
        replace(OLD, optimizer="sgd")


def test_maps_are_of_the_model_and_leave_it_alone() -> None:
    model = GPT(NEW.config, np.random.default_rng(0))
    tokens = list(range(7))
    before = model([tokens]).numpy()
    found = looking.maps(model, tokens)
    assert found.shape == (2, 2, 7, 7)
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-5)
    assert not np.triu(found, 1).any()
    assert (model([tokens]).numpy() == before).all()


def test_places_are_where_they_were_left_open() -> None:
    pieces = ["f(", "a", "[", "b", "])", "c"]
    found = looking.still_open(pieces, "(", ")")
    assert found.tolist() == [-1, 0, 0, 0, 0, -1]
    found = looking.still_open(["`", "a", "`", "b"], "`", "`")
    assert found.tolist() == [-1, 0, 0, -1]
    weights = np.tri(4)[None, None] / np.arange(1, 5)[:, None]
    found = looking.share(weights, [-1, 0, 0, -1])[0, 0]
    assert found == pytest.approx(5 / 12)
    even = looking.by_distance(weights, [-1, 0, 1, -1])[0, 0]
    assert even == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3)
