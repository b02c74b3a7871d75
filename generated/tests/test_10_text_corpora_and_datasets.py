# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. edc8cd4e8430
"""What chapter 10 claims, tried."""

import gzip
import json
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from nand2llm.batches import Batches, background
from nand2llm.cleaning import clean
from nand2llm.corpus import Faults, read_jsonl
from nand2llm.duplicates import NearDuplicates, families, signature
from nand2llm.splitting import part_of
from nand2llm.tokenfile import TokenFile, write_tokens


def test_a_line_of_100_mb_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(100):
            file.write(b"a" * 1_000_000)
        file.write(b'\n{"text": "after it"}\n')
    faults = Faults()
    tracemalloc.start()
    found = read_jsonl(path, bad="skip", report=faults, limit=10**6)
    assert [one.text for one in found] == ["after it"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert faults.kinds == {"too long": 1}
    assert "more than 1,000,000 bytes" in str(faults.first[0])
    assert peak < 8e6


def test_cleaning() -> None:
    found = "\ufeffdef f(x):\r\n    # cafe\u0301\u200b 2⁵ \n\ty\u2028\n"
    assert clean(found) == "def f(x):\n    # café 2⁵\n\ty"
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    code = "def f(x):\n    if x:\n\treturn 'a  b'\n\n\n# ﬁ ½\n    y"
    for text in (family, code, "    indented first"):
        assert clean(text) == text


def test_the_chance_of_the_same_winner_is_the_similarity() -> None:
    rng = np.random.default_rng(1)
    draws = rng.integers(0, 2**64, 4000, np.uint64)
    for common, apart in ((50, 50), (10, 90), (90, 10), (0, 9)):
        hashes = rng.integers(0, 2**64, common + 2 * apart, np.uint64)
        a, b = hashes[: common + apart], hashes[apart:]
        same = signature(a, draws) == signature(b, draws)
        truth = common / (common + 2 * apart)
        spread = np.sqrt(truth * (1 - truth) / 4000)
        assert abs(same.mean() - truth) <= 4 * spread


def test_families_hang_together_by_the_middle_one() -> None:
    words = [f"w{i}" for i in range(400)]
    first, middle, last = words[:300], words[40:340], words[80:380]
    texts = [" ".join(t) for t in (first, last, ["else"], middle)]
    near = NearDuplicates(threshold=0.7, bands=64, rows=2)
    assert families(texts, near) == [0, 0, 2, 0]


def test_a_document_stays_where_it_is() -> None:
    shares = {"learn": 0.8, "choose": 0.1, "judge": 0.1}
    parts = {f"{i}.md": part_of(f"{i}.md", shares) for i in range(9000)}
    for name, n in Counter(parts.values()).items():
        assert abs(n / 9000 - shares[name]) < 0.02
    more = {"learn": 0.9, "judge": 0.1}
    for key, part in parts.items():
        assert part_of(key, shares) == part
        assert part != "learn" or part_of(key, more) == "learn"
    with pytest.raises(ValueError, match="add up to 1"):
        part_of("17.md", {"learn": 0.9})


def test_every_damage_is_noticed(tmp_path: Path) -> None:
    path, hurt = tmp_path / "some.tokens", tmp_path / "hurt.tokens"
    write_tokens(path, [[1, 2, 3], [4], [5, 6]], 7, note="n")
    data = path.read_bytes()
    used = [*range(57), *range(4096, 4108), *range(4112, 4136)]
    for at in used:  # all but what fills up a page
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        hurt.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"hurt\.tokens: "):
            TokenFile(hurt).verify()
    for size in (0, 10, 4095, 4096, len(data) - 1):
        hurt.write_bytes(data[:size])
        with pytest.raises(ValueError, match=r"hurt\.tokens: "):
            TokenFile(hurt)


@pytest.fixture
def numbered(tmp_path: Path) -> TokenFile:
    ends = np.cumsum(np.random.default_rng(5).geometric(1 / 120, 400))
    texts = np.split(np.arange(ends[-1]), ends[:-1])
    write_tokens(tmp_path / "numbered", texts, int(ends[-1]))
    return TokenFile(tmp_path / "numbered")


def test_rows_begin_where_documents_do(numbered: TokenFile) -> None:
    starts = numbered.starts
    sizes = np.diff(starts, append=len(numbered.tokens))
    batches, seen = Batches(numbered, 1, 64, seed=6), Counter[int]()
    while not batches.epoch:
        (row,), (after,) = next(batches)
        assert len(row) == len(after) == 64
        assert (after == row + 1).all()
        begins = row[np.diff(row, prepend=-2) != 1]
        cuts = begins[~np.isin(begins, starts)]
        assert (sizes[np.searchsorted(starts, cuts) - 1] > 64).all()
        if not batches.epoch:
            seen.update(row.tolist())
    assert set(seen.values()) == {1}
    assert len(seen) > 0.97 * (len(numbered.tokens) - 1)


def test_resumed_batches_are_those_that_would_have_come(
    numbered: TokenFile,
) -> None:
    one = Batches(numbered, 4, 48, seed=8)
    for _ in range(500):  # into the second epoch
        next(one)
    state = json.loads(json.dumps(one.state_dict()))
    other = Batches(numbered, 4, 48, seed=99)
    other.load_state_dict(state)
    for _ in range(500):
        assert (next(one)[0] == next(other)[0]).all()
    with pytest.raises(ValueError, match="state is of"):
        Batches(numbered, 4, 47).load_state_dict(state)


def test_the_thread_says_what_went_wrong() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("the disk is on fire")

    items = background(failing())
    assert next(items) == 1
    with pytest.raises(OSError, match="on fire"):
        next(items)
    assert list(background(range(100), depth=1)) == list(range(100))


def test_the_thread_ends_when_nobody_listens() -> None:
    before = threading.active_count()
    made: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    for _ in range(20):
        made.clear()
        items = background(endless(), depth=3)
        assert list(islice(items, 5)) == [0, 1, 2, 3, 4]
        items.close()
        assert len(made) <= 5 + 3 + 2
    assert threading.active_count() == before
