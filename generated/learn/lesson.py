# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 242ce4d4a4a5
"""What a chapter gives its reader to write: chunks and exercises."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import tangle
from learn import LearnError, trial
from learn.stubs import Def, definitions, emptied, is_bare, span
from learn.trial import PACKAGE

LIBRARY = "build/native/release/*nand2llm_native*"


@dataclass(frozen=True)
class Unit:
    """Definitions that one block of the chapter brings."""

    chunk: str
    file: str  # "nand2llm/bits.py"
    names: tuple[str, ...]  # "Array.reshape"
    line: int  # the opening fence, in the chapter
    inner: frozenset[str]  # all chunks that have a part in it

    @property
    def key(self) -> str:
        """What tells the unit from others."""
        return f"{self.chunk}:{self.names[0]}"


@dataclass(frozen=True, eq=False)
class Exercise:
    """An exercise that is a program."""

    name: str  # "ex:popcount"
    title: str
    level: str
    line: int
    blocks: tuple[tangle.Block, ...]

    def code(self, kind: str) -> str:
        """Its stub, test or solution."""
        parts = [
            "\n".join(block.body)
            for block in self.blocks
            if kind in block.classes
        ]
        return "\n\n\n".join(parts) + "\n"

    @property
    def file(self) -> str:
        """Where the reader writes it."""
        stem = self.name.replace(":", "_").replace("-", "_")
        return f"exercises/{stem}.py"


class Lesson:
    """A chapter as something to be done."""

    def __init__(self, root: Path, number: str) -> None:
        self.root = root
        whole = tangle.load(root)
        chapters = [c for c in whole.chapters if c.kind == "chapter"]
        numbers = [c.number for c in chapters]
        if number not in numbers:
            known = ", ".join(numbers)
            raise LearnError(f"no chapter {number}; there are {known}")
        self.chapter = chapters[numbers.index(number)]
        self.book = whole.until(number)
        tangle.raise_all(tangle.problems(self.book))
        self.text = self.book.texts[self.chapter.path].split("\n")
        self.tree = root / "build/snapshots" / f"{number:0>2}"

    def snapshot(self) -> Path:
        """The directory with the book's files as of the chapter."""
        tangle.snapshot(self.book, self.chapter.number, self.tree)
        return self.tree

    @cached_property
    def lines(self) -> dict[str, list[tangle.Line]]:
        """The files of the snapshot, without headers, line by line."""
        prefix = self.book.options.get("strip", "")
        return {
            target.removeprefix(prefix): [
                line
                for line in tangle.render(self.book, target)
                if line.name
            ]
            for target in self.book.targets
        }

    def source(self, file: str) -> str:
        """The text of a file of the book."""
        return tangle.join(self.lines[file])

    @property
    def modules(self) -> list[str]:
        """The Python files of the package."""
        return [
            file
            for file in self.lines
            if re.fullmatch(rf"{PACKAGE}/.*\.py", file)
        ]

    @cached_property
    def units(self) -> list[Unit]:
        """What there is to write, in the order of the chapter."""
        found = [u for file in self.modules for u in self.in_file(file)]
        return sorted(found, key=lambda unit: unit.line)

    def in_file(self, file: str) -> list[Unit]:
        """The units of one file: its definitions, block by block."""
        fences = [
            block.line
            for block in self.book.blocks
            if block.path == self.chapter.path
        ]
        given = self.study["given"]
        units: dict[int, Unit] = {}
        tree = ast.parse(self.source(file))
        for name, nodes in definitions(tree).items():
            new = self.written_here(file, nodes)
            if not new or f"{file}:{name}" in given:
                continue
            fence = max(line for line in fences if line <= new[0].line)
            unit = Unit(new[0].name, file, (), fence, frozenset())
            unit = units.get(fence, unit)
            units[fence] = replace(
                unit,
                names=(*unit.names, name),
                inner=unit.inner | {line.name for line in new},
            )
        return list(units.values())

    def written_here(
        self, file: str, nodes: Sequence[Def]
    ) -> list[tangle.Line]:
        """The lines of definitions that this chapter brings."""
        return [
            self.lines[file][number - 1]
            for node in nodes
            if not is_bare(node)
            for number in span(node)
            if self.lines[file][number - 1].path == self.chapter.path
        ]

    def find(self, name: str) -> list[Unit]:
        """The units that a reader means, by a chunk or a function."""
        for matches in (
            lambda unit: name in (unit.chunk, unit.key, *unit.names),
            lambda unit: name in unit.inner,
            lambda unit: name in [n.split(".")[-1] for n in unit.names],
        ):
            if found := [unit for unit in self.units if matches(unit)]:
                return found
        known = [e.name for e in self.exercises]
        for unit in self.units:
            known += [unit.chunk, *unit.names]
        near = get_close_matches(name, known, 1)
        hint = f"; is it {near[0]}?" if near else ""
        raise LearnError(f"nothing here has the name {name}{hint}")

    def stub(self, file: str) -> str:
        """A module of the package, its bodies left to the reader."""
        promises = {
            name: (unit.chunk, self.place(unit.line))
            for unit in self.units
            if unit.file == file
            for name in unit.names
        }
        factories = [
            name.partition(":")[2]
            for name in self.study["factories"]
            if name.startswith(f"{file}:")
        ]
        return emptied(self.source(file), promises, factories)

    def place(self, line: int) -> str:
        """A line of the chapter, as one would open it."""
        return f"{self.chapter.path}:{line}"

    @cached_property
    def study(self) -> dict[str, Any]:
        """What the book's own code does: see `trial.study`."""
        tests = [file for file in self.lines if is_test(file)]
        texts = [
            f"{file}\n{self.source(file)}"
            for file in (*self.modules, *tests)
        ]
        library = sorted(map(str, self.root.glob(LIBRARY)))
        code = Path(trial.__file__).read_text("utf-8")
        key = tangle.digest(
            "\0".join([sys.version, code, *library, *texts])
        )
        kept = self.root / f"build/cache/learn/{key}.json"
        if not kept.exists():
            found = trial.study(self.snapshot(), tests)
            kept.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(found, indent=1)
            tangle.replace_all([(kept, text, None)])
        found = json.loads(kept.read_text("utf-8"))
        return dict(found)

    @cached_property
    def exercises(self) -> list[Exercise]:
        """The chapter's exercises that have a stub and a test."""
        blocks: dict[str, list[tangle.Block]] = {}
        for block in self.book.blocks:
            if block.path == self.chapter.path and block.exercise:
                blocks.setdefault(block.exercise, []).append(block)
        found = []
        for name, parts in blocks.items():
            if any("stub" in part.classes for part in parts):
                line = self.div_line(name, parts[0].line)
                info = self.text[line - 1].strip(": ")
                attrs = tangle.read_attributes(info)[2]
                found.append(Exercise(
                    name, attrs.get("title", ""),
                    attrs.get("level", "1"), line, tuple(parts),
                ))
        return found

    def div_line(self, name: str, line: int) -> int:
        """The line above where an exercise begins."""
        while f"#{name}" not in self.text[line - 1]:
            line -= 1
        return line

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """The chapter's headings, and the lines they are on."""
        found, fence = [], ""
        for number, line in enumerate(self.text, 1):
            if fence:
                if tangle.closes(line.strip(), fence):
                    fence = ""
            elif opened := re.match(r"\s*(`{3,}|~{3,})", line):
                fence = opened[1]
            elif title := re.match(r"#+ +(.+?)( *\{[^}]*\})?$", line):
                found.append((number, plain(title[1])))
        return found

    def section(self, line: int) -> str:
        """The title of the section that a line is in."""
        return [t for at, t in self.headings if at <= line][-1]

    @property
    def title(self) -> str:
        """The title of the chapter."""
        return self.headings[0][1]

    def prose(self, line: int) -> list[str]:
        """The paragraphs next above a line, without their markup."""
        rows = self.text[: line - 1]
        ends = {
            block.line + len(block.body) + 1: block.line
            for block in self.book.blocks
            if block.path == self.chapter.path
        }
        found: list[str] = []
        while rows:
            if len(rows) in ends and not found:
                del rows[ends[len(rows)] - 1 :]  # a block: go on above
                continue
            row = rows.pop()
            if len(rows) + 1 in ends or re.match(r"(#|:::|```)", row):
                break
            found += [plain(row)] if row.strip() else []
        return found[::-1]


def is_test(file: str) -> bool:
    """Whether it is one of the chapters' test files."""
    return re.fullmatch(r"tests/test_\w+\.py", file) is not None


def plain(text: str) -> str:
    """Text of the book without its markup."""
    for pattern, what in MARKUP:
        text = re.sub(pattern, what, text)
    return text


MARKUP = [
    (r"\[([^\]]*(?:\[[^\]]*\][^\]]*)*)\]\{\.margin[^}]*\}", ""),
    (r"\[\]\(#([^)]+)\)", r"⟨\1⟩"),
    (r"\[([^\[\]]*)\]\{[^}]*\}", r"\1"),
    (r"`\{python\} ([^`]*)`", r"`\1`"),
    (r"\*+([^*]+)\*+", r"\1"),
    (r"\s+$", ""),
]
