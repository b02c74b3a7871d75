#!/usr/bin/env python3
# Made from book/appendices/a-tangle.md by tangle.py; edit there, or here and stitch. d456f7322424
"""Make files from the code blocks of chapters, and carry edits back.

A chapter is Markdown. `{.python #name}` names a code block, a line
`<<name>>` stands for the block's text, `file=path` writes it to a file.
The chapters are those that book/book.toml lists or, in any project,
those named: tangle.py tangle --root DIR 'docs/*.md'.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any, NamedTuple

# === Errors ==========================================================


class TangleError(Exception):
    """What is wrong and where: one line for whoever wrote it.

    `all` has every error that was found with it, in order.
    """

    def __init__(self, where: str, message: str) -> None:
        super().__init__(where, message)
        self.where = where
        self.message = message
        self.all: Sequence[TangleError] = [self]

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def raise_all(errors: Sequence[TangleError]) -> None:
    """Raise the first error, if there is one; it carries them all."""
    if errors:
        errors[0].all = errors
        raise errors[0]


# === The scanner =====================================================


class Block(NamedTuple):
    """A fenced code block that has attributes.

    `line` is the line of its opening fence: body[k] is line + 1 + k of
    the chapter, where it stands behind `prefix`.
    """

    path: str
    line: int
    lang: str
    name: str | None
    target: str | None
    classes: tuple[str, ...]
    attrs: dict[str, str]
    body: tuple[str, ...]
    exercise: str | None
    prefix: str = ""
    fence: str = ""

    def error(self, message: str) -> TangleError:
        """Make an error about the block."""
        return TangleError(f"{self.path}:{self.line}", message)


WORD = re.compile(
    r"""\s*(?:\#(?P<name>[\w:/.-]+)|\.(?P<class>[^\s{}="'#]+)
    |(?P<key>[^\W\d][\w:.-]*)=
    (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"'{}]+)
    )(?=\s|$)""",
    re.VERBOSE,
)
Attributes = tuple[str | None, tuple[str, ...], dict[str, str]]


def read_attributes(text: str) -> Attributes:
    """Read `{.class #name key=value}`: the name, the classes, the rest.

    The first word may be a class without its dot. Raises ValueError
    with what was seen.
    """
    if not text.endswith("}"):
        raise ValueError("a brace is not closed")
    text = re.sub(r"^(?=[^\W\d][\w+-]*(\s|$))", ".", text[1:-1].strip())
    name, classes, attrs, at = None, [], {}, 0
    while at < len(text):
        found = WORD.match(text, at)
        if not found:
            raise ValueError(f"malformed {text[at:].split()[0]}")
        at, value = found.end(), found["value"]
        if found["class"]:
            classes.append(found["class"])
        elif (name and found["name"]) or found["key"] in attrs:
            raise ValueError(f"a second {found[0].strip()}")
        elif found["name"]:
            name = found["name"]
        elif value[0] in "\"'":
            attrs[found["key"]] = re.sub(r"\\(.)", r"\1", value[1:-1])
        else:
            attrs[found["key"]] = value
    if not attrs.get("file", "-"):
        raise ValueError("file= is empty")
    if not re.fullmatch("[0-7]{3,4}", attrs.get("mode", "644")):
        raise ValueError(f"mode={attrs['mode']} is not octal")
    return name, tuple(classes), attrs


FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
CONTAINER = re.compile(
    r" {0,3}(?:(>) ?|(?:[-*+:~]|\(?[\w#@]{1,9}[.)]|\[\^[^\]\s]+\]:)"
    r"(?: {1,4}(?=\S)| |$))"
)
PROSE = re.compile(r"[^\s`~:<>*+#(\[0-9-]")  # begins nothing of these


class Scanner:
    """Reads one chapter, line by line, with CommonMark's fences."""

    def __init__(self, path: str, text: str) -> None:
        text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        self.path = path
        self.lines = text.split("\n")
        self.at = 0  # how many lines have been read
        self.containers: list[int] = []  # widths; a quotation has 0
        self.divs: list[tuple[int, str | None]] = []
        self.blocks: list[Block] = []
        self.errors: list[TangleError] = []

    def run(self) -> list[Block]:
        """Return the blocks of the chapter, or raise what is wrong."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if self.containers or not PROSE.match(line):
                self.step(line)
        for start, exercise in self.divs:
            if exercise:
                self.wrong(start, "an exercise not closed; add :::")
        raise_all(self.errors)
        return self.blocks

    def wrong(self, line: int, message: str) -> None:
        """Note an error."""
        self.errors.append(TangleError(f"{self.path}:{line}", message))

    def step(self, raw: str) -> None:
        """Look at a line outside of code blocks."""
        line = raw.expandtabs(4)
        column = self.descend(line)
        text = line[column:].lstrip(" ")
        if len(line) - len(text) > column + 3:
            return  # an indented code block
        if text.startswith(":::"):
            self.div(text)
        elif text.startswith("<!--"):
            self.comment(text[4:])
        elif found := FENCE.match(text):
            info = (found[2] or found[4] or "").strip()
            self.block(raw, found[1] or found[3], info, column)

    def descend(self, line: str) -> int:
        """Leave and enter list items and quotations; return the column
        where the text of the innermost one begins."""
        column = 0
        if not line.strip():
            return column
        for depth, width in enumerate(self.containers):
            found = CONTAINER.match(line, column)
            if width and not line[column : column + width].strip():
                column += width
            elif not width and found and found[1]:
                column = found.end()
            else:
                del self.containers[depth:]
                break
        while found := CONTAINER.match(line, column):
            width = 0 if found[1] else found.end() - column
            self.containers.append(width)
            column = found.end()
        return column

    def comment(self, text: str) -> None:
        """Skip a comment of HTML that begins a line."""
        start = self.at
        while "-->" not in text:
            if self.at == len(self.lines):
                self.wrong(start, "a comment not closed; add -->")
                return
            text = self.lines[self.at]
            self.at += 1

    def div(self, text: str) -> None:
        """Open or close a div."""
        info = text.strip(": ")
        if not info:
            del self.divs[-1:]
            return
        exercise = self.divs[-1][1] if self.divs else None
        if ".exercise" in info:
            try:
                exercise = read_attributes(info)[0] or f"ex:{self.at}"
            except ValueError as error:
                self.wrong(self.at, f"{error}; write {{.class #ex:a}}")
        self.divs.append((self.at, exercise))

    def block(
        self, raw: str, fence: str, info: str, column: int
    ) -> None:
        """Read a code block; its opening fence has just been read."""
        start = self.at
        prefix = re.sub(r"[^>\s]", " ", raw[: raw.index(fence)])
        body = self.body(fence, prefix, column)
        if info[:1] != "{" or info[1:2] == "=":
            return
        try:
            name, classes, attrs = read_attributes(info)
        except ValueError as error:
            if info[1:].lstrip()[:1] in ".#" or "file=" in info:
                self.wrong(start, f"{error}; write {{.lang #name}}")
            return  # the attributes of another Markdown
        for line, text in enumerate(body, start + 1):
            head, _, rest = text.strip().partition(fence)
            if not head and rest.lstrip().startswith(("{.", "{#")):
                self.wrong(start, f"a fence not closed before line {line},"
                           f" where the next opens; add {fence}")
                break
        lang = classes[0] if classes else ""
        target = attrs.get("file")
        exercise = self.divs[-1][1] if self.divs else None
        self.blocks.append(Block(
            self.path, start, lang, name or target, target, classes,
            attrs, tuple(body), exercise, prefix, fence,
        ))

    def body(self, fence: str, prefix: str, column: int) -> list[str]:
        """Read up to the closing fence; return the lines, dedented."""
        start = self.at
        body: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if column or fence in line:
                text = line.expandtabs(4).lstrip(" >")
                depth = len(line.expandtabs(4)) - len(text)
                if text and depth < column:
                    break  # the list item or the quotation ends
                if depth <= column + 3 and closes(text, fence):
                    self.at += 1
                    return body
            self.at += 1
            if "\0" in line:
                self.wrong(self.at, "a NUL; remove it")
            if ">" in prefix and line.rstrip() == prefix.rstrip():
                line = prefix
            body.append(line.removeprefix(prefix))
        self.wrong(start, f"a fence not closed; add {fence}")
        return body


def closes(text: str, fence: str) -> bool:
    """Whether the text closes a block that the fence opened."""
    text = text.rstrip(" \t")
    return text.startswith(fence) and not text.strip(fence[0])


# === The book ========================================================


class Chapter(NamedTuple):
    """A file of the book, in its place in the reading order."""

    path: str
    number: str
    stem: str
    kind: str


class Line(NamedTuple):
    """A line of a generated file, and the line of the book it is."""

    text: str
    path: str
    line: int
    name: str


class Frame(NamedTuple):
    """A block at one place where it is inserted: by the reference on
    this line of the block of `parent`."""

    block: Block
    indent: str
    parent: Frame | None
    line: int


class Reference(NamedTuple):
    """A line of a chunk that stands for another chunk."""

    user: str
    used: str
    path: str
    line: int


Step = tuple[str, int, Frame]  # a line, where it is in the chapter
CONFIG = "book/book.toml"
STATE = ".tangle.json"
REFERENCE = re.compile(r"([ \t]*)<<([\w:/.-]+)>>[ \t]*$")
ANSWERS = {"stub", "test", "solution", "mutant"}


def said(block: Block) -> tuple[str, ...]:
    """Return what a block adds to its chunk. Entangled's rule: a blank
    line at the end does not count, and nothing is a blank line."""
    body = block.body
    return (body[:-1] if body and not body[-1] else body) or ("",)


class Book:
    """Chapters, their code blocks, and the chunks they add up to.

    `targets` has the chunk of each file, `chunks` the blocks of each
    chunk; `errors` is what was wrong in putting them together.
    """

    def __init__(
        self,
        root: Path,
        config: dict[str, Any],
        chapters: Sequence[Chapter],
        blocks: Sequence[Block],
        texts: Mapping[str, str],
    ) -> None:
        self.root, self.config, self.texts = root, config, texts
        self.chapters, self.blocks = tuple(chapters), tuple(blocks)
        self.options: dict[str, Any] = config.get("tangle", {})
        self.targets: dict[str, str] = {}
        self.claims: dict[str, Block] = {}  # which has the file=
        self.chunks: dict[str, list[Block]] = {}
        self.errors: list[TangleError] = []
        stems = {chapter.path: chapter.stem for chapter in chapters}
        for block in blocks:
            if block.exercise and ANSWERS & set(block.classes):
                continue
            if "test" in block.classes and "tests" in self.options:
                self._add_test(block, stems[block.path])
            elif block.name:
                self._add(block, block.name)
        self.references = [
            Reference(name, found[2], part.path, line)
            for name, parts in self.chunks.items() for part in parts
            for line, text in enumerate(part.body, part.line + 1)
            if "<<" in text and (found := REFERENCE.match(text))
        ]

    def _add(self, block: Block, name: str) -> None:
        """Append a block to its chunk, or let it replace the chunk."""
        if "replace" in block.classes:
            if name not in self.chunks:
                self.errors.append(block.error(
                    f"there is no <<{name}>> to replace before this"))
            self.chunks[name] = []
            if block.target:
                self._disown(name)
        self.chunks.setdefault(name, []).append(block)
        if block.target is None:
            return
        target = os.path.normpath(block.target).replace(os.sep, "/")
        target += "/" * block.target.endswith("/")
        owner = self.targets.setdefault(target, name)
        claim = self.claims.setdefault(target, block)
        first = self.chunks[name][0]
        again = name == block.target and first is not block
        if owner != name or again:
            self.errors.append(block.error(
                f"{target} is made at {claim.path}:{claim.line}; give "
                "both blocks one #name, or this one another file="))

    def _disown(self, name: str) -> None:
        """Take the files from a chunk."""
        for target, owner in list(self.targets.items()):
            if owner == name:
                del self.targets[target], self.claims[target]

    def _add_test(self, block: Block, stem: str) -> None:
        """Put a block into the test file of its chapter; one with a
        name is a chunk to which the file refers where it begins."""
        stem = stem.replace("-", "_")
        target = self.options["tests"].format(stem=stem)
        known = block.name in self.chunks
        if block.name:
            self._add(block, block.name)
            body = (f"<<{block.name}>>",)
            block = block._replace(body=body, fence="")
        block = block._replace(name=target, target=target)
        if not known:
            self.targets[target] = target
            self.claims.setdefault(target, block)
            self.chunks.setdefault(target, []).append(block)

    def until(self, number: str | int) -> Book:
        """Return the book as it is at the end of a chapter; at the end
        of an appendix that is all of it."""
        kinds = {c.number: c.kind for c in self.chapters if c.number}
        if str(number) not in kinds:
            message = f"no chapter {number}, but {', '.join(kinds)}"
            raise TangleError(f"{CONFIG}:1", message)
        if kinds[str(number)] == "appendix":
            return self
        last = [c.number for c in self.chapters].index(str(number))
        kept = self.chapters[: last + 1]
        paths = {chapter.path for chapter in kept}
        blocks = [block for block in self.blocks if block.path in paths]
        return Book(self.root, self.config, kept, blocks, self.texts)

    def parts(self, name: str) -> list[Block]:
        """Return the blocks that make up a chunk."""
        return list(self.chunks[name])

    def users(self, name: str) -> list[str]:
        """Return the names of the chunks that refer to this one."""
        users = (r.user for r in self.references if r.used == name)
        return list(dict.fromkeys(users))

    def expand(self, name: str) -> list[Line]:
        """Return a chunk with all references replaced.

        Raises TangleError at an undefined reference and at a cycle.
        """
        return [
            Line(text, frame.block.path, line, frame.block.name or name)
            for text, line, frame in self.trace(name)
        ]

    def trace(self, name: str) -> Iterator[Step]:
        """Expand a chunk, and tell the block of each line."""
        names = [name]
        stack = [self._lines(name, "", None, 0)]
        while stack:
            for text, line, frame in stack[-1]:
                found = "<<" in text and REFERENCE.match(text)
                if found:
                    indent, name = frame.indent + found[1], found[2]
                    names.append(name)
                    self._check(names, f"{frame.block.path}:{line}")
                    stack.append(self._lines(name, indent, frame, line))
                    break
                blank = not text.strip(" \t")
                yield "" if blank else frame.indent + text, line, frame
            else:
                stack.pop()
                names.pop()

    def _lines(
        self, name: str, indent: str, parent: Frame | None, at: int
    ) -> Iterator[Step]:
        """Go through the lines of a chunk's own blocks."""
        for part in self.chunks[name]:
            frame = Frame(part, indent, parent, at)
            first = part.line + bool(part.body)
            for line, text in enumerate(said(part), first):
                yield text, line, frame

    def _check(self, names: list[str], where: str) -> None:
        """Raise if the last of these, each within the one before, is
        not a chunk or contains itself."""
        if names[-1] not in self.chunks:
            raise TangleError(where, self.unknown(names[-1]))
        if names[-1] in names[:-1]:
            raise TangleError(where, cycle(names))

    def unknown(self, name: str) -> str:
        """Say that there is no such chunk, and which may be meant."""
        from difflib import get_close_matches

        near = get_close_matches(name, self.chunks, 1)
        hint = f"is it <<{near[0]}>>?" if near else "define it"
        return f"no chunk has the name <<{name}>>; {hint}"


def cycle(names: Sequence[str]) -> str:
    """Say which chunks contain each other, the last one twice."""
    way = " -> ".join(names[names.index(names[-1]) :])
    return f"a cycle, {way}; a chunk cannot contain itself"


# === Reading =========================================================


def load(root: Path | str, files: Iterable[str] | None = None) -> Book:
    """Read the book of book/book.toml or, if given, the files that
    match some patterns relative to the root.

    Raises TangleError for what cannot be read or scanned; what is wrong
    with the whole is found by `problems`.
    """
    root = Path(root)
    config, chapters = contents(root, files)
    texts = {c.path: read(root, c.path) for c in chapters}
    return assemble(root, config, chapters, texts)


def assemble(
    root: Path,
    config: dict[str, Any],
    chapters: Sequence[Chapter],
    texts: Mapping[str, str],
) -> Book:
    """Scan the texts of the chapters and make a book of them."""
    blocks: list[Block] = []
    errors: list[TangleError] = []
    for chapter in chapters:
        try:
            blocks += Scanner(chapter.path, texts[chapter.path]).run()
        except TangleError as error:
            errors += error.all
    raise_all(errors)
    return Book(root, config, chapters, blocks, texts)


def read(root: Path, path: str) -> str:
    """Return the text of a file, its line ends as they are."""
    try:
        data = (root / path).read_bytes()
        return data.decode()
    except OSError as error:
        message = f"cannot be read ({error.strerror})"
        raise TangleError(f"{path}:1", message) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte {error.start} is not UTF-8; save the file so"
        raise TangleError(f"{path}:{line}", message) from None


def contents(
    root: Path, files: Iterable[str] | None
) -> tuple[dict[str, Any], list[Chapter]]:
    """Return the configuration, and the chapters in order."""
    if files is not None:
        return {}, [
            Chapter(path, str(number), Path(path).stem, "chapter")
            for number, path in enumerate(matching(root, files), 1)
        ]
    import tomllib

    if not (root / CONFIG).exists():
        message = "there is none; name chapters, like 'docs/*.md'"
        raise TangleError(f"{CONFIG}:1", message)
    try:
        config = tomllib.loads(read(root, CONFIG))
        return config, listed(config)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{CONFIG}:{line[1] if line else 1}"
        raise TangleError(where, str(error)) from None
    except (AttributeError, KeyError, TypeError) as error:
        message = f"a value is missing or of a wrong kind ({error})"
        raise TangleError(f"{CONFIG}:1", message) from None


def listed(config: dict[str, Any]) -> list[Chapter]:
    """Number the chapters that a configuration lists."""
    parts = config.get("part", [])
    main = [name for part in parts for name in part["chapters"]]
    front, back = config.get("front", []), config.get("appendices", [])
    roots = config.get("tangle", {}).get("roots", [])
    "".join([*front, *main, *back, *roots])  # raises if one is no text
    places = [("front", "", name) for name in front]
    places += [("chapter", str(n), at) for n, at in enumerate(main, 1)]
    ends = enumerate(back, ord("A"))
    places += [("appendix", chr(n), at) for n, at in ends]
    return [
        Chapter(f"book/{name}", number, Path(name).stem, kind)
        for kind, number, name in places
    ]


def matching(root: Path, patterns: Iterable[str]) -> list[str]:
    """Return the files that match, sorted, as paths below the root."""
    from glob import glob

    found: set[str] = set()
    for pattern in patterns:
        names = [pattern]
        if not (root / pattern).is_file():
            names = glob(pattern, root_dir=root, recursive=True)
        names = [name for name in names if (root / name).is_file()]
        if not names:
            message = "no such file; paths are relative to --root"
            raise TangleError(f"{pattern}:1", message)
        found.update(os.path.relpath(root / n, root) for n in names)
    return sorted(name.replace(os.sep, "/") for name in found)


# === What can be wrong ===============================================


def problems(book: Book) -> list[TangleError]:
    """Find all that is wrong with a book, in reading order."""
    order = {chapter.path: n for n, chapter in enumerate(book.chapters)}
    errors = [*book.errors, *astray(book, order), *cycles(book)]
    for target, claim in book.claims.items():
        if message := misplaced(book, target, claim.target or target):
            errors.append(claim.error(f"file={claim.target} {message}"))

    def place(error: TangleError) -> tuple[int, int]:
        path, line = error.where.rsplit(":", 1)
        return order.get(path, 0), int(line)

    return sorted(errors, key=place)


def astray(
    book: Book, order: Mapping[str, int]
) -> Iterator[TangleError]:
    """Find references to what is not there, or not there yet."""
    first: dict[str, Block] = {}
    for block in book.blocks:
        first.setdefault(block.name or "", block)
    for _, name, path, line in book.references:
        there = first.get(name)
        if name not in book.chunks:
            yield TangleError(f"{path}:{line}", book.unknown(name))
        elif book.config and there and order[there.path] > order[path]:
            message = f"<<{name}>> is only at {there.path}:{there.line}"
            yield TangleError(f"{path}:{line}",
                              f"{message}; put an empty block before")


def cycles(book: Book) -> Iterator[TangleError]:
    """Find chunks that contain themselves."""
    uses: dict[str, dict[str, str]] = {name: {} for name in book.chunks}
    for user, used, place, line in book.references:
        uses[user].setdefault(used, f"{place}:{line}")
    done: set[str] = set()
    for root in uses:
        path = {} if root in done else {root: iter(uses[root])}
        while path:
            name = next(reversed(path))
            for used in path[name]:
                if used in path:
                    message = cycle([*path, used])
                    yield TangleError(uses[name][used], message)
                elif used in uses and used not in done:
                    path[used] = iter(uses[used])
                    break
            else:
                done.add(name)
                del path[name]


def misplaced(book: Book, target: str, claim: str) -> str:
    """Say what is wrong with the place of a file, if anything is."""
    parts = claim.split("/")
    if re.match(r"/|~|[A-Za-z]:", claim) or {"..", ".git"} & set(parts):
        return "leads out of the project; give a path below its root"
    if re.search(r"[\x00-\x1f\x7f\\]", claim):
        return "has a backslash or a control character; use letters"
    roots = book.options.get("roots", [])
    folders = tuple(root for root in roots if root.endswith("/"))
    if roots and target not in roots and not target.startswith(folders):
        return f"is not below {' or '.join(roots)}; give a path that is"
    root = os.path.realpath(book.root)
    real = os.path.realpath(os.path.join(root, target))
    inside = os.path.relpath(real, root).replace(os.sep, "/")
    if inside.split("/")[0] == "..":
        return "leads out of the project by a link; remove the link"
    if inside in (*book.texts, book.options.get("state", STATE)):
        return "is what tangle.py reads; give another path"
    if parts[-1] in ("", ".") or os.path.isdir(real):
        return "is a directory; give the path of a file"
    for parent in list(Path(target).parents)[:-1]:
        path = parent.as_posix()
        if path in book.targets or (book.root / path).is_file():
            return f"is below {path}, which is a file"
    return ""


# === Rendering =======================================================

COMMENTS = {
    "# {}": "py pyi toml sh bash yaml yml ini cfg mk cmake r jl rb pl "
    "Makefile Dockerfile .gitignore .gitattributes",
    "// {}": "rs c h cc cpp hpp cu cuh metal js mjs ts tsx go java kt "
    "swift scala zig typ scss proto wgsl",
    "/* {} */": "css",
    "<!-- {} -->": "html xhtml xml svg md",
    "-- {}": "lua sql hs",
    "% {}": "tex sty bib",
    ";; {}": "el lisp scm clj wat",
}
COMMENT = {
    end: form for form, ends in COMMENTS.items() for end in ends.split()
}
HEADER = re.compile(
    r"\W+ Made from .+ by tangle\.py; edit there, or here and stitch\. "
    r"([0-9a-f]{12})\b\W*$"
)


class Output(NamedTuple):
    """A file as the book has it; `source` is the chapter of that."""

    lines: list[Line]
    text: str
    mode: int | None
    source: str


def outputs(book: Book) -> dict[str, Output]:
    """Render all files of the book."""
    found = {}
    for target, claim in book.claims.items():
        lines = render(book, target)
        mode = claim.attrs.get("mode")
        octal = int(mode, 8) if mode else None
        found[target] = Output(lines, join(lines), octal, claim.path)
    return found


def render(book: Book, target: str) -> list[Line]:
    """Return the lines of a file, its header included."""
    lines = book.expand(book.targets[target])
    if not lines[-1].text:
        lines.pop()  # its last line is blank: that is the final newline
    base = os.path.basename(target)
    form = COMMENT.get(os.path.splitext(base)[1][1:] or base)
    if book.options.get("header") and form:
        claim = book.claims[target]
        text = form.format(
            f"Made from {claim.path} by tangle.py; edit there, or here "
            f"and stitch. {digest(join(lines))}"
        )
        top = lines[0].text.lower() if lines else ""
        at = int(top.startswith(("#!", "<?xml", "<!doctype")))
        lines.insert(at, Line(text, claim.path, claim.line, ""))
    return lines


def join(lines: Iterable[Line]) -> str:
    """Return the text of lines."""
    return "".join([line.text + "\n" for line in lines])


def split(text: str) -> list[str]:
    """Return the lines of a text; none if it is empty."""
    return text.removesuffix("\n").split("\n") if text else []


def digest(text: str) -> str:
    """Return the hash of a text that headers carry."""
    import hashlib

    data = text.encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()[:12]


def unheaded(text: str) -> tuple[str, str, int]:
    """Split off a header: its hash, the rest, the line it was on; or
    "", all of the text, 0."""
    at = 0
    for number in (1, 2):
        end = text.find("\n", at) + 1 or len(text)
        if found := HEADER.match(text[at:end].rstrip()):
            return found[1], text[:at] + text[end:], number
        at = end
    return "", text, 0


def changes(
    old: Sequence[str], new: Sequence[str]
) -> list[tuple[int, int, int, int]]:
    """Compare lines: for each a, b, c, d, old[a:b] became new[c:d]."""
    from difflib import SequenceMatcher

    size, top, end = min(len(old), len(new)), 0, 0
    while top < size and old[top] == new[top]:
        top += 1
    while end < size - top and old[-1 - end] == new[-1 - end]:
        end += 1
    a, b = old[top : len(old) - end], new[top : len(new) - end]
    matcher = SequenceMatcher(None, a, b, False)
    found = [
        (top + i, top + j, top + k, top + m)
        for kind, i, j, k, m in matcher.get_opcodes() if kind != "equal"
    ]
    if len(a) != len(b):
        return found
    here: list[tuple[int, int, int, int]] = []
    cost = 0
    for n in (n for n in range(top, top + len(a)) if old[n] != new[n]):
        start = here.pop()[0] if here and here[-1][1] == n else n
        here.append((start, n + 1, start, n + 1))
        cost += 1
    cheap = cost <= sum(max(j - i, m - k) for i, j, k, m in found)
    return here if cheap else found  # changed where they are, or moved


# === Files and the record of them ====================================


def replace_all(batch: Sequence[tuple[Path, str, int | None]]) -> None:
    """Write files, in order: all or, if one cannot be written, none.

    Each changes in one step: killed at any time, it is old or new.
    """
    staged: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, text, mode in batch:
            path.parent.mkdir(parents=True, exist_ok=True)
            mark = f"{path.name[:150]}.{os.getpid()}-{len(staged)}"
            temp = path.with_name(f".{mark}.tangle~")
            staged.append((temp, path))
            with temp.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
            if mode is None and path.exists():
                mode = path.stat().st_mode
            if mode is not None:
                temp.chmod(mode & 0o7777)
        for temp, path in staged:
            os.replace(temp, path)
    except BaseException as error:
        for temp, _ in staged:
            temp.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        message = f"cannot be written ({error.strerror})"
        raise TangleError(f"{path}:1", message) from None


def sweep(folder: Path) -> None:
    """Remove what killed runs have left half-written."""
    for name in os.listdir(folder) if folder.is_dir() else ():
        found = re.fullmatch(r"\..*\.(\d+)-\d+\.tangle~", name)
        if found and os.name == "posix":
            try:
                os.kill(int(found[1]), 0)
            except ProcessLookupError:
                (folder / name).unlink(missing_ok=True)
            except OSError:
                pass  # it runs, and is not ours


class Tree:
    """The files we keep below a directory, and the record of them.

    With `roots` the files have headers. `files` is the record: for each
    file its chapter, its text and hash, and the chapter's lines.
    """

    def __init__(
        self,
        base: Path,
        state: str | Path,
        roots: Sequence[str] | None = None,
        remedy: str = "stitch, or drop the edit with tangle --force",
        label: str = "",
    ) -> None:
        self.base, self.state, self.roots = base, base / state, roots
        self.remedy, self.label = remedy, label
        self.key = ""
        self.files: dict[str, dict[str, Any]] = {}
        self.pending: dict[str, str] = {}
        if self.state.is_file():
            self._read()

    def _read(self) -> None:
        """Read the record; one that is damaged is as good as none."""
        import json

        try:
            record = json.loads(self.state.read_bytes())
            for file in record["files"].values():
                file["from"] + file["digest"] + file["text"]
                [run[0] + run[1] + run[3] for run in file["lines"]]
            self.pending = dict(record["pending"])
            self.key, self.files = str(record["key"]), record["files"]
        except (ValueError, TypeError, LookupError, AttributeError):
            pass

    def save(
        self,
        writes: Mapping[str, Output],
        key: str,
        files: dict[str, dict[str, Any]],
        first: Sequence[tuple[Path, str, int | None]] = (),
    ) -> None:
        """Write what is `first`, then files, then the record; while it
        writes, the record has the hashes of the old and the new."""
        batch: list[tuple[Path, str, int | None]] = []
        for name, output in writes.items():
            batch.append((self.base / name, output.text, output.mode))
            self.pending[name] = digest(output.text)
        if writes:
            batch.insert(0, (self.state, self._text(), None))
        self.key, self.files, self.pending = key, files, {}
        replace_all([*first, *batch, (self.state, self._text(), None)])

    def _text(self) -> str:
        """Return the record as JSON."""
        import json

        record = {"version": 1, "key": self.key,
                  "pending": self.pending, "files": self.files}
        return json.dumps(record, ensure_ascii=False)

    def error(self, name: str, line: int, message: str) -> TangleError:
        """Make an error about a line of a file."""
        return TangleError(f"{self.label}{name}:{line}", message)

    def disk(self, name: str) -> str | None:
        """Return what a file has in it, or None if there is no file."""
        try:
            data = (self.base / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            message = f"cannot be read ({error.strerror})"
            raise self.error(name, 1, message) from None
        return data.decode("utf-8", "surrogateescape")

    def body(self, text: str) -> tuple[str, str, int]:
        """Split off the header, if our files have one."""
        return ("", text, 0) if self.roots is None else unheaded(text)

    def made(self, name: str, text: str) -> bool:
        """Whether the text is as we wrote it."""
        seal, rest, _ = self.body(text)
        if seal:
            return digest(rest) == seal
        file = self.files.get(name, {"digest": None})
        return digest(text) in (file["digest"], self.pending.get(name))

    def base_of(self, name: str, text: str, now: str) -> str | None:
        """Return what was edited to become this text: what the record
        has, or the book `now`, whichever the header's hash is of."""
        seal = self.body(text)[0]
        if name in self.files:
            rest = self.body(self.files[name]["text"])[1]
            if not seal or digest(rest) == seal:
                return rest
        rest = self.body(now)[1]
        return rest if seal and digest(rest) == seal else None

    def refusal(self, name: str, text: str, now: str) -> TangleError:
        """Say why a file is not overwritten."""
        seal, rest, header = self.body(text)
        if not seal and name not in self.files:
            message = "not made by tangle.py; move it, or use --force"
            return self.error(name, 1, message)
        base = self.base_of(name, text, now)
        if base is None:
            return self.error(name, 1, f"edited by hand; {self.remedy}")
        shift = 1 + bool(header)
        spans = [
            (c + shift, max(c, d - 1) + shift)
            for _, _, c, d in changes(split(base), split(rest))
        ] or [(1, 1)]
        lines = ", ".join(
            str(a) if a == b else f"{a}-{b}" for a, b in spans
        )
        lines = f"line{'s' * (not lines.isdigit())} {lines}"
        message = f"edited by hand, {lines}; {self.remedy}"
        return self.error(name, spans[0][0], message)

    def orphans(
        self, book: Book, wanted: Mapping[str, Output]
    ) -> dict[str, bool]:
        """Find files of ours that no chapter makes any more: are they
        intact? Chapters that were not read keep theirs."""
        names = {
            name for name, file in self.files.items()
            if file["from"] in book.texts
            or not (book.root / file["from"]).exists()
        }
        for root in self.roots or ():
            names.update(headed(self.base, root))
        texts = {n: self.disk(n) for n in sorted(names - wanted.keys())}
        return {
            name: self.made(name, text)
            for name, text in texts.items() if text is not None
        }


def headed(base: Path, root: str) -> Iterator[str]:
    """Find the files below a root that have our header."""
    for folder, folders, names in os.walk(base / root):
        folders[:] = [f for f in folders if f[0] not in "._"]
        if "CACHEDIR.TAG" in names:
            folders.clear()
            continue
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                start = file.read(600).decode("utf-8", "replace")
            if unheaded(start)[0]:
                yield os.path.relpath(path, base).replace(os.sep, "/")


def entry(output: Output) -> dict[str, Any]:
    """Return what the record says of a file.

    Its `lines` are runs [line, count, path, start, name]: from `line`
    on, `count` lines are those from `start` on in the chapter.
    """
    runs: list[list[Any]] = []
    path, follows = "", 0
    for at, line in enumerate(output.lines, 1):
        if line.line == follows and line.path == path:
            runs[-1][1] += 1
        else:
            path = line.path
            runs.append([at, 1, path, line.line, line.name])
        follows = line.line + 1
    return {"from": output.source, "digest": digest(output.text),
            "lines": runs, "text": output.text}


# === Tangle ==========================================================


def tangle(book: Book, force: bool = False) -> list[str]:
    """Write the files of a book; return what was done.

    Raises TangleError, with nothing written, if the book is wrong or a
    file was edited by hand; the latter not with `force`.
    """
    raise_all(problems(book))
    return update(tree_of(book), book, outputs(book), force)


def tree_of(book: Book) -> Tree:
    """Return the tree that the targets of a book name."""
    options = book.options
    roots = options.get("roots", []) if options.get("header") else None
    return Tree(book.root, options.get("state", STATE), roots)


def update(
    tree: Tree,
    book: Book,
    wanted: Mapping[str, Output],
    force: bool = False,
) -> list[str]:
    """Make a tree what it should be: first look, then touch."""
    writes = outdated(tree, wanted, force)
    sources = [book.root / path for path in book.texts]
    places = [tree.state, *sources, *map(tree.base.joinpath, wanted)]
    for folder in {place.parent for place in places}:
        sweep(folder)
    done = [f"wrote {tree.label}{name}" for name in writes]
    kept = {n: f for n, f in tree.files.items() if n not in wanted}
    for name, intact in tree.orphans(book, wanted).items():
        if intact:
            remove(tree.base, name)
            kept.pop(name, None)
            done.append(f"removed {tree.label}{name}")
        else:
            done.append(f"kept {tree.label}{name}, which was edited")
    said = [repr((book.config, book.chapters)), *book.texts.values()]
    key, names = digest("\0".join(said)), {*kept, *wanted}
    if writes or key != tree.key or tree.files.keys() != names:
        files = {name: entry(output) for name, output in wanted.items()}
        tree.save(writes, key, kept | files)
    return done


def outdated(
    tree: Tree, wanted: Mapping[str, Output], force: bool
) -> dict[str, Output]:
    """Find the files to be written; raise if one may not be."""
    errors: list[TangleError] = []
    found: dict[str, Output] = {}
    for name, output in wanted.items():
        text = tree.disk(name)
        path = tree.base / name
        if text == output.text and has_mode(path, output.mode):
            continue
        found[name] = output
        if text is None or force or tree.made(name, text):
            continue
        if tree.body(text)[1] != tree.body(output.text)[1]:
            errors.append(tree.refusal(name, text, output.text))
    raise_all(errors)
    return found


def has_mode(path: Path, mode: int | None) -> bool:
    """Whether a file has the mode it should have, if any."""
    return mode is None or path.stat().st_mode & 0o7777 == mode


def remove(base: Path, name: str) -> None:
    """Remove a file, and the directories this leaves empty."""
    path = base / name
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == base or any(folder.iterdir()):
            break
        folder.rmdir()


# === Stitch ==========================================================

Spot = tuple[Frame, int]  # in a block, before this line of `said`
Key = tuple[str, int]  # tells blocks apart: chapter and line


class Hunk(NamedTuple):
    """Lines [start, end) of what the book says, and what a hand made
    of them; `where` that is in the edited file."""

    start: int
    end: int
    new: list[str]
    where: str


class Change(NamedTuple):
    """Lines [start, end) of a block, and what they are to become."""

    start: int
    end: int
    new: list[str]
    where: str
    frame: Frame


def stitch(book: Book) -> list[str]:
    """Carry edits of the files back to the chapters; return what was
    done.

    Raises TangleError, with nothing written, if an edit has not one
    place in the book.
    """
    raise_all(problems(book))
    return Stitcher(book).run()


class Stitcher:
    """One run of stitch: what was edited, and what it changes."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.tree = tree_of(book)
        self.traces: dict[str, list[Step]] = {}
        self.edited: dict[str, list[str]] = {}  # what these must become
        self.changes: list[Change] = []
        self.errors: list[TangleError] = []

    def run(self) -> list[str]:
        """Stitch all that was edited, or nothing."""
        for name, output in outputs(self.book).items():
            trace = self.book.trace(self.book.targets[name])
            self.traces[name] = list(trace)
            try:
                self.compare(name, output.text)
            except TangleError as error:
                self.errors += error.all
        blocks = self.agreed()
        raise_all(self.errors)
        if not self.edited:
            return []
        texts, old = self.rewritten(blocks), self.book
        new = assemble(old.root, old.config, old.chapters, texts)
        raise_all(problems(new))
        self.save(new)
        return [*self.told(blocks)]

    def compare(self, name: str, now: str) -> None:
        """Find what was edited in a file, and where it belongs."""
        text = self.tree.disk(name)
        if text is None or text == now or self.tree.made(name, text):
            return
        base = self.tree.base_of(name, text, now)
        if base is None:
            message = "edited by hand, and nothing tells what it was"
            raise self.tree.error(name, 1, f"{message}; move it away")
        if found := re.search(r"[\udc80-\udcff]", text):
            at = text.count("\n", 0, found.start()) + 1
            message = "a byte that is not UTF-8, as a chapter must be"
            raise self.tree.error(name, at, message)
        _, rest, header = self.tree.body(text)
        trace = self.traces[name]
        book = [line for line, _, _ in trace]
        hand = full(split(rest.replace("\r\n", "\n")), book)
        shift = 1 + bool(header)
        for at, line in enumerate(hand, shift):
            if line and not line.strip(" \t"):
                message = "white space on a blank line; remove it"
                raise self.tree.error(name, at, message)
        self.edited[name] = book
        for hunk in reversed(merge(name, shift, full(split(base), book),
                                   hand, trace)):
            self.edited[name][hunk.start : hunk.end] = hunk.new
            try:
                self.changes += place(trace, hunk)
            except TangleError as error:
                self.errors.append(error)

    def agreed(self) -> dict[Key, list[Change]]:
        """Return the changes of each block. In all places where it is
        in the edited files, they must be the same."""
        places: dict[Key, dict[int, list[Change]]] = {}
        for name in self.edited:
            for _, _, frame in self.traces[name]:
                frames = places.setdefault(key(frame), {})
                frames.setdefault(id(frame), [])
        for change in self.changes:
            frames = places.setdefault(key(change.frame), {})
            frames.setdefault(id(change.frame), []).append(change)
        agreed: dict[Key, list[Change]] = {}
        for block, frames in places.items():
            for edit in filter(None, frames.values()):
                first = agreed.setdefault(block, edit)
                if [c[:3] for c in edit] != [c[:3] for c in first]:
                    self.disagree(edit, f"at {first[0].where}")
            if block in agreed and [] in frames.values():
                self.disagree(agreed[block], "elsewhere in these files")
        return agreed

    def disagree(self, edit: list[Change], other: str) -> None:
        """Note that the copies of a block were not edited alike."""
        name = edit[0].frame.block.name
        message = f"<<{name}>> is not the same here and {other}"
        self.errors.append(
            TangleError(edit[0].where, f"{message}; edit both alike"))

    def rewritten(
        self, blocks: dict[Key, list[Change]]
    ) -> dict[str, str]:
        """Return the texts of all chapters, with the changes."""
        texts = dict(self.book.texts)
        for path, line in sorted(blocks, reverse=True):
            changed = blocks[path, line]
            lines = texts[path].split("\n")
            end = line + len(changed[0].frame.block.body)
            ending = "\r" * lines[line - 1].endswith("\r")
            lines[line:end] = rewrite(lines[line:end], changed, ending)
            texts[path] = "\n".join(lines)
        return texts

    def save(self, new: Book) -> None:
        """Write the chapters and the edited files, if the former now
        say exactly the latter."""
        writes, made = {}, outputs(new)
        for name, lines in self.edited.items():
            now = [text for text, _, _ in new.trace(new.targets[name])]
            for _, _, at, _ in changes(lines, now)[:1]:
                message = "the book cannot say this; edit the chapter"
                raise self.tree.error(name, at + 1, message)
            writes[name] = made[name]
        chapters = [
            (new.root / path, text, None)
            for path, text in new.texts.items()
            if text != self.book.texts[path]
        ]
        files = {name: entry(output) for name, output in writes.items()}
        self.tree.save(writes, "", self.tree.files | files, chapters)

    def told(self, blocks: dict[Key, list[Change]]) -> Iterator[str]:
        """Tell where each edit went, and what else that changes."""
        for (path, line), changed in sorted(blocks.items()):
            for start, _, _, where, _ in sorted(changed):
                yield f"{where} -> {path}:{line + 1 + start}"
        for name, trace in self.traces.items():
            if name not in self.edited and any(
                key(frame) in blocks for _, _, frame in trace
            ):
                yield f"{name} follows at the next tangle"


def key(frame: Frame) -> Key:
    """Return what tells a block from others."""
    return frame.block.path, frame.block.line


def full(lines: list[str], book: Sequence[str]) -> list[str]:
    """Return the lines of a file as its chunk has them: with the blank
    line at the end that `render` takes for the final newline."""
    blank = not lines or not lines[-1] or not book[-1]
    return [*lines, ""] if blank else lines


def merge(
    name: str,
    shift: int,
    base: list[str],
    hand: list[str],
    trace: list[Step],
) -> list[Hunk]:
    """Find what a hand edited since the last tangle, in terms of what
    the book says now; what the book changed must lie elsewhere."""
    book = [text for text, _, _ in trace]
    ours = changes(base, book)
    hunks: list[Hunk] = []
    errors: list[TangleError] = []
    for a, b, c, d in changes(base, hand):
        where = f"{name}:{c + shift}"
        clash = [
            (i, j, k, m) for i, j, k, m in ours
            if (i < b and a < j) or i == j == a == b
        ]
        if not clash:
            move = sum(m - k - j + i for i, j, k, m in ours if j <= a)
            hunks.append(Hunk(a + move, b + move, hand[c:d], where))
            continue
        i, j, k, m = clash[0]
        if len(clash) > 1 or (i, j, book[k:m]) != (a, b, hand[c:d]):
            _, line, frame = trace[min(k, len(trace) - 1)]
            message = f"edited here and at {frame.block.path}:{line}"
            errors.append(TangleError(where, f"{message}; do it alike"))
    raise_all(errors)
    return hunks


def place(trace: list[Step], hunk: Hunk) -> list[Change]:
    """Find the block or blocks that a hunk changes."""
    if hunk.start == hunk.end:
        frame, at = home(trace, hunk)
        return [change(frame, at, at, hunk.new, hunk.where)]
    runs: list[tuple[Frame, int, int]] = []
    for _, line, frame in trace[hunk.start : hunk.end]:
        at = offset(frame, line)
        if runs and runs[-1][0] is frame:
            at = runs.pop()[1]
        runs.append((frame, at, offset(frame, line) + 1))
    if len(runs) == 1 or not hunk.new:
        new, where = hunk.new, hunk.where
        return [change(f, a, b, new, where) for f, a, b in runs]
    if len(hunk.new) != hunk.end - hunk.start:
        names = " and ".join(f"<<{f.block.name}>>" for f, _, _ in runs)
        message = f"one edit of {names}; make it in smaller steps"
        raise TangleError(hunk.where, message)
    lines = iter(hunk.new)
    return [
        change(f, a, b, [next(lines) for _ in range(a, b)], hunk.where)
        for f, a, b in runs
    ]


def offset(frame: Frame, line: int) -> int:
    """Return which line of its block a line of a chapter is."""
    return max(0, line - frame.block.line - 1)


def change(
    frame: Frame, start: int, end: int, new: Sequence[str], where: str
) -> Change:
    """Make the change of a block from lines indented as in the file."""
    if not fits(frame, new):
        message = f"indented less than <<{frame.block.name}>> is"
        raise TangleError(where, f"{message}; edit the chapter")
    cut = len(frame.indent)
    lines = [line[cut:] for line in new]
    return Change(start, end, lines, where, frame)


def fits(frame: Frame, lines: Iterable[str]) -> bool:
    """Whether lines are indented as far as the block is."""
    return all(line.startswith(frame.indent) for line in lines if line)


def home(trace: list[Step], hunk: Hunk) -> Spot:
    """Find the one block to which inserted lines belong.

    At the beginning and the end of a file, the innermost that is
    indented no deeper than they. Blank lines go between two lines of a
    block, or else to what follows. For other lines all but one must be
    out of the question: by being indented deeper, or because the lines
    are deeper than the reference or the line next to them.
    """
    at, end = hunk.start, len(trace) - (not trace[-1][0])
    spots = gap(trace, at)
    fit = [spot for spot in spots if fits(spot[0], hunk.new)]
    if fit and (at == 0 or at >= end):
        return fit[0]
    text = next((line for line in hunk.new if line), "")
    if not text:
        return min(spots, key=for_blank)
    after = next((line for line, _, _ in trace[at:] if line), "")
    fit = [s for s in fit if holds(s, depth(text), depth(after))]
    if len(fit) == 1:
        return fit[0]
    message = "could belong to " if fit else "fits none of "
    message += " or ".join(
        f"<<{frame.block.name}>> at {frame.block.path}:"
        f"{frame.block.line + 1 + n}" for frame, n in fit or spots
    )
    raise TangleError(hunk.where, f"{message}; write it there")


def gap(trace: list[Step], at: int) -> list[Spot]:
    """Find all places in blocks that are between two lines of a file:
    after the one, between references further out, before the other."""
    left = list(climb(trace[at - 1], 1)) if at else []
    right = list(climb(trace[at], 0)) if at < len(trace) else []
    outer = {id(frame): n for n, (frame, _) in enumerate(right)}
    spots = []
    for frame, n in left:
        if id(frame) in outer:
            level = outer[id(frame)]
            spots += right[: level + (right[level][1] == n)]
            break
        spots.append((frame, n))
    else:
        spots += right
    return [(frame, n) for frame, n in spots if frame.block.fence]


def climb(step: Step, side: int) -> Iterator[Spot]:
    """Go outwards from a line: the place before it (0) or after it (1)
    in its block, then in the block that refers to this, and so on."""
    line, frame = step[1], step[2]
    yield frame, offset(frame, line) + side
    while frame.parent:
        line, frame = frame.line, frame.parent
        yield frame, offset(frame, line) + side


def for_blank(spot: Spot) -> tuple[bool, bool, bool]:
    """Order places for blank lines: beside one, between two lines,
    before the first."""
    lines, n = said(spot[0].block), spot[1]
    beside = lines[max(0, n - 1) : n + 1]
    return "" not in beside, not 0 < n < len(lines), n != 0


def holds(spot: Spot, deep: int, after: int) -> bool:
    """Whether text so deep can be at a place, with a line so deep, or a
    reference, next to it."""
    frame, n = spot
    found = n and REFERENCE.match(said(frame.block)[n - 1])
    limit = depth(frame.indent + found[1] + ".") if found else after
    return deep <= limit or bool(n and not found)


def depth(line: str) -> int:
    """Return the column where a line begins."""
    line = line.expandtabs(8)
    return len(line) - len(line.lstrip(" "))


def rewrite(
    rows: list[str], changed: list[Change], ending: str
) -> list[str]:
    """Return the rows of a block in its chapter, changed."""
    block = changed[0].frame.block
    size, prefix = len(said(block)), block.prefix
    rows, last = rows[:size] or [ending], rows[size:]
    for change in sorted(changed, key=lambda c: c.start, reverse=True):
        for line in map(str.strip, change.new):
            if REFERENCE.match(line) or closes(line, block.fence):
                message = f"{line} is not text in a code block"
                raise TangleError(change.where, f"{message}; reword it")
        rows[change.start : change.end] = [
            (prefix + line if line else prefix.rstrip()) + ending
            for line in change.new
        ]
    if not rows:
        message = f"nothing is left of {block.path}:{block.line}"
        raise TangleError(changed[0].where, message)
    blanks = "", prefix, prefix.rstrip()
    if rows[1:] and rows[-1].rstrip("\r") in blanks:
        last = rows[-1:]  # or the blank line would not count
    return rows + last


# === Check and list ==================================================


def check(book: Book) -> list[TangleError]:
    """Find what is wrong in a book, or between it and its files."""
    return problems(book) or [
        *unused(book), *too_long(book), *drift(book)
    ]


def unused(book: Book) -> Iterator[TangleError]:
    """Find chunks that get into no file and are not run."""
    for name, parts in book.chunks.items():
        used = book.users(name) or name in book.targets.values()
        if not used and not any("run" in p.classes for p in parts):
            yield parts[0].error(f"<<{name}>> is unused; refer to it")


def too_long(book: Book) -> Iterator[TangleError]:
    """Find lines of code that are too long for a page."""
    limit = book.options.get("max_columns", sys.maxsize)
    for block in book.blocks:
        for number, line in enumerate(block.body, block.line + 1):
            if len(line) > limit:
                message = f"{len(line)} columns; a page has {limit}"
                yield TangleError(f"{block.path}:{number}", message)


def drift(book: Book) -> Iterator[TangleError]:
    """Find files that are not what the book says."""
    tree, wanted = tree_of(book), outputs(book)
    for name, output in wanted.items():
        text = tree.disk(name)
        if text is None:
            yield tree.error(name, 1, "is missing; tangle")
        elif text != output.text and not tree.made(name, text):
            yield tree.refusal(name, text, output.text)
        elif text != output.text:
            line = changes(split(output.text), split(text))[0][2] + 1
            yield tree.error(name, line, "the book has changed; tangle")
    for name, intact in tree.orphans(book, wanted).items():
        hint = "tangle" if intact else "it was edited: move it away"
        yield tree.error(name, 1, f"no chapter makes this now; {hint}")


def listing(book: Book) -> Iterator[str]:
    """Tell of all chunks where they are, are used and are written."""
    for name, parts in book.chunks.items():
        places = [f"{part.path}:{part.line}" for part in parts]
        files = [f for f, made in book.targets.items() if made == name]
        yield f"<<{name}>>"
        yield f"    at {', '.join(places)}"
        if users := book.users(name):
            yield f"    in {', '.join(f'<<{user}>>' for user in users)}"
        if files:
            yield f"    to {', '.join(files)}"


# === Where a line comes from =========================================

PLACE = re.compile(
    r'File "(?P<file>[^"\n]+)", line (?P<at>\d+)'
    r"|(?:(?<=\dm)|(?<![\w./+@~-]))(?P<path>[\w./+@~-]+\.\w+)"
    r"(?P<paint>(?:\x1b\[[\d;]*m)*):(?P<line>\d+)"
)


class Map:
    """Knows the chapter's line of each generated line, from the records
    of the files and of the snapshots; the book is not read."""

    def __init__(self, root: Path, config: dict[str, Any]) -> None:
        self.root = root.resolve()
        self.state = config.get("tangle", {}).get("state", STATE)
        self.trees: dict[Path, Tree] = {}
        self.files: dict[str, Callable[[int], str | None]] = {}

    def origin(self, path: str, line: int) -> str | None:
        """Return `chapter:line`, or None if the file is not ours."""
        if path not in self.files:
            self.files[path] = self.find(path)
        return self.files[path](line)

    def find(self, path: str) -> Callable[[int], str | None]:
        """Return the map of one file."""
        near = Path(path) if os.path.exists(path) else self.root / path
        near = near.resolve()
        for folder in near.parents:
            if not folder.is_relative_to(self.root):
                break
            state = Path(f"{folder}.json")
            if folder == self.root:
                state = folder / self.state
            if folder not in self.trees:
                self.trees[folder] = Tree(folder, state)
            tree = self.trees[folder]
            name = near.relative_to(folder).as_posix()
            if name in tree.files:
                return reader(tree.files[name], tree.disk(name))
        return lambda line: None


def reader(
    file: Mapping[str, Any], now: str | None
) -> Callable[[int], str | None]:
    """Return the map of a file; if it was edited since, of what is left
    of the lines in the record."""
    was = split(file["text"])
    edits = [] if now is None else changes(was, split(now))

    def origin(line: int) -> str | None:
        move = 0
        for _, b, c, d in edits:
            if c < line <= d:
                return None
            move = b - d if d < line else move
        for first, count, path, start, _ in file["lines"]:
            if first <= line + move < first + count:
                return f"{path}:{start + line + move - first}"
        return None

    return origin


def translate(text: str, lines: Map) -> str:
    """Put the chapter's place for each `path:line` of a generated file
    and for each `File "path", line n`."""

    def there(found: re.Match[str]) -> str:
        line = int(found["at"] or found["line"])
        origin = lines.origin(found["file"] or found["path"], line)
        if origin is None:
            return found[0]
        path, _, number = origin.rpartition(":")
        if found["file"]:
            return f'File "{path}", line {number}'
        return f"{path}{found['paint']}:{number}"

    return PLACE.sub(there, text)


def filtered(command: Sequence[str], lines: Map) -> int:
    """Run a command, or read the input, and translate what it says;
    return the command's exit status."""
    if not command:
        for text in sys.stdin:
            print(translate(text, lines), end="")
        return 0
    import subprocess

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace",
    ) as child:
        for text in child.stdout or ():
            print(translate(text, lines), end="", flush=True)
    status = child.returncode
    return status if status >= 0 else 128 - status


def where(book: Book, lines: Map, place: str) -> list[str]:
    """Return where a generated line comes from, or where a chapter's
    line went."""
    path, _, line = place.rpartition(":")
    if not path or not line.isdigit():
        raise TangleError(f"{place}:1", "no place; write FILE:LINE")
    if origin := lines.origin(path, int(line)):
        return [origin]
    near = path
    if path not in book.texts:
        near = os.path.relpath(path, book.root)
    found = [
        f"{target}:{at}" for target, output in outputs(book).items()
        for at, made in enumerate(output.lines, 1)
        if made.name and (made.path, made.line) == (near, int(line))
    ]
    if not found:
        raise TangleError(place, "neither generated nor made into that")
    return found


def recorded(root: Path) -> Map:
    """Return the map of all files that a project has a record of."""
    known = (root / CONFIG).exists()
    return Map(root, contents(root, None)[0] if known else {})


def hook(kind: Any, error: BaseException, trace: Any) -> None:
    """Print a traceback, naming the chapters' lines: a sys.excepthook
    for the project in whose directory this file is."""
    from contextlib import redirect_stderr

    with redirect_stderr(io.StringIO()) as said:
        sys.__excepthook__(kind, error, trace)
    lines = recorded(Path(__file__).resolve().parent)
    print(translate(said.getvalue(), lines), end="", file=sys.stderr)


class Places:
    """A plugin of pytest that reports chapters' lines."""

    def __init__(self, lines: Map) -> None:
        self.lines = lines

    def pytest_collectreport(self, report: Any) -> None:
        """Before it is told that a file can't be read."""
        self.change(report.longrepr)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Before it is told how a test went."""
        self.change(report.longrepr)

    def pytest_warning_recorded(self, warning_message: Any) -> None:
        """Before a warning is told."""
        self.move(warning_message, "filename")

    def change(self, told: Any) -> None:
        """Put chapters' lines into what will be said of a failure."""
        if isinstance(getattr(told, "longrepr", None), str):
            told.longrepr = translate(told.longrepr, self.lines)
        trace = getattr(told, "reprtraceback", None)
        chain = [(trace, told.reprcrash)] if trace else []
        for trace, crash, *_ in getattr(told, "chain", chain):
            self.move(crash, "path")
            for entry in trace.reprentries:
                self.move(getattr(entry, "reprfileloc", None), "path")
                entry.lines = [
                    translate(line, self.lines) for line in entry.lines
                ]

    def move(self, place: Any, file: str) -> None:
        """Change a place, if it is one in a file of ours."""
        if place is None:
            return
        line = place.lineno
        if origin := self.lines.origin(getattr(place, file), line):
            path, _, number = origin.rpartition(":")
            setattr(place, file, path)
            place.lineno = int(number)


def pytest_sessionstart(session: Any) -> None:
    """Let pytest name chapters' lines, for `pytest -p tangle`."""
    config = session.config
    config.pluginmanager.register(Places(recorded(config.rootpath)))


# === Snapshots =======================================================


def snapshot(book: Book, number: str | int, out: Path) -> None:
    """Write the files as of the end of a chapter into a directory, and
    the record of them next to it."""
    then, out = book.until(number), Path(out)
    raise_all(problems(then))
    out.mkdir(parents=True, exist_ok=True)
    label = os.path.relpath(out, book.root).replace(os.sep, "/") + "/"
    remedy = "delete it, and it is made again"
    state = out.absolute().with_name(out.name + ".json")
    roots = [""] if book.options.get("header") else None
    update(Tree(out, state, roots, remedy, label), then, stripped(then))


def stripped(book: Book) -> dict[str, Output]:
    """Render all files, by their paths in a snapshot."""
    prefix = book.options.get("strip", "")
    made = outputs(book)
    return {name.removeprefix(prefix): made[name] for name in made}


def diff(book: Book, old: str, new: str) -> Iterator[str]:
    """Compare two snapshots; return the lines of a patch. The snapshot
    of chapter 0 is empty."""
    from difflib import unified_diff

    before, after = (
        stripped(book.until(n)) if n != "0" else {} for n in (old, new)
    )
    for name in sorted(before.keys() | after.keys()):
        a, b = before.get(name), after.get(name)
        if a and b and (a.text, a.mode) == (b.text, b.mode):
            continue
        tab = "\t" * (" " in name)
        yield f"diff --git a/{name} b/{name}\n"
        was, now = (f"100{(o and o.mode) or 0o644:o}\n" for o in (a, b))
        if a and b and was != now:
            yield f"old mode {was}new mode {now}"
        elif not a or not b:
            how = f"deleted file mode {was}"
            yield how if a else f"new file mode {now}"
        yield from unified_diff(
            [line + "\n" for line in split(a.text)] if a else [],
            [line + "\n" for line in split(b.text)] if b else [],
            f"a/{name}{tab}" if a else "/dev/null",
            f"b/{name}{tab}" if b else "/dev/null",
        )


# === Watch ===========================================================


def watch(
    root: Path, files: Sequence[str] | None, command: Sequence[str]
) -> None:
    """Tangle, and run a command, at each change; never return.

    A broken draft and an edited file are told, and waited for.
    """
    import subprocess
    import time

    targets: list[str] = []
    seen: object = None
    while True:
        chapters = stamps(root, [CONFIG, *sources(root, files)])
        if (chapters, stamps(root, targets)) != seen:
            try:
                book = load(root, files)
                targets = list(book.targets)
                report(tangle(book))
                if command:
                    subprocess.run(command, check=False)
            except TangleError as error:
                complain(error)
            except OSError as error:  # there is no such command
                print(f"{error.filename}:1: {error.strerror}")
            seen = chapters, stamps(root, targets)
        time.sleep(0.2)


def sources(root: Path, files: Sequence[str] | None) -> list[str]:
    """Return the paths of the chapters that there are now."""
    try:
        return [chapter.path for chapter in contents(root, files)[1]]
    except TangleError:
        return []


def stamps(root: Path, paths: Iterable[str]) -> list[tuple[str, int]]:
    """Return when files were last changed."""
    return [
        (path, (root / path).stat().st_mtime_ns)
        for path in paths if (root / path).exists()
    ]


# === The command line ================================================

VERBS = {
    "tangle": "write the files that the chapters make",
    "stitch": "carry edits of these files back to the chapters",
    "check": "find errors, unused chunks, and files out of step",
    "list": "list the chunks: where they are, are used and go to",
    "where": "tell a generated line's place in the chapters, and back",
    "translate": "run a command, or filter the input: name chapters' "
    "places instead of generated ones",
    "snapshot": "write the files as of the end of a chapter",
    "diff": "print what changed between the ends of two chapters",
    "watch": "tangle, and run a command, whenever a chapter changes",
}
OPERANDS = {
    "where": ["FILE:LINE"],
    "snapshot": ["CHAPTER"],
    "diff": ["OLD", "NEW"],
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    given, command = parse(sys.argv[1:] if argv is None else list(argv))
    try:
        status = perform(given, command)
        sys.stdout.flush()
        return status
    except TangleError as error:
        return complain(error)
    except BrokenPipeError:  # whoever reads us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        message = error.strerror or str(error)
        return complain(TangleError(f"{error.filename}:1", message))
    except KeyboardInterrupt:
        return 130


def parse(argv: list[str]) -> tuple[Any, list[str]]:
    """Read a command line: the options, and a command to be run."""
    import argparse

    if not argv or argv[0] not in VERBS:
        verbs = "".join(f"\n  {v:10} {VERBS[v]}" for v in VERBS)
        parser = argparse.ArgumentParser(
            "tangle.py", "tangle.py VERB [--root DIR] ... [FILE ...]",
            f"{__doc__}\nverbs:{verbs}\n\n`VERB --help` tells more.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("verb", choices=VERBS, metavar="VERB")
        parser.parse_args(argv[:1])
    verb, *own = argv
    command: list[str] = []
    parser = argparse.ArgumentParser(
        f"tangle.py {verb}", description=VERBS[verb]
    )
    if verb in ("translate", "watch"):
        own, command = cut(own)
        parser.epilog = "A command to be run follows after --."
    option = parser.add_argument
    for name in OPERANDS.get(verb, []):
        option(name)
    if verb == "tangle":
        option("--force", action="store_true", help="drop hand edits")
    option("--root", type=Path, default=Path(), metavar="DIR",
           help="the directory of the project (default: this)")
    option("FILE", nargs="*", help="chapters: paths or patterns below "
           "DIR (default: those of book/book.toml)")
    given = parser.parse_intermixed_args(own)
    given.verb = verb
    return given, command


def cut(words: list[str]) -> tuple[list[str], list[str]]:
    """Cut off a command: it follows `--` or begins with the first word
    that is no option, no pattern and no Markdown file."""
    if "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1 :]
    at = 0
    while at < len(words) and re.search(r"^-|[*?\[]|\.md$", words[at]):
        at += 1 + (words[at] == "--root")
    return words[:at], words[at:]


def perform(given: Any, command: list[str]) -> int:
    """Do what a command line says; return the exit status."""
    verb, root, files = given.verb, given.root, given.FILE or None
    if verb == "watch":
        watch(root, files, command)
    if verb == "translate":
        lines = Map(root, {}) if files else recorded(root)
        return filtered(command, lines)
    book = load(root, files)
    operands = [getattr(given, name) for name in OPERANDS.get(verb, [])]
    if verb == "tangle":
        report(tangle(book, given.force))
    elif verb == "stitch":
        report(stitch(book))
    elif verb == "check":
        raise_all(check(book))
    elif verb == "list":
        report(listing(book))
    elif verb == "where":
        report(where(book, Map(root, book.config), *operands))
    elif verb == "snapshot":
        out = f"build/snapshots/{operands[0]:0>2}"
        snapshot(book, operands[0], root / out)
        print(f"{out} is as of the end of chapter {operands[0]}")
    elif verb == "diff":
        sys.stdout.writelines(diff(book, *operands))
    return 0


def report(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        print(line)


def complain(error: TangleError) -> int:
    """Print all errors, one a line; return the exit status for that."""
    for each in error.all:
        print(each, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
