# Made from book/part2/09-optimization.md by tangle.py; edit there, or here and stitch. 785dde43b01d
"""One model, several threads: each works on a part of the batch.

NumPy lets go of Python's lock while it computes, so threads that
compute on their own arrays run side by side. They share the numbers
of the parameters; each has gradients of its own, which are added up.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from nand2llm.nn import Module
from nand2llm.optim import Optimizer, places
from nand2llm.tensor import Tensor


class Replicas:
    """Copies of a model that share the numbers an optimizer moves.

    Made after the optimizer. The linear algebra library must keep to
    one thread (OPENBLAS_NUM_THREADS=1), or the two kinds of threads
    wait for each other.
    """

    def __init__(
        self, model: Module, optimizer: Optimizer, threads: int
    ) -> None:
        self.optimizer = optimizer
        self.models = [model]
        self.vectors: list[list[Any]] = []
        for _ in range(1, threads):
            twin = copy.deepcopy(model)
            self.models.append(twin)
            self.vectors.append(_follow(twin, model, optimizer))
        self.pool = ThreadPoolExecutor(threads)

    def backward(
        self,
        loss: Callable[[Module, Any], Tensor],
        parts: Sequence[Any],
    ) -> float:
        """Add the gradient of the mean loss; return that loss.

        loss(model, part) is computed for every part of the batch, of
        which there are as many as threads, and of equal size.
        """
        n = len(self.models)

        def work(model: Module, part: Any) -> float:
            result = loss(model, part) * (1 / n)
            result.backward()
            return result.item()

        tasks = [
            self.pool.submit(copy_context().run, work, model, part)
            for model, part in zip(self.models, parts, strict=True)
        ]
        with _impatient():
            total = sum(task.result() for task in tasks)
        for grads in self.vectors:
            for (_, g), more in zip(
                self.optimizer.vectors(), grads, strict=True
            ):
                g += more
                more.fill(0)
        return total


def _follow(
    twin: Module, model: Module, optimizer: Optimizer
) -> list[Any]:
    """Let the twin use the model's numbers; return its gradients."""
    ours = {
        id(p): mine
        for p, mine in zip(
            model.parameters(), twin.parameters(), strict=True
        )
    }
    vectors = []
    for group in optimizer.groups:
        for part, (_, g) in zip(
            group.parts, group.vectors(), strict=True
        ):
            vectors.append(group.backend.zeros_like(g))
            for p, place in places(part, vectors[-1]):
                ours[id(p)].data = p.data
                ours[id(p)].grad = Tensor.of(place, p.backend)
    return vectors


@contextmanager
def _impatient() -> Iterator[None]:
    """Let no thread keep Python's lock from others for long."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
