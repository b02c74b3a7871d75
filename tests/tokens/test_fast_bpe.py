"""The native tokenizer against the Python one: id for id."""

from __future__ import annotations

import copy
import ctypes
import pickle
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm import fast_bpe, native
from nand2llm.bpe import BPE, count_words, learn_merges, train
from nand2llm.pretokenize import PATTERNS

pytestmark = pytest.mark.skipif(
    not fast_bpe.available(),
    reason=native.why_not() or "the library has no tokenizer",
)

SAMPLE = (
    "the rain in Spain stays mainly in the plain; la pluie en Espagne "
    "tombe principalement dans la plaine. 1234 12 34, don't WE'LL 👍🏽 "
    "日本日本語 الله الله\r\n\n    return x\n\treturn y  \n ½½ x'ſs\n"
) * 3
ALL = sys.maxunicode + 1
# Characters on which the rules of the two splits turn, and any others.
SHARP = " \n\r\t'stlverSſ1a½éß.-🇫\u200d\u0301\x85\u2028\u3000\xa0"
TEXT = st.text(
    st.characters(codec="utf-8") | st.sampled_from(SHARP), max_size=200
)
# Bytes of which many nearly make characters.
NEARLY = (
    *(b"a", b" ", b"'s", b"1", b"\n", b".", b"\xc3\xa9", b"\xc5\xbf"),
    *(b"\xed\xa0\x80", b"\xe0\x80\x80", b"\xf4\x90\x80\x80", b"\xc3"),
    *(b"\xf0\x9f\x98", b"\x80", b"\xff", b"\xe2\x80\xa8", b"\xc0\xaf"),
)
BYTES = st.lists(
    st.sampled_from(NEARLY) | st.binary(max_size=8), max_size=60
).map(b"".join)


def pair_of(split: str) -> tuple[BPE, BPE]:
    """The same tokenizer twice: with the library, and without."""
    fast = train([SAMPLE], 420, split)
    slow = BPE(fast.merges, split)
    slow.native = None
    return fast, slow


PAIRS = {
    split: pair_of(split) for split in PATTERNS if fast_bpe.available()
}
either = pytest.mark.parametrize("split", PATTERNS)


def python_merges(texts: list[str], split: str, n: int, least: int = 2):
    return learn_merges(count_words(texts, split), n, least)


@either
@given(text=TEXT)
@settings(max_examples=400)
def test_text_has_the_same_ids(split: str, text: str) -> None:
    fast, slow = PAIRS[split]
    assert fast.native is not None
    assert fast.encode(text) == slow.encode(text)


@either
@given(data=BYTES)
@settings(max_examples=400)
def test_bytes_have_the_same_ids(split: str, data: bytes) -> None:
    fast, slow = PAIRS[split]
    assert fast.encode_bytes(data) == slow.encode_bytes(data)
    assert fast.decode_bytes(fast.encode_bytes(data)) == data


@either
@given(text=st.text(st.sampled_from("a\udcc3\udca9\udc80.' é"), max_size=20))
def test_surrogates_are_left_to_python(split: str, text: str) -> None:
    fast, slow = PAIRS[split]
    assert fast.encode(text) == slow.encode(text)
    assert fast.encode_batch([text, "x"]) == slow.encode_batch([text, "x"])
    with pytest.raises(ValueError, match=r"half of a\s+surrogate"):
        fast.encode("\ud800")


@either
def test_every_character_alone_and_among_others(split: str) -> None:
    fast, slow = PAIRS[split]
    some = [*range(0x3000), *range(0x3000, ALL, 41)]
    points = [p for p in some if not 0xD800 <= p < 0xE000]
    for around in ("{}", "a{}b", " {} 1", "'{}", "\n{}\n{}"):
        text = "|".join(around.format(chr(p), chr(p)) for p in points)
        assert fast.encode(text) == slow.encode(text)


@either
@given(texts=st.lists(TEXT, max_size=6), n=st.integers(0, 60))
def test_training_learns_the_same_merges(split: str, texts, n) -> None:
    data = [text.encode() for text in texts]
    for threads in (1, 3):
        learned = fast_bpe.learn_merges(data, split, n, 2, threads)
        assert learned == python_merges(texts, split, n)


@given(
    words=st.lists(st.text("ab", min_size=1, max_size=30), max_size=20),
    least=st.integers(1, 4),
)
def test_ties_and_overlaps_go_the_same_way(words, least) -> None:
    texts = [" ".join(words)]
    learned = fast_bpe.learn_merges([texts[0].encode()], "gpt4", 50, least)
    assert learned == python_merges(texts, "gpt4", 50, least)


def large(n: int, seed: int) -> str:
    """Text of n characters or so, with little of it like the rest."""
    rng = random.Random(seed)
    words = SAMPLE.split(" ")
    made = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(1, 20))) for _ in range(500)]
    parts = rng.choices(words + made, k=n // 6)
    return " ".join(parts)


@either
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_large_texts_are_cut_where_nothing_is_torn(split: str, threads: int) -> None:
    fast, _ = PAIRS[split]
    assert fast.native
    texts = [large(800_000, 1), "", large(300_000, 2), "x", large(10, 3), ""]
    data = [text.encode() for text in texts]
    whole = [fast.native.encode_batch([one])[0] for one in data]
    # in pieces of a few lines, each too short to be cut
    found = fast.native.encode_batch(data, threads)
    assert [len(ids) for ids in found] == [len(ids) for ids in whole]
    assert all(np.array_equal(a, b) for a, b in zip(found, whole, strict=True))
    assert fast.decode(found[0].tolist()) == texts[0]


@either
def test_a_large_text_has_the_ids_of_python(split: str) -> None:
    fast, slow = PAIRS[split]
    text = large(700_000, 4)
    assert fast.encode_batch([text], threads=3)[0] == slow.encode(text)
    assert fast_bpe.learn_merges(
        [text.encode(), b"", text[:1000].encode()], split, 300, 2, 3
    ) == python_merges([text, text[:1000]], split, 300)


@either
@pytest.mark.parametrize(
    "piece", ["a", "ab", "日本", "\n", " ", ".", "\u0301", "1"], ids=ascii
)
def test_a_megabyte_without_a_space_is_no_trap(
    split: str, piece: str
) -> None:
    fast, _ = PAIRS[split]
    text = piece * (10**6 // len(piece.encode()))
    start = time.perf_counter()
    assert fast.decode(fast.encode(text)) == text
    assert time.perf_counter() - start < 20  # a square of it: hours


def test_no_text_is_no_ids() -> None:
    fast, _ = PAIRS["gpt4"]
    assert fast.native
    assert fast.encode("") == [] == fast.encode_bytes(b"")
    assert fast.native.encode_batch([], 2) == []
    assert fast_bpe.learn_merges([], "gpt4", 5) == []
    assert fast_bpe.Encoder([], "gpt2", range(256)).encode(b"ab") == [97, 98]


def test_a_million_different_pieces_do_not_fill_the_memory() -> None:
    fast, _ = PAIRS["gpt4"]
    assert fast.native
    data = b" ".join(b"%x" % (i * 2654435761 % 2**32) for i in range(10**6))
    (first,) = fast.native.encode_batch([data], 2)
    assert fast.native.encode(data) == first.tolist()
    assert fast.decode_bytes(first.tolist()) == data


def test_threads_may_share_one_encoder() -> None:
    fast, _ = PAIRS["gpt4"]
    texts = [large(40_000, i) for i in range(8)]
    alone = [fast.encode(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fast.encode, texts * 3)) == alone * 3


def test_a_tokenizer_can_be_copied() -> None:
    fast, _ = PAIRS["gpt2"]
    for other in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert other.native
        assert other.encode(SAMPLE) == fast.encode(SAMPLE)


def test_bytes_in_another_order_keep_their_ids() -> None:
    order = list(range(255, -1, -1))
    fast = BPE([(255 - 97, 255 - 98), (256, 255 - 99)], order=order)
    assert fast.native
    assert fast.encode("abc ab a") == [257, 223, 256, 223, 158]


def test_a_split_that_is_unknown_is_refused() -> None:
    handle = ctypes.c_void_p()
    with pytest.raises(ValueError, match="no way to split has number 2"):
        fast_bpe._call("counter_new", ctypes.c_size_t(2), ctypes.byref(handle))
    with pytest.raises(ValueError, match="split 'gpt5' is none of"):
        BPE([], "gpt5")


def test_without_the_library_python_serves(monkeypatch) -> None:
    monkeypatch.setattr(fast_bpe.native, "available", lambda: False)
    assert train([SAMPLE], 420).merges == PAIRS["gpt4"][0].merges
    assert BPE([(97, 98)]).native is None
