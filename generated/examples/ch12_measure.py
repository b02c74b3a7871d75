# Made from book/part3/12-embeddings.md by tangle.py; edit there, or here and stitch. 3dfdff32ef5b
"""Time a look-up beside the product that it replaces; print JSON."""

from collections.abc import Callable

import numpy as np
from stopwatch import medians, record

from nand2llm import functional as F
from nand2llm.tensor import Tensor

BATCH, WIDTH = 512, 64
rng = np.random.default_rng(12)


def both(size: int) -> dict[str, Callable[[], None]]:
    """Rows of a table of so many words, and back, in both ways."""
    rows = rng.standard_normal((size, WIDTH)).astype(np.float32)
    table = Tensor(rows, requires_grad=True)
    tokens = rng.integers(0, size, BATCH)
    g = np.ones((BATCH, WIDTH), np.float32)

    def product() -> None:
        one_hot = np.zeros((BATCH, size), np.float32)
        one_hot[np.arange(BATCH), tokens] = 1
        (Tensor(one_hot) @ table).backward(g)

    def reading() -> None:
        F.embedding(table, tokens).backward(g)

    return {"product": product, "reading": reading}


figures = {}
for size in (256, 1024, 4096, 16384):
    spent = medians(both(size))
    figures[size] = {k: round(1e6 * t) for k, t in spent.items()}
what = "ch12_measure.py: microseconds, medians of nine turns"
print(record(what, figures))
