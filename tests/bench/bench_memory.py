"""Memory and time of preparing corpora of several sizes, on Linux.

    python tests/bench/bench_memory.py [--sizes 1 10 100] [--scratch FOLDER]
        [--record FILE]

For each size in MB a corpus is made up in JSONL, with copies and bad records
among its documents. Then each stage runs in a process of its own: `nothing`
imports what the others need; `whole` reads all of it into a list, as long as
that is bearable; `prepare` goes from the file to tokens, and `draw` from tokens
to two hundred batches. These two run under a limit that the system enforces, on
memory of their own. Written down are the peaks: of all pages in memory, those
of mapped files among them, and of the process's own, looked at every 2 ms; and
the seconds of processor time that the main thread took.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "generated" / "examples"))

from stopwatch import record  # noqa: E402

from nand2llm.batches import Batches, background  # noqa: E402
from nand2llm.cleaning import clean  # noqa: E402
from nand2llm.corpus import Document, Faults, read  # noqa: E402
from nand2llm.duplicates import unique  # noqa: E402
from nand2llm.splitting import part_of  # noqa: E402
from nand2llm.tokenfile import TokenFile, write_tokens  # noqa: E402

BUDGET = 200  # MB that a stage may allocate
BEARABLE = 300  # MB of corpus that are read whole
SHARES = {"learn": 0.9, "judge": 0.1}


def compose(path: Path, megabytes: int) -> None:
    """Documents of about 4 kB; some are copies, some are broken.

    A broken one takes the next with it, since its line doesn't end.
    """
    rng = random.Random(megabytes)
    words = ["".join(rng.choices("etaoinshr", k=5)) for _ in range(3000)]
    lines = [" ".join(rng.choices(words, k=12)) for _ in range(9000)]
    earlier = ""
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < 1e6 * megabytes:
            text = "\n".join(rng.choices(lines, k=57))
            if rng.random() < 0.02 and earlier:
                text = earlier
            if rng.random() < 0.01:
                earlier = text
            broken = "!" if rng.random() < 0.001 else "\n"
            file.write(json.dumps({"text": text}) + broken)


def nothing(path: Path) -> object:
    """What the others have before they begin."""
    return path


def whole(path: Path) -> object:
    """All of it in memory, as a list of numbers."""
    records = path.read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in records if "!" not in line]
    return [ord(character) for text in texts for character in text]


def prepare(path: Path) -> object:
    """From the file to tokens, as chapter 10 does it."""
    found = read(path, bad="skip", report=Faults())
    cleaned = (replace(one, text=clean(one.text)) for one in found)
    kept = (
        tokens(one)
        for one in unique(cleaned)
        if part_of(one.source, SHARES) == "learn"
    )
    write_tokens(path.with_suffix(".tokens"), kept, 256)
    return kept


def tokens(document: Document) -> np.ndarray:
    """A token for each byte, and a zero in front."""
    return np.frombuffer(b"\0" + document.text.encode(), np.uint8)


def draw(path: Path) -> object:
    """Two hundred batches, read ahead."""
    file = TokenFile(path.with_suffix(".tokens"))
    batches = background(Batches(file, 16, 1024, seed=1))
    return sum(len(x) for x, _ in islice(batches, 200))


STAGES: dict[str, Callable[[Path], object]] = {
    "nothing": nothing,
    "whole": whole,
    "prepare": prepare,
    "draw": draw,
}


def status(name: str) -> float:
    """A field of /proc/self/status, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1000
    raise KeyError(name)


def stage(name: str, path: Path) -> None:
    """Run a stage in this process; print what it took."""
    if name in ("prepare", "draw"):
        resource.setrlimit(resource.RLIMIT_DATA, (BUDGET * 10**6,) * 2)
    own, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            own[0] = max(own[0], status("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.thread_time()
    held = STAGES[name](path)
    seconds = time.thread_time() - start
    own[0] = max(own[0], status("RssAnon"))
    done.set()
    watcher.join()
    del held
    took = {"peak": status("VmHWM"), "own": own[0], "seconds": seconds}
    print(json.dumps({key: round(value, 2) for key, value in took.items()}))


def measure(sizes: list[int], scratch: Path | None) -> dict[str, object]:
    """Each stage in a process of its own, for each size."""
    figures: dict[str, object] = {"budget": BUDGET}
    for size in sizes:
        with TemporaryDirectory(dir=scratch) as place:
            path = Path(place) / "corpus.jsonl"
            compose(path, size)
            for name in STAGES:
                if name == "whole" and size > BEARABLE:
                    continue
                command = [sys.executable, __file__, "--stage", name, str(path)]
                took = json.loads(subprocess.check_output(command))
                figures[f"{name} {size}"] = took
    return figures


def main() -> None:
    """Print the figures, and record them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--stage", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.stage:
        stage(asked.stage[0], Path(asked.stage[1]))
        return
    what = "preparing a corpus, MB and seconds: tests/bench/bench_memory.py"
    text = record(what, measure(asked.sizes, asked.scratch))
    print(text)
    if asked.record:
        asked.record.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
