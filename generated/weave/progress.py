# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 7fc542a1bb32
"""What the weaver says while it works."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterator

import tangle
from weave import ManuscriptError, Stopped


@contextlib.contextmanager
def step(words: str) -> Iterator[None]:
    """Print one line, with the seconds that the body takes."""
    print(f"{words:<48}", end="", flush=True)
    start = time.perf_counter()
    try:
        yield
    except (Stopped, KeyboardInterrupt):
        print("stopped", flush=True)
        raise
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.perf_counter() - start:.1f} s", flush=True)


def says(words: str, what: str) -> None:
    """Print one line, with what there is to say."""
    print(f"{words:<48}{what}", flush=True)


def complaints(problem: Exception) -> list[str]:
    """What went wrong, a line for each thing."""
    if isinstance(problem, tangle.TangleError):
        return [str(one) for one in problem.all]
    if isinstance(problem, ManuscriptError):
        return str(problem).splitlines()
    at = traceback.extract_tb(problem.__traceback__)[-1]
    said = " ".join(f"{type(problem).__name__}: {problem}".split())
    return [f"{at.filename}:{at.lineno}: {said}"]
