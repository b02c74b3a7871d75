# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. 310b84a5e827
"""Which arrays tensors are made of, and who computes with them.

A backend is chosen by argument, with `using()`, or by the environment
variable NAND2LLM_BACKEND; if nobody says, it is NumPy. None is
imported before it is asked for.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nand2llm.backends.base import Backend
from nand2llm.native import NativeError

NAMES = ("numpy", "native", "cupy", "mlx")

_loaded: dict[str, Backend] = {}
_chosen: ContextVar[Backend | None] = ContextVar("chosen", default=None)


class MissingBackend(ImportError):
    """A backend cannot be had on this machine; the message says why."""


def get(name: str | Backend | None = None) -> Backend:
    """The backend of that name, or the one in use."""
    if name is None:
        return _chosen.get() or get(
            os.environ.get("NAND2LLM_BACKEND") or "numpy"
        )
    if isinstance(name, Backend):
        return name
    if name not in _loaded:
        if name not in NAMES:
            raise ValueError(
                f"no backend {name!r}; there are {', '.join(NAMES)}"
            )
        _loaded[name] = _opened(name)
    return _loaded[name]


def _opened(name: str) -> Backend:
    home = f"nand2llm.backends.{name}"
    try:
        return importlib.import_module(home).open_backend()
    except (ImportError, NativeError) as error:
        words = str(error)
        if getattr(error, "name", None) == home:
            words = "comes later in the book; use the whole package"
        raise MissingBackend(f"backend {name}: {words}") from error


@contextmanager
def using(name: str | Backend) -> Iterator[Backend]:
    """Make a backend the one in use, in this context."""
    backend = get(name)
    token = _chosen.set(backend)
    try:
        yield backend
    finally:
        _chosen.reset(token)


def available() -> list[str]:
    """The names of the backends that this machine can use."""
    found = []
    for name in NAMES:
        try:
            get(name)
        except MissingBackend:
            continue
        found.append(name)
    return found
