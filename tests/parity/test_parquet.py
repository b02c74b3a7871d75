"""Parquet files, written by PyArrow and read by the book."""

import pytest

from nand2llm.corpus import BadRecord, Faults, read, read_parquet

pa = pytest.importorskip("pyarrow", reason="PyArrow isn't installed")
pq = pytest.importorskip("pyarrow.parquet", reason="PyArrow isn't installed")

TEXTS = ["plain", "Aé→\N{OWL}", "", "two\nlines", None, "a\0b"]


@pytest.fixture
def path(tmp_path):
    table = pa.table({"n": range(len(TEXTS)), "text": TEXTS})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    return tmp_path / "a.parquet"


@pytest.mark.parametrize("kind", ["none", "snappy", "gzip", "zstd"])
def test_texts_come_back(tmp_path, kind):
    texts = [f"document {i} \N{OWL}" for i in range(1000)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts}), path, compression=kind)
    found = list(read(path))
    assert [one.text for one in found] == texts
    assert found[999].source == f"{path}:1000"


def test_null_and_nul_are_named(path):
    faults = Faults()
    found = read_parquet(path, bad="skip", report=faults)
    assert [one.text for one in found] == TEXTS[:4]
    assert faults.kinds == {"no text": 1, "NUL": 1}
    assert [fault.source for fault in faults.first] == [f"{path}:5", f"{path}:6"]


def test_columns_are_named(path):
    with pytest.raises(BadRecord, match=r"no column 'body' among \['n', 'text'\]"):
        list(read_parquet(path, column="body"))
    with pytest.raises(BadRecord, match="column 'n' is int"):
        list(read(path, field="n"))


def test_bytes_that_are_no_text(tmp_path):
    raw = pa.array([b"fine", b"caf\xe9"]).view(pa.string())
    pq.write_table(pa.table({"text": raw}), tmp_path / "a.parquet")
    faults = Faults()
    found = read(tmp_path / "a.parquet", bad="skip", report=faults)
    assert [one.text for one in found] == ["fine"]
    assert faults.kinds == {"not UTF-8": 1}


@pytest.mark.parametrize("keep", [0, 3, 100, -30])
def test_a_file_that_breaks_off(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadRecord, match=r"a\.parquet:1: the file can't be read"):
        list(read(path))
    with pytest.raises(FileNotFoundError):
        list(read(path.with_name("none.parquet")))


def test_other_columns_are_not_read(tmp_path):
    """A damaged column beside the texts doesn't matter."""
    path = tmp_path / "a.parquet"
    table = pa.table({"junk": [b"x" * 50] * 100, "text": ["t"] * 100})
    pq.write_table(table, path, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)
    assert len(list(read(path))) == 100
