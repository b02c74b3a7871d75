"""Cases for the coarse operations."""

from __future__ import annotations

import numpy as np

from .cases import Case, case


@case("linear")
def lines(rng: np.random.Generator) -> list[Case]:
    normal = rng.standard_normal
    return [
        ([normal((2, 3)), normal((4, 3)), normal(4)], {}),
        ([normal((2, 5, 3)), normal((4, 3)), None], {}),
        ([normal((1, 1)), normal((1, 1)), normal(1)], {}),
        ([normal((19, 37)), normal((35, 37)), normal(35)], {}),
    ]


@case("embedding")
def tables(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal((5, 3))], {"index": np.array([4, 0, 4, -1, -5])}),
        ([rng.standard_normal((7, 2))], {"index": rng.integers(0, 7, (3, 4))}),
        ([rng.standard_normal((7, 33))], {"index": rng.integers(0, 7, (2, 9))}),
    ]


@case("layer_norm")
def norms(rng: np.random.Generator) -> list[Case]:
    normal = rng.standard_normal
    return [
        ([normal((4, 6)), normal(6), normal(6)], {}),
        ([normal((2, 3, 5)), normal(5), None], {}),
        ([normal((3, 35)), None, None], {}),
        ([normal((2, 4)), None, normal(4)], {"eps": 1e-2}),
    ]


@case("rms_norm")
def roots(rng: np.random.Generator) -> list[Case]:
    normal = rng.standard_normal
    return [
        ([normal((4, 6)), normal(6)], {}),
        ([normal((2, 3, 37)), None], {"eps": 1e-2}),
    ]


@case("cross_entropy")
def losses(rng: np.random.Generator) -> list[Case]:
    return [
        ([rng.standard_normal((4, 6))], {"targets": np.array([0, 5, 2, 2])}),
        ([rng.standard_normal((3, 35))], {"targets": np.array([-1, 34, 7])}),
        ([rng.standard_normal((1, 1))], {"targets": np.array([0])}),
    ]


@case("attention")
def looks(rng: np.random.Generator) -> list[Case]:
    def qkv(b, t, s, h, g, d):  # type: ignore[no-untyped-def]
        normal = rng.standard_normal
        return [normal((b, t, h, d)), normal((b, s, g, d)), normal((b, s, g, d))]

    return [
        (qkv(2, 5, 5, 2, 2, 3), {}),
        (qkv(1, 4, 4, 4, 2, 16), {"causal": True}),
        (qkv(1, 3, 7, 2, 1, 4), {"causal": True}),
        (qkv(2, 6, 6, 2, 2, 4), {"causal": True, "window": 2}),
        (qkv(1, 3, 5, 1, 1, 2), {"causal": False, "scale": 0.3}),
        (qkv(1, 1, 1, 1, 1, 1), {}),
        (qkv(1, 50, 50, 2, 2, 8), {}),
    ]


@case("softcap")
def caps(rng: np.random.Generator) -> list[Case]:
    normal = rng.standard_normal
    return [
        ([normal((2, 3, 5))], {"cap": 0.7}),
        ([4 * normal((3, 37))], {"cap": 2.0}),
        ([normal(4)], {"cap": 15.0}),
    ]


@case("rotary")
def turns(rng: np.random.Generator) -> list[Case]:
    def angles(t: int, half: int) -> dict[str, np.ndarray]:
        angle = rng.uniform(-4, 4, (t, half)).astype(np.float32)
        return {"cos": np.cos(angle), "sin": np.sin(angle)}

    return [
        ([rng.standard_normal((b, t, h, 2 * half))],
         {**angles(t, half), "layout": layout})
        for b, t, h, half in [(2, 5, 3, 4), (1, 1, 1, 1), (2, 0, 1, 2), (1, 7, 2, 3)]
        for layout in ("half", "pairs")
    ]  # fmt: skip
