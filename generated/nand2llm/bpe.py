# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. 3b6c6dd48a72
"""Byte pair encoding: tokens made by joining the pairs met most."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import Any

from nand2llm import fast_bpe
from nand2llm.pretokenize import PATTERNS, pieces
from nand2llm.tokenizer import Tokenizer, as_bytes

Pair = tuple[int, int]


def merged(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """The ids with `new` for each occurrence of the pair."""
    out: list[int] = []
    i, last = 0, len(ids) - 1
    while i <= last:
        if i < last and (ids[i], ids[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


class PairIndex:
    """The pairs of many words: how often each, and in which words."""

    def __init__(self, words: Mapping[bytes, int]) -> None:
        self.rows = [list(word) for word in words]
        self.times = list(words.values())
        self.counts: Counter[Pair] = Counter()
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)
        for i, row in enumerate(self.rows):
            for pair in pairwise(row):
                self.counts[pair] += self.times[i]
                self.where[pair].add(i)
        self.heap = [(-n, pair) for pair, n in self.counts.items()]
        heapify(self.heap)

    def best(self, least: int) -> Pair | None:
        """The commonest pair, if it occurs `least` times; taken once."""
        while self.heap:
            count, pair = heappop(self.heap)
            if self.counts[pair] == -count:  # or it has changed since
                return pair if -count >= least else None
        return None

    def merge(self, pair: Pair, new: int) -> None:
        """Put `new` for the pair, in the words that have it."""
        change: Counter[Pair] = Counter()
        for i in self.where.pop(pair):
            for gone in pairwise(self.rows[i]):
                change[gone] -= self.times[i]
            self.rows[i] = merged(self.rows[i], pair, new)
            for here in pairwise(self.rows[i]):
                change[here] += self.times[i]
                self.where[here].add(i)
        for other, by in change.items():
            if by:
                self.counts[other] += by
                heappush(self.heap, (-self.counts[other], other))


def learn_merges(
    words: Mapping[bytes, int], n: int, least: int = 2
) -> list[Pair]:
    """At most n merges, each of the pair that is commonest by then.

    Among pairs that are equally common the smallest goes first. It
    ends early when no pair occurs `least` times.
    """
    index, merges = PairIndex(words), list[Pair]()
    while len(merges) < n and (pair := index.best(least)):
        index.merge(pair, 256 + len(merges))
        merges.append(pair)
    return merges


GONE = -1


def join(ids: Sequence[int], ranks: Mapping[Pair, int]) -> list[int]:
    """The ids after all merges that apply, in the order learned."""
    row = [*ids, GONE]  # an end that joins with nothing
    before = [*range(-1, len(ids))]
    after = [*range(1, len(ids) + 1), 0]
    heap = [
        (ranks[pair], i)
        for i, pair in enumerate(pairwise(ids))
        if pair in ranks
    ]
    heapify(heap)
    while heap:
        new, i = heappop(heap)
        j = after[i]
        if ranks.get((row[i], row[j])) != new:
            continue  # one of the two has been joined otherwise
        row[i], row[j] = new, GONE
        after[i] = after[j]
        before[after[j]] = i
        for left in (before[i], i):
            pair = row[left], row[after[left]]
            if left >= 0 and pair in ranks:
                heappush(heap, (ranks[pair], left))
    return [token for token in row if token != GONE]


def printable() -> dict[int, str]:
    """GPT-2's character for each byte, none of them white space."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    unseen = [byte for byte in range(256) if byte not in seen]
    extra = {byte: chr(0x100 + i) for i, byte in enumerate(unseen)}
    return {byte: chr(byte) for byte in seen} | extra


CHARACTERS = printable()
BYTES_BY_CHARACTER = {c: byte for byte, c in CHARACTERS.items()}


class BPE(Tokenizer):
    """Tokens are the 256 bytes, then what each merge joins.

    `merges[i]` are the two ids that make token 256 + i. `order` says
    which byte is token 0, 1, and so on, for vocabularies that have
    them in another order.
    """

    kind = "bpe"

    def __init__(
        self,
        merges: Iterable[Sequence[int]],
        split: str = "gpt4",
        specials: Iterable[str] = (),
        order: Sequence[int] = range(256),
    ) -> None:
        if split not in PATTERNS:
            raise ValueError(
                f"split {split!r} is none of {[*PATTERNS]}"
            )
        if sorted(order) != [*range(256)]:
            raise ValueError("the order must name each byte once")
        self.split, self.order = split, [*order]
        self.merges: list[Pair] = []
        tokens = [bytes([byte]) for byte in order]
        for left, right in merges:
            new = len(tokens)
            if not (0 <= left < new and 0 <= right < new):
                raise ValueError(
                    f"merge {len(self.merges)} joins {left} and {right}; "
                    f"before it there are only 0..{new - 1}"
                )
            self.merges.append((left, right))
            tokens.append(tokens[left] + tokens[right])
        if len(set(tokens)) < len(tokens):
            twice, _ = Counter(tokens).most_common(1)[0]
            raise ValueError(
                f"two merges make the same token, {twice!r}"
            )
        super().__init__(tokens, specials)
        self.ranks = {p: 256 + i for i, p in enumerate(self.merges)}
        self.byte_ids = {byte: i for i, byte in enumerate(order)}
        self.known: dict[str, list[int]] = {}
        self.native = fast_bpe.encoder(self.merges, split, self.order)

    def ordinary(self, text: str) -> list[int]:
        """The ids of the text, piece by piece."""
        if self.native:
            with suppress(UnicodeEncodeError):  # surrogates: see below
                return self.native.encode(text.encode())
        ids: list[int] = []
        for piece in pieces(text, self.split):
            known = self.known.get(piece)
            ids += self.encode_piece(piece) if known is None else known
        return ids

    def encode_piece(self, piece: str) -> list[int]:
        """The ids of one piece, remembered if it isn't long."""
        ids = [self.byte_ids[byte] for byte in as_bytes(piece)]
        ids = join(ids, self.ranks)
        if len(piece) <= 32 and len(self.known) < 100_000:
            self.known[piece] = ids
        return ids

    def record(self) -> dict[str, Any]:
        """The merges and the way text is cut."""
        record: dict[str, Any] = {"split": self.split}
        if self.order != [*range(256)]:
            record["order"] = self.order
        return {**record, "merges": self.merges}

    @classmethod
    def from_gpt2(
        cls, vocabulary: str | Path, merges: str | Path
    ) -> BPE:
        """From GPT-2's two files, encoder.json and vocab.bpe.

        ValueError if a token has not the id that its merge gives it.
        """
        ids = json.loads(Path(vocabulary).read_text(encoding="utf-8"))
        lines = Path(merges).read_text(encoding="utf-8").splitlines()
        pairs = [line.split() for line in lines[1:] if line]
        for i, (left, right) in enumerate(pairs):
            if ids.get(left + right) != 256 + i:
                raise ValueError(
                    f"{merges}: merge {i} is not token {256 + i}"
                )
        names = list(ids)
        order = [BYTES_BY_CHARACTER[name] for name in names[:256]]
        joined = [(ids[left], ids[right]) for left, right in pairs]
        specials = names[256 + len(pairs) :]
        return cls(joined, "gpt2", specials, order)

    def to_tokenizer_json(self, path: str | Path) -> None:
        """Write the tokenizer for Hugging Face's `tokenizers`."""
        names = [
            "".join(CHARACTERS[byte] for byte in token)
            for token in self.tokens[: 256 + len(self.merges)]
        ]
        by_bytes = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": False,
            "use_regex": False,
        }
        cut = {
            "type": "Split",
            "pattern": {"Regex": PATTERNS[self.split]},
            "behavior": "Isolated",
            "invert": False,
        }
        model = {
            "type": "BPE",
            "vocab": {name: i for i, name in enumerate(names)},
            "merges": [[names[a], names[b]] for a, b in self.merges],
        }
        no = dict.fromkeys(
            ("single_word", "lstrip", "rstrip", "normalized"), False
        )
        added = [
            {"id": i, "content": name, "special": True, **no}
            for name, i in self.specials.items()
        ]
        record = {
            "version": "1.0",
            "added_tokens": added,
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [cut, by_bytes],
            },
            "decoder": by_bytes,
            "model": model,
        }
        text = json.dumps(record, ensure_ascii=False, indent=1)
        Path(path).write_text(text, encoding="utf-8", newline="\n")

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes, be they text or not."""
        if self.native:
            return self.native.encode(data)
        return super().encode_bytes(data)

    def encode_batch(
        self, texts: Iterable[str], threads: int = 1
    ) -> list[list[int]]:
        """The ids of each text."""
        texts = list(texts)
        if self.native:
            with suppress(UnicodeEncodeError):
                data = [text.encode() for text in texts]
                found = self.native.encode_batch(data, threads)
                return [ids.tolist() for ids in found]
        return super().encode_batch(texts, threads)


def count_words(texts: Iterable[str], split: str) -> dict[bytes, int]:
    """How often each piece occurs in the texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(pieces(text, split))
    return {as_bytes(piece): n for piece, n in counts.items()}


def train(
    texts: Iterable[str],
    size: int,
    split: str = "gpt4",
    specials: Iterable[str] = (),
    least: int = 2,
) -> BPE:
    """A tokenizer of `size` tokens, special ones included."""
    names = list(specials)
    room = size - 256 - len(names)
    if room < 0:
        raise ValueError(
            f"{size} tokens: 256 bytes and {len(names)} special ones "
            "don't fit"
        )
    if fast_bpe.available():
        data = map(as_bytes, texts)
        merges = fast_bpe.learn_merges(data, split, room, least)
    else:
        merges = learn_merges(count_words(texts, split), room, least)
    return BPE(merges, split, names)
