# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. eff07a8469e1
"""Print LETTERS and NUMBERS of nand2llm/unicode_classes.py.

From the Unicode edition that this Python knows (3.14: 16.0), or from
that of the package unicodedata2, if it is installed.
"""

import sys
import textwrap
from itertools import groupby

from nand2llm.unicode_classes import DIGITS

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata


def written(number: int) -> str:
    """The number in base 32, the lowest digit first."""
    digits = ""
    while number >= 32:
        digits += DIGITS[32 + number % 32]
        number //= 32
    return digits + DIGITS[number]


def runs(category: str) -> str:
    """The lengths of the stretches outside the category and in it."""
    inside = (
        unicodedata.category(chr(point))[0] == category
        for point in range(sys.maxunicode + 1)
    )
    lengths = [len(list(group)) for _, group in groupby(inside)]
    return "".join(map(written, lengths[:-1]))


if __name__ == "__main__":
    print(f'EDITION = "{unicodedata.unidata_version}"')
    for name in ("NUMBERS", "LETTERS"):
        lines = textwrap.wrap(runs(name[0]), 64)
        print(f"{name} = (")
        print(*(f'    "{line}"' for line in lines), ")", sep="\n")
