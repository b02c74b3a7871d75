"""Time the native kernels beside NumPy, each pair in turn.

    python tests/bench/bench_kernels.py [--threads N] [--level v4] [--only NAME]

Each side has a process of its own, for the threads of OpenBLAS keep turning for
a while after their work and would take the kernels' time. The two work in turn,
with a pause between, so that what else the machine does falls on both; the
figures are medians of such pairs. The last column says how many times as fast
as NumPy the kernel is. OpenBLAS is held to the same number of threads, and
OPENBLAS_CORETYPE is dropped unless --keep-coretype is given (to compare builds
for AVX2, say).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Pair = tuple[str, Callable[[], object], Callable[[], object]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", default="2")
    parser.add_argument("--level", default="", help="baseline, v3 or v4")
    parser.add_argument("--only", default="", help="part of a name")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--keep-coretype", action="store_true")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    return parser.parse_args()


def prepare(chosen: argparse.Namespace) -> None:
    """What NumPy and the library read from the environment at import."""
    if not chosen.keep_coretype:
        os.environ.pop("OPENBLAS_CORETYPE", None)
    os.environ["OPENBLAS_NUM_THREADS"] = chosen.threads
    os.environ["NAND2LLM_THREADS"] = chosen.threads
    if chosen.level:
        os.environ["NAND2LLM_NATIVE_LEVEL"] = chosen.level
    sys.path.insert(0, str(ROOT / "generated"))


def repeats(work: Callable[[], object]) -> int:
    """How often `work` must run for a few milliseconds."""
    work()
    count = 1
    while True:
        if lap(work, count) * count > 0.004:
            return count
        count *= 2


def lap(work: Callable[[], object], count: int) -> float:
    """The seconds that `work` takes."""
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count


def serve(pairs: list[Pair], side: str) -> None:
    """Time one side: for each line with a number, print the seconds."""
    counts: dict[int, int] = {}
    for line in sys.stdin:
        index = int(line)
        work = pairs[index][1 if side == "ours" else 2]
        if index not in counts:
            counts[index] = repeats(work)
        print(lap(work, counts[index]), flush=True)


def ask(process: subprocess.Popen[str], index: int) -> float:
    """The seconds that the process needs for its side of a pair."""
    time.sleep(0.03)  # the other side's threads go to sleep
    assert process.stdin and process.stdout
    print(index, file=process.stdin, flush=True)
    return float(process.stdout.readline())


PRODUCTS = [  # m, n, k, A as a transpose, B as one
    (2048, 1024, 256, False, False),
    (2048, 256, 1024, False, True),
    (256, 1024, 2048, True, False),
    (2048, 192, 64, False, False),
    (64, 192, 2048, True, False),
    (768, 128, 512, False, False),
    (4096, 4096, 256, False, False),
    (64, 64, 64, False, False),
    (1, 1024, 1024, False, False),
    (1, 1024, 1024, False, True),
    (1024, 1, 1024, False, False),
]


def products() -> Iterator[Pair]:
    """Matrix products, against OpenBLAS."""
    import numpy as np

    from nand2llm import kernels

    for m, n, k, a_turned, b_turned in PRODUCTS:
        a = normal(k, m).T if a_turned else normal(m, k)
        b = normal(n, k).T if b_turned else normal(k, n)
        out, other = np.empty((2, m, n), np.float32)
        turns = " At" * a_turned + " Bt" * b_turned
        yield (
            f"gemm {m}x{n}x{k}{turns}",
            lambda a=a, b=b, out=out: kernels.gemm(a, b, out),
            lambda a=a, b=b, other=other: np.matmul(a, b, out=other),
        )


def normal(*shape: int):
    import numpy as np

    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def rows() -> Iterator[Pair]:
    """What works on rows and elements, against NumPy with `out=`."""
    import numpy as np

    from nand2llm import kernels

    n, c, v = 2048, 256, 4096
    x, dy, y, spare = (normal(n, c) for _ in range(4))
    weight, bias = normal(c), normal(c)
    mean, rstd, loss = (np.empty(n, np.float32) for _ in range(3))
    logits, room = normal(n, v), np.empty((n, v), np.float32)
    targets = np.arange(n) % v
    vectors = [normal(1_000_000) ** 2 for _ in range(4)]
    old = [vector.copy() for vector in vectors]

    def numpy_gelu() -> None:
        np.multiply(x, x, out=spare)
        np.multiply(spare, 0.044715, out=spare)
        np.add(spare, 1, out=spare)
        np.multiply(spare, x, out=spare)
        np.multiply(spare, 0.7978845608, out=spare)
        np.tanh(spare, out=spare)
        np.add(spare, 1, out=spare)
        np.multiply(spare, x, out=spare)
        np.multiply(spare, 0.5, out=spare)

    def numpy_norm() -> None:
        mu = x.mean(-1, keepdims=True)
        np.subtract(x, mu, out=spare)
        square = np.einsum("ij,ij->i", spare, spare) / c
        np.multiply(spare, (1 / np.sqrt(square + 1e-5))[:, None], out=spare)
        np.multiply(spare, weight, out=spare)
        np.add(spare, bias, out=spare)

    def numpy_softmax() -> None:
        np.subtract(logits, logits.max(-1, keepdims=True), out=room)
        np.exp(room, out=room)
        np.divide(room, room.sum(-1, keepdims=True), out=room)

    def numpy_adamw() -> None:
        p, g, m, s = old
        m += 0.1 * (g - m)
        s *= 0.99
        s += 0.01 * g * g
        p *= 0.999
        p -= 1e-3 * m / (np.sqrt(s) + 1e-8)

    def our_entropy() -> None:
        room[:] = logits
        kernels.cross_entropy_in_place(room, targets, loss)

    def numpy_entropy() -> None:
        numpy_softmax()
        room[np.arange(n), targets] -= 1

    yield "add", lambda: kernels.add(x, dy, y), lambda: np.add(x, dy, out=spare)
    yield "gelu", lambda: kernels.activation("gelu", x, y), numpy_gelu
    yield (
        "layer norm",
        lambda: kernels.norm(x, weight, bias, y, mean, rstd),
        numpy_norm,
    )
    yield "softmax", lambda: kernels.softmax(logits, room), numpy_softmax
    yield "cross-entropy and its gradient", our_entropy, numpy_entropy
    yield (
        "adamw",
        lambda: kernels.adamw(*vectors, 7, 1e-3, 0.9, 0.99, decay=1.0),
        numpy_adamw,
    )
    table, indices = normal(v, c), np.arange(n) * 7 % v
    yield (
        "gather",
        lambda: kernels.gather(table, indices, y),
        lambda: np.take(table, indices, 0, out=spare, mode="clip"),
    )
    yield (
        "scatter-add",
        lambda: kernels.scatter_add(dy, indices, table),
        lambda: np.add.at(table, indices, dy),
    )


def attentions() -> Iterator[Pair]:
    """Causal attention, both passes, against NumPy's way with matmul."""
    import numpy as np

    from nand2llm import kernels

    for b, t, h, d in ((32, 64, 4, 16), (12, 64, 4, 32), (4, 256, 8, 32)):
        qkv, dqkv = normal(2, b, t, 3, h, d)
        q, k, v = (qkv[:, :, i] for i in range(3))
        grads = [dqkv[:, :, i] for i in range(3)]
        out, dout = normal(2, b, t, h, d)
        lse = np.empty((b, h, t), np.float32)
        mask = np.triu(np.full((t, t), -np.inf, np.float32), 1)
        turned = [np.ascontiguousarray(x.transpose(0, 2, 1, 3)) for x in (q, k, v)]
        up = np.ascontiguousarray(dout.transpose(0, 2, 1, 3))

        def forward(turned=turned, mask=mask, d=d):
            q, k, v = turned
            p = q @ k.swapaxes(-1, -2)
            p *= d**-0.5
            p += mask
            p -= p.max(-1, keepdims=True)
            np.exp(p, out=p)
            p /= p.sum(-1, keepdims=True)
            return p, p @ v

        saved = forward()

        def backward(turned=turned, up=up, saved=saved, d=d):
            (q, k, v), (p, y) = turned, saved
            dv = p.swapaxes(-1, -2) @ up
            ds = up @ v.swapaxes(-1, -2)
            ds -= np.einsum("...d,...d->...", up, y)[..., None]
            ds *= p
            ds *= d**-0.5
            return ds @ k, ds.swapaxes(-1, -2) @ q, dv

        size = f"({b}, {t}, {h}, {d})"
        parts = (q, k, v, out, lse)
        yield (
            f"attention {size}",
            lambda parts=parts: kernels.attention(*parts),
            forward,
        )
        yield (
            f"its gradient {size}",
            lambda dout=dout, parts=parts, grads=grads: (
                kernels.attention_backward(dout, *parts, *grads)
            ),
            backward,
        )


def compare(pairs: list[Pair], chosen: argparse.Namespace) -> None:
    """Print the median times of the two sides, and of their ratios."""
    me = [sys.executable, __file__, *sys.argv[1:], "--side"]
    ours, theirs = (
        subprocess.Popen([*me, side], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for side in ("ours", "theirs")
    )
    for index, (name, *_) in enumerate(pairs):
        laps = [(ask(ours, index), ask(theirs, index)) for _ in range(chosen.pairs)]
        ratio = statistics.median(its / mine for mine, its in laps)
        mine, its = (statistics.median(side) * 1e6 for side in zip(*laps, strict=True))
        print(f"{name:40} {mine:10.1f} {its:10.1f} {ratio:8.2f}", flush=True)
    for process in (ours, theirs):
        process.communicate()


def main() -> None:
    chosen = arguments()
    prepare(chosen)
    from nand2llm import kernels

    every = [pair for part in (products, rows, attentions) for pair in part()]
    pairs = [pair for pair in every if chosen.only in pair[0]]
    if chosen.side:
        return serve(pairs, chosen.side)
    print(f"{kernels.LEVEL}, threads: {kernels.threads()}")
    print(f"{'':40} {'ours, µs':>10} {'NumPy, µs':>10} {'times':>8}")
    return compare(pairs, chosen)


if __name__ == "__main__":
    main()
