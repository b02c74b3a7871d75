# Made from book/part1/01-introduction.md by tangle.py; edit there, or here and stitch. b6e91a5ec22c
"""A paragraph by Ada Lovelace (1843): the book's first corpus."""

import re

NOTE_G = """\
It is desirable to guard against the possibility of exaggerated ideas
that might arise as to the powers of the Analytical Engine. In
considering any new subject, there is frequently a tendency, first, to
overrate what we find to be already interesting or remarkable; and,
secondly, by a sort of natural reaction, to undervalue the true state
of the case, when we do discover that our notions have surpassed those
that were really tenable. The Analytical Engine has no pretensions
whatever to originate anything. It can do whatever we know how to order
it to perform. It can follow analysis; but it has no power of
anticipating any analytical relations or truths. Its province is to
assist us in making available what we are already acquainted with.
"""

NOTE_A = """\
Again, it might act upon other things besides number, were objects
found whose mutual fundamental relations could be expressed by those of
the abstract science of operations, and which should be also susceptible
of adaptations to the action of the operating notation and mechanism of
the engine. Supposing, for instance, that the fundamental relations of
pitched sounds in the science of harmony and of musical composition were
susceptible of such expression and adaptations, the engine might compose
elaborate and scientific pieces of music of any degree of complexity or
extent.
"""


def phrases(text: str) -> list[str]:
    """Return the stretches of `text` between punctuation marks."""
    pieces = re.split(r"[.,;]", " ".join(text.split()))
    return [piece.strip() for piece in pieces if piece.strip()]


def lengths(text: str) -> list[tuple[int, int]]:
    """Return (words, characters) for every phrase of `text`."""
    return [(len(p.split()), len(p)) for p in phrases(text)]
