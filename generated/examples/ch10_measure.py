# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 30b04dbd029e
"""Peak memory and time for corpora of several sizes; print JSON."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from stopwatch import record

from nand2llm.batches import Batches, background
from nand2llm.cleaning import clean
from nand2llm.corpus import Document, Faults, read
from nand2llm.duplicates import unique
from nand2llm.splitting import part_of
from nand2llm.tokenfile import TokenFile, write_tokens

SIZES = 1, 10, 100  # MB; more, if you name them
BUDGET = 200  # MB that a stage may allocate
SHARES = {"learn": 0.9, "judge": 0.1}

def compose(path: Path, megabytes: int) -> None:
    """Documents of about 4 kB; some are copies, some are broken."""
    rng = random.Random(megabytes)
    words = [
        "".join(rng.choices("etaoinshr", k=5)) for _ in range(3000)
    ]
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


def whole(path: Path) -> int:
    """The way of the evening: all of it, as a list."""
    records = path.read_text("utf-8").splitlines()
    texts = [
        json.loads(line)["text"] for line in records if "!" not in line
    ]
    ids = [ord(character) for text in texts for character in text]
    return len(ids)


def tokens(document: Document) -> np.ndarray:
    data = document.text.encode()
    return np.frombuffer(b"\0" + data, np.uint8)


def prepare(path: Path) -> int:
    """The way of this chapter, to the token file."""
    found = read(path, bad="skip", report=Faults())
    cleaned = (replace(one, text=clean(one.text)) for one in found)
    kept = (
        tokens(one)
        for one in unique(cleaned)
        if part_of(one.source, SHARES) == "learn"
    )
    write_tokens(path.with_suffix(".tokens"), kept, 256)
    return 0


def draw(path: Path) -> int:
    """Two hundred batches, read ahead."""
    file = TokenFile(path.with_suffix(".tokens"))
    batches = background(Batches(file, 16, 1024, seed=1))
    return sum(len(x) for x, _ in islice(batches, 200))


STAGES: dict[str, Callable[[Path], int]] = {
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
    import resource

    if name != "whole":
        resource.setrlimit(resource.RLIMIT_DATA, (BUDGET * 10**6,) * 2)
    start = time.perf_counter()
    STAGES[name](path)
    took = {
        "peak": round(status("VmHWM"), 1),
        "own": round(status("RssAnon"), 1),
        "seconds": round(time.perf_counter() - start, 2),
    }
    print(json.dumps(took))


def main() -> None:
    """Each stage in a process of its own, for each size."""
    if sys.argv[1:2] == ["stage"]:
        stage(sys.argv[2], Path(sys.argv[3]))
        return
    if not Path("/proc/self/status").exists():
        print("memory is measured by the means of Linux")
        return
    figures: dict[str, object] = {"budget": BUDGET}
    for size in map(int, sys.argv[1:] or SIZES):
        with TemporaryDirectory(dir=os.environ.get("SCRATCH")) as place:
            path = Path(place) / "corpus.jsonl"
            compose(path, size)
            for name in STAGES:
                if name == "whole" and size > 300:
                    continue  # it would take all there is
                command = [sys.executable, __file__, "stage", name]
                out = subprocess.check_output([*command, str(path)])
                figures[f"{name} {size}"] = json.loads(out)
    print(record("ch10_measure.py: peak memory, MB; seconds", figures))


main()
