# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. d65ccc084d15
"""Text to tokens and back, whatever the tokens are."""

from __future__ import annotations

import codecs
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar


def as_bytes(text: str) -> bytes:
    """The text in UTF-8.

    A surrogate that stands for a byte (as Python's `surrogateescape`
    has it) becomes that byte; ValueError for any other.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        point = ord(text[error.start])
        raise ValueError(
            f"U+{point:04X} at place {error.start} is half of a "
            "surrogate pair; UTF-8 has no bytes for it"
        ) from None


class Tokenizer(ABC):
    """Turns text into ids below `vocab_size`, and ids into text.

    The special tokens have the last ids, in the order given.
    """

    kind: ClassVar[str]

    def __init__(
        self, tokens: Sequence[bytes], specials: Iterable[str] = ()
    ) -> None:
        names = list(specials)
        self.tokens = [*tokens, *map(as_bytes, names)]
        self.specials = {
            n: len(tokens) + i for i, n in enumerate(names)
        }
        if "" in names or len(self.specials) < len(names):
            raise ValueError(f"special tokens must differ: {names}")

    @property
    def vocab_size(self) -> int:
        """The number of different tokens; ids are smaller."""
        return len(self.tokens)

    @abstractmethod
    def ordinary(self, text: str) -> list[int]:
        """The ids of the text; no special token is among them."""

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """What `save` must write for `load_tokenizer` to make it again."""

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes, be they text or not."""
        return self.ordinary(data.decode("utf-8", "surrogateescape"))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes that the ids stand for."""
        ids = list(ids)
        for place, token in enumerate(ids):
            if not 0 <= token < self.vocab_size:
                raise ValueError(
                    f"token {token} at place {place}; "
                    f"ids are 0..{self.vocab_size - 1}"
                )
        return b"".join(self.tokens[token] for token in ids)

    def decode(self, ids: Iterable[int]) -> str:
        """The text; U+FFFD where the bytes are not UTF-8."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def stream(self) -> Stream:
        """A decoder for tokens that come one by one."""
        return Stream(self)

    def encode_batch(
        self, texts: Iterable[str], threads: int = 1
    ) -> list[list[int]]:
        """The ids of each text."""
        if threads == 1:
            return [self.encode(text) for text in texts]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.encode, texts))

    def encode(
        self, text: str, specials: Collection[str] = ()
    ) -> list[int]:
        """The ids of the text.

        Special tokens are looked for only if `specials` names them; the
        text of any other is text like the rest.
        """
        for name in specials:
            if name not in self.specials:
                known = ", ".join(self.specials) or "none at all"
                raise ValueError(f"no special token {name!r}: {known}")
        if not specials:
            return self.ordinary(text)
        longest_first = sorted(specials, key=len, reverse=True)
        any_special = "|".join(map(re.escape, longest_first))
        ids: list[int] = []
        for i, part in enumerate(re.split(f"({any_special})", text)):
            ids += [self.specials[part]] if i % 2 else self.ordinary(part)
        return ids

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON, one entry to a line."""
        record = {"kind": self.kind, **self.record()}
        record["specials"] = list(self.specials)
        entries = (f'"{k}": {json.dumps(v)}' for k, v in record.items())
        text = "{\n" + ",\n".join(entries) + "\n}\n"
        Path(path).write_text(text, encoding="utf-8", newline="\n")


class Stream:
    """Decodes tokens that come one by one, to whole characters."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The characters that are complete with this token."""
        return self.decoder.decode(self.tokenizer.decode_bytes([token]))

    def finish(self) -> str:
        """U+FFFD if a character was left incomplete, else nothing."""
        return self.decoder.decode(b"", final=True)


class Bytes(Tokenizer):
    """A token for each of the 256 bytes."""

    kind = "bytes"

    def __init__(self, specials: Iterable[str] = ()) -> None:
        super().__init__([bytes([i]) for i in range(256)], specials)

    def ordinary(self, text: str) -> list[int]:
        """The bytes of the text in UTF-8."""
        return list(as_bytes(text))

    def record(self) -> dict[str, Any]:
        """Nothing: there is one such tokenizer."""
        return {}


class Characters(Tokenizer):
    """A token for each character of an alphabet."""

    kind = "characters"

    def __init__(
        self, alphabet: str, specials: Iterable[str] = ()
    ) -> None:
        self.alphabet = alphabet
        self.ids = {c: i for i, c in enumerate(alphabet)}
        if len(self.ids) < len(alphabet):
            raise ValueError("a character is twice in the alphabet")
        super().__init__([as_bytes(c) for c in alphabet], specials)

    @classmethod
    def train(
        cls, text: str, specials: Iterable[str] = ()
    ) -> Characters:
        """The characters of the text, sorted."""
        return cls("".join(sorted(set(text))), specials)

    def ordinary(self, text: str) -> list[int]:
        """A number for each character; ValueError if unknown."""
        try:
            return [self.ids[character] for character in text]
        except KeyError as error:
            raise ValueError(
                f"{error.args[0]!r} is none of the {len(self.ids)} "
                "characters that this tokenizer knows"
            ) from None

    def record(self) -> dict[str, Any]:
        """The alphabet."""
        return {"alphabet": self.alphabet}


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read what `save` wrote; ValueError for a file of another kind."""
    from nand2llm.bpe import BPE  # which is made from this module

    kinds = {cls.kind: cls for cls in (Bytes, Characters, BPE)}
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise ValueError("it should be an object with a kind")
        kind = record.pop("kind", None)
        if kind not in kinds:
            raise ValueError(f"{kind!r} is none of {', '.join(kinds)}")
        made: Tokenizer = kinds[kind](**record)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    return made
