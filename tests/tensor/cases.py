"""For every operation of the table, inputs to try it on.

A case is (arrays, settings): float64 arrays from a seeded generator,
kept off the points where an operation has no slope. The first entry
of `arrays` that is a string names a number instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Case = tuple[list[Any], dict[str, Any]]
Make = Callable[[np.random.Generator], list[Case]]

CASES: dict[str, Make] = {}
SHAPES = [(), (1,), (5,), (0,), (3, 4), (2, 1, 3), (2, 0, 3), (1, 1)]
PAIRS = [
    ((), ()), ((3,), ()), ((), (2, 3)), ((3,), (2, 3)), ((2, 1), (1, 4)),
    ((4, 1, 3), (2, 1)), ((0, 3), (3,)), ((2, 0), (1, 1)), ((3, 4), (3, 4)),
]  # fmt: skip
AXES = [
    ((5,), None, False), ((3, 4), None, True), ((3, 4), 0, False),
    ((3, 4), -1, True), ((2, 3, 4), (0, 2), False), ((2, 3, 4), (0, 2), True),
    ((2, 1, 3), 1, False), ((1,), 0, False),
]  # fmt: skip


def case(*names: str) -> Callable[[Make], Make]:
    def enter(make: Make) -> Make:
        for name in names:
            CASES[name] = make
        return make

    return enter


def away(rng: np.random.Generator, shape: Any, gap: float = 0.1) -> Any:
    """Normal numbers, none nearer to 0 than the gap."""
    x = rng.standard_normal(shape)
    return np.where(x < 0, x - gap, x + gap)


@case("add", "subtract", "multiply")
def pairs(rng: np.random.Generator) -> list[Case]:
    normal = rng.standard_normal
    both = [([normal(a), normal(b)], {}) for a, b in PAIRS]
    return [*both, ([normal((2, 3)), 1.5], {}), ([2, normal(3)], {})]


@case("divide")
def quotients(rng: np.random.Generator) -> list[Case]:
    return [([away(rng, a), away(rng, b, 0.5)], {}) for a, b in PAIRS] + [
        ([1.0, away(rng, (2, 3), 0.5)], {})
    ]


@case("power")
def powers(rng: np.random.Generator) -> list[Case]:
    free = [
        ([rng.uniform(0.5, 2, a), rng.uniform(-2, 2, b)], {}) for a, b in PAIRS
    ]
    fixed = [([away(rng, (2, 3)), n], {}) for n in (0, 1, 2, 3, -1)]
    return free + fixed + [([2.0, rng.standard_normal(3)], {})]


@case("maximum")
def larger(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.permutation(np.arange(n := int(np.prod(a)))).reshape(a) * 1.0,
          np.asarray(rng.standard_normal(b) * 0.1 + n / 2 + 0.25)], {})
        for a, b in PAIRS
    ]  # fmt: skip


@case("where")
def choices(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal(a), rng.standard_normal(b)],
         {"condition": rng.random(np.broadcast_shapes(a, b)) < 0.5})
        for a, b in PAIRS
    ]  # fmt: skip


@case(
    "negative", "exp", "sin", "cos", "tanh", "sigmoid", "gelu", "silu"
)
def smooth(rng: np.random.Generator) -> list[Case]:
    return [([np.asarray(2 * rng.standard_normal(s))], {}) for s in SHAPES]


@case("absolute", "relu", "relu_squared")
def kinked(rng: np.random.Generator) -> list[Case]:
    return [([away(rng, s)], {}) for s in SHAPES]


@case("log", "sqrt")
def positive(rng: np.random.Generator) -> list[Case]:
    return [([rng.uniform(0.5, 3, s)], {}) for s in SHAPES]


@case("clip")
def clipped(rng: np.random.Generator) -> list[Case]:
    limits = [(-0.5, 0.5), (None, 0.25), (0.0, None)]
    return [
        ([away(rng, (4, 5), 0.05) * 2], {"low": a, "high": b})
        for a, b in limits
    ]


@case("astype")
def formats(rng: np.random.Generator) -> list[Case]:
    return [([rng.standard_normal((2, 3))], {"dtype": "float32"})]


@case("sum", "mean")
def reduced(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal(s)], {"axis": a, "keepdims": k})
        for s, a, k in AXES
    ] + [([rng.standard_normal((0, 3))], {"axis": 1, "keepdims": False})]


@case("max")
def topped(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.permutation(int(np.prod(s))).reshape(s) * 1.0],
         {"axis": a, "keepdims": k})
        for s, a, k in AXES
    ]  # fmt: skip


@case("logsumexp")
def sums(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal(s) * 3], {"axis": a, "keepdims": k})
        for s, a, k in AXES
        if isinstance(a, int)
    ]


@case("softmax", "log_softmax")
def shares(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal(s) * 3], {"axis": a})
        for s, a in [((5,), 0), ((3, 4), -1), ((3, 4), 0), ((2, 1, 3), 1)]
    ]


@case("reshape")
def shapes(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal(s)], {"shape": t})
        for s, t in [((6,), (2, 3)), ((2, 3), (-1,)), ((), (1, 1)),
                     ((0, 3), (3, 0)), ((1,), ())]
    ]  # fmt: skip


@case("permute")
def permuted(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal(s)], {"axes": a})
        for s, a in [((2, 3), (1, 0)), ((2, 3, 4), (2, 0, 1)),
                     ((5,), (0,)), ((2, 0, 3), (1, 2, 0))]
    ]  # fmt: skip


@case("broadcast_to")
def repeated(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal(s)], {"shape": t})
        for s, t in [((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 4)),
                     ((2, 1, 3), (5, 2, 4, 3))]
    ]  # fmt: skip


@case("concatenate")
def joined(rng: np.random.Generator) -> list[Case]:
    normal = rng.standard_normal
    return [
        ([normal((2, 3)), normal((1, 3)), normal((4, 3))], {"axis": 0}),
        ([normal((2, 1, 2)), normal((2, 3, 2))], {"axis": 1}),
        ([normal((2, 3)), normal((2, 0))], {"axis": -1}),
        ([normal(4)], {"axis": 0}),
    ]


@case("getitem")
def indexed(rng: np.random.Generator) -> list[Case]:
    x = rng.standard_normal((4, 5, 3))
    indices: list[Any] = [
        0, -1, slice(1, 3), (slice(None), 2), (..., slice(0, 0)),
        (None, 1), (slice(None, None, 2), slice(None), 1),
        np.array([0, 2, 2, 1]), np.array([[3, 0], [0, 3]]),
        (slice(None), np.array([4, 4, 0])),
        (np.array([1, 1]), np.array([2, 2])),
    ]  # fmt: skip
    return [([x], {"index": index}) for index in indices]


@case("gather")
def gathered(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal((3, 4))],
         {"index": rng.integers(0, 4, (3, 6)), "axis": -1}),
        ([rng.standard_normal((3, 4))],
         {"index": rng.integers(0, 3, (2, 4)), "axis": 0}),
        ([rng.standard_normal((5,))],
         {"index": np.array([4, 4, 4]), "axis": 0}),
    ]  # fmt: skip


@case("scatter")
def scattered(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal((3, 4)), rng.standard_normal((3, 6))],
         {"index": rng.integers(0, 4, (3, 6)), "axis": 1}),
        ([rng.standard_normal(5), rng.standard_normal(3)],
         {"index": np.array([4, 4, 0]), "axis": 0}),
    ]  # fmt: skip


@case("matmul")
def products(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal(a), rng.standard_normal(b)], {})
        for a, b in [
            ((2, 3), (3, 4)), ((1, 1), (1, 1)), ((5, 1), (1, 7)),
            ((2, 4, 3), (2, 3, 5)), ((2, 1, 4, 3), (5, 3, 2)),
            ((4, 3), (2, 3, 1)), ((0, 3), (3, 2)), ((2, 3), (3, 0)),
            ((17, 33), (33, 35)),
        ]
    ]  # fmt: skip
