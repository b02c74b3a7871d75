"""What `weave check` complains of, and what it lets pass."""

import json
from pathlib import Path

import pytest

from weave import check

from .conftest import write_book

ONE = "book/part1/01-one.md"
TWO = "book/part1/02-two.md"


@pytest.fixture
def complaints(tmp_path, capsys):
    """Write chapters, check them; what is said."""

    def made(*chapters: str, known: str = "") -> list[str]:
        write_book(tmp_path, *chapters)
        toml = tmp_path / "book/book.toml"
        toml.write_text(toml.read_text() + "\n[check.known]\n" + known)
        status = check.main(tmp_path)
        said = capsys.readouterr().err.splitlines()
        assert status == bool(said)
        return said

    return made


def chapter(*paragraphs: str, name: str = "One") -> str:
    return "\n\n".join([f"# {name} {{#ch:{name.lower()}}}", *paragraphs]) + "\n"


def early(term: str, at: str, there: str) -> str:
    return (
        f"{at}: “{term}” is introduced in {there}; mark or explain it here,"
        " or say it in other words"
    )


USED = {
    "plain": ("A stride is taken.", 3),
    "plural": ("Strides are taken.", 3),
    "wrapped": ("Much is said\nof a stride.", 4),
    "beside code": ("`a stride` is no stride.", 3),
    "emphasized": ("A *stride*.", 3),
    "in a caption": (
        "::: {#fig:a alt='A'}\n``` {.python .run .hidden}\n'<svg/>'\n```\n\nThe stride.\n:::",
        8,
    ),
    "in a note": ("Words.[^1]\n\n[^1]: A stride.", 5),
    "in a list": ("- one\n- a stride", 4),
    "in the margin": ("Words. [A stride.]{.margin}", 3),
    "in an aside": ("::: {.aside title='Of steps'}\nA stride.\n:::", 4),
}


@pytest.mark.parametrize("name", USED)
def test_a_term_used_before_its_time(complaints, name):
    text, line = USED[name]
    said = complaints(
        chapter(text), chapter("The *[strides]{.idx term=stride}*.", name="Two")
    )
    assert said == [early("stride", f"{ONE}:{line}", f"{TWO}:3")]


PASSED = {
    "code": "`stride` and ``a stride``",
    "block": "``` {.python .run}\nstride = 1\n```",
    "formula": "$stride$ and $$\nstride\n$$",
    "heading": "## Strides",
    "run-in heading": "**Strides.** Of them later.",
    "attribute": "::: {.aside title='Stride'}\nWords.\n:::",
    "table": "| stride |\n|---|\n| stride |",
    "goal": "[words](https://example.org/stride)",
    "comment": "<!-- a stride -->",
    "another word": "Stridency, astride.",
    "longer term": "A [stride length]{.idx}; it is the stride length.",
    "sent on": "How a stride is taken, @sec:strides tells.",
    "sent to a chapter": "How a stride is taken, @ch:two tells.",
    "of the plan": "Strides are in chapter 9 of the plan.",
    "answer": (
        "::::: {.exercise #ex:e level=1 title=T}\nDo.\n\n"
        ":::: {.solution}\n::: {.aside title=A}\nA stride.\n:::\nStrides.\n::::\n:::::"
    ),
}


@pytest.mark.parametrize("name", PASSED)
def test_a_term_may_stand(complaints, name):
    later = chapter(
        "## Of strides {#sec:strides}", "A [stride]{.idx}, and strides.", name="Two"
    )
    assert complaints(chapter(PASSED[name]), later) == []


def test_a_reference_that_leads_elsewhere_is_no_excuse(complaints):
    said = complaints(
        chapter(
            "## First {#sec:first}",
            "A stride, as in @sec:first. See @sec:last.",
            "A [stride]{.idx}.",
            "## Last {#sec:last}",
        )
    )
    assert said == [early("stride", f"{ONE}:5", f"{ONE}:7")]


def test_names_are_written_with_their_capitals(complaints):
    said = complaints(
        chapter("Iron will rust. It is Rust."), chapter("[Rust]{.idx}", name="Two")
    )
    assert said == [early("Rust", f"{ONE}:3", f"{TWO}:3")]
    rust = chapter("Iron will rust."), chapter("[Rust]{.idx}", name="Two")
    assert complaints(*rust) == []


def test_a_phrase_is_one_term_across_a_line_end(complaints):
    said = complaints(
        chapter("The floating-\npoint numbers."),
        chapter("[floating point]{.idx}", name="Two"),
    )
    assert said == [early("floating point", f"{ONE}:3", f"{TWO}:3")]


def test_words_that_readers_have(complaints):
    chapters = (
        chapter("A bit of a stride."),
        chapter("A [bit]{.idx}, a [stride]{.idx}.", name="Two"),
    )
    said = complaints(*chapters, known='bit = "everyday"\n')
    assert said == [early("stride", f"{ONE}:3", f"{TWO}:3")]
    said = complaints(*chapters, known='bit = "e"\nstride = "e"\nstrode = "e"\n')
    (line,) = said
    assert line.startswith("book/book.toml:")
    assert line.endswith("nothing uses “strode” before it is introduced; drop the entry")


def test_a_mark_in_code_introduces_nothing(complaints):
    said = complaints(chapter("Write `[stride]{.idx}`. A stride.", "A [stride]{.idx}."))
    assert said == [early("stride", f"{ONE}:3", f"{ONE}:5")]


def test_terms_that_are_nearly_the_same(complaints):
    answer = (
        "::::: {.exercise #ex:e level=1 title=T}\nDo.\n\n"
        ":::: {.solution}\nOf [strides]{.idx}.\n::::\n:::::"
    )
    said = complaints(chapter("A [stride]{.idx}.", answer))
    assert said == [
        f"{ONE}:9: the index has “strides” and “stride”; choose one"
    ]


def test_words_and_outputs_that_nobody_should_write(complaints):
    said = complaints(
        chapter("We simply go.", "```\n3\n```", "TODO: more", "`measured('none')`")
    )
    assert [line.partition(": ")[0] for line in said] == [
        f"{ONE}:{n}" for n in (3, 5, 9, 11)
    ]


def test_a_measurement_says_when_and_where(complaints, tmp_path):
    record = tmp_path / "book/measurements/time.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"what": "time", "figures": {"a": 1}}))
    assert complaints(chapter("Words.")) == [
        "book/measurements/time.json:1: without machine, date"
    ]


def test_the_book_lists_no_more_than_it_needs():
    """Each excuse is of one line, with a reason."""
    import tomllib

    root = Path(__file__).resolve().parents[2]
    conf = tomllib.loads((root / "book/book.toml").read_text("utf-8"))
    for term, reason in conf["check"]["known"].items():
        assert term and len(reason) > 3 and "\n" not in reason
