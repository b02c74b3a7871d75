# Made from book/part2/08-neural-networks.md by tangle.py; edit there, or here and stitch. 256dc67acd51
"""Files that come with the book, wherever it lies."""

import os
from pathlib import Path


def find(name: str) -> Path:
    """The file in $NAND2LLM_ROOT, or in the tree around us.

    Raises FileNotFoundError if there is none, with the way out.
    """
    named = os.environ.get("NAND2LLM_ROOT")
    places = [Path(named)] if named else []
    places += [Path.cwd(), *Path.cwd().parents]
    places += Path(__file__).resolve().parents
    for place in places:
        if (place / name).is_file():
            return place / name
    raise FileNotFoundError(
        f"no {name} in or above {Path.cwd()}; set NAND2LLM_ROOT to "
        "a checkout of the book"
    )
