# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. eb3d316fed3f
"""What chapter 10 claims, tried."""

import gzip
import json
import random
import threading
import tracemalloc
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from nand2llm.batches import Batches, background
from nand2llm.cleaning import clean
from nand2llm.corpus import (
    BadRecord,
    Faults,
    read,
    read_jsonl,
)
from nand2llm.duplicates import (
    NearDuplicates,
    families,
    signature,
)
from nand2llm.splitting import part_of
from nand2llm.thebook import cut, frozen
from nand2llm.tokenfile import TokenFile, write_tokens

ZOO = {
    "no JSON": b'{"text": "cut off\n',
    "no field": b'{"body": "under another name"}\n',
    "no text": b'{"text": null}\n',
    "not UTF-8": b'{"text": "caf\xe9"}\n',
    "half a character": b'{"text": "\\ud83e"}\n',
    "NUL": b'{"text": "\\u0000"}\n',
    "too long": b'{"text": "' + b"a" * 2000 + b'"}\n',
}


@pytest.mark.parametrize("kind", ZOO)
def test_each_animal_is_named_with_its_line(
    kind: str, tmp_path: Path
) -> None:
    path, good = tmp_path / "zoo.jsonl", b'{"text": "good"}\n'
    path.write_bytes(good + ZOO[kind] + good)
    faults = Faults()
    found = read_jsonl(path, bad="skip", report=faults, limit=1000)
    assert [one.text for one in found] == ["good", "good"]
    assert faults.kinds == {kind: 1}
    assert str(faults.first[0]).startswith(f"{path}:2: ")
    assert "\n" not in str(faults.first[0])
    with pytest.raises(BadRecord, match=r"zoo\.jsonl:2: "):
        list(read_jsonl(path, limit=1000))


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


def test_a_file_that_breaks_off(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"text": "one"}\n{"text": "two"}\n')
    for name, data in (("cut", whole[:-9]), ("odd", b"not gzip")):
        path = tmp_path / f"{name}.jsonl.gz"
        path.write_bytes(data)
        with pytest.raises(BadRecord, match="breaks off"):
            list(read_jsonl(path))
        assert len(list(read(path, bad="skip", report=Faults()))) < 3


def test_cleaning_is_done_when_it_is_done() -> None:
    rng = random.Random(10)
    spice = (
        "ae\u0301\u0327 \t\n\r\v\x1c\u200b\u200d\u2028\ufeff\u202e\0"
    )
    for _ in range(2000):
        text = "".join(rng.choices(spice, k=rng.randrange(12)))
        once = clean(text)
        assert clean(once) == once
        assert unicodedata.is_normalized("NFC", once)
        assert not set(once) & set("\r\v\x1c\u200b\u2028\ufeff\u202e\0")


def test_what_cleaning_may_not_touch() -> None:
    code = "def f(x):\n    if x:\n\treturn 'a  b'\n\n\n# 2⁵ ﬁ ½\n    y"
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    for text in (code, family, persian, "    indented first"):
        assert clean(text) == text
    assert clean("\n\n    x  \n\n") == "    x"


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


def test_near_copies_are_found_and_strangers_are_not() -> None:
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
    assert parts["17.md"] == part_of("17.md", shares)
    more = {"learn": 0.9, "judge": 0.1}
    assert all(
        part_of(key, more) == "learn"
        for key, part in parts.items()
        if part == "learn"
    )
    assert part_of("17.md", {"all": 1.0}) == "all"
    with pytest.raises(ValueError, match="add up to 1"):
        part_of("17.md", {"learn": 0.9})


def test_every_damage_is_noticed(tmp_path: Path) -> None:
    path, hurt = tmp_path / "some.tokens", tmp_path / "hurt.tokens"
    write_tokens(path, [[1, 2, 3], [4], [5, 6]], 7, note="n")
    data = path.read_bytes()
    used = [*range(57), *range(4096, 4108), *range(4112, 4136)]
    for at in used:
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
    """Each token is its own place in the file."""
    rng = np.random.default_rng(5)
    sizes = rng.geometric(1 / 120, 400)
    ends = np.cumsum(sizes)
    texts = [
        np.arange(e - n, e) for n, e in zip(sizes, ends, strict=True)
    ]
    path = tmp_path / "numbered.tokens"
    write_tokens(path, texts, int(ends[-1]))
    return TokenFile(path)


def test_rows_begin_where_documents_do(numbered: TokenFile) -> None:
    starts = set(numbered.starts.tolist())
    batches = Batches(numbered, 8, 64, seed=6)
    cuts = seams = 0
    for inputs, targets in islice(batches, 60):
        assert inputs.shape == targets.shape == (8, 64)
        assert (targets == inputs + 1).all()
        for row in inputs.tolist():
            begins = [
                0,
                *(i for i in range(1, 64) if row[i] != row[i - 1] + 1),
            ]
            fresh = sum(row[i] in starts for i in begins)
            cuts += fresh < len(begins)
            seams += len(begins) - 1
            if row[0] not in starts:  # a cut of a long document
                before = max(s for s in starts if s < row[0])
                number = sorted(starts).index(before)
                start, stop = numbered.bounds(number)
                assert stop - start > 64
    assert seams > 100


def test_an_epoch_has_each_token_once_or_seldom_not(
    numbered: TokenFile,
) -> None:
    batches, seen = Batches(numbered, 1, 64, seed=7), Counter[int]()
    while True:
        inputs, _ = next(batches)
        if batches.epoch:
            break
        seen.update(inputs[0].tolist())
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


def test_a_page_is_cut_where_readers_would() -> None:
    page = "\n".join(
        [
            "# Title {#ch:x}",
            "",
            "A [term]{.idx}, [a note [@who]]{.margin}; `{python} 1`.",
            "",
            "``` {.python #a/b file=x.py}",
            "# no heading",
            "<<c>>",
            "```",
            "## Empty",
            "## Exercises {#sec:y}",
            '::::: {.exercise #ex:z level=1 title="Do it"}',
            "Do.",
            "",
            "``` {.python .mutant}",
            "wrong",
            "```",
            ":::::",
        ]
    )
    first, second = cut(page, "p.md")
    assert (first.source, second.source) == ("p.md:1", "p.md:11")
    assert first.text == (
        "# Title\n\nA term, a note [@who]; `1`.\n\n"
        "```python\n# no heading\n<<c>>\n```\n"
    )
    assert second.text == "## Do it\nDo.\n"


def test_the_frozen_corpus() -> None:
    book = frozen()
    texts = [one.text for one in book]
    assert len(set(texts)) == len(texts) > 150
    assert all(clean(text) + "\n" == text for text in texts)
    assert {one.source[:11] for one in book} == {
        "book/part1/",
        "book/part2/",
    }
    assert sum(len(text) for text in texts) > 600_000
    assert not any(".mutant" in text for text in texts)
