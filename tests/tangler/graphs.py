"""Random books, and a second, much simpler tangler to compare with."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass

from hypothesis import strategies as st

REFERENCE = re.compile(r"([ \t]*)<<([\w:/.-]+)>>[ \t]*")


@dataclass(frozen=True)
class Part:
    """One block of a chunk: what a chapter says at one place."""

    name: str
    lines: tuple[str, ...]
    target: str = ""
    indent: str = ""
    ticks: str = "```"

    def markdown(self) -> str:
        """The block as a chapter has it, its fence longer than any within."""
        runs = [len(run) for line in self.lines for run in re.findall("`+|~+", line)]
        fence = self.ticks[0] * max([3, *(n + 1 for n in runs)])
        file = f" file={self.target}" if self.target else ""
        rows = [f"{fence} {{.text #{self.name}{file}}}", *self.lines, fence]
        lead = "- an item\n\n" if self.indent else ""
        return lead + "".join((self.indent + row if row else "") + "\n" for row in rows)


@dataclass(frozen=True)
class Graph:
    """A whole book: for each chapter its parts in order."""

    chapters: tuple[tuple[Part, ...], ...]

    @property
    def parts(self) -> list[Part]:
        """All parts in reading order."""
        return [part for chapter in self.chapters for part in chapter]

    @property
    def targets(self) -> dict[str, str]:
        """Target path → chunk name."""
        return {part.target: part.name for part in self.parts if part.target}

    def texts(self) -> list[str]:
        """The chapters' Markdown."""
        return [
            "# A chapter\n\n"
            + "\nSome prose between.\n\n".join(part.markdown() for part in chapter)
            + "\nThe end.\n"
            for chapter in self.chapters
        ]

    def body(self, name: str) -> list[str]:
        """The lines of all parts of a chunk.

        A part loses one blank line at its end; an empty part is a blank line.
        """
        lines: list[str] = []
        for part in self.parts:
            if part.name == name:
                own = part.lines
                lines += (own[:-1] if own and not own[-1] else own) or ("",)
        return lines

    def expand(self, name: str) -> list[str]:
        """The chunk with every reference replaced, line by line."""
        lines: list[str] = []
        for line in self.body(name):
            if found := REFERENCE.fullmatch(line):
                lines += [
                    found[1] + inner if inner else "" for inner in self.expand(found[2])
                ]
            else:
                lines.append(line)
        return lines

    def text(self, name: str) -> str:
        """The expanded chunk as a file: the last line ends too."""
        text = "\n".join(self.expand(name))
        return text if not text or text.endswith("\n") else text + "\n"

    def uses(self) -> Counter[str]:
        """How often each chunk stands in the targets, nested uses counted."""
        count: Counter[str] = Counter()

        def visit(name: str) -> None:
            count[name] += 1
            for line in self.body(name):
                if found := REFERENCE.fullmatch(line):
                    visit(found[2])

        for name in self.targets.values():
            visit(name)
        return count


ODD = [
    "", "", "x = 1", "return x", "}", "    y", "\tz", "a <<c1>> c", "<<c 1>>", "<<>>",
    "```", "    ``` {.python #c1 file=out/no.py}", "~~~", "::: {.exercise #ex:no}",
    ":::", "#!shebang", "<!-- no comment", "$$", "ö ≡ ⟨x⟩ 🙂", "trailing  ",
    "\\", "'\"", "a\x0cb", "a\u2028b", "\ufeff?", "<<c1", "c1>>", "---", "# a heading",
]  # fmt: skip
WORDS = st.text(
    st.characters(
        codec="utf-8",
        exclude_characters="\r\n\0",
        exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"],
    ),
    min_size=1,
    max_size=8,
)
PLAIN = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from("abc"),
    WORDS.filter(lambda text: not REFERENCE.fullmatch(text)),
)
INDENTS = st.sampled_from(["", "", "  ", "    ", "\t", " \t "])


@st.composite
def graphs(draw: st.DrawFn, chapters: int = 3, slots: bool = False) -> Graph:
    """An acyclic graph of chunks over some chapters, every chunk in use.

    Chunk i refers only to later ones. With `slots`, the first chapter has an
    empty block of each name, as a book needs for what comes later.
    """
    folder = "generated/out" if slots else "out"
    count = draw(st.integers(1, 7))
    roots = draw(st.integers(1, min(2, count)))
    prefix = draw(st.sampled_from(["c", "ns/c", "a.b:c-", "ü"]))
    names = [f"{prefix}{i}" for i in range(count)]
    bodies: list[list[str]] = [
        draw(st.lists(PLAIN, min_size=1, max_size=5)) for _ in names
    ]
    for used in range(roots, count):
        for user in draw(st.lists(st.integers(0, used - 1), min_size=1, max_size=2)):
            indent = draw(INDENTS)
            at = draw(st.integers(0, len(bodies[user])))
            bodies[user].insert(at, f"{indent}<<{names[used]}>>")
    blocks = [
        (number, lines)
        for number, body in enumerate(bodies)
        for lines in _pieces(draw, body)
    ]
    order = draw(st.permutations(range(len(blocks))))
    queues = {n: [lines for m, lines in blocks if m == n] for n in range(count)}
    begun: set[int] = set()
    parts: list[Part] = []
    for index in order:
        number = blocks[index][0]
        first = number not in begun
        begun.add(number)
        parts.append(
            Part(
                names[number],
                tuple(queues[number].pop(0)),
                f"{folder}/{number}.txt" if first and number < roots else "",
                draw(st.sampled_from(["", "", "  ", "    "])),
                draw(st.sampled_from(["```", "~~~"])),
            )
        )
    cuts = sorted(draw(st.integers(0, len(parts))) for _ in range(chapters - 1))
    edges = [0, *cuts, len(parts)]
    split = [tuple(parts[a:b]) for a, b in itertools.pairwise(edges)]
    if slots:
        split[0] = tuple(Part(name, ()) for name in names) + split[0]
    return Graph(tuple(split))


def _pieces(draw: st.DrawFn, body: list[str]) -> list[list[str]]:
    """Cut a body into one to three parts, none of them empty."""
    cuts = draw(st.sets(st.integers(1, max(1, len(body) - 1)), max_size=2))
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    return [body[a:b] for a, b in itertools.pairwise(edges)]
