"""A small book to learn from, and the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from learn.commands import main

ROOT = Path(__file__).resolve().parents[2]

TOML = """\
title = "T"
[[part]]
title = "P"
chapters = ["one.md", "two.md"]
[tangle]
roots = ["generated/"]
header = true
state = "build/sourcemap.json"
tests = "generated/tests/test_{stem}.py"
strip = "generated/"
"""

ONE = '''\
# Beginnings {#ch:one}

## Halves {#sec:halves}

To halve is to *divide* by two.

``` {.python #half file=generated/nand2llm/half.py}
"""Halves."""

TWO = 2


def half(n: int) -> float:
    """Half of n."""
    <<half/how>>


def third(n: int) -> float:
    """A third of n."""
    return n / 3
```

``` {.python #half/how}
return n / TWO
```

``` {.python .test}
from nand2llm.half import half, third


def test_half():
    assert half(8) == 4


def test_third():
    assert third(9) == 3
```
'''

TWO = '''\
# Factories {#ch:two}

## Making {#sec:making}

A factory makes a [function]{.idx}.

``` {.python #making file=generated/nand2llm/making.py}
"""Functions that make functions."""

from nand2llm.half import half


def times(k: int):
    """Make a function that multiplies by k."""

    def product(n: int) -> int:
        return k * n

    return product


double = times(2)
<<making/box>>
```

``` {.python #making/box}


class Box:
    """A number in a box."""

    def __init__(self, n: int) -> None:
        self.n = n

    # The number is read through this.
    @property
    def value(self) -> int:
        """The number."""
        return self.n

    def quarter(self) -> float:
        """A quarter of it."""
        return half(half(self.n))
```

Next, the half again.

``` {.python #half/how .replace}
if n < 0:
    raise ValueError(f"{n} is negative")
return n / TWO
```

``` {.python .test}
import pytest

from nand2llm.half import half
from nand2llm.making import Box, double


def test_double():
    assert double(4) == 8


def test_box():
    assert Box(3).value == 3


def test_quarter():
    assert Box(8).quarter() == 2


def test_negative():
    with pytest.raises(ValueError):
        half(-1)
```

## Exercises {#sec:two-exercises}

:::: {.exercise #ex:one-more level=1 title="One more"}
Add one.

``` {.python .stub}
def one_more(n):
    """The number after n."""
    return n
```

``` {.python .test}
def test_one_more():
    assert one_more(1) == 2
    assert one_more(5) == 6
```

``` {.python .solution}
def one_more(n):
    """The number after n."""
    return n + 1
```

``` {.python .mutant}
def one_more(n):
    return 2
```

``` {.python .mutant}
def one_more(n):
    return n - 1
```
::::
'''


@pytest.fixture
def book(tmp_path):
    """The root of a small book."""
    root = tmp_path / "book-root"
    (root / "book").mkdir(parents=True)
    for name, text in {"book.toml": TOML, "one.md": ONE, "two.md": TWO}.items():
        (root / "book" / name).write_text(text, "utf-8")
    return root


@pytest.fixture
def learn(capsys):
    """Run a command; its status and what it said."""

    def run(*words):
        capsys.readouterr()
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        assert (said.err != "") == (status != 0)
        assert said.err.count("\n") <= 1
        return status, said.out + said.err

    return run
