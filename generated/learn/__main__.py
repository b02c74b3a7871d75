# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. ad6f769792a3
"""`python -m learn`, wherever one stands."""

import os
import sys


def start() -> int:
    """Run a command, importing nothing from where we stand."""
    if sys.path[0] == os.getcwd():
        del sys.path[0]
    from learn.commands import main

    return main()


if __name__ == "__main__":
    sys.exit(start())
