# Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. 2fb6665020de
"""Binary floating point, worked out with integer arithmetic.

One definition serves every format of IEEE 754's shape: a sign bit, a
biased exponent, a fraction. Rounding is to nearest, ties to even.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce


@dataclass(frozen=True)
class Format:
    """A floating-point format: 1 sign bit, an exponent, a fraction."""

    name: str
    exponent_bits: int
    fraction_bits: int

    def __post_init__(self) -> None:
        if self.exponent_bits > 11 or self.fraction_bits > 52:
            raise ValueError(f"{self.name}: wider than Python's float")

    @property
    def width(self) -> int:
        """All the bits of a number, its sign included."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def bias(self) -> int:
        """What is added to an exponent when it is stored."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def special(self) -> int:
        """The stored exponent of infinity and nan: all ones."""
        return (1 << self.exponent_bits) - 1

    def step(self, exponent: int) -> float:
        """The gap between neighbors with this stored exponent."""
        power = exponent - self.bias - self.fraction_bits
        return 2.0**power


BFLOAT16 = Format("bfloat16", exponent_bits=8, fraction_bits=7)
FLOAT16 = Format("float16", exponent_bits=5, fraction_bits=10)
FLOAT32 = Format("float32", exponent_bits=8, fraction_bits=23)
FLOAT64 = Format("float64", exponent_bits=11, fraction_bits=52)


def split(pattern: int, fmt: Format) -> tuple[int, int, int]:
    """The sign, the stored exponent and the fraction of a pattern.

    Raises OverflowError if the pattern is wider than the format.
    """
    if not 0 <= pattern < 1 << fmt.width:
        raise OverflowError(f"{pattern:#x} is not a {fmt.name} pattern")
    rest, fraction = divmod(pattern, 1 << fmt.fraction_bits)
    sign, exponent = divmod(rest, 1 << fmt.exponent_bits)
    return sign, exponent, fraction


def decode(pattern: int, fmt: Format) -> float:
    """The number that a pattern stands for, exactly."""
    sign, exponent, fraction = split(pattern, fmt)
    if exponent == fmt.special:
        size = math.nan if fraction else math.inf
    elif exponent == 0:
        size = fraction * fmt.step(1)
    else:
        hidden = 1 << fmt.fraction_bits
        size = (hidden + fraction) * fmt.step(exponent)
    return -size if sign else size


def divide_to_even(n: int, d: int) -> int:
    """n / d rounded to the nearest integer; a tie goes to the even."""
    quotient, rest = divmod(n, d)
    if 2 * rest > d or (2 * rest == d and quotient % 2):
        quotient += 1
    return quotient


def _encode_size(size: float, fmt: Format) -> int:
    """The pattern nearest to a finite size > 0; it may be too large."""
    n, d = size.as_integer_ratio()
    exponent = n.bit_length() - d.bit_length() + fmt.bias
    exponent = max(exponent, 1)  # below: the subnormal steps
    # One step is 2**-shift.
    shift = fmt.fraction_bits + fmt.bias - exponent
    steps = divide_to_even(n << max(shift, 0), d << max(-shift, 0))
    return ((exponent - 1) << fmt.fraction_bits) + steps


def encode(value: float, fmt: Format) -> int:
    """The pattern nearest to a number; beyond the range, infinity."""
    sign = int(math.copysign(1.0, value) < 0)  # -0.0 has one, too
    size = abs(value)
    pattern = fmt.special << fmt.fraction_bits
    if math.isnan(size):
        pattern |= 1 << (fmt.fraction_bits - 1)
    elif size == 0:
        pattern = 0
    elif size < math.inf:
        pattern = min(pattern, _encode_size(size, fmt))
    return sign << (fmt.width - 1) | pattern


def round_to(value: float, fmt: Format) -> float:
    """The number of this format that is nearest to `value`."""
    return decode(encode(value, fmt), fmt)


def spacing(value: float, fmt: Format) -> float:
    """The gap from a value, rounded to the format, to the next."""
    pattern = encode(abs(value), fmt)
    return decode(pattern + 1, fmt) - decode(pattern, fmt)


def pairwise_sum(values: Sequence[float]) -> float:
    """Sum each half the same way, then add the two sums."""
    if len(values) <= 8:
        return reduce(operator.add, values, 0.0)
    half = len(values) // 2
    return pairwise_sum(values[:half]) + pairwise_sum(values[half:])
