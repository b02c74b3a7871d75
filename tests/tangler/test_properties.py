"""What holds for every book: random chapters, random edits."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphs import ODD, Graph, graphs
from harness import HEADER, Project, assert_problems, block, book
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import tangle

BOUNDED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


@contextmanager
def written(graph: Graph) -> Iterator[Project]:
    """The graph's chapters in a directory of their own."""
    with tempfile.TemporaryDirectory() as place:
        project = Project(Path(place), here=True)
        for number, text in enumerate(graph.texts()):
            project.write(f"docs/{number}.md", text)
        yield project


@contextmanager
def bound(graph: Graph) -> Iterator[Project]:
    """The same as a book with a book.toml: its files lie below generated/."""
    with tempfile.TemporaryDirectory() as place:
        chapters = {
            f"part/{number}.md": text for number, text in enumerate(graph.texts())
        }
        project = book(Path(place), chapters)
        project.here = True
        yield project


def expected(graph: Graph) -> dict[str, bytes]:
    """What the simple tangler makes of it."""
    return {target: graph.text(name).encode() for target, name in graph.targets.items()}


@settings(BOUNDED, max_examples=250)
@given(graphs())
def test_the_simple_tangler_agrees(graph):
    """The files are those of an independent expander, byte for byte."""
    with written(graph) as project:
        project.tangle()
        assert project.products() == expected(graph)


@settings(BOUNDED, max_examples=100)
@given(graphs(slots=True))
def test_the_simple_tangler_agrees_about_a_book(graph):
    """The same with a book.toml, but for the header of each file."""
    with bound(graph) as project:
        project.tangle()
        assert project.products() == expected(graph)


@settings(BOUNDED, max_examples=50)
@given(graphs(slots=True), st.booleans())
def test_a_second_tangle_writes_nothing(graph, with_record):
    """Not a file is touched, with or without the record of the first time."""
    with bound(graph) as project:
        project.tangle()
        if not with_record:
            shutil.rmtree(project.root / "build")
        before = project.times()
        project.tangle()
        after = project.times()
        assert {path: after[path] for path in before} == before


@settings(BOUNDED, max_examples=120)
@given(graphs())
def test_every_line_knows_its_chapter(graph):
    """A generated line is the chapter's line, but for its indentation."""
    with written(graph) as project:
        loaded = tangle.load(project.root, ["docs/*.md"])
        for target, name in graph.targets.items():
            lines = tangle.render(loaded, target)
            assert [line.text for line in lines] == graph.text(name).split("\n")[:-1]
            for line in lines:
                chapter = project.read(line.path).split("\n")
                said = chapter[line.line - 1]
                if line.text:
                    assert said.strip() == line.text.strip()
                else:
                    assert not said.strip() or said.lstrip()[0] in "`~"
                assert line.name in graph.uses()


# -- tangle, edit, stitch, tangle ---------------------------------------------

NASTY = ["<<c1>>", "  <<nowhere>>", "```", "~~~", "````", "   ", "\t", ":::", ""]
EDITS = st.lists(
    st.tuples(
        st.integers(0, 10**6),
        st.sampled_from(["change", "delete", "insert", "swap"]),
        st.one_of(
            st.sampled_from(["new", "    new", "x = 1", *ODD]),
            st.sampled_from(NASTY),
        ),
    ),
    min_size=1,
    max_size=4,
)


def edited(text: str, edits: list[tuple[int, str, str]]) -> str:
    """The text after some hand edits of whole lines."""
    lines = text.split("\n")[:-1]
    for place, how, new in edits:
        at = place % (len(lines) + 1)
        if how == "insert" or at == len(lines):
            lines.insert(at, new)
        elif how == "change":
            lines[at] = lines[at][: len(lines[at]) - len(lines[at].lstrip())] + new
        elif how == "swap" and at + 1 < len(lines):
            lines[at : at + 2] = lines[at : at + 2][::-1]
        else:
            del lines[at]
    return "".join(line + "\n" for line in lines)


def check_round_trip(project: Project, edits: dict[str, str]) -> bool:
    """Stitch refuses and touches nothing, or the edits come out of tangle."""
    for path, text in edits.items():
        header = HEADER.match((project.root / path).read_bytes())
        project.write(path, (header[0] if header else b"") + text.encode())
    before = project.files()
    result = project.run("stitch")
    if result.status:
        assert_problems(result, None)
        assert project.files() == before, "stitch refused, and changed files"
        return False
    project.tangle()
    for path, text in edits.items():
        assert project.read(path) == text
    again = project.times()
    project.stitch()
    project.tangle()
    assert project.times() == again, "not a fixed point"
    return True


@settings(BOUNDED, max_examples=400)
@given(graphs(), st.data())
def test_edits_go_home(graph, data):
    """Tangle, edit by hand, stitch, tangle: what the hand wrote stands."""
    with written(graph) as project:
        project.tangle()
        paths = data.draw(
            st.lists(st.sampled_from(sorted(graph.targets)), min_size=1, unique=True)
        )
        edits = {path: edited(project.read(path), data.draw(EDITS)) for path in paths}
        edits = {k: v for k, v in edits.items() if v != project.read(k)}
        if edits:
            taken = check_round_trip(project, edits)
            event("taken" if taken else "refused")


@settings(BOUNDED, max_examples=150)
@given(graphs(slots=True), st.data())
def test_edits_go_home_to_a_book(graph, data):
    """The same with a book.toml, and without the record of the last tangle."""
    with bound(graph) as project:
        project.tangle()
        if data.draw(st.booleans()):
            shutil.rmtree(project.root / "build")
        path = data.draw(st.sampled_from(sorted(graph.targets)))
        text = edited(project.read(path), data.draw(EDITS))
        if text != project.read(path):
            taken = check_round_trip(project, {path: text})
            event("taken" if taken else "refused")


def harmless(graph: Graph) -> bool:
    """Whether each chunk stands once, and no line of it needs a second look."""
    return all(n == 1 for n in graph.uses().values())


@settings(BOUNDED, max_examples=150)
@given(graphs().filter(harmless), st.data())
def test_an_ordinary_edit_is_taken(graph, data):
    """A line with text, changed to another, is never refused."""
    with written(graph) as project:
        project.tangle()
        path = data.draw(st.sampled_from(sorted(graph.targets)))
        lines = project.read(path).split("\n")[:-1]
        places = [n for n, line in enumerate(lines) if line.strip()]
        if not places:
            return
        for place in data.draw(st.sets(st.sampled_from(places), max_size=3)):
            line = lines[place]
            lead = line[: len(line) - len(line.lstrip())]
            lines[place] = f"{lead}ordinary {place}"
        text = "".join(line + "\n" for line in lines)
        assert check_round_trip(project, {path: text})


@settings(BOUNDED, max_examples=150)
@given(graphs().filter(harmless), st.data())
def test_an_edit_within_a_block_is_taken(graph, data):
    """A line put in, or taken out, between two lines of a block: never refused."""
    with written(graph) as project:
        project.tangle()
        path = data.draw(st.sampled_from(sorted(graph.targets)))
        loaded = tangle.load(project.root, ["docs/*.md"])
        lines = tangle.render(loaded, path)
        places = [
            n
            for n in range(1, len(lines) - 1)
            if all(line.text.strip() for line in lines[n - 1 : n + 2])
            and {(line.path, line.name) for line in lines[n - 1 : n + 2]}
            == {(lines[n].path, lines[n].name)}
            and lines[n + 1].line - lines[n - 1].line == 2
        ]
        if not places:
            return
        at = data.draw(st.sampled_from(places))
        text = [line.text for line in lines]
        if data.draw(st.booleans()):
            del text[at]
        else:
            lead = text[at][: len(text[at]) - len(text[at].lstrip())]
            text.insert(at, f"{lead}put in")
        assert check_round_trip(project, {path: "".join(t + "\n" for t in text)})
        event("taken")


@settings(BOUNDED, max_examples=80)
@given(graphs().filter(harmless), st.data())
def test_both_sides_may_be_edited(graph, data):
    """A chapter and a file changed in different lines: both changes stand."""
    with written(graph) as project:
        project.tangle()
        path = data.draw(st.sampled_from(sorted(graph.targets)))
        name = graph.targets[path]
        lines = project.read(path).split("\n")[:-1]
        places = [n for n, line in enumerate(lines) if line.strip()]
        if len(places) < 2:
            return
        mine = data.draw(st.sampled_from(places[1:]))
        loaded = tangle.load(project.root, ["docs/*.md"])
        home = tangle.render(loaded, path)
        other = home[places[0]]
        if (other.path, other.line) == (home[mine].path, home[mine].line):
            return
        chapter = project.read(other.path).split("\n")
        said = chapter[other.line - 1]
        lead = said[: len(said) - len(said.lstrip())]
        chapter[other.line - 1] = lead + "the author's"
        project.write(other.path, "\n".join(chapter))
        text = lines[mine]
        lines[mine] = text[: len(text) - len(text.lstrip())] + "the programmer's"
        project.write(path, "".join(line + "\n" for line in lines))
        result = project.run("stitch")
        if result.status:  # neighbouring lines may be one conflict
            assert abs(mine - places[0]) <= 1 or name, result.said
            assert_problems(result, None)
            event("refused")
            return
        event("merged")
        project.tangle()
        text = lines[places[0]]
        lead = text[: len(text) - len(text.lstrip())]
        lines[places[0]] = lead + "the author's"
        assert project.read(path) == "".join(line + "\n" for line in lines)


# -- diff ---------------------------------------------------------------------


@settings(BOUNDED, max_examples=40)
@given(graphs(slots=True))
def test_a_diff_is_a_patch(graph):
    """`diff A B`, applied to snapshot A, gives snapshot B; 0 is empty."""
    with bound(graph) as project:
        trees = {0: project.root / "nothing"}
        for number in (1, 2, 3):
            project.succeed("snapshot", str(number))
            trees[number] = project.root / f"build/snapshots/{number:02}"
        for old, new in ((0, 1), (0, 3), (1, 2), (1, 3), (2, 3), (2, 2)):
            patch = project.succeed("diff", str(old), str(new)).out
            with tempfile.TemporaryDirectory() as place:
                copy = Path(place) / "copy"
                copy.mkdir()
                if trees[old].exists():  # a chapter may have no file yet
                    shutil.copytree(trees[old], copy, dirs_exist_ok=True)
                apply(copy, patch)
                assert contents(copy) == contents(trees[new])


def test_a_diff_of_modes_and_whole_files(tmp_path):
    """Files that come, go and become executable."""

    def script(text: str, *more: str) -> str:
        return block(text, "s", file="generated/run", more=" ".join(more))

    project = book(
        tmp_path,
        {
            "p/1.md": script("#!/bin/sh") + block("a", file='"generated/a b.txt"'),
            "p/2.md": script("#!/bin/sh", ".replace", "mode=0755")
            + block("", file="generated/empty.txt")
            + block("b", file="generated/n/b.c"),
        },
    )
    for number in ("1", "2"):
        project.succeed("snapshot", number)
    one, two = (tmp_path / f"build/snapshots/0{number}" for number in (1, 2))
    assert os.access(two / "run", os.X_OK) > os.access(one / "run", os.X_OK)
    for old, new, names in ((one, two, "12"), (two, one, "21")):
        copy = tmp_path / f"copy{names}"
        shutil.copytree(old, copy)
        apply(copy, project.succeed("diff", *names).out)
        assert contents(copy) == contents(new)
        assert os.access(copy / "run", os.X_OK) == os.access(new / "run", os.X_OK)


def apply(tree: Path, patch: str) -> None:
    """Apply a patch as anyone would."""
    if not patch:
        return
    done = subprocess.run(
        ["git", "apply", "-p1", "--whitespace=nowarn", "-"],
        input=patch.encode(),
        cwd=tree,
        env={"GIT_CEILING_DIRECTORIES": str(tree.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode() + patch


def contents(tree: Path) -> dict[str, bytes]:
    """All files below a directory."""
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file()
    }
