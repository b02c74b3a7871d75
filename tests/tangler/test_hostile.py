"""Bad input gets one clear line, and nothing is ever overwritten silently."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time

import pytest
from harness import SCRIPT, Project, assert_problems, block, forked

GOOD = block("fine", file="out/good.py")

# name of the case: (chapters, where the one problem is, words it must have)
CASES: dict[str, tuple[dict[str, str | bytes], str, tuple[str, ...]]] = {}


def case(name: str, docs, where: str, *words: str) -> None:
    """Add a case; every chapter comes after a good one."""
    chapters = {"a": docs} if isinstance(docs, str | bytes) else docs
    CASES[name] = (chapters, where, words)


case(
    "an unclosed fence",
    "# A\n\n" + GOOD + "``` {.python #x}\nx\n",
    "docs/a.md:7",
)
case(
    "a fence closed by a shorter one",
    "```` {.python #x}\nx\n```\n",
    "docs/a.md:1",
)
case(
    "a fence that the next block's end closes",
    GOOD + "``` {.python file=out/b.py}\nx\n\nProse.\n\n```{#y .python}\ny\n```\n",
    "docs/a.md:5",
    "line 10",
    "add ```",
)
case(
    "a chunk that refers to itself",
    block("<<m>>", name="m", file="out/a.py"),
    "docs/a.md:2",
    "m",
)
case(
    "a cycle of two",
    block("<<one>>", file="out/a.py")
    + block("x\n<<two>>", name="one")
    + block("<<one>>", name="two"),
    "docs/a.md:",
    "one",
    "two",
)
case(
    "a cycle of three over two chapters",
    {
        "a": block("<<one>>", file="out/a.py") + block("<<two>>", name="one"),
        "b": block("<<three>>", name="two") + block("  <<one>>", name="three"),
    },
    "docs/",
    "one",
    "two",
    "three",
)
case(
    "a cycle that no file uses",
    block("x", file="out/a.py") + block("<<b>>", name="a") + block("<<a>>", name="b"),
    "docs/a.md:",
    "a",
    "b",
)
case("git's own directory", block("x", file=".git/hooks/x"), "docs/a.md:1", ".git")
case("a target above the root", block("x", file="../x.py"), "docs/a.md:1", "../x.py")
case(
    "a target above the root, by a detour",
    block("x", file="out/../../x.py"),
    "docs/a.md:1",
    "out/../../x.py",
)
case(
    "an absolute target",
    block("x", file="/OUTSIDE/x.py"),
    "docs/a.md:1",
    "/x.py",
)
case("the root as a target", block("x", file="."), "docs/a.md:1")
case("a directory's name as a target", block("x", file="out/"), "docs/a.md:1")
case("a chapter as a target", block("x", file="docs/a.md"), "docs/a.md:1")
case("the record as a target", block("x", file=".tangle.json"), "docs/a.md:1")
case(
    "two names for one target",
    block("x", name="one", file="out/a.py") + block("y", name="two", file="out/a.py"),
    "docs/a.md:5",
    "out/a.py",
    "docs/a.md:1",
)
case(
    "two unnamed blocks for one target",
    block("x", file="out/a.py") + block("y", file="out/a.py"),
    "docs/a.md:5",
    "out/a.py",
)
case(
    "one target in two spellings",
    block("x", file="out/a.py") + block("y", file="out/./a.py"),
    "docs/a.md:5",
)
case(
    "a target within another",
    block("x", file="out/a") + block("y", file="out/a/b.py"),
    "docs/a.md:",
    "out/a/b.py",
)
case(
    "a name that is nowhere defined",
    block("a\nb\n  <<grety>>\n", file="out/a.py")
    + block("<<greet>>", file="out/b.py")
    + block("hello", name="greet"),
    "docs/a.md:4",
    "grety",
    "greet",
)
case("an attribute without a value", "``` {.python #x file=}\n```\n", "docs/a.md:1")
case("a hash without a name", "``` {.python #}\n```\n", "docs/a.md:1")
case("an unclosed quote", '``` {.python file="x.py}\n```\n', "docs/a.md:1")
case("two names", "``` {.python #a #b}\n```\n", "docs/a.md:1", "#b")
case("two files", "``` {.python file=a file=b}\n```\n", "docs/a.md:1", "file=")
case("a character that means nothing", "``` {.python #a !}\n```\n", "docs/a.md:1", "!")
case("a name with a character too many", "``` {.python #a(b}\n```\n", "docs/a.md:1")
case("braces that do not close", "``` {.python #a\nx\n```\n", "docs/a.md:1")
case("a mode that is no number", block("x", file="a", more="mode=rwx"), "docs/a.md:1")
case("a mode that is not octal", block("x", file="a", more="mode=0789"), "docs/a.md:1")
case("a mode out of range", block("x", file="a", more="mode=7777777"), "docs/a.md:1")
case("bytes that are not UTF-8", b"# A\n\nna\xefve\n" + GOOD.encode(), "docs/a.md:3")
case("a chapter in UTF-16", GOOD.encode("utf-16"), "docs/a.md:1")
case("a NUL", "# A\n\n" + block("x\n\0\n", file="out/a.py"), "docs/a.md:5")
case("a name too long for the disk", block("x", file="a" * 300), "")
case(
    "an unclosed fence in a list",
    "- item\n\n  ``` {.python file=out/a.py}\n  x\n\ntext\n",
    "docs/a.md:3",
)


@pytest.mark.parametrize("verb", ["tangle", "check"])
@pytest.mark.parametrize("name", CASES)
def test_one_line_and_no_file(project, name, verb):
    """The problem's line and words; no traceback; not a byte written."""
    chapters, where, words = CASES[name]
    project.write("docs/0.md", block("good", file="out/first.py"))
    outside = f"{project.root.parent}/outside".encode()
    for path, text in chapters.items():
        text = text.encode() if isinstance(text, str) else text
        project.write(f"docs/{path}.md", text.replace(b"/OUTSIDE", outside))
    (line,) = project.refuse(verb)
    at, message = re.fullmatch(r"(\S+:\d+): (.*)", line).groups()
    assert at == where or (where[-1:] in ":/" and at.startswith(where)), line
    for word in words:
        assert word in message, line


def test_nothing_lands_outside(project):
    """The refused targets did not come into being elsewhere."""
    test_one_line_and_no_file(project, "a target above the root", "tangle")
    test_one_line_and_no_file(project, "an absolute target", "tangle")
    assert not (project.root.parent / "x.py").exists()
    assert not (project.root.parent / "outside").exists()


def test_every_problem_has_its_line(project):
    """Two problems in two chapters: two lines, in reading order."""
    project.write("docs/a.md", block("<<no>>", file="out/a.py"))
    project.write("docs/b.md", "\n" + block("x", file="../b.py"))
    lines = project.refuse("tangle", problems=2)
    assert [line.split(": ")[0] for line in lines] == ["docs/a.md:2", "docs/b.md:2"]


def test_a_good_book_is_let_be_after_a_bad_edit(project):
    """A broken draft leaves the files of the last good one."""
    project.write("docs/a.md", GOOD)
    project.tangle()
    project.write("docs/a.md", GOOD.replace("fine", "<<nothing>>"))
    project.refuse("tangle")
    assert project.read("out/good.py") == "fine\n"


# -- targets on the disk ------------------------------------------------------


def test_a_directory_that_leads_out(project, tmp_path_factory):
    """A symbolic link in the path to the target, out of the root."""
    outside = tmp_path_factory.mktemp("outside")
    (project.root / "out").symlink_to(outside)
    project.write("docs/a.md", block("x", file="out/a.py"))
    (line,) = project.refuse("tangle")
    assert line.startswith("docs/a.md:1: ")
    assert not list(outside.iterdir())


def test_a_target_that_is_a_link(project, tmp_path_factory):
    """A symbolic link at the target's place, out of the root."""
    outside = tmp_path_factory.mktemp("outside") / "precious"
    outside.write_text("mine")
    (project.root / "out").mkdir()
    (project.root / "out/a.py").symlink_to(outside)
    project.write("docs/a.md", block("x", file="out/a.py"))
    (line,) = project.refuse("tangle")
    assert line.startswith("docs/a.md:1: ")
    assert outside.read_text() == "mine"


def test_a_link_to_another_file_of_the_project(project):
    """What the link leads to is not ours to change, not even by --force."""
    project.write("notes.txt", "mine\n")
    (project.root / "out").mkdir()
    (project.root / "out/a.py").symlink_to(project.root / "notes.txt")
    project.write("docs/a.md", block("x", file="out/a.py"))
    project.refuse("tangle")
    project.run("tangle", "--force")
    assert project.read("notes.txt") == "mine\n"


def test_a_dangling_link(project, tmp_path_factory):
    """A link to what is not there yet must not bring it into being."""
    outside = tmp_path_factory.mktemp("outside") / "not-yet"
    (project.root / "out").mkdir()
    (project.root / "out/a.py").symlink_to(outside)
    project.write("docs/a.md", block("x", file="out/a.py"))
    project.refuse("tangle")
    project.run("tangle", "--force")
    assert not outside.exists()


def test_a_target_that_is_a_directory(project):
    """A directory stands at the target's place."""
    (project.root / "out/a.py").mkdir(parents=True)
    project.write("docs/a.md", block("x", file="out/a.py"))
    (line,) = project.refuse("tangle")
    assert line.startswith("docs/a.md:1: ")


def test_a_parent_that_is_a_file(project):
    """The directory cannot be made: a refusal for any user, root too."""
    project.write("out", "a file")
    project.write("docs/a.md", GOOD.replace("good", "a") + block("x", file="out2/b"))
    (line,) = project.refuse("tangle")
    assert line.startswith("docs/a.md:1: ")


def test_the_force_of_a_chapter_goes_no_further(project):
    """--force is for hand edits; links, directories and `..` stay refused."""
    (project.root / "out/a.py").mkdir(parents=True)
    project.write("docs/a.md", block("x", file="out/a.py"))
    project.refuse("tangle", "--force")
    project.write("docs/a.md", block("x", file="../a.py"))
    project.refuse("tangle", "--force")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads and writes everything")
def test_without_permission(project):
    """A chapter that can't be read; a directory that can't be written."""
    chapter = project.write("docs/a.md", GOOD)
    (project.root / "out").mkdir(mode=0o555)
    project.refuse("tangle")
    (project.root / "out").chmod(0o755)
    chapter.chmod(0)
    result = project.run("tangle")
    assert result.status != 0
    assert_problems(result)


# -- hand edits ---------------------------------------------------------------


def tangled(project: Project) -> Project:
    """Two files from two chapters, tangled."""
    project.write("docs/a.md", "# A\n\n" + block("one\n<<b>>\nthree", file="out/a.py"))
    project.write(
        "docs/b.md",
        "# B\n\n" + block("two", name="b") + block("other", file="out/b.py"),
    )
    project.tangle()
    return project


def test_a_hand_edit_is_not_overwritten(project):
    """Neither when the chapters are as they were, nor when they changed."""
    tangled(project).edit("out/a.py", "two", "zwei")
    (line,) = project.refuse("tangle")
    assert re.match(r"out/a\.py:2: |docs/b\.md:4: ", line), line
    project.edit("docs/a.md", "three", "tres")
    project.refuse("tangle")
    assert project.read("out/a.py") == "one\nzwei\nthree\n"


def test_the_hand_edited_lines_are_named(project):
    """Two edited files: a line for each, naming the edited line."""
    tangled(project).edit("out/a.py", "three", "drei")
    project.edit("out/b.py", "other", "andere")
    lines = project.refuse("tangle", problems=2)
    assert any("out/a.py:3" in line for line in lines), lines
    assert any("out/b.py:1" in line for line in lines), lines


def test_force_overwrites_a_hand_edit(project):
    """--force is the way to give a hand edit up."""
    tangled(project).edit("out/a.py", "two", "zwei")
    project.tangle("--force")
    assert project.read("out/a.py") == "one\ntwo\nthree\n"
    project.tangle()


@pytest.mark.parametrize("edit", ["", "\n", "two", "one\ntwo\nthree", "\0\n", "\r\n"])
def test_any_other_content_is_a_hand_edit(project, edit):
    """Emptied, cut short, without its last newline: it is not ours any more."""
    tangled(project).write("out/a.py", edit)
    project.refuse("tangle")


def test_a_deleted_file_comes_back(project):
    """What is not there can't be overwritten."""
    (tangled(project).root / "out/a.py").unlink()
    project.tangle()
    assert project.read("out/a.py") == "one\ntwo\nthree\n"


def test_a_strangers_file_is_not_overwritten(project):
    """A file that tangle never wrote stands at the target's place."""
    project.write("out/a.py", "# mine\n")
    project.write("docs/a.md", block("x", file="out/a.py"))
    (line,) = project.refuse("tangle")
    assert "out/a.py" in line
    project.tangle("--force")
    assert project.read("out/a.py") == "x\n"


def test_a_file_that_is_already_right_is_taken_over(project):
    """The same bytes need no force."""
    project.write("out/a.py", "x\n")
    project.write("docs/a.md", block("x", file="out/a.py"))
    project.tangle()
    project.write("docs/a.md", block("y", file="out/a.py"))
    project.tangle()
    assert project.read("out/a.py") == "y\n"


@pytest.mark.parametrize("junk", [b"one\n\xff\xfe\nthree\n", b"one\ntwo\0\nthree\n"])
def test_a_hand_edit_that_is_no_text(project, junk):
    """It stays where it is: a chapter is UTF-8."""
    tangled(project).write("out/a.py", junk)
    project.refuse("tangle")
    project.refuse("stitch")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("two\n", "<<other>>\n"),
        ("two\n", "  <<b>>\n"),
        ("two\n", "```\n"),
        ("two\n", "``````  \n"),
        ("two\n", "   \n"),
        ("two\n", ""),
    ],
    ids=[
        "a reference",
        "a cycle",
        "a fence",
        "a longer fence",
        "blanks",
        "nothing left",
    ],
)
def test_an_edit_that_a_chapter_cannot_say(project, old, new):
    """Refused at its line, with every byte where it was."""
    tangled(project).edit("out/a.py", old, new)
    (line,) = project.refuse("stitch")
    assert line.startswith("out/a.py:2: "), line


def test_both_sides_edited_alike_or_not(project):
    """The same change twice is no conflict; two changes of a line are."""
    tangled(project).edit("out/a.py", "two", "zwei")
    project.edit("docs/b.md", "two", "deux")
    project.refuse("stitch")
    project.edit("docs/b.md", "deux", "zwei")
    project.stitch()
    project.tangle()
    assert project.read("out/a.py") == "one\nzwei\nthree\n"


def twice(project: Project) -> Project:
    """A chunk used in two files, and twice in one of them."""
    project.write(
        "docs/a.md",
        block("<<b>>\n  <<b>>", file="out/a.py")
        + block("<<b>>", file="out/b.py")
        + block("1\n2\n3", name="b"),
    )
    project.tangle()
    return project


def test_a_chunk_used_twice_edited_alike(project):
    """Both copies say the same: the chapter does, and the third copy follows."""
    twice(project).write("out/a.py", "1\nnew\n3\n  1\n  new\n  3\n")
    project.stitch()
    project.tangle()
    assert project.read("out/a.py") == "1\nnew\n3\n  1\n  new\n  3\n"
    assert project.read("out/b.py") == "1\nnew\n3\n"


def test_a_chunk_used_twice_edited_once(project):
    """One copy edited, one beside it not: refused. The edit is not lost."""
    twice(project).write("out/a.py", "1\nnew\n3\n  1\n  2\n  3\n")
    (line,) = project.refuse("stitch")
    assert line.startswith("out/a.py:2: "), line
    assert "b" in line
    project.refuse("tangle")


def test_a_chunk_used_twice_edited_differently(project):
    """In one file and in two: refused."""
    twice(project).write("out/a.py", "1\nnew\n3\n  1\n  newer\n  3\n")
    lines = project.refuse("stitch", problems=None)
    assert any("<<b>>" in line for line in lines)
    project.write("out/a.py", "1\nnew\n3\n  1\n  new\n  3\n")
    project.write("out/b.py", "1\nnewest\n3\n")
    lines = project.refuse("stitch", problems=None)
    assert any("<<b>>" in line for line in lines)


def test_stitch_keeps_the_chapters_line_ends(project):
    """CRLF stays CRLF, tabs stay tabs, the fence stays indented."""
    text = "- item\n\n  ``` {.make file=out/a.mk}\n  all:\n  \tx\n  ```\nend"
    project.write("docs/a.md", text.replace("\n", "\r\n"))
    project.tangle()
    assert project.read("out/a.mk") == "all:\n\tx\n"
    project.write("out/a.mk", "all:\n\ty\n\tz\n")
    project.stitch()
    new = text.replace("  \tx\n", "  \ty\n  \tz\n").replace("\n", "\r\n")
    assert project.read("docs/a.md") == new


# -- files that are no longer targets -----------------------------------------


def test_a_target_given_up_is_removed_only_unedited(project):
    """What tangle wrote it may remove; a hand edit it may not."""
    tangled(project)
    project.write("docs/b.md", "# B\n\n" + block("two", name="b"))
    project.tangle()
    assert not project.has("out/b.py")
    assert project.read("out/a.py") == "one\ntwo\nthree\n"


def test_a_target_given_up_but_edited_stays(project):
    """The edit would be lost with the file."""
    tangled(project).edit("out/b.py", "other", "mine")
    project.write("docs/b.md", "# B\n\n" + block("two", name="b"))
    project.run("tangle")
    assert project.read("out/b.py") == "mine\n"


# -- the record ---------------------------------------------------------------


@pytest.mark.parametrize(
    "junk", ["", "{", "[]", "null", "{}", '{"files": 3}', "\udcff", '{"version": 99}']
)
def test_a_corrupt_record(project, junk):
    """It is as good as none, or one line says so: never a traceback."""
    tangled(project)
    before = project.products()
    project.write(".tangle.json", junk.encode("utf-8", "surrogateescape"))
    for verb in ("tangle", "stitch", "check"):
        result = project.run(verb)
        if result.status:
            assert_problems(result, None)
    assert project.products() == before
    project.edit("out/a.py", "two", "zwei")
    assert project.run("tangle").status != 0
    assert project.read("out/a.py") == "one\nzwei\nthree\n"


def test_without_a_record(project):
    """Unedited: fine. Then the chapter's change could be a hand edit: refused."""
    tangled(project)
    (project.root / ".tangle.json").unlink()
    project.tangle()
    (project.root / ".tangle.json").unlink()
    project.edit("docs/b.md", "two", "zwei")
    project.refuse("tangle")


# -- many and large -----------------------------------------------------------


def test_ten_megabytes(project):
    """A 10 MB chapter does not hang it."""
    text = "".join(
        f"## Section {n}\n\n{'Prose. ' * 40}\n\n"
        + block([f"line {n} {m}" for m in range(60)], name="all")
        for n in range(10_000)
    )
    assert len(text) > 10_000_000
    project.write("docs/a.md", block("<<all>>", file="out/a.py") + text)
    started = time.monotonic()
    project.tangle()
    project.stitch()
    assert time.monotonic() - started < 40
    assert project.read("out/a.py").count("\n") == 600_000


def test_a_long_chain_and_deep_nesting(project):
    """Three thousand chunks, each within the one before."""
    text = block("<<c0>>", file="out/a.py") + "".join(
        block(f"<<c{n + 1}>>", name=f"c{n}") for n in range(3000)
    )
    project.write("docs/a.md", text + block("x", name="c3000"))
    result = project.run("tangle")
    if result.status:
        assert_problems(result)
    else:
        assert project.read("out/a.py") == "x\n"


def test_ten_thousand_fences_that_do_not_close(project):
    """Scanning is linear in what looks like fences."""
    text = "".join("`" * (3 + n % 5) + f" x{n}\n" for n in range(20_000))
    project.write("docs/a.md", "~~~~\n" + text * 5)
    started = time.monotonic()
    project.refuse("tangle")
    assert time.monotonic() - started < 20


def test_attributes_that_go_on_and_on(project):
    """A regular expression must not explode on a long, wrong line."""
    project.write("docs/a.md", "``` {.python " + "a=b " * 20_000 + '"\n```\n')
    started = time.monotonic()
    project.refuse("tangle")
    project.write("docs/a.md", "``` {" + "." * 50_000 + "\n```\n")
    project.refuse("tangle")
    assert time.monotonic() - started < 20


def test_two_at_once(project):
    """Two tangles at the same time: each file is whole, the last word is right."""
    for number in range(40):
        project.write(f"docs/{number}.md", block(f"{number}", file=f"out/{number}.py"))
    command = [sys.executable, str(SCRIPT), *project.argv("tangle")]
    children = [
        subprocess.Popen(command, cwd=project.root, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for child in children:
        _, said = child.communicate(timeout=60)
        assert b"Traceback" not in said, said.decode()
    project.tangle()
    assert project.products() == {f"out/{n}.py": f"{n}\n".encode() for n in range(40)}


# -- the command line ---------------------------------------------------------


def test_no_chapters(project):
    """A pattern that matches nothing is a mistake, told in one line."""
    result = project.run("tangle")
    assert result.status != 0
    assert len(result.problems) == 1, result.err
    assert "docs/*.md" in result.err


def test_chapters_without_code(project):
    """Prose alone is a book without files."""
    project.write("docs/a.md", "# Nothing here\n")
    project.write("docs/b.md", "")
    project.tangle()
    assert project.products() == {}


def test_a_directory_named_like_a_chapter(project):
    """It is no chapter."""
    (project.root / "docs/dir.md").mkdir(parents=True)
    project.write("docs/a.md", GOOD)
    result = project.run("tangle")
    if result.status:
        assert_problems(result)
    else:
        assert project.products() == {"out/good.py": b"fine\n"}


def test_a_root_that_is_not_there(project):
    """One line and a status."""
    project.root = project.root / "nowhere"
    result = forked(project.argv("tangle"), project.root.parent)
    assert result.status != 0
    assert "Traceback" not in result.said
    assert len(result.problems) == 1, result.err


@pytest.mark.parametrize(
    "argv", [["tangel"], [], ["where"], ["snapshot"], ["diff", "1"]]
)
def test_a_wrong_command_line(project, argv):
    """Usage, status 2 as everywhere, no traceback."""
    project.write("docs/a.md", GOOD)
    result = forked(argv, project.root)
    assert result.status not in (0, 1)
    assert "Traceback" not in result.said
    assert "usage" in result.said.lower()


def test_a_closed_pipe(project):
    """`tangle.py list | head -1` ends without a traceback."""
    text = "".join(block("x", file=f"out/{n}.py") for n in range(3000))
    project.write("docs/a.md", text)
    child = subprocess.Popen(
        [sys.executable, str(SCRIPT), *project.argv("list")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=project.root,
    )
    child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read().decode()
    child.wait(20)
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_too_many_open_files(project):
    """Files are closed as it goes."""

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))

    text = "".join(block(f"x{n}", file=f"out/{n}.py") for n in range(200))
    project.write("docs/a.md", text)
    result = project.run("tangle", prepare=few)
    assert result.status == 0, result.said
    assert len(project.products()) == 200
