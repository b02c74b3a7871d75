"""The reader's workshop, used as a reader uses it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tangle
from learn.commands import main
from learn.grade import grade
from learn.lesson import Lesson
from learn.stubs import definitions, is_bare, is_stub
from learn.trial import environment
from learn.workspace import Workspace, contents, sheet

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = [
    c.number for c in tangle.load(ROOT).chapters if c.kind == "chapter"
]


@pytest.fixture(scope="module", autouse=True)
def studied() -> None:
    """The tests of all chapters, watched: two chapters at a time."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: Lesson(ROOT, number).study, CHAPTERS))


def write(place: Path, file: str, text: str) -> None:
    path = place / file
    path.write_text(text, "utf-8")


def states(place: Path) -> dict[str, str]:
    kept = json.loads((place / ".learn/progress.json").read_text("utf-8"))
    return kept["states"]


def test_a_reader_gets_through_a_small_book(book, learn, tmp_path):
    place = tmp_path / "elsewhere" / "two"
    assert learn("start", 2, "--root", book, "--dir", place)[0] == 0
    said = learn("check", "--dir", place)[1]
    assert "0 of 4" in said and "not yet ⟨making⟩ times" in said
    assert said.count("not yet") == 4
    learn("hint", "times", "--solution", "--write", "--dir", place)
    learn("hint", "half/how", "--solution", "--write", "--dir", place)
    said = learn("check", "--dir", place)[1]
    assert "New since" not in said or "times" in said
    assert "2 of 4" in said
    learn("hint", "Box.value", "--solution", "--write", "--dir", place)
    learn("hint", "ex:one-more", "--solution", "--write", "--dir", place)
    said = learn("check", "--dir", place)[1]
    assert "4 of 4" in said and "Chapter 2 is yours" in said
    assert learn("status", "--dir", place)[1].split("\n\n")[1] in said


def test_stubs_keep_the_face_and_lose_the_body(book):
    lesson = Lesson(book, "2")
    stub = lesson.stub("nand2llm/making.py")
    assert "double = times(2)" in stub and "@property" in stub
    assert "# The number is read through this." in stub
    scope: dict[str, object] = {}
    exec(stub.replace("from nand2llm.half import half", ""), scope)
    with pytest.raises(NotImplementedError, match=r"⟨making⟩: book/two.md:7"):
        scope["double"](3)
    half = lesson.stub("nand2llm/half.py")
    assert "return n / 3" in half and "return n / TWO" not in half


@pytest.mark.parametrize("number", CHAPTERS)
def test_every_stub_of_the_book(number, tmp_path):
    lesson = Lesson(ROOT, number)
    assert lesson.units
    for file in lesson.modules:
        stub = definitions(ast.parse(lesson.stub(file)))
        book = definitions(ast.parse(lesson.source(file)))
        assert stub.keys() == book.keys()
        units = {n for unit in lesson.units if unit.file == file for n in unit.names}
        for name, nodes in book.items():
            for old, new in zip(nodes, stub[name], strict=True):
                assert ast.dump(old.args) == ast.dump(new.args)
                assert ast.get_docstring(old) == ast.get_docstring(new)
                assert list(map(ast.dump, old.decorator_list)) == list(
                    map(ast.dump, new.decorator_list)
                )
                assert is_stub(new) == (name in units and not is_bare(old))
        assert max(map(len, lesson.stub(file).split("\n"))) <= 79
    names = [n for file in lesson.modules for n in [file[:-3].replace("/", ".")]]
    main(["start", number, "--root", str(ROOT), "--dir", str(tmp_path / "w")])
    code = "import " + ", ".join(n.removesuffix(".__init__") for n in names)
    subprocess.run([sys.executable, "-P", "-c", code], check=True, env={
        "PYTHONPATH": str(tmp_path / "w"), "PYTHONDONTWRITEBYTECODE": "1"})


@pytest.mark.parametrize("number", CHAPTERS)
def test_the_books_own_code_makes_everything_done(number, tmp_path, learn):
    place = tmp_path / "w"
    learn("start", number, "--root", ROOT, "--dir", place)
    lesson = Lesson(ROOT, number)
    assert "0 of" in learn("check", "--dir", place)[1]
    for file in {unit.file for unit in lesson.units}:
        write(place, file, lesson.source(file))
    for exercise in lesson.exercises:
        write(place, exercise.file, exercise.code("solution"))
    said = learn("check", "--dir", place)[1]
    assert f"Chapter {number} is yours" in said, said
    assert set(states(place).values()) == {"done"}


def unmissed(root: Path, number: str) -> list[str]:
    """The units that may be emptied, each alone, and no test fails."""
    tree = Lesson(root, number).snapshot()
    program = str(Path(__file__).with_name("emptied.py"))
    done = subprocess.run(
        [sys.executable, program, str(root), number],
        cwd=tree, env=environment(tree), capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.split("\n")[-2])


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@needs_fork
@pytest.mark.parametrize("number", CHAPTERS)
def test_the_tests_of_a_unit_miss_it(number):
    assert not unmissed(ROOT, number)


@needs_fork
def test_a_unit_that_is_not_missed_is_found(book):
    assert unmissed(book, "2") == []
    chapter = book / "book/two.md"
    text = chapter.read_text()
    for old, new in [
        ("assert Box(3).value == 3", "pass"),
        ("assert Box(8).quarter() == 2", """
    try:
        Box(8).quarter()
    except NotImplementedError:
        pass"""),
    ]:
        assert old in text
        text = text.replace(old, new)
    chapter.write_text(text)
    assert unmissed(book, "2") == ["making/box:Box.__init__"]


@pytest.mark.parametrize("number", CHAPTERS)
def test_each_mutant_is_wrong(number, tmp_path):
    place = tmp_path / "w"
    main(["start", number, "--root", str(ROOT), "--dir", str(place)])
    lesson = Lesson(ROOT, number)
    rounds = max(
        sum("mutant" in b.classes for b in e.blocks) for e in lesson.exercises
    )
    for k in range(rounds):
        tried = set()
        for exercise in lesson.exercises:
            mutants = [b for b in exercise.blocks if "mutant" in b.classes]
            if k < len(mutants):
                write(place, exercise.file, "\n".join(mutants[k].body))
                tried.add(exercise)
        for verdict in grade(lesson, Workspace(place)):
            if verdict.item in tried:
                assert verdict.state == "wrong" and verdict.words


@pytest.mark.parametrize(("old", "new", "chunk"), [
    ("return 1 - a * b", "return a * b", "nand"),
    ("pattern = 2 * pattern +", "pattern = pattern +", "from_bits"),
])
def test_only_the_wrong_chunk_is_wrong(old, new, chunk, tmp_path):
    place = tmp_path / "w"
    main(["start", "2", "--root", str(ROOT), "--dir", str(place)])
    lesson = Lesson(ROOT, "2")
    file = "nand2llm/bits.py"
    write(place, file, lesson.source(file).replace(old, new))
    for verdict in grade(lesson, Workspace(place)):
        if getattr(verdict.item, "file", "") == file:
            assert (verdict.state == "wrong") == (chunk in verdict.item.names)


def test_the_chapters_own_test_speaks_first(tmp_path):
    place = tmp_path / "w"
    main(["start", "4", "--root", str(ROOT), "--dir", str(place)])
    lesson = Lesson(ROOT, "4")
    file = "nand2llm/losses.py"
    wrong = lesson.source(file).replace(
        "return 2 * (prediction - truth)", "return 2 * (truth - prediction)"
    )
    write(place, file, wrong)
    found = [v for v in grade(lesson, Workspace(place)) if v.state == "wrong"]
    assert [v.item.chunk for v in found] == ["losses/squared"]
    # Chapter 1 tests it too, from farther away.
    assert found[0].words.startswith("test_every_slope_is_the_slope_of_its_loss[squared]")
    assert "check.py" not in found[0].words  # lent, so not to blame


def test_half_a_unit_is_begun(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    lesson = Lesson(book, "2")
    source = lesson.source("nand2llm/making.py")
    cut = source.index("return half(half(self.n))")
    half = source[:cut] + 'raise NotImplementedError("⟨making/box⟩: x")\n'
    write(place, "nand2llm/making.py", half)
    said = learn("check", "--dir", place)[1]
    assert "begun   ⟨making/box⟩ Box: __init__, value, quarter" in said
    assert "Still to write: Box.quarter." in said
    line = half.split("\n").index("    def quarter(self) -> float:") + 1
    assert f"in {place}/nand2llm/making.py:{line}\n" in said
    assert learn("status", "--dir", place)[1].endswith(said[said.index("Next:"):])


def test_one_bad_line_is_told_once(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    source = Lesson(book, "2").source("nand2llm/making.py")
    broken = source.replace("return half(half(self.n))", "return half(half(self.n)")
    write(place, "nand2llm/making.py", broken)
    line = broken.split("\n").index("        return half(half(self.n)") + 1
    for _ in range(2):
        said = learn("check", "--dir", place)[1]
        table = said[: said.index("[")]
        assert "wrong   ⟨making/box⟩" in table and "unread  ⟨making⟩" in table
        assert table.count(f"nand2llm/making.py:{line}: ") == 1
        assert "Reread book/two.md:26" in table
    (place / "nand2llm/making.py").write_bytes(source.encode() + b"\n# \xff\n")
    said = learn("check", "--dir", place)[1]
    assert f"making.py:{source.count(chr(10)) + 2}: not UTF-8" in said


def test_what_was_printed_is_shown(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    text = Lesson(book, "2").source("nand2llm/half.py")
    text = text.replace("return n / TWO", 'print("n is", n)\n    return n')
    write(place, "nand2llm/half.py", text)
    assert "It printed: n is 8" in learn("check", "--dir", place)[1]


def test_files_that_do_not_load_are_told(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    write(place, "nand2llm/making.py", "def f(:\n")
    write(place, "exercises/ex_one_more.py", "def f(:\n")
    said = learn("check", "--dir", place)[1]
    assert "nand2llm/making.py:1: " in said
    assert "exercises/ex_one_more.py:1: " in said
    source = Lesson(book, "2").source("nand2llm/making.py")
    write(place, "nand2llm/making.py", source + "\nnowhere\n")
    said = learn("check", "--dir", place)[1]
    assert "NameError: name 'nowhere'" in " ".join(said.split())
    write(place, "nand2llm/making.py", "")
    assert learn("check", "--dir", place)[1].count("not yet") == 3


def test_an_endless_loop_ends(book, learn, tmp_path, monkeypatch):
    monkeypatch.setattr("learn.trial.LIMIT", 1)
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    text = Lesson(book, "2").source("nand2llm/half.py")
    stubborn = "while True:\n        try: pass\n        except Exception: pass\n"
    endless = text.replace("if n < 0:", f"{stubborn}    if n < 0:")
    write(place, "nand2llm/half.py", endless)
    said = learn("check", "--dir", place)[1]
    assert "no end after" in said


def test_an_exit_is_told(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    text = Lesson(book, "2").source("nand2llm/half.py")
    write(place, "nand2llm/half.py", text.replace("if n <", "__import__('os')._exit(7)\n    if n <"))
    status, said = learn("check", "--dir", place)
    assert status == 1 and "Python ended with status 7" in said
    assert "in test_" in said


@settings(
    max_examples=12, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_byte_of_the_readers_changes(book, tmp_path_factory, data):
    place = tmp_path_factory.mktemp("w") / "two"
    main(["start", "2", "--root", str(book), "--dir", str(place)])
    files = sorted(
        path
        for path in place.rglob("*")
        if path.is_file() and ".learn" not in path.parts
    )
    mine = {}
    for path in data.draw(st.lists(st.sampled_from(files), min_size=1, unique=True)):
        mine[path] = data.draw(st.one_of(
            st.binary(max_size=60),
            st.sampled_from([b"", b"x = (", b"\xff", b"import os\n"]),
        ))
        path.write_bytes(mine[path])
    extra = place / "nand2llm" / "notes.txt"
    extra.write_bytes(b"mine")
    for words in (["start", "2", "--root", str(book)], ["hint", "times"],
                  ["hint", "times", "--solution"], ["check"], ["status"]):
        main([*words, "--dir", str(place)])
    for path in files:
        assert path.read_bytes() == mine.get(path, path.read_bytes())
    assert extra.read_bytes() == b"mine"


def test_check_changes_no_file_but_the_progress(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    write(place, "nand2llm/making.py", Lesson(book, "2").source("nand2llm/making.py"))
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    learn("check", "--dir", place)
    after = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    assert set(after) - set(before) == {place / ".learn/progress.json"}
    assert all(after[p] == before[p] for p in before)


def test_write_keeps_every_copy(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    for k in (1, 2):
        text = f"# try {k}\n" + Lesson(book, "2").stub("nand2llm/making.py")
        write(place, "nand2llm/making.py", text)
        said = learn("hint", "times", "--solution", "--write", "--dir", place)[1]
        assert f".learn/backup/nand2llm/making.py.{k}" in said
        assert (place / f".learn/backup/nand2llm/making.py.{k}").read_text() == text
        now = (place / "nand2llm/making.py").read_text()
        assert now.startswith(f"# try {k}") and "return k * n" in now


def test_start_again_tells_what_is_new(book, learn, tmp_path):
    place = tmp_path / "w"

    def start():
        return learn("start", 2, "--root", book, "--dir", place)[1]

    assert "README.md first" in start() and start() == ""
    write(place, "nand2llm/making.py", "mine = 1\n")
    (place / "nand2llm/half.py").unlink()
    assert start() == "wrote again, for they were gone: nand2llm/half.py\n"
    chapter = book / "book/two.md"
    chapter.write_text(
        chapter.read_text()
        .replace("times(k: int)", "times(k: float)")
        .replace("def test_box", "def test_the_box")
    )
    said = start()
    assert "left nand2llm/making.py" in said and "stub has changed" in said
    assert "has changed, and so has: tests/test_two.py\n" in said
    assert "def test_the_box" in (place / "tests/test_two.py").read_text()
    assert (place / "nand2llm/making.py").read_text() == "mine = 1\n"
    assert "k: float" in (place / ".learn/stubs/nand2llm/making.py").read_text()
    assert start() == ""  # said once


def test_moved_lines_are_no_news(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    mine = (place / "nand2llm/half.py").read_text() + "# mine\n"
    write(place, "nand2llm/half.py", mine)
    chapter = book / "book/two.md"
    chapter.write_text(chapter.read_text().replace("A factory", "\nA factory", 1))
    assert learn("start", 2, "--root", book, "--dir", place)[1] == ""
    assert (place / "nand2llm/half.py").read_text() == mine
    # What was not touched names the new lines.
    assert "two.md:8" in (place / "nand2llm/making.py").read_text()


def test_progress_survives(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    write(place, "exercises/ex_one_more.py", "def one_more(n):\n    return n + 1\n")
    assert "1 of 4" in learn("check", "--dir", place)[1]
    learn("start", 2, "--root", book, "--dir", place)
    assert "1 of 4" in learn("status", "--dir", place)[1]
    assert states(place)["ex:one-more"] == "done"
    (place / ".learn/progress.json").write_text("{")
    assert learn("status", "--dir", place)[0] == 1
    assert (place / ".learn/progress.json").read_text() == "{"


def test_hints_are_the_books_words(book, learn, tmp_path, monkeypatch):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    monkeypatch.chdir(place / "nand2llm")
    said = learn("hint", "making")[1]
    assert "A factory makes a function." in said and "book/two.md:7" in said
    assert "return product" not in said and "test_double" in said
    assert "return product" in learn("hint", "times", "--solution")[1]
    assert "Add one." in learn("hint", "ex:one-more")[1]
    assert "n + 1" not in learn("hint", "ex:one-more")[1]
    assert "n + 1" in learn("hint", "ex:one-more", "--solution")[1]


def test_names_need_not_be_exact(book):
    lesson = Lesson(book, "2")
    for name in ("ex:one-more", "one-more", "One-More", "2.1", "exercises/ex_one_more.py"):
        assert lesson.find(name) is lesson.exercises[0]
    box = lesson.find("Box.value")
    for name in ("Box", "box", "value", "making/box", "BOX.VALUE"):
        assert lesson.find(name) == box


def test_hints_show_what_was_there_before(book, learn, tmp_path):
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    said = learn("hint", "half", "--dir", place)[1]
    before = said[said.index("Until this chapter it was:") :]
    assert "def half(n: int)" in before and "return n / TWO" in before
    assert "is negative" not in before
    assert "Until this chapter" not in learn("hint", "times", "--dir", place)[1]


def test_sections_are_numbered_as_on_the_page(book):
    chapter = book / "book/two.md"
    extra = "## Aside {.unnumbered}\n\n### Deep {#sec:deep}\n\n## Exercises"
    chapter.write_text(chapter.read_text().replace("## Exercises", extra))
    titles = [title for _, title in Lesson(book, "2").headings]
    assert titles == ["Factories", "2.1 Making", "Aside", "2.1.1 Deep", "2.2 Exercises"]


@pytest.mark.parametrize(("row", "chunk"), [
    ("    return product", "making"),
    ("        return k * n", "making"),
    ("    @property", "making/box"),
    ("        return half(half(self.n))", "making/box"),
    ("double = times(2)", None),
    ("from nand2llm.half import half", None),
])
def test_a_line_belongs_to_a_unit(row, chunk, book):
    lesson = Lesson(book, "2")
    text = lesson.source("nand2llm/making.py")
    line = text.split("\n").index(row) + 1
    unit = lesson.around("nand2llm/making.py", text, line)
    assert (unit and unit.chunk) == chunk


def run(place, *words):
    """A command, given in a workspace."""
    done = subprocess.run(
        [sys.executable, *words], cwd=place, capture_output=True, text=True,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}", "PATH": "/usr/bin:/bin"},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def half_done(book, learn, tmp_path):
    """A workspace with a mistake, and with much that is missing."""
    place = tmp_path / "w"
    learn("start", 2, "--root", book, "--dir", place)
    stub = (place / "nand2llm/making.py").read_text()
    at = stub.index("raise NotImplementedError", stub.index("def value"))
    end = stub.index(")", stub.index('"book', at)) + 1
    write(place, "nand2llm/making.py", stub[:at] + "return self.m" + stub[end:])
    script = "from nand2llm.making import Box, double\nprint(double(21))\nprint(Box(1).value)\n"
    write(place, "mine.py", script)
    return place


def test_programs_are_lent_what_is_missing(half_done):
    status, said = run(half_done, "-m", "learn", "run", "mine.py")
    assert status == 1 and "42" in said
    assert f"{half_done}/nand2llm/making.py" in said and "'m'" in said
    assert "learn: ⟨making/box⟩ is told at book/two.md:26 (2.1 Making)" in said
    assert "runpy" not in said and "learn/lend.py" not in said
    assert "3 chunks are the book's" in said
    text = (half_done / "nand2llm/making.py").read_text()
    write(half_done, "nand2llm/making.py", text.replace("self.m", "(self.n"))
    status, said = run(half_done, "-m", "learn", "run", "mine.py")
    assert status == 1 and "SyntaxError" in said and "learn/trial.py" not in said
    assert "⟨making/box⟩ is told at" in said
    assert run(half_done, "-m", "learn", "run")[1].startswith("learn: what is to be run?")


def test_pytest_is_lent_what_is_missing(half_done):
    status, said = run(half_done, "-m", "pytest", "-q")
    assert status == 1 and "1 failed, 3 passed" in said
    assert "::test_box: ⟨making/box⟩ is told at book/two.md:26" in said
    assert "3 chunks are the book's" in said
    text = (half_done / "nand2llm/making.py").read_text()
    write(half_done, "nand2llm/making.py", text.replace("self.m", "self.n"))
    assert "4 passed" in run(half_done, "-m", "pytest", "-q")[1]
    write(half_done, "nand2llm/making.py", text.replace("self.m", "(self.n"))
    status, said = run(half_done, "-m", "pytest", "-q")
    assert status != 0 and "tests/test_two.py: ⟨making/box⟩ is told at" in said


def test_tools_name_the_books_lines(half_done):
    text = (half_done / "nand2llm/making.py").read_text()
    write(half_done, "nand2llm/making.py", text.replace("self.m", "unknown"))
    line = text.split("\n").index("        return self.m") + 1
    status, said = run(
        half_done, "-m", "learn", "translate", "--",
        "ruff", "check", "--isolated", "--output-format", "concise", "nand2llm",
    )
    rows = said.split("\n")
    at = next(k for k, row in enumerate(rows) if row.startswith(f"nand2llm/making.py:{line}:"))
    assert status == 1 and "Undefined name `unknown`" in rows[at]
    assert rows[at + 1] == "    ⟨making/box⟩ is told at book/two.md:26 (2.1 Making)"


def test_the_commands_run_beside_any_file(half_done):
    write(half_done, "nand2llm/array.py", "raise SystemExit('not this one')\n")
    status, said = run(half_done / "nand2llm", "-m", "learn", "status")
    assert status == 0 and "Chapter 2: Factories" in said


@pytest.mark.parametrize(("words", "told"), [
    (["start", "9"], "no chapter 9; there are 1, 2"),
    (["check", "--dir", "nowhere"], "no workspace; make one with start"),
    (["check", "--chapter", "77"], "learn/77: no workspace"),
    (["run", "--dir", "W"], "what is to be run? say: run COMMAND"),
    (["hint", "tims", "--dir", "W"], "is it times?"),
    (["hint", "times", "--write", "--dir", "W"], "--write goes with --solution"),
    (["start", "1", "--dir", "W"], "the workspace of chapter 2"),
    (["start", "2", "--dir", "full"], "not empty, and no workspace"),
    (["start", "2", "--dir", "file"], "a file; name a directory"),
    (["check"], "no workspace here"),
])
def test_errors_are_one_line(words, told, book, learn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learn("start", 2, "--root", book, "--dir", "W")
    (tmp_path / "full/sub").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    root = ["--root", book] if words[0] == "start" else []
    status, said = learn(*words, *root)
    assert status == 1 and told in said


def test_sheets_and_contents(book):
    lesson = Lesson(book, "2")
    files = dict(contents(lesson, book / "learn/02"))
    assert "book/two.md" in sheet(lesson, lesson.exercises[0])
    assert {"tests/test_two.py", "exercises/ex_one_more.py"} <= files.keys()
    assert "tests/test_one.py" not in files
    assert not any("Made from" in text for text in files.values())
