"""Copies, splits, token files and batches: properties and damage."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm.batches import Batches, background, sequential
from nand2llm.corpus import Document
from nand2llm.duplicates import (
    NearDuplicates,
    families,
    shingles,
    signature,
    unique,
)
from nand2llm.splitting import part_of
from nand2llm.tokenfile import TokenFile, write_tokens


@pytest.fixture
def numbered(tmp_path: Path) -> TokenFile:
    """Each token is its own place in the file."""
    rng = np.random.default_rng(5)
    sizes = rng.geometric(1 / 120, 400)
    ends = np.cumsum(sizes)
    texts = [np.arange(e - n, e) for n, e in zip(sizes, ends, strict=True)]
    write_tokens(tmp_path / "numbered.tokens", texts, int(ends[-1]))
    return TokenFile(tmp_path / "numbered.tokens")


def test_signatures_do_not_depend_on_order_or_length() -> None:
    rng = np.random.default_rng(2)
    draws = rng.integers(0, 2**64, 32, np.uint64)
    hashes = rng.integers(0, 2**64, 4321, np.uint64)
    whole = signature(hashes, draws)
    assert (signature(hashes[::-1], draws) == whole).all()
    parts = [signature(part, draws) for part in np.split(hashes, [999])]
    assert (np.minimum(*parts) == whole).all()
    assert len(shingles("too short")) == len(shingles("")) == 1



def test_exact_copies_are_dropped_where_they_come_later() -> None:
    texts = ["a", "b", "a", "a ", "b"]
    named = [Document(t, str(i)) for i, t in enumerate(texts)]
    assert [one.source for one in unique(named)] == ["0", "1", "3"]



def test_the_hash_is_the_same_everywhere() -> None:
    shares = {"a": 0.5, "b": 0.5}
    drawn = "".join(part_of(str(i), shares) for i in range(16))
    assert drawn == "bbbababaaabaabab"
    again = "".join(part_of(str(i), shares, seed=1) for i in range(16))
    assert again != drawn



def test_what_is_written_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for vocab_size, width in ((300, 2), (2**16, 2), (2**16 + 1, 4)):
        texts = [
            rng.integers(0, vocab_size, rng.integers(0, 9))
            for _ in range(50)
        ]
        path = tmp_path / "some.tokens"
        write_tokens(path, iter(texts), vocab_size, note="ä note")
        file, kept = TokenFile(path), [t for t in texts if len(t)]
        assert file.tokens.dtype.itemsize == width
        assert (file.vocab_size, file.note) == (vocab_size, "ä note")
        assert [t.tolist() for t in file] == [t.tolist() for t in kept]
        file.verify()
        assert [p.name for p in tmp_path.iterdir()] == ["some.tokens"]



def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "some.tokens"
    write_tokens(path, [[1, 2, 3]], 4)
    for bad in ([4], [-1], [1, 70000]):
        with pytest.raises(ValueError, match=r"document 1 has token"):
            write_tokens(path, [[1], bad], 4)
    assert TokenFile(path)[0].tolist() == [1, 2, 3]
    assert len(list(tmp_path.iterdir())) == 1



def test_each_token_is_a_target_once(numbered: TokenFile) -> None:
    for batch, length in ((4, 64), (1, 7), (100, 999), (1, 10**6)):
        pairs = list(sequential(numbered, batch, length))
        targets = np.concatenate([y.ravel() for _, y in pairs])
        assert (targets == numbered.tokens[1:]).all()
        assert all((x + 1 == y).all() for x, y in pairs)
        assert all(x.shape == (batch, length) for x, _ in pairs[:-2])



def test_the_seed_decides_and_epochs_differ(
    numbered: TokenFile,
) -> None:
    def first(seed: int, epoch: int = 0) -> list[list[int]]:
        batches = Batches(numbered, 2, 32, seed)
        batches.begin(epoch)
        return next(batches)[0].tolist()

    assert first(1) == first(1) != first(2)
    assert first(1, epoch=0) != first(1, epoch=1)


def test_similarity_is_estimated_without_bias():
    """The mean over many signatures is the truth, not only near it."""
    rng = random.Random(1)
    words = [f"w{rng.randrange(900)}" for _ in range(400)]
    other = [w if rng.random() > 0.03 else "x" for w in words]
    a, b = shingles(" ".join(words)), shingles(" ".join(other))
    truth = len(set(a) & set(b)) / len(set(a) | set(b))
    draws = np.random.default_rng(2).integers(0, 2**64, 20_000, np.uint64)
    same = (signature(a, draws) == signature(b, draws)).mean()
    assert abs(same - truth) < 4 * (truth * (1 - truth) / 20_000) ** 0.5


@given(st.lists(st.sampled_from("abcdef"), max_size=12))
def test_equal_texts_are_a_family_and_others_are_not(names):
    texts = [" ".join(f"{n}{i}" for i in range(50)) for n in names]
    assert families(texts) == [names.index(n) for n in names]


def test_near_copies_are_found_and_strangers_are_not():
    rng = random.Random(3)

    def words(n: int) -> list[str]:
        return [f"w{rng.randrange(5000)}" for _ in range(n)]

    originals = [words(300) for _ in range(200)]
    near = NearDuplicates()
    for text in originals:
        assert near.alike(" ".join(text)) == []
    for number, text in enumerate(originals[:100]):
        text[rng.randrange(300)] = "another"  # J is about 0.97
        assert near.alike(" ".join(text)) == [number]
    assert near.alike(" ".join(words(300))) == []


def test_memory_of_a_near_duplicate_does_not_grow_with_its_text():
    near = NearDuplicates()
    near.alike("short")
    near.alike(" ".join(map(str, range(20_000))))
    assert {s.nbytes for s in near.signatures} == {1024}


@given(st.text(), st.integers(0, 9))
def test_a_part_depends_on_key_and_seed_alone(key, seed):
    shares = {"a": 0.2, "b": 0.5, "c": 0.3}
    assert part_of(key, shares, seed) == part_of(key, dict(shares), seed)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=30),
    st.integers(1, 3),
    st.integers(1, 33),
    st.integers(0, 5),
)
def test_batches_of_any_corpus(tmp_path_factory, sizes, batch, length, seed):
    """Pairs are shifted by one; an epoch repeats nothing."""
    ends = np.cumsum(sizes)
    texts = [np.arange(e - n, e) for n, e in zip(sizes, ends, strict=True)]
    path = tmp_path_factory.mktemp("batches") / "a.tokens"
    write_tokens(path, texts, max(int(ends[-1]), 1))
    file = TokenFile(path)
    if len(file.tokens) < 2:
        with pytest.raises(ValueError, match=r"a\.tokens: \d tokens"):
            Batches(file, batch, length, seed)
        return
    batches, seen = Batches(file, batch, length, seed), Counter()
    while not batches.epoch:
        inputs, targets = next(batches)
        assert inputs.shape == targets.shape == (batch, length)
        assert (targets == inputs + 1).all()
        if not batches.epoch:
            seen.update(inputs.ravel().tolist())
    assert set(seen.values()) <= {1}


def test_a_file_without_documents(tmp_path):
    write_tokens(tmp_path / "a.tokens", [[], []], 5)
    file = TokenFile(tmp_path / "a.tokens")
    file.verify()
    assert len(file) == len(file.tokens) == 0
    assert list(sequential(file, 2, 3)) == []


def test_a_long_note_is_refused(tmp_path):
    with pytest.raises(ValueError, match="note has 5000 bytes"):
        write_tokens(tmp_path / "a.tokens", [[1]], 5, note="x" * 5000)


def test_another_version_is_refused(tmp_path):
    path = tmp_path / "a.tokens"
    write_tokens(path, [[1, 2]], 5)
    data = bytearray(path.read_bytes())
    data[8] = 9
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"version 9; .* reads 1"):
        TokenFile(path)


def test_background_passes_on_what_a_consumer_raises():
    items = background(iter(range(10)))
    with pytest.raises(KeyError):
        for _ in items:
            raise KeyError("mine")
    items.close()
