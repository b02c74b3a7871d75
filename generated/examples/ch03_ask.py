# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. acfa0e234477
"""Ask the book's own functions a question; the likest answer."""

import importlib
import inspect
import pkgutil
import sys
from textwrap import shorten

import nand2llm
from nand2llm.similar import Shelf


def texts() -> list[str]:
    """Name and first line of each documented function."""
    found = {}
    for module in pkgutil.iter_modules(nand2llm.__path__):
        home = importlib.import_module(f"nand2llm.{module.name}")
        classes = inspect.getmembers(home, inspect.isclass)
        for owner in (home, *dict(classes).values()):
            members = inspect.getmembers(owner, inspect.isfunction)
            for name, f in members:
                mine = f.__module__ == home.__name__ and name[0] != "_"
                if mine and f.__doc__:
                    title = f"{module.name}.{f.__qualname__}"
                    found[title] = f.__doc__.splitlines()[0]
    return [f"{title}: {line}" for title, line in found.items()]


question = " ".join(sys.argv[1:]) or "round off a float"
for rare in (False, True):
    print("rare words count more:" if rare else "all words alike:")
    for score, text in Shelf(texts(), rare).nearest(question, 3):
        print(f"  {score:.2f} ", shorten(text, 58, placeholder=" …"))
