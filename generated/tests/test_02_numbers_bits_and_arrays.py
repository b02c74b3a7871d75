# Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. e8d30e43a805
"""What chapter 2 claims, tried."""

import math
import random
import struct
from itertools import pairwise, product

import pytest

from nand2llm import bits, floats, native
from nand2llm.array import Array, array, broadcast_shapes, dense, full
from nand2llm.floats import decode, encode, round_to, spacing
from nand2llm.letters import SYMBOLS, NextLetter, letters, questions
from nand2llm.loop import learn
from nand2llm.tables import count_pairs, learn_table

FLOAT32, BFLOAT16 = floats.FLOAT32, floats.BFLOAT16
FLOAT16, FLOAT64 = floats.FLOAT16, floats.FLOAT64


def test_every_byte_comes_back() -> None:
    for pattern in range(256):
        assert bits.from_bits(bits.to_bits(pattern, 8)) == pattern
        signed = int.from_bytes([pattern], signed=True)
        assert bits.decode_signed(pattern, 8) == signed
        assert bits.encode_signed(signed, 8) == pattern


def test_one_adder_serves_both_readings() -> None:
    for a, b in product(range(256), repeat=2):
        total = bits.add(a, b, 8)
        assert total == (a + b) % 256
        signed = bits.decode_signed(a, 8) + bits.decode_signed(b, 8)
        if -128 <= signed < 128:
            assert bits.decode_signed(total, 8) == signed


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError, match=r"-128 \.\.\. 127"):
        bits.encode_signed(128, 8)
    with pytest.raises(ValueError, match="'2' is not a bit"):
        bits.from_bits("1021")


def as_struct(value: float, code: str) -> int:
    """What the hardware's conversion makes of `value`."""
    try:
        packed = struct.pack(">" + code, value)
    except OverflowError:  # struct refuses what IEEE 754 makes inf
        packed = struct.pack(">" + code, math.copysign(math.inf, value))
    return int.from_bytes(packed)


def test_every_float16() -> None:
    for pattern in range(1 << 16):
        (value,) = struct.unpack(">e", pattern.to_bytes(2))
        mine = decode(pattern, FLOAT16)
        if math.isnan(value):
            assert math.isnan(mine)
        else:
            assert mine == value
            assert encode(value, FLOAT16) == pattern


def test_float32_rounds_as_the_hardware_does() -> None:
    rng = random.Random(2)
    for _ in range(20_000):
        below = rng.randrange(FLOAT32.special << 23)
        value = decode(below, FLOAT32)
        tie = value + spacing(value, FLOAT32) / 2
        for x in (value, tie, -tie, math.nextafter(tie, 0), 1 / tie):
            assert encode(x, FLOAT32) == as_struct(x, "f")


def test_the_corners_of_float32() -> None:
    largest = decode((FLOAT32.special << 23) - 1, FLOAT32)
    tiny = decode(1, FLOAT32)
    edges = [0.0, -0.0, math.inf, -math.inf, 1e308, 5e-324]
    edges += [tiny, tiny / 2, tiny * 0.75]
    edges += [largest, largest * (1 + 2**-25)]
    for x in edges:
        assert encode(x, FLOAT32) == as_struct(x, "f")
    assert math.isnan(round_to(math.nan, FLOAT32))
    assert math.copysign(1, round_to(-0.0, FLOAT32)) == -1


def test_every_bfloat16_is_half_a_float32() -> None:
    for pattern in range(BFLOAT16.special << 7):
        value = decode(pattern, BFLOAT16)
        assert value == decode(pattern << 16, FLOAT32)
        assert encode(value, BFLOAT16) == pattern
        tie = value + spacing(value, BFLOAT16) / 2
        assert encode(tie, BFLOAT16) == pattern + pattern % 2


def test_float64_changes_nothing() -> None:
    rng = random.Random(3)
    for _ in range(5_000):
        pattern = rng.randrange(FLOAT64.special << 52)
        assert encode(decode(pattern, FLOAT64), FLOAT64) == pattern


def test_sums() -> None:
    assert floats.pairwise_sum([]) == 0
    assert floats.pairwise_sum(list(range(1001))) == 500_500
    assert floats.pairwise_sum([math.inf, 1.0]) == math.inf
    tenths = [0.1] * 100_000
    exact = math.fsum(tenths)
    assert abs(floats.pairwise_sum(tenths) - exact) < 1e-11
    assert abs(sum_one_by_one(tenths) - exact) > 1e-9


def sum_one_by_one(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def random_shape(rng: random.Random) -> tuple[int, ...]:
    return tuple(
        rng.choice((0, 1, 1, 2, 3, 4)) for _ in range(rng.randrange(5))
    )


def counted(shape: tuple[int, ...]) -> Array:
    return dense(range(math.prod(shape)), shape)


def indices(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(product(*map(range, shape)))


def test_elements_are_in_row_major_order() -> None:
    rng = random.Random(4)
    for a in (counted(random_shape(rng)) for _ in range(200)):
        assert [a[i].item() for i in indices(a.shape)] == a.values()
        assert array(a.tolist()).values() == a.values()


def test_slices_select_what_lists_select() -> None:
    rng = random.Random(5)
    ends = (None, -9, -3, -1, 0, 1, 2, 9)
    for _ in range(500):
        a = counted(random_shape(rng))
        key = tuple(
            slice(
                rng.choice(ends),
                rng.choice(ends),
                rng.choice((None, 1, 2, -1, -3)),
            )
            for _ in a.shape
        )
        kept = [range(n)[k] for n, k in zip(a.shape, key, strict=True)]
        part = a[key]
        assert part.shape == tuple(map(len, kept))
        assert part.values() == [a[i].item() for i in product(*kept)]
        assert part.buffer is a.buffer


def test_transposing_moves_axes_and_no_numbers() -> None:
    rng = random.Random(6)
    for _ in range(200):
        a = counted(random_shape(rng))
        order = rng.sample(range(a.ndim), a.ndim)
        t = a.transpose(*order)
        assert t.buffer is a.buffer
        for i in indices(t.shape) if order else ():
            back = tuple(i[order.index(k)] for k in range(a.ndim))
            assert t[i].item() == a[back].item()
        assert a.T.T.strides == a.strides


def test_reshape_copies_only_when_it_must() -> None:
    rng = random.Random(7)
    for _ in range(500):
        a = counted(random_shape(rng))
        a = a.transpose(*rng.sample(range(a.ndim), a.ndim))
        if a.ndim:
            a = a[..., :: rng.choice((1, 2, -1))]
        row = a.reshape(-1)
        assert row.values() == a.values()
        steps = {q - p for p, q in pairwise(a.places())}
        assert (row.buffer is a.buffer) == (len(steps) < 2)
        again = row.reshape(*a.shape)
        assert again.tolist() == a.tolist()
        assert again.buffer is row.buffer


def test_writing_through_views() -> None:
    a = counted((3, 4))
    a.T[1] = array([10, 20, 30])
    assert a[:, 1].tolist() == [10, 20, 30]
    a[1:] = a[:-1]
    assert a[2].tolist() == [4, 20, 6, 7]
    a[...] = 5
    assert a.values() == [5] * 12
    with pytest.raises(ValueError, match="share places"):
        a[0].broadcast_to((3, 4))[...] = 1
    single = full((2,), 0.1).astype("float32")
    assert single[0].item() == round_to(0.1, FLOAT32)


def test_broadcasting_agrees_with_lists() -> None:
    rng = random.Random(8)
    for _ in range(300):
        shape = random_shape(rng)
        left, right = (
            counted(tuple(rng.choice((n, n, 1)) for n in shape[k:]))
            for k in (0, rng.randrange(len(shape) + 1))
        )
        total = left + 100 * right
        for i in indices(total.shape):
            a, b = at(left, i), at(right, i)
            assert total[i].item() == a + 100 * b


def at(a: Array, index: tuple[int, ...]) -> float:
    """The element that stretching shows at a longer index."""
    own = index[len(index) - a.ndim :]
    short = zip(own, a.shape, strict=True)
    return a[tuple(min(i, n - 1) for i, n in short)].item()


def test_folding_agrees_with_loops() -> None:
    rng = random.Random(9)
    for _ in range(200):
        a = counted((2, *random_shape(rng)))
        axis = rng.randrange(a.ndim)
        folded = a.sum(axis)
        assert folded.shape == a.shape[:axis] + a.shape[axis + 1 :]
        for i in indices(folded.shape):
            line = [
                a[(*i[:axis], k, *i[axis:])].item()
                for k in range(a.shape[axis])
            ]
            assert folded[i].item() == sum(line)
            assert not line or a.max(axis)[i].item() == max(line)
        kept = a.sum(axis - a.ndim, keepdims=True)
        assert broadcast_shapes(kept.shape, a.shape) == a.shape
        assert a.sum().item() == sum(a.values())


MISTAKES = {
    "(2, 3) with (4,): axis -1 has 3 and 4": lambda a: (
        a + full((4,), 1)
    ),
    "index 2 on axis 0 of shape (2, 3)": lambda a: a[2],
    "3 indices for shape (2, 3)": lambda a: a[0, 0, 0],
    "6 elements against 8": lambda a: a.reshape(4, 2),
    "no axis 2 in shape (2, 3)": lambda a: a.sum(2),
    "axis 1 of (2, 0) is empty": lambda a: a[:, :0].max(1),
    "shape (2, 3) is not one number": lambda a: bool(a == a),
    "rows of shapes (1,) and (2,)": lambda a: array([[1], [2, 3]]),
    "from 0 to 7: outside a buffer": lambda a: Array(a.buffer, (2, 4)),
    "want float32 or float64": lambda a: full((1,), 0, "float8"),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_explained(message: str) -> None:
    with pytest.raises((ValueError, IndexError)) as caught:
        MISTAKES[message](counted((2, 3)))
    assert message in str(caught.value)


def test_what_is_no_index_is_refused() -> None:
    a = counted((2, 3))
    for key in (a > 2, (..., ...), "rows", 1.0):
        with pytest.raises(TypeError, match="as an integer"):
            a[key]


def test_nan_is_not_hidden() -> None:
    assert math.isnan(array([1, math.nan]).max().item())
    assert math.isnan(array([math.nan, 1]).max().item())


def test_printing() -> None:
    shown = "Array([[  1,   2],\n       [0.5, -10]])"
    assert repr(array([[1, 2], [0.5, -10]])) == shown
    assert repr(array(3)) == "Array(3)"
    assert repr(full((0, 2), 1)) == "Array([])"


needs_native = pytest.mark.skipif(
    not native.available(), reason=native.why_not()
)


@needs_native
def test_rust_and_python_agree_to_the_last_bit() -> None:
    rng = random.Random(10)
    for _ in range(300):
        shape = random_shape(rng)
        numbers = (rng.gauss(0, 1) for _ in range(math.prod(shape)))
        a = dense(numbers, shape, "float32").T[..., None][::-1]
        a = a.broadcast_to((*a.shape[:-1], 11))
        assert native.contiguous(a).values() == a.values()
        for axis in range(a.ndim):
            assert native.sum(a, axis).tolist() == a.sum(axis).tolist()


def test_tables_learn_what_the_loop_learned() -> None:
    text = letters("the cat sat on the mat at tea and ate the tea")
    model = NextLetter()
    learn(model, questions(text), learning_rate=40.0, steps=25)
    beliefs = learn_table(count_pairs(text), 40.0, steps=25)
    loop = [model.beliefs(letter) for letter in SYMBOLS]
    gap = beliefs - array(loop)
    assert gap.map(abs).max().item() < 1e-12
    rows = beliefs.sum(axis=1)
    assert (rows - 1).map(abs).max().item() < 1e-12


@needs_native
def test_rust_explains_itself_in_python() -> None:
    a = full((2, 3), 1.0, "float32")
    for axis in (5, -1):
        with pytest.raises(ValueError, match=f"no axis {axis} .*2, 3"):
            native.sum(a, axis)
    with pytest.raises(TypeError, match="float32, not float64"):
        native.sum(full((2, 3), 1.0), 0)
    a.shape = (2, 300)  # a lie that Python didn't see
    with pytest.raises(ValueError, match="leave a buffer of 6"):
        native.contiguous(a)


def test_without_a_library_there_is_advice(monkeypatch) -> None:
    native.load.cache_clear()
    monkeypatch.setenv("NAND2LLM_NATIVE", "/nowhere/at/all.so")
    assert not native.available()
    assert "no native library at /nowhere" in native.why_not()
