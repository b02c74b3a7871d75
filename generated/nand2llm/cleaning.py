# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 779eadb00148
"""Differences that no reader sees, taken out of a text."""

import unicodedata

CONTROL = [chr(c) for c in (*range(32), *range(127, 160))]
INVISIBLE = [
    "\N{SOFT HYPHEN}",
    "\N{ZERO WIDTH SPACE}",
    "\N{WORD JOINER}",
    "\N{ZERO WIDTH NO-BREAK SPACE}",  # the byte order mark
    *map(chr, range(0x202A, 0x202F)),  # embed and override direction
    *map(chr, range(0x2066, 0x206A)),  # isolate it
]
BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
UNSEEN = {
    ord(c): None
    for c in (*CONTROL, *INVISIBLE)
    if c != "\t" and c not in BREAKS
}


def clean(text: str) -> str:
    """The text without what can't be seen; twice changes nothing.

    Kept: all else, above all the blanks that begin a line.
    """
    text = text.translate(UNSEEN)
    text = unicodedata.normalize("NFC", text)
    lines = (line.rstrip(" \t") for line in text.splitlines())
    return "\n".join(lines).strip("\n")
