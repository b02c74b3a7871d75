# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. 367b0e38be10
"""Time the tokenizer's trainers and encoders; print JSON.

usage: ch11_measure.py ENCODER.JSON VOCAB.BPE (GPT-2's two files)
"""

import json
import statistics
import sys
from collections import Counter
from itertools import pairwise
from time import perf_counter

from stopwatch import record

from nand2llm.bpe import BPE, count_words, join, learn_merges, merged
from nand2llm.checkout import find
from nand2llm.thebook import frozen


def slowly(words, n):
    """The merges, counting everything again for each."""
    rows = [(list(word), times) for word, times in words.items()]
    merges = []
    for new in range(256, 256 + n):
        counts = Counter()
        for row, times in rows:
            for pair in pairwise(row):
                counts[pair] += times
        best = min(counts, key=lambda p: (-counts[p], p))
        rows = [(merged(row, best, new), times) for row, times in rows]
        merges.append(best)
    return merges


def by_scanning(ids, ranks):
    """Join the pair of lowest rank until there is none."""
    while len(ids) > 1:
        pair = min(pairwise(ids), key=lambda p: ranks.get(p, 1 << 30))
        if pair not in ranks:
            break
        ids = merged(ids, pair, ranks[pair])
    return ids


def seconds(work, rounds=5):
    """The median time of a call."""
    times = []
    for _ in range(rounds):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return statistics.median(times)


def figures(vocabulary, merges_file):
    """Seconds for training and encoding; GPT-2's counts of tokens."""
    texts = [document.text for document in frozen()]
    words = count_words(texts, "gpt4")
    merges = learn_merges(words, 1783)
    assert slowly(words, 50) == merges[:50]
    letters = [b for b in "".join(texts).encode() if 97 <= b <= 122]
    megabyte = (letters * 4)[:1_000_000]
    sentences = find("book/data/declaration.json").read_text("utf-8")
    gpt2 = BPE.from_gpt2(vocabulary, merges_file)
    bpe = BPE(merges)
    return {
        "merges": len(merges),
        "bytes": sum(len(text.encode()) for text in texts),
        "slow": seconds(lambda: slowly(words, len(merges)), 1),
        "fast": seconds(lambda: learn_merges(words, len(merges))),
        "count": seconds(lambda: count_words(texts, "gpt4")),
        "cold": seconds(lambda: BPE(merges).encode_batch(texts)),
        "warm": seconds(lambda: bpe.encode_batch(texts)),
        "join_megabyte": seconds(lambda: join(megabyte, bpe.ranks), 3),
        "scan_megabyte": seconds(
            lambda: by_scanning(megabyte, bpe.ranks), 1
        ),
        "gpt2_tokens": {
            name: len(gpt2.encode(text))
            for name, text in json.loads(sentences).items()
        },
    }


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(record("Tokenizers in Python", figures(*sys.argv[1:])))
    else:
        print(__doc__)
