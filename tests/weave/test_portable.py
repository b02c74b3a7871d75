"""What of a session's code a browser can run, by reading it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from weave.portable import Library, Piece, pieces

WORKS = frozenset(sys.stdlib_module_names - {"subprocess"})
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Some modules of a book, and a Python without processes."""
    modules = {
        "pure": "import math\ndef f(): return math.pi\n",
        "heavy": "import numpy as np\ndef g(): return np.pi\n",
        "through": "from heavy import g\n",
        "lazy": "def plot():\n    import matplotlib\n"
        "def draw():\n    return plot()\n"
        "class Kind:\n    def plot(self):\n        import matplotlib\n",
        "guarded": "try:\n    import numpy\nexcept ImportError:\n"
        "    numpy = None\n",
        "round/__init__": "from round.a import x\n",
        "round/a": "import round\nx = 1\n",
    }
    for name, text in modules.items():
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    return Library([tmp_path, ROOT / "generated"], WORKS)


def wants(library: Library, *codes: str) -> list[str]:
    """What each shown block of a session wants."""
    made = pieces([(code, True) for code in codes], library)
    return [piece.wants for piece in made]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("import math", ""),
        ("from pure import f", ""),
        ("import numpy", "numpy"),
        ("from heavy import g", "numpy"),
        ("import through", "numpy"),
        ("from lazy import plot", "matplotlib"),
        ("from lazy import draw", "matplotlib"),
        ("from lazy import Kind", ""),
        ("import lazy", ""),
        ("import guarded", ""),
        ("import round", ""),
        ("import subprocess", "subprocess"),
        ("try:\n    import numpy\nexcept ImportError:\n    pass", ""),
        ("def f():\n    import numpy", "numpy"),
        ("show.table([], [])", ""),
        ('measured("speed")', "NAND2LLM_ROOT"),
        ("from weave.show import measured", "NAND2LLM_ROOT"),
        ('import os\nos.environ["NAND2LLM_ROOT"]', "NAND2LLM_ROOT"),
    ],
)
def test_imports(library: Library, code: str, wanted: str) -> None:
    assert wants(library, code) == [wanted]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("print(x)", "numpy"),
        ("print([y for y in x])", "numpy"),
        ("print([x for x in 'ab'])", ""),
        ("def f(x): return x", ""),
        ("def f(): return x", "numpy"),
        ("class A:\n    def f(self): return x", "numpy"),
        ("for x in 'ab':\n    print(x)", ""),
        ("x = 1\nprint(x)", ""),
        ("x = x + 1", "numpy"),
        ("x += 1", "numpy"),
        ("with open(x) as y: pass", "numpy"),
        ("with open('y') as x:\n    print(x)", ""),
        ("print(f'{x}')", "numpy"),
        ("a.x = 1", ""),
    ],
)
def test_names(library: Library, code: str, wanted: str) -> None:
    first, second = wants(library, "import numpy\nx = numpy.pi", code)
    assert (first, second) == ("numpy", wanted)


def test_what_is_bound_again_is_there_again(library: Library) -> None:
    codes = "import numpy as x", "x = 1", "print(x)"
    assert wants(library, *codes) == ["numpy", "", ""]


@pytest.mark.parametrize(
    "line", ["a[0] = np.pi", "a.b.c = np.pi", "for p in np.x: a.add(p)"]
)
def test_what_should_have_been_altered_is_missing(
    library: Library, line: str
) -> None:
    codes = "a = f()", f"import numpy as np\n{line}", "print(a)"
    assert wants(library, *codes) == ["", "numpy", "numpy"]


def test_a_hidden_block_runs_as_far_as_it_can(library: Library) -> None:
    hidden = (
        "import numpy as np\n\n"
        "def double(x):\n    return 2 * x\n\n"
        "np.plot(double(3))\n"
        "@str\ndef unused(): pass\n"
    )
    blocks = [(hidden, False), ("print(double(1))", True)]
    first, second = pieces(blocks, library)
    assert first.code.split("\n") == (
        ["", "", "def double(x):", "    return 2 * x", "", "", "", "", ""]
    )
    assert second == Piece("print(double(1))", "")


def test_a_shown_block_runs_whole_or_not_at_all(
    library: Library,
) -> None:
    blocks = [("import numpy\nx = 1", True), ("print(x)", True)]
    first, second = pieces(blocks, library)
    assert first.code.strip() == ""
    assert second.wants == "numpy"


def test_what_a_hidden_block_alters_in_passing_is_kept(
    library: Library,
) -> None:
    hidden = "import numpy\nlearn(model, 3)\nother = 1\nnumpy.x()\n"
    blocks = [("model = 1", True), (hidden, False), ("model", True)]
    assert pieces(blocks, library)[1].code.strip() == "learn(model, 3)"
