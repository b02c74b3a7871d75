# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 984aaa6a404d
"""Is this line code or prose? The package itself has examples."""

import ast
from collections.abc import Callable
from importlib.resources import files

Labeled = list[tuple[str, float]]  # (line, 1.0 if it is code, else 0.0)
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef


def labeled_lines(source: str) -> Labeled:
    """Return the distinct lines of a module, unindented."""
    lines = source.splitlines()
    prose: dict[str, float] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, DOCUMENTED):
            continue
        if text := ast.get_docstring(node):
            quoted = node.body[0]
            last = quoted.end_lineno or quoted.lineno
            for i in range(quoted.lineno - 1, last):
                lines[i] = ""
            prose |= {t.strip(): 0.0 for t in text.splitlines()}
    code = {line.partition("#")[0].strip(): 1.0 for line in lines}
    both = prose | code
    return [(line, label) for line, label in both.items() if line]


def read(*modules: str) -> Labeled:
    """Return the distinct labeled lines of modules of the package."""
    found: dict[str, float] = {}
    for module in modules:
        source = files("nand2llm").joinpath(f"{module}.py")
        found |= dict(labeled_lines(source.read_text("utf-8")))
    return list(found.items())


def share(symbols: str) -> Callable[[str], float]:
    """Return a feature: how much of a line is one of `symbols`."""
    return lambda line: sum(c in symbols for c in line) / len(line)


FEATURES: dict[str, Callable[[str], float]] = {
    "spaces": share(" "),
    "brackets": share("()[]{}"),
    "operators": share("=+-*/<>%&|"),
    "digits": share("0123456789"),
    "underscores": share("_"),
    "capital first": lambda line: float(line[0].isupper()),
    "stop at end": lambda line: float(line[-1] in ".;"),
    "length": len,
}


def features(line: str, without: tuple[str, ...] = ()) -> list[float]:
    """Return the features of a line, in order, but for some."""
    kept = (f for name, f in FEATURES.items() if name not in without)
    return [f(line) for f in kept]
