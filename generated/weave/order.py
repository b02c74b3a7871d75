# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. fe0aa6cac989
"""Finds terms that are used before the book introduces them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from weave.book import Manuscript
from weave.page import Page

MARK = re.compile(
    r"\[(?P<text>[^][]*(?:\[[^][]*\][^][]*)*)\]"
    r"\{\.idx(?:\s+term=\"?(?P<term>[^\"}]+)\"?)?\s*\}"
)
FENCE = re.compile(r"^[ >]*(`{3,}|~{3,})\s*(.*?)\s*$")
DIVISION = re.compile(r":{3,}\s*(\S.*)?$")
CODE = re.compile(
    r"<!--.*?-->|(?P<tick>`+)(?:(?!\n\n).)+?(?P=tick)", re.DOTALL
)
NO_WORDS = re.compile(
    r"\$\$.+?\$\$|\$[^$\n]+\$"  # formulas
    r"|\]\([^)\n]*\)|@[\w:.-]+"  # goals of links, references
    r"|\{[^}\n]*\}"  # attributes
    r"|^[ >]*(?:#|:::|\|)[^\n]*"  # headings, divisions, tables
    r"|^\*\*[^*\n]+\.\*\*",  # headings that run in
    re.DOTALL | re.MULTILINE,
)

Line = tuple[int, str]


class Place(NamedTuple):
    """Where something stands: in which text, and at which character."""

    page: int
    at: int


def split(lines: Sequence[str]) -> tuple[list[Line], list[Line]]:
    """The numbered lines of prose, and of the fences that open."""
    prose: list[Line] = []
    fences: list[Line] = []
    fence = ""
    for number, line in enumerate(lines, 1):
        found = FENCE.match(line)
        if not fence and found:
            fence = found[1]
            fences.append((number, found[2]))
        elif not fence:
            prose.append((number, line))
        elif found and found[1].startswith(fence) and not found[2]:
            fence = ""
    return prose, fences


def prose(lines: Sequence[str], answers: bool) -> str:
    """The text without its code blocks, with or without answers."""
    kept = [""] * len(lines)
    depth = 0
    for number, line in split(lines)[0]:
        around = DIVISION.match(line)
        if around and (depth or "{.solution}" in line):
            depth += 1 if around[1] else -1
        if answers or not depth:
            kept[number - 1] = line
    return "\n".join(kept)


def painted(text: str, pattern: re.Pattern[str]) -> str:
    """A text with spaces in the place of what the pattern finds."""

    def over(found: re.Match[str]) -> str:
        return re.sub(r"\S", " ", found[0])

    return pattern.sub(over, text)


WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def stem(word: str) -> str:
    """A word without the ending of a plural."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def stems(text: str) -> tuple[str, ...]:
    """The words of a term, to be compared."""
    return tuple(stem(word) for word in WORD.findall(text))


def same(term: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Whether the words of a text are this term."""
    if any(word != word.lower() for word in term):
        return words == term
    return tuple(word.lower() for word in words) == term


ON = re.compile(r"@([Cc]h|[Ss]ec):([\w.-]+)")
LABEL = re.compile(r"\{#((?:ch|sec):[\w.-]+)")
PLAN = "of the plan"
END = re.compile(r"[.!?](?=[\s\])”\"]|$)|\n\n")
Terms = dict[str, list[tuple[tuple[str, ...], str]]]


class Reading:
    """Texts in their order, and what is first met where."""

    def __init__(
        self, pages: Iterable[Page], answers: bool = False
    ) -> None:
        own = [page for page in pages if page.path]
        self.paths = [page.path for page in own]
        self.texts = [prose(page.lines, answers) for page in own]
        self.marks: dict[str, Place] = {}
        self.labels: dict[str, Place] = {}
        for page, text in enumerate(self.texts):
            self.note(page, text)

    def note(self, page: int, text: str) -> None:
        """Note where a text introduces terms, and its labels."""
        outside = painted(text, CODE)
        for mark in MARK.finditer(text):
            if outside[mark.start()] == "[":
                plain = re.sub(r"[*_`]", "", mark["text"])
                place = Place(page, mark.start())
                self.marks.setdefault(mark["term"] or plain, place)
        for label in LABEL.finditer(text):
            place = Place(page, label.start())
            self.labels.setdefault(label[1], place)

    def line(self, place: Place) -> str:
        """A place as messages name it."""
        above = self.texts[place.page].count("\n", 0, place.at)
        return f"{self.paths[place.page]}:{above + 1}"

    def early(self) -> Iterator[tuple[str, Place, Place]]:
        """Each term that is used before it is introduced: both places,
        as often as that happens."""
        terms: Terms = {}
        for term in sorted(self.marks, key=len, reverse=True):
            words = stems(term)
            if words and "," not in term:
                first = terms.setdefault(words[0].lower(), [])
                first.append((words, term))
        for page, text in enumerate(self.texts):
            for term, at in uses(text, terms):
                if Place(page, at) < self.marks[term]:
                    yield term, Place(page, at), self.marks[term]

    def sent_on(self, use: Place, mark: Place) -> bool:
        """Whether the sentence leads to the term's introduction."""
        text = self.texts[use.page]
        ends = [end.end() for end in END.finditer(text)]
        start = max((end for end in ends if end <= use.at), default=0)
        sentence = text[start : min(
            (end for end in ends if end > use.at), default=len(text)
        )]
        there = (
            self.labels.get(f"{kind.lower()}:{name}", use)
            for kind, name in ON.findall(sentence)
        )
        return PLAN in sentence or any(
            use < place <= mark for place in there
        )


def uses(text: str, terms: Terms) -> Iterator[tuple[str, int]]:
    """The terms that a text has, and where."""
    plain = painted(painted(text, CODE), NO_WORDS)
    found = list(WORD.finditer(plain))
    words = [stem(word[0]) for word in found]
    at = 0
    while at < len(words):
        step = 1
        for term, name in terms.get(words[at].lower(), ()):
            if same(term, tuple(words[at : at + len(term)])):
                yield name, found[at].start()
                step = len(term)
                break
        at += step


def findings(reading: Reading, ms: Manuscript) -> Iterator[str]:
    """Terms that come too early, and what is excused for nothing."""
    early = list(reading.early())
    known = ms.conf.get("check", {}).get("known", {})
    told = set(known)
    for term, use, mark in early:
        if term not in told and not reading.sent_on(use, mark):
            told.add(term)
            yield (
                f"{reading.line(use)}: “{term}” is introduced in"
                f" {reading.line(mark)}; mark or explain it here,"
                " or say it in other words"
            )
    toml = (ms.root / "book/book.toml").read_text("utf-8")
    for term in sorted(set(known) - {term for term, *_ in early}):
        begins = rf'(?m)^"?{re.escape(term)}"?\s*='
        entry = re.search(begins, toml)
        above = toml.count("\n", 0, entry.start() if entry else 0)
        yield (
            f"book/book.toml:{above + 1}: nothing uses “{term}” before"
            " it is introduced; drop the entry"
        )
