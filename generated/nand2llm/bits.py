# Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. c156b384ae2f
"""Integers as patterns of bits, and the adder that works on them."""


def to_bits(pattern: int, width: int) -> str:
    """Write a pattern as `width` binary digits, highest first.

    Raises OverflowError if the pattern has more than `width` bits.
    """
    if not 0 <= pattern < 1 << width:
        raise OverflowError(f"{pattern} does not fit in {width} bits")
    places = reversed(range(width))
    return "".join(str(pattern >> place & 1) for place in places)


def from_bits(digits: str) -> int:
    """Read binary digits, highest first, as one pattern.

    Raises ValueError at the first character that is not 0 or 1.
    """
    pattern = 0
    for digit in digits:
        if digit not in ("0", "1"):
            raise ValueError(f"{digit!r} is not a bit; want 0 or 1")
        pattern = 2 * pattern + int(digit)
    return pattern


def encode_signed(value: int, width: int) -> int:
    """The two's complement pattern of an integer.

    Raises OverflowError outside -2**(width-1) ... 2**(width-1) - 1.
    """
    half = 1 << (width - 1)
    if not -half <= value < half:
        raise OverflowError(
            f"{value} is not in {-half} ... {half - 1}, "
            f"the range of {width} bits"
        )
    return value % (1 << width)


def decode_signed(pattern: int, width: int) -> int:
    """The integer whose two's complement pattern this is."""
    sign = pattern >> (width - 1)
    return pattern - (sign << width)


def nand(a: int, b: int) -> int:
    """0 if both bits are 1, otherwise 1."""
    return 1 - a * b


def xor(a: int, b: int) -> int:
    """1 if the two bits differ: four NAND gates."""
    c = nand(a, b)
    return nand(nand(a, c), nand(b, c))


def add(a: int, b: int, width: int) -> int:
    """Add two patterns with NAND gates, dropping the last carry."""
    total = carry = 0
    for place in range(width):
        x, y = a >> place & 1, b >> place & 1
        half = xor(x, y)
        total |= xor(half, carry) << place
        carry = nand(nand(x, y), nand(half, carry))
    return total
