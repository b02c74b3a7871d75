# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. 95796af18469
"""Cut text into pieces, which no token will reach across."""

import re

from nand2llm.unicode_classes import LETTERS, NUMBERS, SPACES, ranges

PATTERNS = {
    "gpt2": (
        r"'(?:[sdmt]|ll|ve|re)| ?[\p{L}]+| ?[\p{N}]+"
        r"| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    ),
    "gpt4": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?[\p{L}]+"
        r"|[\p{N}]{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}


def stand_ins() -> str:
    """For each code point an ASCII character that is split alike."""
    table = bytearray(b"!" * 0x110000)
    for runs, character in ((LETTERS, b"x"), (NUMBERS, b"0")):
        for points in ranges(runs):
            table[points.start : points.stop] = character * len(points)
    for space in SPACES:
        table[ord(space)] = ord("\t")
    table[:0x80] = bytes(range(0x80))
    table[ord("ſ")] = ord("S")  # equals s if case is ignored
    return table.decode("ascii")


STAND_INS = stand_ins()


def in_ascii(pattern: str) -> re.Pattern[str]:
    """The pattern for text that was written in stand-ins."""
    known = pattern.replace(r"\p{L}", "A-Za-z").replace(r"\p{N}", "0-9")
    return re.compile(known, re.ASCII)


ASCII_PATTERNS = {name: in_ascii(p) for name, p in PATTERNS.items()}


def pieces(text: str, split: str) -> list[str]:
    """The pieces of the text, by the pattern of that name.

    Joined they are the text.
    """
    found = ASCII_PATTERNS[split].finditer(text.translate(STAND_INS))
    return [text[slice(*piece.span())] for piece in found]
