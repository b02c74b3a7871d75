# Made from book/part3/11-fast.draft.md by tangle.py; edit there, or here and stitch. ce2d11596b89
import pytest

from nand2llm import fast_bpe
from nand2llm.bpe import BPE, count_words, learn_merges, train

needs_library = pytest.mark.skipif(
    not fast_bpe.available(), reason="no native tokenizer"
)
TEXTS = ["", "It's  12345 o'clock\n\n 'LL", "日本 é\u0301 👍🏽\r\n" * 9]


@needs_library
@pytest.mark.parametrize("split", ["gpt2", "gpt4"])
def test_rust_and_python_agree(split):
    fast = train(TEXTS * 3, 300, split)
    words = count_words(TEXTS * 3, split)
    assert fast.merges == learn_merges(words, 44)
    slow = BPE(fast.merges, split)
    slow.native = None
    for text in [*TEXTS, "it'ſ \udcff."]:
        assert fast.encode(text) == slow.encode(text)
    assert fast.encode_batch(TEXTS, threads=3) == [
        slow.encode(text) for text in TEXTS
    ]


@needs_library
@pytest.mark.parametrize("data", [b"\xed\xa0\x80a", b"a\xf0\x9f'l"])
def test_bytes_that_are_no_text(data):
    fast, slow = BPE([(97, 97)]), BPE([(97, 97)])
    slow.native = None
    assert fast.encode_bytes(data) == slow.encode_bytes(data)


@needs_library
def test_a_megabyte_without_a_space():
    fast = BPE([(97, 97)] + [(256 + i, 256 + i) for i in range(19)])
    ids = fast.encode("a" * 1_000_000)
    assert len(ids) == 7  # as many as 1,000,000 has ones in binary
    assert fast.decode(ids) == "a" * 1_000_000
