# Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. 4ecf5d7a775e
"""Time arrays in Python and in Rust; print the figures as JSON."""

import json
import statistics
from collections.abc import Callable
from functools import partial
from time import perf_counter

from nand2llm import native
from nand2llm.array import full
from nand2llm.letters import NextLetter, letters, questions
from nand2llm.loop import learn
from nand2llm.lovelace import NOTE_G
from nand2llm.tables import count_pairs, learn_table


def medians(
    *tasks: Callable[[], object], rounds: int = 9
) -> list[float]:
    """Median milliseconds of each task; the tasks take turns."""
    times: list[list[float]] = [[] for _ in tasks]
    for _ in range(rounds):
        for task, spent in zip(tasks, times, strict=True):
            start = perf_counter()
            task()
            spent.append(1000 * (perf_counter() - start))
    return [statistics.median(spent) for spent in times]


def figures() -> dict[str, list[float]]:
    """Milliseconds: Python and Rust, or the pair that is named."""
    text = letters(NOTE_G)
    asked, counts = questions(text), count_pairs(text)
    found = {
        "letters: dictionary, arrays": medians(
            lambda: learn(NextLetter(), asked, 70.0, 300),
            lambda: learn_table(counts, 70.0, 300),
            rounds=5,
        )
    }
    if native.available():
        for n in (3, 1000):
            a = full((n, n), 1.0, "float32")
            found[f"{n} copy of a.T"] = medians(
                a.T.copy, partial(native.contiguous, a.T)
            )
            for axis in (0, 1):
                found[f"{n} sum(axis={axis})"] = medians(
                    partial(a.sum, axis), partial(native.sum, a, axis)
                )
        a = full((4096, 4096), 1.0, "float32")
        found["4096 axis 0, axis 1"] = medians(
            partial(native.sum, a, 0), partial(native.sum, a, 1)
        )
    return found


print(json.dumps(figures(), indent=2))
