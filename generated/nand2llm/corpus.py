# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 14a7b3522ca0
"""Documents out of files, one at a time."""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Document:
    """A text and where it's from, as in notes.jsonl:17."""

    text: str
    source: str


class BadRecord(ValueError):
    """A record that is no document: where, what, and what to do."""

    def __init__(
        self, source: str, kind: str, seen: str, advice: str
    ) -> None:
        super().__init__(f"{source}: {seen}; {advice}")
        self.source, self.kind = source, kind


Bad = Literal["stop", "skip"]
Report = Callable[[BadRecord], object]
Found = Iterator[Document | BadRecord]


def complain(fault: BadRecord) -> None:
    """A line on the standard error output."""
    print(f"skipped {fault}", file=sys.stderr)


def settled(
    found: Found, bad: Bad, report: Report
) -> Iterator[Document]:
    """Documents alone; bad records are raised, or reported."""
    if bad not in ("stop", "skip"):
        raise ValueError(f"bad={bad!r}; it must be 'stop' or 'skip'")
    for one in found:
        if isinstance(one, Document):
            yield one
        elif bad == "stop":
            raise one
        else:
            report(one)


@dataclass
class Faults:
    """A report that counts bad records and keeps the first ones."""

    kept: int = 5
    kinds: Counter[str] = field(default_factory=Counter)
    first: list[BadRecord] = field(default_factory=list)

    def __call__(self, fault: BadRecord) -> None:
        """Take note of one."""
        self.kinds[fault.kind] += 1
        if len(self.first) < self.kept:
            self.first.append(fault)

    def __str__(self) -> str:
        counts = [f"{n} {kind}" for kind, n in self.kinds.most_common()]
        return "bad records: " + (", ".join(counts) or "none")


LIMIT = 16 * 2**20  # bytes of a record
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


def lines(path: Path, limit: int) -> Iterator[bytes | BadRecord]:
    """Lines with their ends; at most `limit` bytes are in memory."""
    number, packed = 0, path.suffix == ".gz"
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        try:
            while line := file.readline(limit + 1):
                number += 1
                if len(line) <= limit:
                    yield line
                    continue
                yield too_long(f"{path}:{number}", limit)
                while line and not line.endswith(b"\n"):
                    line = file.readline(limit)
        except DAMAGED as problem:
            yield BadRecord(
                f"{path}:{number + 1}",
                "damaged",
                f"the file breaks off here ({problem})",
                "fetch it again",
            )


def too_long(source: str, limit: int) -> BadRecord:
    """What is said of a record that would fill the memory."""
    seen = f"more than {limit:,} bytes in one record"
    advice = "split it, or raise the limit"
    return BadRecord(source, "too long", seen, advice)


HALF = re.compile("[\ud800-\udfff]")


def document(text: str | bytes, source: str) -> Document | BadRecord:
    """The text, if it is one; a byte order mark in front is dropped."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            byte = problem.object[problem.start]
            seen = f"byte 0x{byte:02x} is not UTF-8 ({problem.reason})"
            advice = "convert it: iconv -f latin1 -t utf-8, perhaps"
            return BadRecord(source, "not UTF-8", seen, advice)
    if "\0" in text:
        at, kind = text.index("\0"), "NUL"
        what, advice = "a NUL", "is it binary, or UTF-16?"
    elif half := not text.isascii() and HALF.search(text):
        at, kind = half.start(), "half a character"
        what = f"the lone surrogate U+{ord(half[0]):04X}"
        advice = "mend whatever cut the character in two"
    else:
        return Document(text, source)
    seen = f"character {at + 1} is {what}"
    return BadRecord(source, kind, seen, advice)


def text_records(path: Path, end: str | None, limit: int) -> Found:
    """The documents of a text file, between lines that say `end`."""
    begin, held, fault = 1, bytearray(), None
    for number, line in enumerate(lines(path, limit), 1):
        if isinstance(line, BadRecord):
            fault = fault or line
        elif end is not None and line.strip() == end.encode():
            yield fault or document(bytes(held), f"{path}:{begin}")
            begin, held, fault = number + 1, bytearray(), None
        elif len(held) + len(line) > limit:
            fault = fault or too_long(f"{path}:{begin}", limit)
        else:
            held += line
    if held.strip() or fault:
        yield fault or document(bytes(held), f"{path}:{begin}")


def read_text(
    path: str | Path,
    end: str | None = None,
    bad: Bad = "stop",
    report: Report = complain,
    limit: int = LIMIT,
) -> Iterator[Document]:
    """The documents of a text file.

    A line that says `end` ends a document; None: the file is one.
    Raises BadRecord, or with bad="skip" tells `report`.
    """
    found = text_records(Path(path), end, limit)
    yield from settled(found, bad, report)


def jsonl_record(
    line: bytes, field: str, source: str
) -> Document | BadRecord:
    """What a line of a JSONL file holds."""
    text = document(line, source)
    if isinstance(text, BadRecord):
        return text
    try:
        record = json.loads(text.text)
    except (ValueError, RecursionError) as problem:
        deep = isinstance(problem, RecursionError)
        why = "nested too deep" if deep else str(problem).split(":")[0]
        advice = f'a line must be one object, {{"{field}": "..."}}'
        return BadRecord(source, "no JSON", f"no JSON ({why})", advice)
    if not isinstance(record, dict) or field not in record:
        names = sorted(record) if isinstance(record, dict) else []
        seen = f"no field {field!r} among {names[:9]}"
        return BadRecord(source, "no field", seen, "name it: field=...")
    return valued(record[field], f"field {field!r}", source)


def valued(value: Any, name: str, source: str) -> Document | BadRecord:
    """A document, if the value of a field or column is a text."""
    if isinstance(value, str):
        return document(value, source)
    seen = f"{name} is {type(value).__name__}"
    return BadRecord(source, "no text", seen, "it must be a string")


def read_jsonl(
    path: str | Path,
    field: str = "text",
    bad: Bad = "stop",
    report: Report = complain,
    limit: int = LIMIT,
) -> Iterator[Document]:
    """The texts in a field of a file with an object a line.

    Blank lines are nothing. Raises BadRecord, or with bad="skip"
    tells `report`.
    """
    found = (
        line
        if isinstance(line, BadRecord)
        else jsonl_record(line, field, f"{path}:{number}")
        for number, line in enumerate(lines(Path(path), limit), 1)
        if isinstance(line, BadRecord) or line.strip()
    )
    yield from settled(found, bad, report)


def parquet_records(path: Path, column: str) -> Found:
    """The rows of a Parquet file, some hundreds in memory."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise ImportError(
            f"{path}: Parquet needs PyArrow; "
            "say: pip install 'nand2llm[parquet]'"
        ) from None
    row, name = 0, f"column {column!r}"
    with path.open("rb") as file:
        try:
            table = parquet.ParquetFile(file)
            names = table.schema_arrow.names
            if column not in names:
                seen = f"no {name} among {names[:9]}"
                advice = "name it: column=..."
                yield BadRecord(str(path), "no field", seen, advice)
                return
            for batch in table.iter_batches(256, columns=[column]):
                for value in batch.column(0):
                    row += 1
                    yield parquet_record(value, name, f"{path}:{row}")
        except (OSError, ValueError) as problem:
            why = str(problem).partition("\n")[0]
            seen = f"the file can't be read on ({why})"
            source = f"{path}:{row + 1}"
            yield BadRecord(source, "damaged", seen, "fetch it again")


def parquet_record(
    value: Any, name: str, source: str
) -> Document | BadRecord:
    """What a value of a column holds."""
    try:
        return valued(value.as_py(), name, source)
    except UnicodeDecodeError as problem:
        return document(problem.object, source)


def read_parquet(
    path: str | Path,
    column: str = "text",
    bad: Bad = "stop",
    report: Report = complain,
) -> Iterator[Document]:
    """The texts in a column of a Parquet file; needs PyArrow.

    Raises BadRecord, or with bad="skip" tells `report`.
    """
    found = parquet_records(Path(path), column)
    yield from settled(found, bad, report)


def read(
    *paths: str | Path,
    field: str = "text",
    end: str | None = None,
    bad: Bad = "stop",
    report: Report = complain,
) -> Iterator[Document]:
    """The documents of files, one file after the other.

    What a file is, its name says: .txt, .md, .jsonl, both also
    with .gz, or .parquet. `field` is the column, too.
    """
    for path in map(Path, paths):
        suffix = Path(path.name.removesuffix(".gz")).suffix
        if suffix in (".txt", ".md"):
            yield from read_text(path, end, bad, report)
        elif suffix == ".jsonl":
            yield from read_jsonl(path, field, bad, report)
        elif suffix == ".parquet":
            yield from read_parquet(path, field, bad, report)
        else:
            raise ValueError(
                f"{path}: what is it? known are .txt, .md, .jsonl "
                "(each also with .gz) and .parquet"
            )
