# Made from book/part2/09-optimization.md by tangle.py; edit there, or here and stitch. 914716f16ca1
"""What chapter 9 claims, tried."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from nand2llm import nn, optim
from nand2llm.autograd import GraphError
from nand2llm.replicas import Replicas
from nand2llm.surfaces import ravine, turned, walk
from nand2llm.tensor import Tensor


def parameters(*shapes: tuple[int, ...]) -> list[Tensor]:
    rng = np.random.default_rng(0)
    drawn = [rng.standard_normal(shape, np.float32) for shape in shapes]
    return [Tensor(x, requires_grad=True) for x in drawn]


def test_momentum_by_hand() -> None:
    (p,) = parameters((2,))
    p.assign(np.zeros(2))
    sgd = optim.SGD([p], lr=1.0, momentum=0.5)
    places = []
    for across in (4, -4, 4, -4):
        p.grad.data[...] = (across, 1)
        sgd.step()
        places.append(p.numpy().copy())
    moves = np.diff([[0, 0], *places], axis=0)
    across, along = -moves.T
    assert across.tolist() == [4, -2, 3, -2.5]
    assert along.tolist() == [1, 1.5, 1.75, 1.875]


def task(w: Tensor, b: Tensor, seed: int) -> Tensor:
    x = np.random.default_rng(seed).standard_normal((3, 5), np.float32)
    return (((Tensor(x) @ w.T + b).tanh()) ** 2).sum()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, 0.01, momentum=0.9, nesterov=True),
        optim.RMSProp,
        optim.AdamW,
        lambda p: optim.Muon(p[:1]),
    ],
)
def test_restored_bit_for_bit(make: Any) -> None:
    def run(p: list[Tensor], optimizer: Any, steps: range) -> None:
        for step in steps:
            optimizer.zero_grad()
            task(*p, step).backward()
            optimizer.step()

    p, q = parameters((4, 5), (4,)), parameters((4, 5), (4,))
    first, second = make(p), make(q)
    run(p, first, range(4))
    saved = first.state_dict()
    for a, b in zip(p, q, strict=True):
        b.assign(a.numpy())
    run(p, first, range(4, 9))
    second.load_state_dict(saved)
    run(q, second, range(4, 9))
    for a, b in zip(p, q, strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()


def test_what_does_not_fit_is_refused() -> None:
    p = parameters((4, 5), (4,))
    adam = optim.AdamW(p)
    other = optim.AdamW(parameters((4, 5), (5,)))
    with pytest.raises(ValueError, match=r"\(25,\).*\(24,\)"):
        adam.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="square"):
        optim.SGD(parameters((4, 5), (4,))).load_state_dict(
            adam.state_dict()
        )
    with pytest.raises(ValueError, match="twice"):
        optim.SGD([p[0], p[0]])
    with pytest.raises(ValueError, match="unknown settings"):
        optim.SGD([{"params": p, "momentun": 0.9}])
    with pytest.raises(ValueError, match="not \\(4,\\)"):
        optim.Muon(parameters((4, 5), (4,)))


def test_a_replaced_gradient_is_noticed() -> None:
    p = parameters((3,))
    adam = optim.AdamW(p)
    p[0].grad = None
    with pytest.raises(RuntimeError, match="replaced"):
        adam.step()


def test_an_old_graph_is_noticed() -> None:
    p = parameters((3,))
    adam = optim.AdamW(p)
    loss = (p[0] * p[0]).sum()
    adam.step()
    with pytest.raises(GraphError, match="changed in place"):
        loss.backward()


def test_clipping_keeps_the_direction() -> None:
    p = parameters((3,), (2, 2))
    sgd = optim.SGD(p)
    for x in p:
        x.grad.data[...] = 3.0
    assert sgd.clip(1.0) == pytest.approx(3 * 7**0.5)
    for x in p:
        assert x.grad.numpy() == pytest.approx(7**-0.5, rel=1e-5)
    assert sgd.clip(5.0) == pytest.approx(1.0, rel=1e-5)


def test_adams_first_step_is_its_rate() -> None:
    for scale in (1e-3, 1.0, 1e3):
        path = walk(
            lambda p: optim.AdamW(p, 0.1, weight_decay=0),
            lambda p, scale=scale: scale * ravine()(p),
            (-4, 1),
            1,
        )
        assert path[1] == pytest.approx([-3.9, 0.9], abs=1e-6)


def test_orthogonal() -> None:
    g = np.random.default_rng(0).standard_normal((6, 20))
    for matrix in (g, g.T):
        values = np.linalg.svd(optim.orthogonal(np, matrix))[1]
        assert values.min() > 0.6 and values.max() < 1.3


def test_a_turned_map_changes_nothing_for_momentum() -> None:
    make = partial(optim.SGD, lr=0.02, momentum=0.8)
    c = np.sqrt(0.5)
    straight = walk(make, ravine(), (-4, 1), 50)
    askew = walk(make, turned(ravine()), (-5 * c, -3 * c), 50)
    assert np.hypot(*straight.T) == pytest.approx(np.hypot(*askew.T))


def test_replicas_make_the_same_gradient() -> None:
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(5, 8, rng), Tensor.tanh, nn.Linear(8, 2, rng)
    )
    x = rng.standard_normal((12, 5), np.float32)

    def loss(model: Any, part: Any) -> Tensor:
        return (model(Tensor(part)) ** 2).mean()

    adam = optim.AdamW(model.parameters())
    whole = loss(model, x)
    whole.backward()
    grads = [p.grad.numpy().copy() for p in model.parameters()]
    adam.zero_grad()
    replicas = Replicas(model, adam, 3)
    total = replicas.backward(loss, np.split(x, 3))
    assert total == pytest.approx(whole.item(), rel=1e-6)
    for p, g in zip(model.parameters(), grads, strict=True):
        assert p.grad.numpy() == pytest.approx(g, rel=1e-4, abs=1e-7)
