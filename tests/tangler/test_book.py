"""What a book has beyond files: chapters in order, tests, exercises, snapshots."""

from __future__ import annotations

import hashlib
import re

import pytest
from harness import HEADER, block

import tangle

MODULE = "generated/pkg/m.py"
OTHER = block("x", file="generated/pkg/other.py")


def load(project):
    """The project's book, by the interface of the module."""
    return tangle.load(project.root)


# -- the header ---------------------------------------------------------------

HEADERS = {
    "a.py": "# {}",
    "a.rs": "// {}",
    "a.toml": "# {}",
    "a.c": "// {}",
    "a.js": "// {}",
    "a.css": "/* {} */",
    "a.html": "<!-- {} -->",
    "a.typ": "// {}",
    "Makefile": "# {}",
}


@pytest.mark.parametrize("name", HEADERS)
def test_header(make_book, name):
    """One line in the file's own comment, with the hash of the rest."""
    path = f"generated/{name}"
    book = make_book({"p/01-a.md": block("x = 1\ny = 2", file=path)})
    book.tangle()
    first, rest = (book.root / path).read_bytes().decode().split("\n", 1)
    assert rest == "x = 1\ny = 2\n"
    digest = hashlib.sha256(rest.encode()).hexdigest()[:12]
    assert first == HEADERS[name].format(
        "Made from book/p/01-a.md by tangle.py; edit there, or here and stitch. "
        + digest
    )


@pytest.mark.parametrize(
    ("name", "first"),
    [("a.py", "#!/usr/bin/env python3"), ("a.svg", '<?xml version="1.0"?>')],
)
def test_header_after_the_first_line(make_book, name, first):
    """A shebang and an XML declaration stay the first line."""
    path = f"generated/{name}"
    book = make_book({"p/01-a.md": block(f"{first}\nx", file=path)})
    book.tangle()
    lines = (book.root / path).read_bytes().decode().split("\n")
    assert lines[0] == first
    assert "Made from" in lines[1]
    assert lines[2:] == ["x", ""]
    rest = f"{first}\nx\n"
    assert hashlib.sha256(rest.encode()).hexdigest()[:12] in lines[1]


@pytest.mark.parametrize("name", ["a.json", "a.txt", "a.csv"])
def test_no_header_where_there_are_no_comments(make_book, name):
    """The file is what the chapter says, and a hand edit is seen all the same."""
    book = make_book({"p/01-a.md": block("{}", file=f"generated/{name}")})
    book.tangle()
    assert (book.root / f"generated/{name}").read_bytes() == b"{}\n"
    book.write(f"generated/{name}", "[]\n")
    book.refuse("tangle")


def test_the_header_alone_tells_a_hand_edit(make_book):
    """Fresh clone: no record. Unedited files follow the chapter, edited ones stay."""
    book = make_book({"p/01-a.md": block("x = 1", file=MODULE)})
    book.tangle()
    forget(book)
    book.tangle()
    forget(book)
    book.edit("book/p/01-a.md", "x = 1", "x = 2")
    book.tangle()
    assert book.read(MODULE) == "x = 2\n"
    forget(book)
    book.edit(MODULE, "x = 2", "x = 3")
    (line,) = book.refuse("tangle")
    assert MODULE in line or "01-a.md" in line
    book.stitch()
    assert "x = 3" in book.read("book/p/01-a.md")
    book.tangle()
    assert book.read(MODULE) == "x = 3\n"


def test_an_edit_is_seen_though_the_header_is_gone(make_book):
    """Deleting the first line is no way round."""
    book = make_book({"p/01-a.md": block("x = 1", file=MODULE)})
    book.tangle()
    forget(book)
    book.write(MODULE, "mine\n")
    book.refuse("tangle")


def forget(book) -> None:
    """Remove build/, as a fresh clone has none."""
    import shutil

    shutil.rmtree(book.root / "build", ignore_errors=True)


# -- the order of chapters ----------------------------------------------------


def test_chapters_are_read_in_the_listed_order(make_book):
    """Not in the order of their names; appendices last, front first."""
    book = make_book(
        {
            "front/z.md": block("front", name="m", file=MODULE),
            "p/02-b.md": block("two", name="m"),
            "p/01-a.md": block("one", name="m"),
            "appendices/a.md": block("appendix", name="m"),
        }
    )
    book.tangle()
    assert book.read(MODULE) == "front\ntwo\none\nappendix\n"
    chapters = load(book).chapters
    assert [(c.number, c.stem, c.kind) for c in chapters] == [
        ("", "z", "front"),
        ("1", "02-b", "chapter"),
        ("2", "01-a", "chapter"),
        ("A", "a", "appendix"),
    ]


def test_a_later_chapter_needs_a_slot(make_book):
    """A reference forward is an error at its line, until a slot stands there."""
    one = block("a\n  <<late>>\nb", file=MODULE)
    book = make_book({"p/01-a.md": one, "p/02-b.md": block("x", name="late")})
    (line,) = book.refuse("tangle")
    assert line.startswith("book/p/01-a.md:3: ")
    assert "late" in line
    book.write("book/p/01-a.md", one + "``` {.python #late}\n```\n")
    book.tangle()
    text = book.read(MODULE)
    assert [line for line in text.split("\n") if line] == ["a", "  x", "b"]


def test_a_reference_within_a_chapter_may_look_ahead(make_book):
    """Only later chapters are too late."""
    book = make_book({"p/01-a.md": block("<<b>>", file=MODULE) + block("x", name="b")})
    book.tangle()
    assert book.read(MODULE) == "x\n"


def test_a_reference_back_needs_nothing(make_book):
    """An earlier chapter's chunk is there."""
    book = make_book(
        {"p/01-a.md": block("x", name="b"), "p/02-b.md": block("<<b>>", file=MODULE)}
    )
    book.tangle()
    assert book.read(MODULE) == "x\n"


# -- .replace -----------------------------------------------------------------


@pytest.fixture
def evolving(make_book):
    """A function that chapter 2 replaces and chapter 3 continues."""
    return make_book(
        {
            "p/01-a.md": block("<<f>>\nend", file=MODULE)
            + block("old 1", name="f")
            + block("old 2", name="f"),
            "p/02-b.md": block("new 1", name="f", more=".replace"),
            "p/03-c.md": block("new 2", name="f"),
        }
    )


def test_replace(evolving):
    """The block means all that the name means from its chapter on."""
    evolving.tangle()
    assert evolving.read(MODULE) == "new 1\nnew 2\nend\n"
    book = load(evolving)
    assert [b.body for b in book.parts("f")] == [("new 1",), ("new 2",)]
    assert [b.body for b in book.until("1").parts("f")] == [("old 1",), ("old 2",)]


def test_snapshots(evolving):
    """Each chapter's tree as it was at its end, without the prefix."""
    for number, text in {
        "1": "old 1\nold 2\nend\n",
        "2": "new 1\nend\n",
        "3": "new 1\nnew 2\nend\n",
    }.items():
        evolving.succeed("snapshot", number)
        path = f"build/snapshots/0{number}/pkg/m.py"
        assert evolving.read(path) == text


def test_a_snapshot_is_only_its_chapter(evolving):
    """A file that is no longer in it goes; the committed tree is not touched."""
    evolving.tangle()
    evolving.edit("book/p/01-a.md", "end\n```\n", "end\n```\n" + OTHER)
    evolving.succeed("snapshot", "1")
    assert evolving.has("build/snapshots/01/pkg/other.py")
    evolving.edit("book/p/01-a.md", OTHER, "")
    before = evolving.products()
    evolving.succeed("snapshot", "1")
    assert not evolving.has("build/snapshots/01/pkg/other.py")
    assert evolving.products() == before
    assert not evolving.has("generated/pkg/other.py")


def test_a_snapshot_of_no_chapter(evolving):
    """One line, with what there is."""
    result = evolving.run("snapshot", "4")
    assert result.status != 0
    (line,) = result.problems
    assert "4" in line
    assert "Traceback" not in result.said


def test_diff(evolving):
    """What a chapter changed, as a patch of the tree."""
    patch = evolving.succeed("diff", "1", "2").out
    changed = [line for line in patch.split("\n") if re.match(r"[-+][^-+]", line)]
    kept = [line for line in changed if "Made from" not in line]
    assert kept == ["-old 1", "-old 2", "+new 1"]
    assert evolving.succeed("diff", "2", "2").out == ""


def test_replace_of_nothing(make_book):
    """There must be something to replace."""
    book = make_book(
        {"p/01-a.md": block("<<f>>", file=MODULE) + block("x", "f", more=".replace")}
    )
    (line,) = book.refuse("tangle")
    assert line.startswith("book/p/01-a.md:5: ")


def test_stitch_reaches_the_replacing_block(evolving):
    """The edit goes to the chapter that has the last word."""
    evolving.tangle()
    evolving.edit(MODULE, "new 1", "newer 1")
    before = evolving.read("book/p/01-a.md")
    evolving.stitch()
    assert "newer 1" in evolving.read("book/p/02-b.md")
    assert evolving.read("book/p/01-a.md") == before


# -- tests and exercises ------------------------------------------------------

EXERCISE = """\
:::: {.exercise #ex:one level=1 title="One"}
Prose.

``` {.python .stub}
def one():
    ...
```

``` {.python .test}
assert one() == 1
```

``` {.python .solution}
def one():
    return 1
```

``` {.python .mutant}
def one():
    return 2
```

``` {.python .mutant}
def one():
    return "1"
```

::: {.solution}
It is one.
:::
::::

"""


def test_tests_land_in_their_chapters_file(make_book):
    """In order, named or not, in a file named after the chapter."""
    book = make_book(
        {
            "p/01-a-b.md": block("def test_1(): pass", more=".test")
            + EXERCISE
            + block("\ndef test_2():\n    <<inner>>", name="t2", more=".test")
            + block("pass", name="inner"),
            "p/02-c.md": block("def test_3(): pass", more=".test"),
        }
    )
    book.tangle()
    assert set(book.products()) == {
        "generated/tests/test_01_a_b.py",
        "generated/tests/test_02_c.py",
    }
    assert book.read("generated/tests/test_01_a_b.py") == (
        "def test_1(): pass\n\ndef test_2():\n    pass\n"
    )
    assert book.read("generated/tests/test_02_c.py") == "def test_3(): pass\n"


def test_exercises_do_not_leak(make_book):
    """Stub, test, solution and mutants are in no file, but in the blocks."""
    book = make_book({"p/01-a.md": EXERCISE + block("x", file=MODULE)})
    book.tangle()
    assert set(book.products()) == {MODULE}
    assert book.read(MODULE) == "x\n"
    blocks = load(book).blocks
    kinds = [b.classes[-1] for b in blocks if b.exercise == "ex:one"]
    assert kinds == ["stub", "test", "solution", "mutant", "mutant"]
    assert blocks[-1].exercise is None
    assert blocks[0].body == ("def one():", "    ...")


@pytest.mark.parametrize("kind", ["stub", "test", "solution", "mutant"])
def test_named_answers_do_not_leak(make_book, kind):
    """Not even with a name and a file."""
    named = EXERCISE.replace(f".{kind}}}", f".{kind} #x file=generated/x.py}}", 1)
    book = make_book({"p/01-a.md": named + block("x", file=MODULE)})
    book.tangle()
    assert set(book.products()) == {MODULE}


def test_a_test_after_an_exercise_is_a_test_again(make_book):
    """The div has ended."""
    book = make_book({"p/01-a.md": EXERCISE + block("x", more=".test")})
    book.tangle()
    assert book.read("generated/tests/test_01_a.py") == "x\n"


def test_runs_are_in_no_file(make_book):
    """An unnamed .run block is not code of the package."""
    text = block("1 + 1", more=".run") + block("x", file=MODULE)
    book = make_book({"p/01-a.md": text + block("ls", lang="bash", more=".run")})
    book.tangle()
    assert set(book.products()) == {MODULE}
    assert [b.classes for b in load(book).blocks if "run" in b.classes] == [
        ("python", "run"),
        ("bash", "run"),
    ]


# -- where the files may lie --------------------------------------------------


@pytest.mark.parametrize(
    "target", ["src/a.py", "a.py", "book/p/x.py", "generatedx/a.py"]
)
def test_a_target_outside_the_roots(make_book, target):
    """book.toml says where files may lie."""
    book = make_book({"p/01-a.md": "text\n" + block("x", file=target)})
    (line,) = book.refuse("tangle")
    assert line.startswith("book/p/01-a.md:2: ")
    assert "generated/" in line


def test_a_single_file_may_be_a_root(make_book):
    """As tangle.py itself is."""
    book = make_book({"p/01-a.md": block("x", file="tangle.py")})
    book.tangle()
    assert book.read("tangle.py") == "x\n"


# -- book.toml ----------------------------------------------------------------


def test_a_missing_chapter(make_book):
    """The line of book.toml that names it."""
    book = make_book({"p/01-a.md": block("x", file=MODULE), "p/02-b.md": ""})
    (book.root / "book/p/02-b.md").unlink()
    (line,) = book.refuse("tangle")
    assert re.match(r"book/(book\.toml|p/02-b\.md):\d+: ", line), line
    assert "02-b.md" in line


@pytest.mark.parametrize(
    "text",
    [
        "title = ",
        "part = 3\n",
        "[tangle]\nroots = 1\n",
        '[[part]]\ntitle = "x"\n',
        "\x00",
        "front = [1]\n",
    ],
)
def test_a_wrong_book_toml(make_book, text):
    """One line, no traceback."""
    book = make_book({"p/01-a.md": block("x", file=MODULE)})
    book.write("book/book.toml", text)
    (line,) = book.refuse("tangle")
    assert line.startswith("book/book.toml:")


def test_no_book_toml(make_book):
    """Without chapters named on the command line there must be one."""
    book = make_book({"p/01-a.md": block("x", file=MODULE)})
    (book.root / "book/book.toml").unlink()
    (line,) = book.refuse("tangle")
    assert "book.toml" in line


def test_an_empty_book(make_book):
    """No chapters yet: no files, no error."""
    book = make_book({})
    book.tangle()
    assert book.products() == {}


# -- check --------------------------------------------------------------------


def test_check_of_a_good_book(evolving):
    """Tangled and all used: nothing to say."""
    evolving.tangle()
    evolving.succeed("check")


def test_check_sees_drift(evolving):
    """A chapter edited but not tangled; nothing is written."""
    evolving.tangle()
    evolving.edit("book/p/03-c.md", "new 2", "new 3")
    (line,) = evolving.refuse("check")
    assert MODULE in line or "03-c.md" in line


def test_check_sees_a_hand_edit(evolving):
    """A generated file edited but not stitched."""
    evolving.tangle()
    evolving.edit(MODULE, "new 2", "new 3")
    (line,) = evolving.refuse("check")
    assert MODULE in line


def test_check_sees_a_missing_file(evolving):
    """Never tangled."""
    (line,) = evolving.refuse("check")
    assert MODULE in line


def test_check_sees_an_unused_chunk(make_book):
    """At its line; tangle itself goes on, for drafts have such chunks."""
    text = block("x", file=MODULE) + block("y", name="forgotten")
    book = make_book({"p/01-a.md": text})
    book.tangle()
    (line,) = book.refuse("check")
    assert line.startswith("book/p/01-a.md:5: ")
    assert "forgotten" in line


def test_check_sees_long_lines(make_book):
    """Code of the book has at most 72 columns."""
    wide = "x" * 72 + "\n" + "y" * 73
    book = make_book({"p/01-a.md": block(wide, file=MODULE)})
    book.tangle()
    (line,) = book.refuse("check")
    assert line.startswith("book/p/01-a.md:3: ")
    assert "72" in line and "73" in line


# -- the interface the weaver uses --------------------------------------------


def test_blocks_and_lines(make_book):
    """Where a block begins, what it says, and the lines it gives."""
    book = make_book(
        {
            "p/01-a.md": "# A\n\n"
            + block("def f():\n    <<b>>", file=MODULE)
            + '- item\n\n  ``` {.python #b key="a value" .api}\n  pass\n  ```\n'
        }
    )
    loaded = load(book)
    first, second = loaded.blocks
    assert (first.path, first.line, first.lang) == ("book/p/01-a.md", 3, "python")
    assert (first.name, first.target) == (MODULE, MODULE)
    assert (second.name, second.target, second.line) == ("b", None, 10)
    assert second.body == ("pass",)
    assert second.attrs["key"] == "a value"
    assert "api" in second.classes
    assert loaded.targets == {MODULE: MODULE}
    assert loaded.users("b") == [MODULE]
    assert loaded.users(MODULE) == []
    lines = loaded.expand(MODULE)
    assert [(x.text, x.path, x.line, x.name) for x in lines] == [
        ("def f():", "book/p/01-a.md", 4, MODULE),
        ("    pass", "book/p/01-a.md", 11, "b"),
    ]
    rendered = tangle.render(loaded, MODULE)
    assert HEADER.match((rendered[0].text + "\n").encode())
    assert [line.text for line in rendered[1:]] == ["def f():", "    pass"]


def test_until_an_appendix_is_the_whole_book(make_book):
    """Appendices belong to no chapter's snapshot."""
    book = make_book(
        {
            "p/01-a.md": block("x", file=MODULE),
            "appendices/a.md": block("y", file="generated/w.py"),
        }
    )
    loaded = load(book)
    assert set(loaded.until("1").targets) == {MODULE}
    assert set(loaded.until("A").targets) == {MODULE, "generated/w.py"}


def test_errors_as_exceptions(make_book):
    """where and message, together the one line."""
    book = make_book({"p/01-a.md": "```` {.python #x}\n"})
    with pytest.raises(tangle.TangleError) as caught:
        load(book)
    error = caught.value
    assert error.where == "book/p/01-a.md:1"
    assert str(error) == f"{error.where}: {error.message}"
