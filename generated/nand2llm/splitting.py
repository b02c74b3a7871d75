# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 5afa41650a89
"""Which part of a corpus a document is in: its name decides."""

import math
from collections.abc import Mapping
from hashlib import blake2b


def part_of(
    key: str, shares: Mapping[str, float], seed: int = 0
) -> str:
    """The part that the document with this key belongs to.

    The same on every machine, whatever other documents there are.
    Give near-duplicates one key, and they stay together.
    """
    total = math.fsum(shares.values())
    if min(shares.values()) < 0 or not math.isclose(total, 1):
        raise ValueError(f"shares {dict(shares)} must add up to 1")
    data = f"{seed}:{key}".encode()
    digest = blake2b(data, digest_size=8).digest()
    number = int.from_bytes(digest, "big") / 2**64
    for name, share in shares.items():
        if number < share:
            return name
        number -= share
    return name
