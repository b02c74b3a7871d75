# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 73ba94ea7498
"""Chunks and identifiers of the whole book: who defines, who uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import tangle
from weave import ManuscriptError

RUST_ITEM = re.compile(
    r"^\s*pub (?:unsafe )?(?:extern \"C\" )?"
    r"(?:fn|struct|enum|trait) (\w+)"
)


@dataclass(frozen=True)
class Place:
    """A part of a chunk, as a place a link can lead to."""

    docname: str
    anchor: str
    chunk: str


@dataclass
class ChunkInfo:
    """A named chunk: its parts in reading order, and its users."""

    name: str
    parts: list[tuple[Place, tangle.Block]] = field(
        default_factory=list
    )
    used_in: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def current(self, at: int) -> int:
        """The part that begins what part `at` belongs to.

        That is the first part, or the last `.replace` before `at`.
        """
        marks = (
            n
            for n in range(at, -1, -1)
            if "replace" in self.parts[n][1].classes
        )
        return next(marks, 0)


@dataclass
class Identifier:
    """A name the software defines, with the chunks that use it."""

    name: str
    kind: str  # "function", "class", "method", "constant", "item"
    module: str
    defined: Place
    used: list[Place] = field(default_factory=list)


def docname_of(path: str) -> str:
    """`part1/01-introduction` for its chapter's path."""
    return path.removeprefix("book/").removesuffix(".md")


def chunk_table(book: tangle.Book) -> dict[str, ChunkInfo]:
    """Every named chunk of the book."""
    table: dict[str, ChunkInfo] = {}
    for block in book.blocks:
        if not block.name:
            continue
        info = table.setdefault(block.name, ChunkInfo(block.name))
        slug = re.sub(r"[^\w.-]+", "-", block.name).strip("-")
        count = len(info.parts) + 1
        anchor = f"chunk-{slug}" + (f"-{count}" if count > 1 else "")
        place = Place(docname_of(block.path), anchor, block.name)
        info.parts.append((place, block))
    for name, info in table.items():
        info.used_in = [
            user for user in book.users(name) if user in table
        ]
    for target, name in book.targets.items():
        for reached in closure(book, name):
            if reached in table:
                table[reached].targets.append(target)
    return table


def closure(book: tangle.Book, name: str) -> set[str]:
    """The chunks that take part in `name`'s expansion."""
    return {line.name for line in book.expand(name) if line.name}


def identifiers(
    book: tangle.Book, table: dict[str, ChunkInfo]
) -> list[Identifier]:
    """What the targets define, and which chunks use it."""
    places = line_places(table)
    found: dict[tuple[str, str], Identifier] = {}
    files = {t: book.expand(n) for t, n in book.targets.items()}
    for target, lines in files.items():
        for name, kind, at in definitions(target, lines):
            line = lines[at - 1]
            place = places.get((line.path, line.line))
            module = module_of(target)
            if place and (module, name) not in found:
                found[module, name] = Identifier(
                    name, kind, module, place
                )
    for target, lines in files.items():
        if target.endswith(".py"):
            note_uses(module_of(target), lines, places, found)
    return sorted(
        found.values(), key=lambda i: (i.name.lower(), i.module)
    )


def line_places(
    table: dict[str, ChunkInfo],
) -> dict[tuple[str, int], Place]:
    """The part of a chunk in which a chapter's line stands."""
    return {
        (block.path, block.line + 1 + n): place
        for info in table.values()
        for place, block in info.parts
        for n in range(len(block.body))
    }


def module_of(target: str) -> str:
    """`nand2llm.array` for generated/nand2llm/array.py."""
    stem = target.removeprefix("generated/").rpartition(".")[0]
    return stem.replace("/", ".").removesuffix(".__init__")


def definitions(
    target: str, lines: list[tangle.Line]
) -> Iterator[tuple[str, str, int]]:
    """(name, kind, line) of what a file defines for others."""
    if target.endswith(".rs"):
        for number, line in enumerate(lines, 1):
            if found := RUST_ITEM.match(line.text):
                yield found[1], "item", number
    elif target.endswith(".py") and "/tests/" not in target:
        yield from python_definitions(lines)


def python_definitions(
    lines: list[tangle.Line],
) -> Iterator[tuple[str, str, int]]:
    """Functions, classes, public methods and constants of a module."""
    for node in parsed(lines).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, "function", node.lineno
        elif isinstance(node, ast.ClassDef):
            yield node.name, "class", node.lineno
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and (
                    not inner.name.startswith("_")
                ):
                    name = f"{node.name}.{inner.name}"
                    yield name, "method", inner.lineno
        elif isinstance(node, ast.Assign):
            for goal in node.targets:
                if isinstance(goal, ast.Name) and goal.id.isupper():
                    yield goal.id, "constant", node.lineno


def note_uses(
    module: str,
    lines: list[tangle.Line],
    places: dict[tuple[str, int], Place],
    found: dict[tuple[str, str], Identifier],
) -> None:
    """Add the chunks of one Python file that use what is found."""
    tree = parsed(lines)
    meaning = Meaning(tree, module, found)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        item = meaning.of(node)
        if item is None:
            continue
        line = lines[node.lineno - 1]
        place = places.get((line.path, line.line))
        if place and place != item.defined and place not in item.used:
            item.used.append(place)


class Meaning:
    """What the words of a module mean.

    A word alone proves little: `loss` may be the function of one
    module and a variable of another. It counts where the module
    defines the name or imports it.
    """

    def __init__(
        self,
        tree: ast.Module,
        module: str,
        found: dict[tuple[str, str], Identifier],
    ) -> None:
        self.found = found
        self.words = {
            n: i for (m, n), i in found.items() if m == module
        }
        self.modules: dict[str, str] = {}
        seen = {module}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                seen.add(node.module)
                for name in node.names:
                    self.take(node.module, name)
            elif isinstance(node, ast.Import):
                for name in node.names:
                    self.modules[name.asname or name.name] = name.name
        self.methods: dict[str, list[Identifier]] = {}
        for (home, _), item in found.items():
            word = item.name.rpartition(".")[2]
            if item.kind == "method" and home in seen:
                self.methods.setdefault(word, []).append(item)

    def take(self, module: str, name: ast.alias) -> None:
        """Learn what `from module import name` means."""
        word = name.asname or name.name
        if (module, name.name) in self.found:
            self.words[word] = self.found[module, name.name]
        else:
            self.modules[word] = f"{module}.{name.name}"

    def of(self, node: ast.Name | ast.Attribute) -> Identifier | None:
        """The identifier a node of the syntax tree stands for."""
        if isinstance(node, ast.Name):
            return self.words.get(node.id)
        owner = node.value
        if isinstance(owner, ast.Name) and owner.id in self.modules:
            module = self.modules[owner.id]
            return self.found.get((module, node.attr))
        methods = self.methods.get(node.attr, [])
        return methods[0] if len(methods) == 1 else None


def parsed(lines: list[tangle.Line]) -> ast.Module:
    """The syntax tree of a file; ManuscriptError if it has none."""
    try:
        return ast.parse("\n".join(line.text for line in lines) + "\n")
    except SyntaxError as error:
        at = lines[min(error.lineno or 1, len(lines)) - 1]
        raise ManuscriptError(
            f"{at.path}:{at.line}: SyntaxError: {error.msg}"
        ) from None
