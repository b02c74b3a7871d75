# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 52dc2dcab2c0
"""What of a chapter's code a browser can run, and why not the rest.

Nothing is executed to find out: the code is read, statement by
statement, with the modules of the book that it imports.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# Where the book's files are, in the environment of a session: a page
# has none of them.
FILES = "NAND2LLM_ROOT"
is_read = symtable.Symbol.is_referenced
is_global = symtable.Symbol.is_global
Wants = dict[str, str]  # a name, and the module it is missing for
Body = list[ast.stmt]


@dataclass(frozen=True)
class Piece:
    """A block as the browser gets it."""

    code: str  # what is left of it; its lines keep their numbers
    wants: str = ""  # the module for want of which it isn't all there


class Library:
    """The modules there are: of the book, and of Python.

    The book's are looked for in `places`; of Python's own, those in
    `works` are of use in a browser.
    """

    def __init__(
        self, places: Sequence[Path], works: frozenset[str]
    ) -> None:
        self.places, self.works = places, works
        self.known: dict[str, tuple[str, Wants]] = {}

    def file(self, module: str) -> Path | None:
        """The file of a module of the book."""
        stem = module.replace(".", "/")
        for place in self.places:
            for name in (f"{stem}.py", f"{stem}/__init__.py"):
                if (place / name).is_file():
                    return place / name
        return None

    def wants(self, module: str, name: str = "") -> str:
        """The module for want of which this cannot be imported."""
        file = self.file(module)
        if file is None:
            top = module.partition(".")[0]
            return "" if top in self.works else top
        if module not in self.known:
            self.known[module] = "", {}  # so that a circle ends
            self.known[module] = self.look(file)
        whole, parts = self.known[module]
        inner = f"{module}.{name}"
        if name and not whole and self.file(inner):
            return self.wants(inner)
        return whole or parts.get(name, "")

    def look(self, file: Path) -> tuple[str, Wants]:
        """What a module wants to be imported; what its parts want."""
        tree = ast.parse(file.read_text("utf-8"))
        reading = Reading(self)
        reading.read(tree.body)
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom) and (
                whole := reading.imported(node)
            ):
                return whole, {}
        return "", reading.missing


class Reading:
    """Code read from top to bottom, and the names that are missing."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.missing: Wants = {}

    def read(
        self, body: Sequence[ast.stmt], whole: bool = False
    ) -> tuple[Body, str]:
        """The statements that can run, and what the first other wants.

        What that would have bound or changed is missing from then on,
        until something binds it again. With `whole`, all of them can
        run or none.
        """
        kept, first = [], ""
        for statement in body:
            used, bound = names(statement)
            if wants := self.wanted(statement, used):
                self.lose([statement], wants)
                first = first or wants
            else:
                for name in bound:
                    self.missing.pop(name, None)
                kept.append(statement)
        if first and whole:
            self.lose(body, first)
            kept = []
        return kept, first

    def lose(self, body: Sequence[ast.stmt], wants: str) -> None:
        """Note what is missing if these statements cannot run."""
        for statement in body:
            lost = names(statement)[1] | changed(statement)
            self.missing |= dict.fromkeys(lost, wants)

    def wanted(self, statement: ast.stmt, used: set[str]) -> str:
        """The module for want of which a statement cannot run."""
        found = [self.imported(node) for node in imports(statement)]
        found += [self.missing.get(name, "") for name in sorted(used)]
        found += [FILES for n in ast.walk(statement) if names_files(n)]
        return next(filter(None, found), "")

    def imported(self, node: ast.Import | ast.ImportFrom) -> str:
        """The module for want of which an import fails."""
        if isinstance(node, ast.Import):
            asked = [(alias.name, "") for alias in node.names]
        else:
            home = node.module or ""
            asked = [(home, alias.name) for alias in node.names]
        found = (self.library.wants(*one) for one in asked)
        return next(filter(None, found), "")


def imports(
    node: ast.AST,
) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that must succeed for code to be of use.

    One under `try` has its way out, and one in a method is not asked
    for by everybody who uses the class.
    """
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    if isinstance(node, ast.Try) and node.handlers:
        return
    for child in ast.iter_child_nodes(node):
        method = isinstance(child, ast.FunctionDef)
        if not (isinstance(node, ast.ClassDef) and method):
            yield from imports(child)


def names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The global names that a statement uses, and those it binds.

    A name that it has bound itself by then is not one it uses.
    """
    used: set[str] = set()
    bound: set[str] = set()
    for part in map(ast.fix_missing_locations, parts(statement)):
        top = symtable.symtable(ast.unparse(part), "", "exec")
        tables = [top]
        for table in tables:
            tables += table.get_children()
            asks = is_read if table is top else is_global
            found = filter(asks, table.get_symbols())
            used |= {s.get_name() for s in found} - bound
        bound |= {
            s.get_name()
            for s in top.get_symbols()
            if s.is_assigned() or s.is_imported()
        }
    return used, bound


def parts(statement: ast.stmt) -> Iterator[ast.stmt]:
    """A statement taken apart into simple ones, in their order."""
    inner: list[ast.stmt] = []
    match statement:
        case ast.For():
            yield ast.Assign([statement.target], statement.iter)
            inner = statement.body + statement.orelse
        case ast.While() | ast.If():
            yield ast.Expr(statement.test)
            inner = statement.body + statement.orelse
        case ast.With():
            for item in statement.items:
                to = [item.optional_vars] if item.optional_vars else []
                yield ast.Assign(to, item.context_expr)
            inner = statement.body
        case ast.Try():
            inner = statement.body
            for handler in statement.handlers:
                if handler.type:
                    inner = [*inner, ast.Expr(handler.type)]
                inner = inner + handler.body
            inner = inner + statement.orelse + statement.finalbody
        case ast.AugAssign():
            yield ast.Expr(statement.target)
            yield statement
        case _:
            yield statement
    for each in inner:
        yield from parts(each)


def changed(statement: ast.stmt, given: bool = False) -> set[str]:
    """The names whose values a statement alters: `a[0] = 1`, `a.f()`.

    With `given`, also those it gives to functions and looks no more
    at what comes back: `f(a)`.
    """
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Subscript | ast.Attribute):
            if isinstance(node.ctx, ast.Store):
                found.add(root(node))
        elif isinstance(node, ast.Expr) and isinstance(
            call := node.value, ast.Call
        ):
            if isinstance(call.func, ast.Attribute):
                found |= mentioned(call.func)
            if given:
                found |= set(map(root, call.args))
    return found - {""}


def mentioned(node: ast.AST) -> set[str]:
    """All names in an expression."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def root(node: ast.expr) -> str:
    """`a` for `a` and for `a.b[0].c`."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def pieces(
    blocks: Sequence[tuple[str, bool]], library: Library
) -> list[Piece]:
    """What is left of each block (its code, is it shown?), in order.

    Of a hidden block only that is left which a later one asks for.
    """
    reading = Reading(library)
    for name in ("show", "measured"):  # what a session begins with
        if wants := library.wants("weave.show", name):
            reading.missing[name] = wants
    read = [
        reading.read(ast.parse(code).body, whole=shown)
        for code, shown in blocks
    ]
    asked: set[str] = set()
    made = []
    for (code, shown), (kept, wants) in zip(
        reversed(blocks), reversed(read), strict=True
    ):
        kept = [s for s in reversed(kept) if needed(s, asked, shown)]
        made.append(Piece(only(code, kept), wants))
    return made[::-1]


def needed(statement: ast.stmt, asked: set[str], shown: bool) -> bool:
    """Whether to keep a statement. If so, it asks for what it uses."""
    used, bound = names(statement)
    makes = bound | changed(statement, given=True)
    if shown or makes & asked:
        asked |= used
        return True
    return False


def names_files(node: ast.AST) -> bool:
    """Whether this asks the environment for the book's files."""
    return isinstance(node, ast.Constant) and node.value == FILES


def only(code: str, kept: Body) -> str:
    """The lines of these statements; the others are left blank."""
    stay: set[int] = set()
    for statement in kept:
        above = getattr(statement, "decorator_list", [])
        start = min(n.lineno for n in [statement, *above])
        stay |= set(range(start, (statement.end_lineno or start) + 1))
    lines = enumerate(code.split("\n"), 1)
    return "\n".join(line if n in stay else "" for n, line in lines)
