"""Time the tangler on a generated book, beside Entangled where it is installed.

    python tests/bench/bench_tangle.py [--entangled EXECUTABLE] [--record FILE]

The book has 1.5 MB, 1,500 chunks, 30 chapters and 120 files. Three states are
timed, each from a new process: cold (no record, no output files), warm (nothing
changed) and one chapter edited. The two programs take turns, so that what else
the machine does falls on both; the figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from datetime import date
from pathlib import Path

from racing import ROOT, processor

STATES = ("cold", "warm", "edited")
CHAPTERS = 30
FILES = ("src/{0}.py", "tests/test_{0}.py", "examples/{0}.py", "native/{0}.rs")
CHUNKS = 50  # in a chapter, the files' own among them
CHAPTER_BYTES = 50_000
PROSE = """the a of loss gradient token model we see that each value has its own
place and every step moves it downhill so the next one is smaller than before"""


def chapter(number: int, chance: random.Random) -> str:
    """One chapter: four files of 46 chunks in all, each with its prose."""
    stem = f"chapter_{number:02}"
    names = [f"{stem}-part-{n}" for n in range(CHUNKS - len(FILES))]
    code = []
    for n, file in enumerate(FILES):
        skeleton = ["import math", ""]
        for name in names[n :: len(FILES)]:
            skeleton += [f"<<{name}>>", ""]
        code.append(fenced(f"#{stem}-{n} file={file.format(stem)}", skeleton))
    for n, name in enumerate(names):
        body = [f"def function_{number}_{n}(x, y):"]
        body += [f"    z{i} = x * {i} + math.sin(y + {i})" for i in range(9)]
        body += ["", "    return z0 + z8"]
        code.append(fenced(f"#{name}", body))
    share = (CHAPTER_BYTES - sum(map(len, code))) // len(code) - 20
    pieces = [f"# Chapter {number}\n"]
    for n, lines in enumerate(code):
        words = " ".join(chance.choices(PROSE.split(), k=share // 3))[:share]
        pieces += [f"## Section {n}\n", textwrap.fill(words, 79) + ".\n", lines]
    return "\n".join(pieces)


def fenced(attributes: str, lines: list[str]) -> str:
    """A code block."""
    return "\n".join([f"``` {{.python {attributes}}}", *lines, "```", ""])


def write_book(root: Path) -> int:
    """Write the book and give its size in bytes."""
    chance = random.Random(1)
    docs = root / "docs"
    docs.mkdir(parents=True)
    names = [f"docs/{number:02}.md" for number in range(CHAPTERS)]
    for number, name in enumerate(names):
        (root / name).write_text(chapter(number, chance))
    (root / "entangled.toml").write_text(
        f'version = "2.0"\nwatch_list = {json.dumps(names)}\n'
    )
    return sum(path.stat().st_size for path in docs.iterdir())


class Bench:
    """One program on its own copy of the book."""

    def __init__(self, root: Path, command: list[str], record: str) -> None:
        self.root = root
        self.command = command
        self.record = root / record
        self.made = [root / file.split("/")[0] for file in FILES]
        self.times: dict[str, list[float]] = {state: [] for state in STATES}
        self.edits = 0

    def run(self) -> float:
        """Tangle once and give the seconds it took."""
        started = time.perf_counter()
        done = subprocess.run(
            self.command, cwd=self.root, capture_output=True, text=True
        )
        took = time.perf_counter() - started
        if done.returncode:
            sys.exit(f"{' '.join(self.command)}\n{done.stdout}{done.stderr}")
        return took

    def round(self) -> None:
        """Time the three states once."""
        for place in (*self.made, self.record):
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
        self.times["cold"].append(self.run())
        self.times["warm"].append(self.run())
        self.edits += 1
        edited = self.root / "docs/07.md"
        text = edited.read_text()
        edited.write_text(
            text.replace("return z0 + z8", f"return z0 + z8 - {self.edits}", 1)
        )
        self.times["edited"].append(self.run())
        edited.write_text(text)
        self.run()

    def files(self) -> dict[str, str]:
        """What it wrote, up to newlines at the end."""
        return {
            path.name: path.read_text().rstrip("\n")
            for place in self.made
            for path in place.iterdir()
        }

    def median(self, state: str) -> float:
        """The median of a state's times."""
        return statistics.median(self.times[state])


def measure(
    place: Path, entangled: str | None, rounds: int, their_rounds: int
) -> tuple[Bench, Bench | None, int]:
    """Run both programs in turn; they must have written the same."""
    size = write_book(place / "ours")
    shutil.copytree(place / "ours", place / "theirs")
    command = [sys.executable, str(ROOT / "tangle.py"), "tangle"]
    command += ["--root", ".", "docs/*.md"]
    ours = Bench(place / "ours", command, ".tangle.json")
    theirs = None
    if entangled:
        their_command = [entangled, "tangle", "-a", "naked"]
        theirs = Bench(place / "theirs", their_command, ".entangled")
    for number in range(rounds):
        ours.round()
        if theirs and number < their_rounds:
            theirs.round()
    if theirs and ours.files() != theirs.files():
        sys.exit("bench: the two programs wrote different files")
    return ours, theirs, size


def version_of(entangled: str) -> str:
    """What the other program calls itself."""
    done = subprocess.run([entangled, "--version"], capture_output=True, text=True)
    return (done.stdout.split() or ["unknown"])[-1]


def machine() -> str:
    """The processor, its cores, the Python."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{processor()}, {os.cpu_count()} cores, {platform.system()}, {python}"


def find_entangled() -> str | None:
    """The executable named by ENTANGLED, on PATH or beside this Python."""
    beside = Path(sys.executable).with_name("entangled")
    return (
        os.environ.get("ENTANGLED")
        or shutil.which("entangled")
        or (str(beside) if beside.exists() else None)
    )


def main() -> None:
    """Measure, print the table, record it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--entangled", default=find_entangled(), metavar="EXECUTABLE")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--entangled-rounds", type=int, default=3)
    parser.add_argument("--record", type=Path, metavar="FILE")
    given = parser.parse_args()
    if given.entangled:
        given.entangled = str(Path(given.entangled).absolute())
    with tempfile.TemporaryDirectory() as place:
        ours, theirs, size = measure(
            Path(place), given.entangled, given.rounds, given.entangled_rounds
        )
    chunks = CHAPTERS * CHUNKS
    what = f"tangling a book of {chunks:,} chunks and {size / 1e6:.1f} MB"
    today = date.today().isoformat()
    figures: dict[str, float | int | str] = {"chunks": chunks, "bytes": size}
    print(f"{what}; medians, in seconds\n")
    their_name = f"Entangled {version_of(given.entangled)}" if theirs else "Entangled"
    print(f"{'':<10}{'tangle.py':>12}{their_name:>20}{'ratio':>8}")
    for state in STATES:
        mine = ours.median(state)
        figures[f"{state}_s"] = round(mine, 3)
        row = f"{state:<10}{mine:>12.3f}"
        if theirs:
            other = theirs.median(state)
            figures[f"entangled_{state}_s"] = round(other, 2)
            figures[f"{state}_ratio"] = round(other / mine, 1)
            row += f"{other:>20.2f}{other / mine:>8.1f}"
        else:
            row += f"{'not installed':>20}{'':>8}"
        print(row)
    print(f"\n{machine()}, {today}; {given.rounds} rounds")
    if theirs:
        figures["entangled"] = version_of(given.entangled)
    if given.record:
        record: dict[str, object] = {"what": what, "machine": machine()}
        record |= {"date": today, "figures": figures}
        given.record.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(record, indent=2, ensure_ascii=False)
        given.record.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
