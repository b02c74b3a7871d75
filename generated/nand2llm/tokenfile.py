# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 9da9eeed4d17
"""Files of tokens: written as a stream, read as an array."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np

Array = np.ndarray[Any, Any]

MAGIC, VERSION, PAGE = b"nand2llm", 1, 4096
# magic, version, bytes of a token, vocabulary, tokens, documents,
# check sums of tokens and starts, bytes of the note; then the note
# in UTF-8, then a check sum of all that.
HEADER = struct.Struct("<8sIIQQQIII")


class DamagedFile(ValueError):
    """A token file that isn't whole, or isn't one."""


def token_type(vocab_size: int) -> np.dtype[Any]:
    """Two bytes if they're enough, else four."""
    return np.dtype("<u2" if vocab_size <= 2**16 else "<u4")


def packed(note: str, *fields: int) -> bytes:
    """The first page of a file; ValueError if the note is long."""
    words = note.encode()
    head = HEADER.pack(MAGIC, VERSION, *fields, len(words)) + words
    if len(head) > PAGE - 4:
        most = PAGE - 4 - HEADER.size
        raise ValueError(f"note has {len(words)} bytes, not {most}")
    head += struct.pack("<I", zlib.crc32(head))
    return head.ljust(PAGE, b"\0")


def write_tokens(
    path: str | Path,
    documents: Iterable[Sequence[int] | Array],
    vocab_size: int,
    note: str = "",
) -> None:
    """Write documents of tokens; the file is there when it's whole.

    Documents without tokens leave no trace. Raises ValueError for
    a token that isn't in 0..vocab_size-1.
    """
    part = Path(f"{path}.part")
    try:
        with part.open("wb") as file, TemporaryFile() as starts:
            stream(file, starts, documents, vocab_size, note)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def stream(
    file: BinaryIO,
    starts: Any,
    documents: Iterable[Sequence[int] | Array],
    vocab_size: int,
    note: str,
) -> None:
    """Tokens, then starts, and the header into the gap in front."""
    kind, total, count, sums = token_type(vocab_size), 0, 0, [0, 0]
    file.write(packed(note, *[0] * 6))
    for number, document in enumerate(documents):
        if len(document):
            tokens = checked(document, vocab_size, number)
            data = tokens.astype(kind).tobytes()
            where = struct.pack("<Q", total)
            file.write(data)
            starts.write(where)
            sums[0] = zlib.crc32(data, sums[0])
            sums[1] = zlib.crc32(where, sums[1])
            total, count = total + len(tokens), count + 1
    file.write(bytes(-file.tell() % 8))
    starts.seek(0)
    shutil.copyfileobj(starts, file)
    file.seek(0)
    fields = kind.itemsize, vocab_size, total, count, *sums
    file.write(packed(note, *fields))


def checked(
    document: Sequence[int] | Array, vocab_size: int, number: int
) -> Array:
    """The document as an array, if all are tokens."""
    tokens = np.asarray(document)
    for worst in (tokens.min(), tokens.max()):
        if not 0 <= worst < vocab_size:
            raise ValueError(
                f"document {number} has token {worst}; the vocabulary "
                f"goes from 0 to {vocab_size - 1}"
            )
    return tokens


class TokenFile:
    """A token file as arrays that aren't in memory until touched.

    tokens (n,), starts (documents,), vocab_size, note. Raises
    DamagedFile with the reason.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if (size := self.path.stat().st_size) < PAGE:
            self.refuse(f"{size:,} bytes are less than a header")
        data = np.memmap(self.path, np.uint8, "r").view(np.ndarray)
        head = data[:PAGE].tobytes()
        fields = self.header(head)
        width, self.vocab_size, total, count, *self.sums, words = fields
        self.note = head[HEADER.size : HEADER.size + words].decode()
        starts = PAGE + -(-width * total // 8) * 8
        if size != (whole := starts + 8 * count):
            self.refuse(f"{size:,} bytes; its header says {whole:,}")
        tokens = data[PAGE : PAGE + width * total]
        self.tokens = tokens.view(f"<u{width}")
        self.starts = at = data[starts:].view("<u8")
        rising = (at[1:] > at[:-1]).all()
        if count and not (at[0] == 0 and rising and at[-1] < total):
            self.refuse("documents begin out of order")

    def header(self, head: bytes) -> tuple[int, ...]:
        """The fields of the first page, if they're as written."""
        magic, version, *fields = HEADER.unpack_from(head)
        if magic != MAGIC:
            self.refuse(f"begins with {magic!r}, not with {MAGIC!r}")
        if version != VERSION:
            self.refuse(f"version {version}; this program reads {VERSION}")
        end = HEADER.size + fields[-1]
        known = struct.pack("<I", zlib.crc32(head[:end]))
        if head[end : end + 4] != known:
            self.refuse("the header isn't what was written")
        return tuple(fields)

    def refuse(self, reason: str) -> None:
        """Say what's wrong with the file."""
        raise DamagedFile(f"{self.path}: {reason}; write it again")

    def verify(self) -> None:
        """Read all of it, and compare with the check sums."""
        parts = self.tokens, self.starts
        for data, known in zip(parts, self.sums, strict=True):
            total = 0
            for at in range(0, len(data), 2**20):
                total = zlib.crc32(data[at : at + 2**20].data, total)
            if total != known:
                self.refuse("the tokens aren't what was written")

    def __len__(self) -> int:
        return len(self.starts)

    def bounds(self, number: int) -> tuple[int, int]:
        """Where a document's tokens begin and end."""
        last = number + 1 == len(self)
        stop = len(self.tokens) if last else self.starts[number + 1]
        return int(self.starts[number]), int(stop)

    def __getitem__(self, number: int) -> Array:
        start, stop = self.bounds(range(len(self))[number])
        return self.tokens[start:stop]
