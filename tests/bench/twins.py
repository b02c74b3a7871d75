"""The package's language models, and the same in PyTorch, name for name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

EPS, CAP, BASE = 1e-5, 15.0, 10000.0


@dataclass(frozen=True)
class Size:
    """A design: vocabulary V, T places, width d, L blocks, H heads."""

    design: Literal["gpt2", "modern"]
    V: int
    T: int
    d: int
    L: int
    H: int
    batch: int

    @property
    def parameters(self) -> int:
        """How many numbers a token meets: all but the tables' other rows."""
        return 12 * self.L * self.d**2 + self.V * self.d


DESIGNS: dict[str, Literal["gpt2", "modern"]] = {"gpt": "gpt2", "modern": "modern"}
SIZES: dict[str, dict[str, int]] = {
    "nano": {"V": 65, "T": 64, "d": 64, "L": 2, "H": 4, "batch": 32},
    "tiny": {"V": 65, "T": 64, "d": 128, "L": 4, "H": 4, "batch": 12},
    "small": {"V": 4096, "T": 256, "d": 256, "L": 6, "H": 8, "batch": 16},
}

MODELS = {
    f"{name}-{scale}": Size(design, **size)
    for name, design in DESIGNS.items()
    for scale, size in SIZES.items()
}


def ours(size: Size) -> Any:
    """The package's model, with all its matrices drawn."""
    import numpy as np

    from nand2llm import gpt

    shape = {"n_layer": size.L, "n_head": size.H, "width": size.d}
    plain = {"bias": False, "start": "gpt2", "eps": EPS}
    make = gpt.gpt2 if size.design == "gpt2" else gpt.modern
    config = make(size.V, context=size.T, **shape, **plain)
    return gpt.GPT(config, np.random.default_rng(1))


def twin(size: Size) -> Any:
    """PyTorch's, with the same numbers under the same names."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    modern, d, D = size.design == "modern", size.d, size.d // size.H

    def rms(x: Any) -> Any:
        return F.rms_norm(x, (x.shape[-1],), eps=EPS)

    def layer_norm() -> Any:
        return rms if modern else nn.LayerNorm(d, eps=EPS, bias=False)

    def turn(x: Any, cos: Any, sin: Any) -> Any:
        a, b = x.chunk(2, dim=-1)  # (B, T, H, D/2), as NanoChat does
        return torch.cat([a * cos + b * sin, b * cos - a * sin], dim=-1)

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(d, 3 * d, bias=False)
            self.out = nn.Linear(d, d, bias=False)

        def heads(self, x: Any, angles: Any) -> list[Any]:
            parts = self.qkv(x).split(d, dim=2)
            q, k, v = (p.view(*p.shape[:2], size.H, D) for p in parts)
            if modern:
                q, k = (rms(turn(p, *angles)) for p in (q, k))
            return [p.transpose(1, 2) for p in (q, k, v)]

        def forward(self, x: Any, angles: Any, attend: Any) -> Any:
            y = attend(*self.heads(x, angles))
            return self.out(y.transpose(1, 2).reshape(x.shape))

    class Feed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.Linear(d, 4 * d, bias=False)
            self.down = nn.Linear(4 * d, d, bias=False)

        def forward(self, x: Any) -> Any:
            h = self.up(x)
            h = F.relu(h).square() if modern else F.gelu(h, approximate="tanh")
            return self.down(h)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.attention = layer_norm(), Attention()
            self.norm2, self.feed = layer_norm(), Feed()

        def forward(self, x: Any, angles: Any, attend: Any) -> Any:
            x = x + self.attention(self.norm1(x), angles, attend)
            return x + self.feed(self.norm2(x))

    class Twin(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(size.V, d)
            self.blocks = nn.ModuleList(Block() for _ in range(size.L))
            self.norm = layer_norm()
            if modern:
                self.head = nn.Linear(d, size.V, bias=False)
                speeds = BASE ** (-torch.arange(0, D, 2) / D)
                angles = torch.outer(torch.arange(size.T), speeds)[:, None]
                self.register_buffer("cos", angles.cos(), persistent=False)
                self.register_buffer("sin", angles.sin(), persistent=False)
            else:
                self.places = nn.Embedding(size.T, d)
                self.head = nn.Linear(d, size.V, bias=False)
                self.head.weight = self.tokens.weight

        def logits(self, i: Any, places: Any, attend: Any) -> Any:
            """Of tokens (B, T) at places: a slice, or a tensor (T)."""
            x, angles = self.tokens(i), None
            if modern:
                x, angles = rms(x), (self.cos[places], self.sin[places])
            else:
                x = x + self.places.weight[places]
            for n, block in enumerate(self.blocks):
                x = block(x, angles, lambda *qkv, n=n: attend(n, *qkv))
            z = self.head(self.norm(x))
            return CAP * torch.tanh(z / CAP) if modern else z

        def forward(self, i: Any, targets: Any) -> Any:
            """The loss."""

            def attend(n: int, q: Any, k: Any, v: Any) -> Any:
                return F.scaled_dot_product_attention(q, k, v, is_causal=True)

            logits = self.logits(i, slice(0, i.shape[1]), attend)
            return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    model = Twin()
    state = ours(size).state_dict()
    if not modern:
        state["head.weight"] = state["tokens.weight"]
    model.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    return model
