"""Time a decoder's tokens beside PyTorch's, logit for logit.

    python tests/bench/bench_decode.py [--models gpt-nano ...] [--threads 1 2]
        [--rounds 3] [--seconds 2] [--avx2] [--json FILE [--add]]

Needs an interpreter with NumPy and PyTorch: `make bench-decode` has one. One
text, one token at a time, from an empty cache to a full context. All sides have
the same weights, and their logits of the last token must agree before anything
is timed. `numpy model` is the package's model with its cache, as it trains;
`native weights` is no decoder but the time that one matrix–vector product takes
that reads as much memory as a token does. How the contenders take turns is told
in racing.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from racing import Race, report
from twins import MODELS, Size, ours, twin

Read = Callable[[list[int]], Any]  # a text, token by token; the last logits



def work(who: str, model: str, threads: int, seconds: float) -> None:
    """Read a text again and again."""
    import numpy as np

    size = MODELS[model]
    text = np.random.default_rng(0).integers(0, size.V, size.T).tolist()
    read = READERS[who](size, threads)
    numbers = [float(x) for x in read(text)[:100]]
    if who == "native weights":
        read = weights_alone(size)
    report(numbers, lambda: read(text), seconds, len(text))


def by_model(size: Size, threads: int) -> Read:
    """The package's model, with its cache."""
    from nand2llm.tensor import no_grad

    model = ours(size)

    def read(text: list[int]) -> Any:
        cache = model.cache()
        with no_grad():
            for token in text:
                logits = model([[token]], cache).numpy()[0, 0]
        return logits

    return read


def by_decoder(size: Size, threads: int) -> Read:
    """What `generate` asks: all tokens so far, at each step."""
    from nand2llm.gpt import NextLogits

    ask = NextLogits(ours(size))
    ask([0])
    if ask.one is None:
        raise SystemExit("there is no decoder for this model")
    starts = range(1, size.T + 1)

    def read(text: list[int]) -> Any:
        for n in starts:
            logits = ask(text[:n])
        return logits

    return read


def weights_alone(size: Size) -> Read:
    """Reads as many numbers as a decoder does for a token, and no more."""
    import numpy as np

    from nand2llm import kernels

    rows = size.parameters // 1024
    matrix = np.ones((rows, 1024), np.float32)
    x, y = np.ones((1024, 1), np.float32), np.empty((rows, 1), np.float32)

    def read(text: list[int]) -> Any:
        for _ in text:
            kernels.gemm(matrix, x, y)

    return read


def by_torch(size: Size, threads: int) -> Read:
    """PyTorch, with room for a whole context made beforehand."""
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(threads)
    model = twin(size).eval()
    shape = size.L, 1, size.H, size.T, size.d // size.H
    keys, values = torch.zeros(shape), torch.zeros(shape)
    rows = list(zip(keys, values, strict=True))

    def attending(
        at: slice, known: slice, n: int, q: Any, k: Any, v: Any
    ) -> Any:
        kept, held = rows[n]
        kept[:, :, at] = k
        held[:, :, at] = v
        return F.scaled_dot_product_attention(
            q, kept[:, :, known], held[:, :, known]
        )

    @torch.inference_mode()
    def read(text: list[int]) -> Any:
        tokens = torch.tensor(text)[:, None, None]
        for place in range(len(text)):
            at, known = slice(place, place + 1), slice(0, place + 1)
            attend = partial(attending, at, known)
            logits = model.logits(tokens[place], at, attend)
        return logits[0, 0].numpy()

    return read


def by_compiled_torch(size: Size, threads: int) -> Read:
    """The same, compiled once for all places: what's ahead is masked."""
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(threads)
    model = twin(size).eval()
    shape = size.L, 1, size.H, size.T, size.d // size.H
    keys, values = torch.zeros(shape), torch.zeros(shape)
    every = torch.arange(size.T)

    @torch.compile(fullgraph=True)
    def step(token: Any, place: Any) -> Any:
        seen = (every <= place)[None]

        def attend(n: int, q: Any, k: Any, v: Any) -> Any:
            keys[n].index_copy_(2, place, k)
            values[n].index_copy_(2, place, v)
            return F.scaled_dot_product_attention(
                q, keys[n], values[n], attn_mask=seen
            )

        return model.logits(token, place, attend)

    @torch.inference_mode()
    def read(text: list[int]) -> Any:
        tokens = torch.tensor(text)[:, None, None]
        for place in range(len(text)):
            logits = step(tokens[place], every[place : place + 1])
        return logits[0, 0].numpy()

    return read


READERS: dict[str, Callable[[Size, int], Read]] = {
    "torch": by_torch,
    "torch compiled": by_compiled_torch,
    "numpy model": by_model,
    "numpy": by_decoder,
    "native": by_decoder,
    "native weights": by_decoder,
}

RACE = Race(
    "One token of one text through a language model, with a cache of keys "
    "and values, by model and threads; MB: what is read of the weights; "
    "ratio: torch eager's time by this one's; native weights: the reading "
    "alone",
    models=[*MODELS],
    contenders=[*READERS],
    tolerance=1e-4,
    figure=lambda model, ms: {
        "µs": round(ms * 1e3, 1),
        "tokens/s": round(1e3 / ms),
        "MB": round(MODELS[model].parameters * 4 / 1e6, 2),
    },
    worker=work,
)

if __name__ == "__main__":
    raise SystemExit(RACE.main(__doc__.splitlines()[0]))
