"""Modules, batches and the digits: what the layers promise."""

from __future__ import annotations

import numpy as np
import pytest

from nand2llm import checkout, digits, nn
from nand2llm import functional as F
from nand2llm.classify import answers, fit, step
from nand2llm.tensor import Tensor


def network(seed: int = 0, drop: float = 0.0) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(
        nn.Linear(64, 16, rng),
        Tensor.relu,
        nn.Dropout(drop, rng),
        nn.Linear(16, 10, rng),
    )


def test_a_state_goes_around() -> None:
    one, other = network(1), network(2)
    other.load_state_dict(one.state_dict())
    x = Tensor(np.ones((2, 64), np.float32))
    assert one(x).tolist() == other(x).tolist()


def test_a_state_is_a_copy() -> None:
    model = network()
    state = model.state_dict()
    state["layers.0.weight"][:] = 0
    assert model.layers[0].weight.numpy().any()


def test_the_same_seed_makes_the_same_model() -> None:
    one, other = network(3).state_dict(), network(3).state_dict()
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("n", [1, 3])
def test_a_batch_is_its_rows(n: int) -> None:
    model, x = network(), np.random.default_rng(0).random((n, 2, 64))
    x = x.astype(np.float32)
    whole = model(Tensor(x)).numpy()
    assert whole.shape == (n, 2, 10)
    for i, rows in enumerate(x):
        np.testing.assert_allclose(
            whole[i], model(Tensor(rows)).numpy(), atol=1e-6
        )


def test_gradients_of_a_batch_are_the_mean_of_its_rows() -> None:
    model = network()
    rng = np.random.default_rng(1)
    x, y = rng.random((6, 64), np.float32), rng.integers(0, 10, 6)
    for i in range(6):
        F.cross_entropy(
            model(Tensor(x[i : i + 1])), y[i : i + 1]
        ).backward()
    added = [p.grad.numpy() / 6 for p in model.parameters()]
    for p in model.parameters():
        p.grad = None
    F.cross_entropy(model(Tensor(x)), y).backward()
    for p, want in zip(model.parameters(), added, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), want, atol=1e-6)


def test_asking_leaves_the_mode_as_it_was() -> None:
    model, x = network(drop=0.5), np.ones((4, 64), np.float32)
    assert (answers(model, x) == answers(model, x)).all()
    assert model.training and model.layers[2].training


def test_dropout_stops_the_same_gradients() -> None:
    drop = nn.Dropout(0.5, np.random.default_rng(0))
    x = Tensor(np.ones(50, np.float32), requires_grad=True)
    y = drop(x)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_a_step_goes_downhill() -> None:
    model, data = network(), digits.split()[0][:100]
    losses = []
    for _ in range(5):
        loss = F.cross_entropy(model(Tensor(data.images)), data.labels)
        step(model, loss, 0.1)
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize(
    ("targets", "error", "words"),
    [
        ([0, 10], IndexError, "0 to 10, but classes are 0 to 9"),
        ([0, -3], IndexError, "-3 to 0"),
        ([0], ValueError, "need 2 targets, not 1"),
    ],
)
def test_wrong_targets_are_refused(
    targets: list[int], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        F.cross_entropy(Tensor(np.zeros((2, 10), np.float32)), targets)


def test_the_digits_are_all_there() -> None:
    everything = digits.read()
    assert everything.images.shape == (1797, 64)
    assert everything.images.min() == 0 and everything.images.max() == 1
    assert np.bincount(everything.labels).min() > 170
    parts = digits.split()
    assert [len(part) for part in parts] == [1000, 297, 500]
    rows = np.concatenate([part.images for part in parts])
    assert sorted(map(bytes, rows)) == sorted(
        map(bytes, everything.images)
    )
    again = digits.split()
    assert (parts[0].images == again[0].images).all()


def test_an_epoch_has_every_digit_once() -> None:
    data = digits.split()[1]
    batches = list(data.batches(50, np.random.default_rng(0)))
    assert [len(labels) for _, labels in batches] == [50] * 5 + [47]
    rows = np.concatenate([images for images, _ in batches])
    assert sorted(map(bytes, rows)) == sorted(map(bytes, data.images))


def test_lost_digits_are_missed_by_name(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("NAND2LLM_ROOT", str(tmp_path))
    monkeypatch.setattr(
        checkout, "__file__", f"{tmp_path}/nand2llm/checkout.py"
    )
    with pytest.raises(
        FileNotFoundError, match=r"digits\.csv\.gz.*NAND2LLM_ROOT"
    ):
        digits.read()


def test_a_network_learns_to_read() -> None:
    learn, choose, _ = digits.split()
    model = network()
    for _, _ in zip(
        range(10),
        fit(model, learn, 0.3, np.random.default_rng(0)),
        strict=False,
    ):
        pass
    assert (answers(model, choose.images) == choose.labels).mean() > 0.9
