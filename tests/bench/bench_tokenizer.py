"""Time the tokenizer beside others, id for id.

    python tests/bench/bench_tokenizer.py [--what encode ...] [--threads 1 2]
        [--rounds 5] [--json FILE]

Needs an interpreter with NumPy, tiktoken, tokenizers, rustbpe and gigatoken:
`make bench-tokenizer` has one. All encoders get the same merges, which ours
learned, and must give the same ids before anything is timed. Every timing is a
process of its own, kept to as many processors as it has threads, and the
contenders take turns. A figure is the median over the rounds, a ratio the
median of one contender's time by another's of the same round.

Two texts: the book's own, again and again with one long word in fifty made up
anew; and Sphinx's messages in some sixty languages, shuffled likewise.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from racing import ROOT, processor, versions

PLACE = ROOT / "build/bench-tokenizer"
MB, SIZE = 1e6, 20_000_000
SMALL = 2_000_000  # characters, where the whole text would take minutes
VOCABULARY = 4096
PEERS = ("tiktoken", "tokenizers", "rustbpe", "gigatoken")
ENCODERS = ("native", "gigatoken", "tiktoken", "tokenizers", "python")
TRAINERS = ("native", "rustbpe")
TRAINERS_SMALL = ("native", "rustbpe", "tokenizers", "python")
TRAINERS_GPT2 = ("native gpt2", "gigatoken gpt2")
SLOW = ("tiktoken", "tokenizers", "python")
CALLERS = ("native", "gigatoken", "tiktoken", "tokenizers", "python")
TEXTS = ("book", "languages")
PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

Work = Callable[[], Any]


def main() -> int:
    """Compare, print and record."""
    options = parsed()
    if options.worker:
        print(json.dumps(WORKERS[options.worker[0]](*options.worker[1:])))
        return 0
    prepare()
    known = options.json and options.json.exists()
    before = json.loads(options.json.read_text()) if known else {}
    figures, rounds = before.get("figures", {}), before.get("rounds", {})
    for what in options.what:
        for text in TEXTS if what != "call" else TEXTS[:1]:
            for threads in options.threads if what != "call" else (1,):
                key = f"{what}, {text}, {threads}"
                figures[key] = race(what, text, threads, options)
                rounds[key] = options.rounds
                if options.json:
                    record(options.json, figures, rounds)
    return 0


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--what", nargs="+", default=[*CONTENDERS], choices=CONTENDERS
    )
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="add the figures to this")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


# The texts -----------------------------------------------------------


def prepare() -> None:
    """Write the texts, and the merges that ours learns from each."""
    PLACE.mkdir(parents=True, exist_ok=True)
    for name, source in (("book", book), ("languages", languages)):
        text = varied(source())
        (PLACE / f"{name}.txt").write_text(text, encoding="utf-8", newline="")
        fast = ours()
        merges = fast.learn_merges(
            [text.encode()], "gpt4", VOCABULARY - 256
        )
        (PLACE / f"{name}.json").write_text(json.dumps(merges))


def book() -> str:
    """All chapters."""
    files = sorted((ROOT / "book").rglob("*.md"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def languages() -> str:
    """What Sphinx says, in all the languages it speaks."""
    folder = ".venv/lib/python*/site-packages/sphinx/locale"
    said = []
    for file in sorted(ROOT.glob(f"{folder}/*/LC_MESSAGES/sphinx.po")):
        text = file.read_text(encoding="utf-8")
        found = re.findall(r'^msgstr "(.+)"$', text, re.MULTILINE)
        said += [f"{line}\n" for line in found]
    random.Random(0).shuffle(said)
    return "".join(said)


def varied(source: str) -> str:
    """The source as often as it takes, some of its long words made up."""
    rng = random.Random(0)
    words = sorted(set(re.findall(r"\w{5,9}", source)))

    def other(match: re.Match[str]) -> str:
        if rng.random() > 0.02:
            return match[0]
        first, second = rng.choice(words), rng.choice(words)
        return first[: len(first) // 2] + second[len(second) // 2 :]

    parts: list[str] = []
    size = 0
    while size < SIZE:
        parts.append(re.sub(r"\w{5,}", other, source))
        size += len(parts[-1].encode())
    return "".join(parts)


def documents(text: str, size: int = 20_000) -> list[str]:
    """The text in stretches of whole lines, `size` characters or more."""
    found, start = [], 0
    while start < len(text):
        end = text.find("\n", start + size) + 1 or len(text)
        found.append(text[start:end])
        start = end
    return found


# Turns ---------------------------------------------------------------


def race(
    what: str, text: str, threads: int, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Let the contenders take turns; print and return their figures."""
    runs: dict[str, list[dict[str, Any]]] = {
        who: [] for who in CONTENDERS[what]
    }
    for _ in range(options.rounds):
        for who, results in runs.items():
            results.append(timed(what, who, text, threads))
        sums = {who: results[-1]["ids"] for who, results in runs.items()}
        agree(what, sums)
    first = runs[next(iter(runs))]
    figures = {}
    for who, results in runs.items():
        figures[who] = {
            name: round(statistics.median(r[name] for r in results), 3)
            for name in results[0]
            if name != "ids"
        }
        figures[who]["ratio"] = round(
            statistics.median(
                theirs["ms"] / ours["ms"]
                for theirs, ours in zip(results, first, strict=True)
            ),
            2,
        )
        print(f"{what:11} {text:9} {threads}", who, figures[who], flush=True)
    return figures


def agree(what: str, sums: dict[str, Any]) -> None:
    """Stop unless the ids are the same, or the merges of one split."""
    alike = {str(ids) for ids in sums.values() if ids is not None}
    if len(alike) > 1:
        sys.exit(f"{what}: the results differ: {sums}")


def timed(what: str, who: str, text: str, threads: int) -> dict[str, Any]:
    """What one process finds."""
    names = ("RAYON_NUM_THREADS", "NAND2LLM_THREADS", "OMP_NUM_THREADS")
    env = os.environ | dict.fromkeys(names, str(threads))
    env |= {
        "PYTHONPATH": str(ROOT / "generated"),
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
    }
    worker = "--worker", what, who, text, str(threads)
    done = subprocess.run(
        [sys.executable, __file__, *worker],
        env=env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{what}, {who}:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def record(
    path: Path, figures: dict[str, Any], rounds: dict[str, int]
) -> None:
    """Write what is known so far."""
    found = {
        "what": "A tokenizer's work by task, text and threads. encode: MB of "
        "text a second with an encoder that is new, and with one that has "
        "seen the text (tiktoken, tokenizers, python: 2 million characters of "
        "it); ms: the former for 20 MB. train: 4,096 "
        "tokens, from all of the text, or from 2 million characters of it "
        "(small); gigatoken cuts as GPT-2 does. call: 100 characters to a list of ids. ratio: a contender's "
        "time by ours",
        "machine": f"{processor()}, {os.cpu_count()} logical processors",
        "date": date.today().isoformat(),
        "versions": versions(*PEERS),
        "rounds": rounds,
        "figures": figures,
    }
    path.write_text(json.dumps(found, indent=2) + "\n")


# What a worker does --------------------------------------------------


def ours() -> Any:
    """The module with the native tokenizer; it must be there."""
    sys.path.insert(0, str(ROOT / "generated"))
    from nand2llm import fast_bpe, native

    if not fast_bpe.available():
        sys.exit(native.why_not() or "run `make native`")
    return fast_bpe


def pinned(threads: int) -> None:
    """Keep to the first processors."""
    if hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))[:threads]
        os.sched_setaffinity(0, mine)


def seconds(work: Work) -> tuple[float, Any]:
    """How long it takes, and what comes of it."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def spelled(merges: list[list[int]]) -> list[bytes]:
    """The bytes of each token."""
    tokens = [bytes([i]) for i in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return tokens


def encode(who: str, name: str, threads: str) -> dict[str, Any]:
    """Encode a text cold, with three new encoders, and warm, thrice."""
    pinned(int(threads))
    text = (PLACE / f"{name}.txt").read_text(encoding="utf-8")
    if who in SLOW:
        text = text[:SMALL]
    texts = documents(text)
    merges = json.loads((PLACE / f"{name}.json").read_text())
    make = encoder(who, merges, int(threads))
    size = len(text.encode()) / MB
    cold, warm = [], []
    for _ in range(1 if who in SLOW else 3):
        work = make()
        cold.append(seconds(partial(work, texts))[0])
        for _ in range(2):
            took, ids = seconds(partial(work, texts))
            warm.append(took)
    took = statistics.median(cold)
    return {
        "cold": size / took,
        "warm": size / statistics.median(warm),
        "ms": took * 1e3 / size * (SIZE / MB),
        "ids": digest(ids),
    }


def digest(ids: Any) -> list[int]:
    """A number for the ids of the first documents, whatever holds them."""
    import zlib

    first = [
        list(getattr(one, "ids", one)) for one in list(ids[:20])
    ]
    return [zlib.crc32(repr([int(i) for i in one]).encode()) for one in first]


def encoder(
    who: str, merges: list[list[int]], threads: int
) -> Callable[[], Callable[[list[str]], Any]]:
    """What makes an encoder of many texts: the fastest that it offers."""
    tokens = spelled(merges)
    if who == "native":
        fast = ours()

        def native() -> Callable[[list[str]], Any]:
            made = fast.Encoder(merges, "gpt4", range(256))
            return lambda texts: made.encode_batch(
                [text.encode() for text in texts], threads
            )

        return native
    if who == "python":
        ours()
        from nand2llm.bpe import BPE

        def python() -> Callable[[list[str]], Any]:
            made = BPE(merges)
            made.native = None
            return made.encode_batch

        return python
    if who == "tiktoken":
        import tiktoken

        def openai() -> Callable[[list[str]], Any]:
            made = tiktoken.Encoding(
                "ours",
                pat_str=PATTERN,
                mergeable_ranks={t: i for i, t in enumerate(tokens)},
                special_tokens={},
            )
            if threads == 1:
                return lambda texts: [
                    made.encode_ordinary(text) for text in texts
                ]
            return lambda texts: made.encode_ordinary_batch(
                texts, num_threads=threads
            )

        return openai
    if who == "gigatoken":
        import gigatoken

        path = PLACE / f"{os.getpid()}.tiktoken"
        path.write_bytes(
            b"".join(
                base64.b64encode(t) + b" %d\n" % i
                for i, t in enumerate(tokens)
            )
        )

        def giga() -> Callable[[list[str]], Any]:
            made = gigatoken.Tokenizer.from_tiktoken(
                path, pretokenizer="gpt4", special_tokens={}
            ).backend
            return lambda texts: made.encode_batch(
                texts, parallel=threads > 1
            )

        return giga
    import tokenizers as hf

    ours()
    from nand2llm.bpe import BPE

    path = PLACE / f"{os.getpid()}.tokenizer.json"
    BPE(merges).to_tokenizer_json(path)

    def hugging() -> Callable[[list[str]], Any]:
        made = hf.Tokenizer.from_file(str(path))
        return made.encode_batch_fast

    return hugging


def train(
    who: str, name: str, threads: str, size: int | None = None
) -> dict[str, Any]:
    """Learn a vocabulary once."""
    pinned(int(threads))
    text = (PLACE / f"{name}.txt").read_text(encoding="utf-8")[:size]
    took, merges = seconds(lambda: trained(who, text, int(threads)))
    rate = len(text.encode()) / MB / took
    return {"MB/s": rate, "ms": took * 1e3, "ids": merges}


def train_small(who: str, name: str, threads: str) -> dict[str, Any]:
    """The same from less text, so that the slow ones can take part."""
    return train(who, name, threads, SMALL)


def trained(who: str, text: str, threads: int) -> Any:
    """Some of the tokens, spelled out; None where ties may differ."""
    texts = documents(text)
    n = VOCABULARY - 256
    if who.startswith("native"):
        split = "gpt2" if "gpt2" in who else "gpt4"
        data = [one.encode() for one in texts]
        merges = ours().learn_merges(data, split, n, 2, threads)
        tokens = spelled(merges)
        return None if split == "gpt2" else [
            tokens[i].hex() for i in range(256, VOCABULARY, 97)
        ]
    if who == "gigatoken gpt2":
        from gigatoken.gigatoken_rs import train_bpe

        train_bpe(text.encode(), VOCABULARY, [])
        return None
    if who == "rustbpe":
        import rustbpe

        made = rustbpe.Tokenizer()
        made.train_from_iterator(iter(texts), VOCABULARY, pattern=PATTERN)
        tokens = [bytes(t) for t, _ in made.get_mergeable_ranks()]
        return [tokens[i].hex() for i in range(256, VOCABULARY, 97)]
    if who == "python":
        ours()
        from nand2llm.bpe import count_words, learn_merges

        learn_merges(count_words(texts, "gpt4"), n)
        return None
    import tokenizers as hf

    made = hf.Tokenizer(hf.models.BPE())
    cut = hf.pre_tokenizers.Split(hf.Regex(PATTERN), behavior="isolated")
    level = hf.pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    )
    made.pre_tokenizer = hf.pre_tokenizers.Sequence([cut, level])
    trainer = hf.trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=hf.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(iter(texts), trainer)
    return None


def call(who: str, name: str, threads: str) -> dict[str, Any]:
    """Encode 100 characters at a time, to a list."""
    pinned(int(threads))
    text = (PLACE / f"{name}.txt").read_text(encoding="utf-8")
    start = text.index("\n## ")
    some = [text[start + i : start + i + 100] for i in range(0, 100_000, 100)]
    merges = json.loads((PLACE / f"{name}.json").read_text())
    if who in ("native", "python"):
        ours()
        from nand2llm.bpe import BPE

        made = BPE(merges)
        made.native = made.native if who == "native" else None
        one: Callable[[str], Any] = made.encode
    elif who == "gigatoken":
        work = encoder(who, merges, 1)()
        del work
        import gigatoken

        path = PLACE / f"{os.getpid()}.tiktoken"
        back = gigatoken.Tokenizer.from_tiktoken(
            path, pretokenizer="gpt4", special_tokens={}
        ).backend

        def one(piece: str) -> Any:
            return back.encode(piece).tolist()

    elif who == "tiktoken":
        import tiktoken

        one = tiktoken.Encoding(
            "ours",
            pat_str=PATTERN,
            mergeable_ranks={t: i for i, t in enumerate(spelled(merges))},
            special_tokens={},
        ).encode_ordinary
    else:
        import tokenizers as hf

        ours()
        from nand2llm.bpe import BPE

        path = PLACE / f"{os.getpid()}.tokenizer.json"
        BPE(merges).to_tokenizer_json(path)
        back = hf.Tokenizer.from_file(str(path))

        def one(piece: str) -> Any:
            return back.encode(piece).ids

    ids = [one(piece) for piece in some]
    took = statistics.median(
        seconds(lambda: [one(piece) for piece in some])[0] for _ in range(7)
    )
    return {
        "µs": took / len(some) * 1e6,
        "ms": took * 1e3,
        "ids": digest(ids),
    }


CONTENDERS = {
    "encode": ENCODERS,
    "train": TRAINERS,
    "train gpt2": TRAINERS_GPT2,
    "train small": TRAINERS_SMALL,
    "call": CALLERS,
}
WORKERS: dict[str, Callable[..., dict[str, Any]]] = {
    "encode": encode,
    "train": train,
    "train gpt2": train,
    "train small": train_small,
    "call": call,
}

if __name__ == "__main__":
    raise SystemExit(main())
