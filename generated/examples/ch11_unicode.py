# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. 049267496810
"""Print LETTERS and NUMBERS of nand2llm/unicode_classes.py.

From the Unicode edition that this Python knows (3.14: 16.0), or from
that of the package unicodedata2, if it is installed.
"""

import textwrap
from itertools import groupby

from nand2llm.unicode_classes import DIGITS

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

category = [unicodedata.category(chr(i)) for i in range(0x110000)]
print(f'EDITION = "{unicodedata.unidata_version}"')
for name in ("NUMBERS", "LETTERS"):
    digits = ""
    inside = groupby(c[0] == name[0] for c in category)
    for length in [len(list(group)) for _, group in inside][:-1]:
        while length >= 32:
            digits += DIGITS[32 + length % 32]
            length //= 32
        digits += DIGITS[length]
    lines = (f'    "{line}"' for line in textwrap.wrap(digits, 64))
    print(f"{name} = (", *lines, ")", sep="\n")
