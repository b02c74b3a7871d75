"""Hostile files, and properties of what is read from honest ones."""

import gzip
import json
import sys
import unicodedata
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nand2llm.cleaning import clean
from nand2llm.corpus import (
    BadRecord,
    Document,
    Faults,
    read,
    read_jsonl,
    read_parquet,
    read_text,
)
from nand2llm.thebook import cut, frozen, sections

TEXTS = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    max_size=8,
)


def test_text_files(tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_bytes("\ufeffone\r\n\n--\ntwo\n".encode())
    found = list(read_text(path, end="--"))
    assert [one.text for one in found] == ["one\r\n\n", "two\n"]
    assert [one.source for one in found] == [f"{path}:1", f"{path}:4"]
    assert len(list(read(path))) == 1
    with pytest.raises(BadRecord, match=r"two\.txt:1: more than 10"):
        list(read_text(path, limit=10))
    with pytest.raises(ValueError, match=r"two\.docx: what is it"):
        list(read(path.with_suffix(".docx")))


@given(TEXTS)
def test_jsonl_gives_back_what_was_written(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("jsonl") / "some.jsonl.gz"
    lines = [json.dumps({"text": t, "n": 1}) + "\n" for t in texts]
    path.write_bytes(gzip.compress("".join(lines).encode()))
    assert [one.text for one in read(path)] == texts


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_no_bytes_make_a_reader_fail(tmp_path_factory, records):
    """Whatever is in a file: documents, or one line for each fault."""
    place = tmp_path_factory.mktemp("bytes")
    for name in ("a.jsonl", "a.txt", "a.jsonl.gz"):
        (place / name).write_bytes(b"\n".join(records))
        faults = Faults(kept=100)
        for one in read(place / name, bad="skip", report=faults):
            assert one.text.encode().decode() == one.text
            assert "\0" not in one.text
        for fault in faults.first:
            assert str(fault).startswith(str(place / name))
            assert len(str(fault).splitlines()) == 1


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
def test_each_animal_is_named_with_its_line(kind, tmp_path):
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


def test_a_file_that_breaks_off(tmp_path):
    whole = gzip.compress(b'{"text": "one"}\n{"text": "two"}\n')
    for name, data in (("cut", whole[:-9]), ("odd", b"not gzip")):
        path = tmp_path / f"{name}.jsonl.gz"
        path.write_bytes(data)
        with pytest.raises(BadRecord, match="breaks off"):
            list(read_jsonl(path))
        assert len(list(read(path, bad="skip", report=Faults()))) < 3


def test_a_record_one_byte_over_the_limit(tmp_path):
    path = tmp_path / "a.jsonl"
    line = b'{"text": "abc"}\n'
    path.write_bytes(line * 3)
    assert len(list(read_jsonl(path, limit=len(line)))) == 3
    with pytest.raises(BadRecord, match=r"a\.jsonl:1: more than 15 bytes"):
        list(read_jsonl(path, limit=len(line) - 1))


def test_lines_after_a_long_one_keep_their_numbers(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"[" * 5000 + b'\n{"text": "b"}\nx\n')
    faults = Faults()
    found = list(read_jsonl(path, bad="skip", report=faults, limit=100))
    assert found == [Document("b", f"{path}:2")]
    assert [fault.source for fault in faults.first] == [
        f"{path}:1",
        f"{path}:3",
    ]


def test_faults_are_counted_beyond_those_that_are_kept(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x\n" * 40 + b'{"text": 3}\n')
    faults = Faults(kept=2)
    assert list(read_jsonl(path, bad="skip", report=faults)) == []
    assert len(faults.first) == 2
    assert str(faults) == "bad records: 40 no JSON, 1 no text"
    assert str(Faults()) == "bad records: none"


def test_skipping_is_never_silent(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x\n")
    list(read_jsonl(path, bad="skip"))
    assert f"skipped {path}:1: no JSON" in capsys.readouterr().err
    with pytest.raises(ValueError, match="'stop' or 'skip'"):
        list(read_jsonl(path, bad="ignore"))


@pytest.mark.parametrize(
    "data", [b"{} " + b"9" * 9999, b"[" * 10**5, b'{"text": NaN}', b"null"]
)
def test_json_that_hurts(tmp_path, data):
    (tmp_path / "a.jsonl").write_bytes(data)
    with pytest.raises(BadRecord, match=r"a\.jsonl:1: "):
        list(read(tmp_path / "a.jsonl"))


def test_utf16_is_guessed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("plain".encode("utf-16-le"))
    with pytest.raises(BadRecord, match="UTF-16"):
        list(read(path))


def test_a_bad_document_does_not_take_the_next_with_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"caf\xe9\n--\ngood\n--\n" + b"x" * 99 + b"\n--\nlast")
    faults = Faults()
    found = read_text(path, end="--", bad="skip", report=faults, limit=50)
    assert [one.text for one in found] == ["good\n", "last"]
    assert faults.kinds == {"not UTF-8": 1, "too long": 1}


def test_parquet_is_optional_and_says_so():
    with (
        patch.dict(sys.modules, {"pyarrow": None}),
        pytest.raises(ImportError, match=r"pip install 'nand2llm\[parquet\]'"),
    ):
        next(read_parquet("some.parquet"))


@given(st.text())
def test_cleaning_is_idempotent_and_keeps_what_is_seen(text):
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    seen = [c for c in once if not c.isspace()]
    kept = unicodedata.normalize("NFC", text)
    assert set(seen) <= set(kept) | set(unicodedata.normalize("NFC", "".join(seen)))


@given(st.lists(st.integers(0, 12), max_size=6))
def test_cleaning_never_touches_indentation(depths):
    code = "\n".join(" " * depth + "x = 'a  b'" for depth in depths)
    assert clean(code) == code


PAGE = """\
# Title {#ch:x}

A [term]{.idx}, [a note [@who]]{.margin}; `{python} 1`.

``` {.python #a/b file=x.py}
# no heading
<<c>>
```
## Empty
## Exercises {#sec:y}
::::: {.exercise #ex:z level=1 title="Do it"}
Do.

``` {.python .mutant}
wrong
```
:::::
"""


def test_a_page_is_cut_where_readers_would():
    first, second = cut(PAGE, "p.md")
    assert (first.source, second.source) == ("p.md:1", "p.md:11")
    assert first.text == (
        "# Title\n\nA term, a note [@who]; `1`.\n\n"
        "```python\n# no heading\n<<c>>\n```\n"
    )
    assert second.text == "## Do it\nDo.\n"


def test_the_frozen_corpus():
    texts = [one.text for one in frozen()]
    assert len(set(texts)) == len(texts) > 150
    assert all(clean(text) + "\n" == text for text in texts)
    assert {one.source[:11] for one in frozen()} == {"book/part1/", "book/part2/"}
    assert sum(len(text) for text in texts) > 600_000
    assert not any(".mutant" in text for text in texts)


def test_the_book_today_has_all_its_chapters():
    today = list(sections())
    pages = {one.source.rpartition(":")[0] for one in today}
    assert {one.source.rpartition(":")[0] for one in frozen()} <= pages
    assert any("appendices" in page for page in pages)
    for one in today:
        assert "{.mutant" not in one.text
        assert "{#" not in one.text.split("\n")[0]
    root = Path(__file__).resolve().parents[2]
    for one in today[:200:20]:
        page, _, line = one.source.rpartition(":")
        there = (root / page).read_text("utf-8").splitlines()
        title = one.text.split("\n")[0].lstrip("# ")
        assert title.split()[0] in there[int(line) - 1]
