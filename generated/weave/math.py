# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 5e3afd596c60
"""Formulas: TeX, as KaTeX reads it, for the page, the e-book, print.

KaTeX is the only grammar. It makes HTML for the site and MathML for
the e-book; print takes its MathML on to Typst (see `mathml`), so that
no formula can mean one thing on paper and another on a screen.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from weave import ManuscriptError, mathml
from weave.assets import node

HERE = Path(__file__).resolve().parent
MATH = re.compile(r"<math\b.*</math>", re.S)


class MathError(ManuscriptError):
    """A formula that KaTeX or the printer does not take."""


@dataclass(frozen=True)
class Formula:
    """One formula in the three forms the book needs."""

    html: str
    mathml: str
    typst: str


def formulas(
    pairs: Iterable[tuple[str, bool]],
    macros: Mapping[str, str],
    cache: Path,
) -> dict[tuple[str, bool], Formula]:
    """Return each (TeX, is it displayed?) with its three forms.

    `cache` is a directory; what was made once is read from there.
    Raises MathError, which names the formula.
    """
    made = {}
    for tex, display in dict.fromkeys(pairs):
        request = {"tex": tex, "display": display, "macros": macros}
        line = json.dumps(request, sort_keys=True)
        digest = hashlib.sha256(tools() + line.encode()).hexdigest()
        file = cache / f"math-{digest[:32]}.json"
        if file.exists():
            formula = Formula(**json.loads(file.read_text("utf-8")))
        else:
            formula = make(tex, line)
            cache.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(".partial")
            partial.write_text(json.dumps(asdict(formula)), "utf-8")
            partial.replace(file)
        made[tex, display] = formula
    return made


def make(tex: str, line: str) -> Formula:
    """Ask KaTeX for one formula and convert it for print."""
    answer = ask(line)
    if "error" in answer:
        raise MathError(f"{answer['error']} in ${tex}$")
    try:
        typst = mathml.to_typst(math_element(answer["print"]))
    except mathml.UnknownMarkup as error:
        raise MathError(f"print has no {error}: ${tex}$") from error
    element = math_element(answer["mathml"])
    return Formula(answer["html"], element, typst)


def math_element(html: str) -> str:
    """Return the math element that KaTeX wraps in a span."""
    found = MATH.search(html)
    assert found, html
    return found[0]


@functools.cache
def tools() -> bytes:
    """Digest of what makes formulas, so that caches know its age."""
    package = HERE.parents[1] / "node_modules/katex/package.json"
    files = (package, HERE / "katex.mjs", HERE / "mathml.py")
    return hashlib.sha256(
        b"".join(file.read_bytes() for file in files)
    ).digest()


@functools.cache
def process() -> subprocess.Popen[str]:
    """Start Node, from its wheel, with KaTeX in it."""
    child = subprocess.Popen(
        [str(node()), str(HERE / "katex.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    atexit.register(child.communicate)
    return child


def ask(line: str) -> dict[str, Any]:
    """Send Node one line and wait for the one that answers it."""
    child = process()
    assert child.stdin and child.stdout
    child.stdin.write(line + "\n")
    child.stdin.flush()
    answer = child.stdout.readline()
    if not answer:
        raise RuntimeError(f"KaTeX ended with status {child.wait()}")
    found: dict[str, Any] = json.loads(answer)
    return found
