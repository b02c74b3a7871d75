# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. ef591e6c8801
"""What a chapter gives its reader to write: chunks and exercises."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import tangle
from learn import LearnError, trial
from learn.stubs import Def, cut, definitions, emptied, is_bare, span
from learn.trial import PACKAGE, module_of

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

    def called(self, short: bool) -> set[str]:
        """What it is called, in full or by a part of a name."""
        if short:
            parts = {part for n in self.names for part in n.split(".")}
            return parts | self.inner
        return {self.chunk, self.key, *self.names}


@dataclass(frozen=True, eq=False)
class Exercise:
    """An exercise that is a program."""

    name: str  # "ex:popcount"
    number: str  # "2.1", as the page has it
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

    def names(self, short: bool) -> list[str]:
        """What it is called, in full or in short."""
        bare = self.name.removeprefix("ex:")
        return [bare, self.number, self.file] if short else [self.name]


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
        at = numbers.index(number)
        self.chapter = chapters[at]
        self.past = whole.until(numbers[at - 1]) if at else None
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
            target.removeprefix(prefix): lines_of(self.book, target)
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

    @property
    def scripts(self) -> list[str]:
        """The examples that this chapter brings."""
        return [
            file
            for file, lines in self.lines.items()
            if re.fullmatch(r"examples/.*\.py", file)
            and any(line.path == self.chapter.path for line in lines)
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

    def find(self, name: str) -> list[Unit] | Exercise:
        """What a reader means by a name: an exercise, or units."""
        for form in (str, str.lower):
            for parts in (False, True):
                for exercise in self.exercises:
                    if form(name) in map(form, exercise.names(parts)):
                        return exercise
                found = [
                    unit for unit in self.units
                    if form(name) in map(form, unit.called(parts))
                ]
                if found:
                    return found
        known = [n for e in self.exercises for n in e.names(True)]
        known += [n for unit in self.units for n in unit.called(True)]
        near = get_close_matches(name, known, 1)
        hint = f"; is it {near[0]}?" if near else ""
        raise LearnError(f"nothing here has the name {name}{hint}")

    def around(self, file: str, text: str, line: int) -> Unit | None:
        """The unit to which a line of the reader's file belongs."""
        outer: list[str] = []
        edge = None
        rows = text.split("\n")
        while rows[line - 1 : line] and re.match(r"\s*@", rows[line - 1]):
            line += 1  # a decorator: the definition is below
        for row in reversed(rows[:line]):
            indent = len(row) - len(row.lstrip())
            if found := re.match(r"\s*(?:async )?(?:def|class) (\w+)", row):
                if edge is None or indent < edge:
                    outer.insert(0, found[1])
                    edge = indent
            elif edge is None and row.strip():
                edge = indent
        names = [".".join(outer[:k]) for k in range(len(outer), 0, -1)]
        for name in [*names, *outer[-1:]]:
            for unit in self.units:
                if unit.file == file and name in unit.names:
                    return unit
        return None

    def earlier(self, unit: Unit) -> list[str]:
        """The unit's definitions as the chapter before left them."""
        target = self.book.options.get("strip", "") + unit.file
        if self.past is None or target not in self.past.targets:
            return []
        text = tangle.join(lines_of(self.past, target))
        old = definitions(ast.parse(text))
        return [
            "\n".join(cut(text.split("\n"), node))
            for name in unit.names
            for node in old.get(name, [])
        ]

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

    def tests_of(self, unit: Unit) -> list[str]:
        """The tests that call a unit's definitions, by their rank."""
        names = {f"{unit.file}:{name}" for name in unit.names}
        calls = self.study["calls"]
        found = [test for test in calls if names & set(calls[test])]
        return sorted(found, key=self.rank)

    def rank(self, test: str) -> tuple[bool, int]:
        """The less, the more its failure tells: the chapter's own tests
        come first, and those that call little before those that call much.
        """
        elsewhere = test.split("::")[0] != self.test_file
        return elsewhere, len(self.study["calls"][test])

    @property
    def test_file(self) -> str:
        """The file of the chapter's own tests."""
        return f"tests/test_{self.chapter.stem.replace('-', '_')}.py"

    def watched(self) -> list[str]:
        """The test files that may call what the chapter brings: they
        import it, at whatever remove."""
        homes = {module_of(file): file for file in self.modules}
        uses = {
            file: {homes[n] for n in imported(self.source(file), homes)}
            for file in self.lines
            if file in self.modules or is_test(file)
        }
        reach = {file for file in uses if self.is_home(file)}
        while more := {f for f in uses if uses[f] & reach} - reach:
            reach |= more
        return [file for file in uses if is_test(file) and file in reach]

    def is_home(self, file: str) -> bool:
        """Whether this chapter has written a line of a module."""
        return file in self.modules and any(
            line.path == self.chapter.path for line in self.lines[file]
        )

    @cached_property
    def study(self) -> dict[str, Any]:
        """What the book's own code does: see `trial.study`."""
        tests = self.watched()
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
            if sys.stderr.isatty():
                print("watching the book's own tests, once", flush=True)
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
        found, count = [], 0
        for line, row in self.prose_lines():
            if not re.match(r":{3,} *\{[^}]*\.exercise\b", row):
                continue
            count += 1
            name, _, attrs = tangle.read_attributes(row.strip(": "))
            parts = blocks.get(name or "", [])
            if any("stub" in part.classes for part in parts):
                found.append(Exercise(
                    str(name), f"{self.chapter.number}.{count}",
                    attrs.get("title", ""), attrs.get("level", "1"),
                    line, tuple(parts),
                ))
        return found

    def prose_lines(self) -> Iterator[tuple[int, str]]:
        """The chapter's lines outside of blocks, with their numbers."""
        fence = ""
        for number, line in enumerate(self.text, 1):
            if fence:
                if tangle.closes(line.strip(), fence):
                    fence = ""
            elif opened := re.match(r"\s*(`{3,}|~{3,})", line):
                fence = opened[1]
            else:
                yield number, line

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """The chapter's headings, and the lines they are on."""
        found, count = [], [0, 0]
        for number, line in self.prose_lines():
            if not (title := HEADING.match(line)):
                continue
            level, text = len(title[1]), plain(title[2])
            marks = (title[3] or "").split()
            if level in (2, 3) and not {".unnumbered", "-"} & set(marks):
                count[level - 2] += 1
                count[level - 1 :] = [0] * (3 - level)
                path = [self.chapter.number, *map(str, count[: level - 1])]
                text = f"{'.'.join(path)} {text}"
            found.append((number, text))
        return found

    def section(self, line: int) -> str:
        """Number and title of the section that a line is in."""
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


def lines_of(book: tangle.Book, target: str) -> list[tangle.Line]:
    """The lines of a file of the book, but for its header."""
    return [line for line in tangle.render(book, target) if line.name]


def is_test(file: str) -> bool:
    """Whether it is one of the chapters' test files."""
    return re.fullmatch(r"tests/test_\w+\.py", file) is not None


def imported(text: str, modules: Collection[str]) -> set[str]:
    """Which of these modules a program imports, as far as its text
    tells; all of them if it computes what it imports."""
    said: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            said |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            said |= {f"{node.module}.{a.name}" for a in node.names}
        elif getattr(node, "attr", "") == "import_module":
            return set(modules)
    return {
        module for module in modules
        if any(f"{name}.".startswith(f"{module}.") for name in said)
    }


def plain(text: str) -> str:
    """Text of the book without its markup."""
    for pattern, what in MARKUP:
        text = re.sub(pattern, what, text)
    return text


HEADING = re.compile(r"(#+) +(.+?)(?: *\{([^}]*)\})?$")
MARKUP = [
    (r"\[([^\]]*(?:\[[^\]]*\][^\]]*)*)\]\{\.margin[^}]*\}", ""),
    (r"\[\]\(#([^)]+)\)", r"⟨\1⟩"),
    (r"\[([^\[\]]*)\]\{[^}]*\}", r"\1"),
    (r"`\{python\} ([^`]*)`", r"`\1`"),
    (r"\*+([^*]+)\*+", r"\1"),
    (r"\s+$", ""),
]
