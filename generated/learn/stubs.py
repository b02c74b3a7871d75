# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 70260da80ac0
"""Definitions of a module: found, emptied, exchanged."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

Def = ast.FunctionDef | ast.AsyncFunctionDef
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
MARK = "⟨"  # with it begins what a stub says


def definitions(
    holder: ast.Module | ast.ClassDef, prefix: str = ""
) -> dict[str, list[Def]]:
    """The functions and methods in it, by qualified name.

    A property and its setter share one name; hence the lists.
    """
    found: dict[str, list[Def]] = {}
    for node in holder.body:
        if isinstance(node, Def):
            found.setdefault(prefix + node.name, []).append(node)
        elif isinstance(node, ast.ClassDef):
            found |= definitions(node, f"{prefix}{node.name}.")
    return found


def span(node: Def) -> range:
    """The lines of a definition, from its first decorator on."""
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return range(first, (node.end_lineno or first) + 1)


def docstring(node: Def) -> ast.stmt | None:
    """The statement that is the docstring, if there is one."""
    return node.body[0] if ast.get_docstring(node) is not None else None


def is_bare(node: Def) -> bool:
    """Whether there is nothing to write: a docstring, `...`, `pass`."""
    rest = [s for s in node.body if s is not docstring(node)]
    return all(
        isinstance(s, ast.Pass)
        or (
            isinstance(s, ast.Expr)
            and isinstance(s.value, ast.Constant)
            and s.value.value is ...
        )
        for s in rest
    )


def is_stub(node: Def) -> bool:
    """Whether our promise to write it still stands in it."""
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "NotImplementedError"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and str(call.args[0].value).startswith(MARK)
        for call in ast.walk(node)
    )


def missing(own: ast.Module, names: Collection[str]) -> set[str]:
    """Which of these definitions are not written: stubs, or gone.

    Of two with one name the last counts, as it does for Python.
    """
    found = definitions(own)
    return {
        name
        for name in names
        if name not in found or is_stub(found[name][-1])
    }


def same(own: ast.Module, book: ast.Module, name: str) -> bool:
    """Whether a definition is the book's, but for spaces and words."""

    def code(module: ast.Module) -> list[str]:
        nodes = definitions(module).get(name, [])
        return [
            ast.dump(part)
            for node in nodes
            for part in (node.args, *node.decorator_list, *node.body)
            if part is not docstring(node)
        ]

    return code(own) == code(book)


def emptied(
    text: str,
    promises: dict[str, tuple[str, str]],
    factories: Collection[str],
) -> str:
    """The text of a module with the bodies of definitions removed.

    `promises` has for each definition its chunk and its place in the
    book. A factory, which runs while the module is imported, returns
    a function that says so when it is called.
    """
    lines = text.split("\n")
    found = definitions(ast.parse(text))
    nodes = [
        (node, name)
        for name in promises
        for node in found[name]
        if not is_bare(node)
    ]
    for node, name in sorted(nodes, key=lambda pair: -pair[0].lineno):
        body = raising(*promises[name])
        if name in factories:
            inner = ["    " + line for line in body]
            head = "def later(*args: object, **kwargs: object) -> None:"
            body = [head, *inner, "", "return later"]
        indent = " " * (node.col_offset + 4)
        lines[kept(lines, node) : node.end_lineno] = [
            indent + line if line else "" for line in body
        ]
    return "\n".join(lines)


def raising(chunk: str, place: str) -> list[str]:
    """The statement of a stub: which chunk to write, told where."""
    return [
        "raise NotImplementedError(",
        f'    "{MARK}{chunk}⟩: "',
        f'    "{place}"',
        ")",
    ]


def kept(lines: list[str], node: Def) -> int:
    """The last line a stub keeps: of its docstring or signature."""
    first = docstring(node)
    if first is not None:
        return first.end_lineno or first.lineno
    start = node.body[0]
    at = span(start)[0] if isinstance(start, Def) else start.lineno
    while re.match(r"\s*(#|$)", lines[at - 2]):
        at -= 1
    return at - 1


def exchange(
    own: ast.Module | ast.ClassDef,
    book: ast.Module | ast.ClassDef,
    names: Collection[str],
    prefix: str = "",
) -> None:
    """Put the book's definitions of these names among one's own.

    What is missing comes after what it follows in the book.
    """
    place = next(
        (k for k, n in enumerate(own.body) if isinstance(n, Named)),
        len(own.body),
    )
    for name, theirs in named(book).items():
        mine = named(own).get(name, [])
        if mine:
            place = own.body.index(mine[0])
        last, first = (mine or theirs)[-1], theirs[0]
        if isinstance(last, ast.ClassDef) and mine:
            if isinstance(first, ast.ClassDef):
                exchange(last, first, names, f"{prefix}{name}.")
        elif prefix + name in names or isinstance(first, ast.ClassDef):
            own.body = [n for n in own.body if n not in mine]
            own.body[place:place] = theirs
            mine = theirs
        place += len(mine) > 0


def named(
    holder: ast.Module | ast.ClassDef,
) -> dict[str, list[ast.stmt]]:
    """The functions and classes right in it, by name."""
    found: dict[str, list[ast.stmt]] = {}
    for node in holder.body:
        if isinstance(node, Named):
            found.setdefault(node.name, []).append(node)
    return found


def spliced(own: str, book: str, names: Collection[str]) -> str:
    """One's own text with the book's definitions of these names.

    Raises KeyError with a name that is in one of them only.
    """
    lines, theirs = own.split("\n"), book.split("\n")
    mine = definitions(ast.parse(own))
    source = definitions(ast.parse(book))
    cuts = []
    for name in names:
        new: list[str] = []
        for node in source[name]:
            new += [*([""] if new else []), *cut(theirs, node)]
        for k, node in enumerate(mine[name]):
            cuts.append((span(node), [] if k else new))
    for where, new in sorted(cuts, key=lambda c: -c[0].start):
        lines[where.start - 1 : where.stop - 1] = new
    return "\n".join(lines)


def cut(lines: list[str], node: Def) -> list[str]:
    """The lines of a definition."""
    where = span(node)
    return lines[where.start - 1 : where.stop - 1]
