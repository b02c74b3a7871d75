"""The source language: what chapters say, and the files that must come of it."""

from __future__ import annotations

import os
import stat

import pytest
from harness import block

# name of the case: ({chapter: text}, {target: text})
CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {}


def case(name: str, docs: str | dict[str, str], **targets: str) -> None:
    """Add a case; a keyword `a_py` stands for the target out/a.py."""
    chapters = {"a": docs} if isinstance(docs, str) else docs
    CASES[name] = (
        chapters,
        {f"out/{key.replace('_', '.')}": text for key, text in targets.items()},
    )


case(
    "a block with file= is a target",
    "# Title\n\nProse.\n\n" + block("x = 1\ny = 2", file="out/a.py"),
    a_py="x = 1\ny = 2\n",
)
case(
    "a name and a file together",
    block("x = 1", name="main", file="out/a.py") + block("y = 2", name="main"),
    a_py="x = 1\ny = 2\n",
)
case(
    "the order of attributes is free",
    "``` {file=out/a.py .python #main}\nx\n```\n" + block("y", name="main"),
    a_py="x\ny\n",
)
case(
    "no space before the brace",
    "```{.python file=out/a.py}\nx\n```\n",
    a_py="x\n",
)
case(
    "spaces within the braces and after them",
    "```   {  .python   file=out/a.py  }  \nx\n```  \n",
    a_py="x\n",
)
case(
    "a double-quoted value",
    '``` {.python file="out/a.py"}\nx\n```\n',
    a_py="x\n",
)
case(
    "a quoted value keeps its spaces",
    '``` {.python file="out/a b.py"}\nx\n```\n',
    **{"a b_py": "x\n"},
)
case(
    "a quoted value may hold a brace, a hash and a dot",
    '``` {.python file=out/a.py title="see {#x .y} there"}\nx\n```\n',
    a_py="x\n",
)
case(
    "unknown attributes and classes are let alone",
    block("x", file="out/a.py", more=".number-lines startFrom=100 data-x=1"),
    a_py="x\n",
)
case(
    "a later part is appended, without a blank line",
    block("a", file="out/a.py", name="m")
    + "text\n\n"
    + block("b", name="m")
    + block("\nc", name="m"),
    a_py="a\nb\n\nc\n",
)
case(
    "parts are appended in the order of the files",
    {
        "2": block("second", name="m"),
        "1": block("first", name="m", file="out/a.py"),
        "3": block("third", name="m"),
    },
    a_py="first\nsecond\nthird\n",
)
case(
    "a chunk is appended to where the target was claimed before",
    {"1": block("one", name="m"), "2": block("two", name="m", file="out/a.py")},
    a_py="one\ntwo\n",
)
case(
    "a chunk may be defined in a later file than its use",
    {"1": block("<<later>>", file="out/a.py"), "2": block("x", name="later")},
    a_py="x\n",
)
case(
    "a reference takes its indentation along, nested",
    block("def f():\n    <<body>>\nend", file="out/a.py")
    + block("if x:\n\t<<inner>>\nreturn", name="body")
    + block("y = 1\n  z", name="inner"),
    a_py="def f():\n    if x:\n    \ty = 1\n    \t  z\n    return\nend\n",
)
case(
    "a blank line within a reference is not padded",
    block("if x:\n    <<body>>", file="out/a.py") + block("a\n\nb", name="body"),
    a_py="if x:\n    a\n\n    b\n",
)
case(
    "white space after a reference is nothing",
    block("  <<body>>  \t", file="out/a.py") + block("a", name="body"),
    a_py="  a\n",
)
case(
    "a reference among other text is text",
    block("a <<body>> c\n<<body>> c\nx = '<<body>>'\n<<body>>", file="out/a.py")
    + block("B", name="body"),
    a_py="a <<body>> c\n<<body>> c\nx = '<<body>>'\nB\n",
)
case(
    "things that only look like a reference are text",
    block("<<not a name>>\n<<>>\n< <a>>\n1 << 2\n<<<a>>>", file="out/a.py"),
    a_py="<<not a name>>\n<<>>\n< <a>>\n1 << 2\n<<<a>>>\n",
)
case(
    "two references on a line are text",
    block("<<b>> <<b>>\n<<b>>", file="out/a.py") + block("B", name="b"),
    a_py="<<b>> <<b>>\nB\n",
)
case(
    "a chunk used twice stands twice",
    block("<<b>>\nx\n  <<b>>", file="out/a.py") + block("1\n2", name="b"),
    a_py="1\n2\nx\n  1\n  2\n",
)
case(
    "names with slashes, dots, colons, hyphens, digits",
    block("<<bits/to-two.s:2_x>>", file="out/a.py")
    + block("x", name="bits/to-two.s:2_x"),
    a_py="x\n",
)
case(
    "names of another alphabet",
    block("<<größe/θ>>", file="out/a.py") + block("x", name="größe/θ"),
    a_py="x\n",
)
case(
    "a fence in a list item is dedented",
    "- an item\n\n  ``` {.python file=out/a.py}\n  x\n    y\n\n  z\n  ```\n",
    a_py="x\n  y\n\nz\n",
)
case(
    "a fence deep in nested lists is dedented",
    "- an item\n    1. more\n\n       ```{.python file=out/a.py}\n"
    "       x\n         y\n       ```\n",
    a_py="x\n  y\n",
)
case(
    "a fence within a longer fence is text",
    "````{.markdown file=out/a.md}\n``` {.python #no}\nx\n```\n````\n",
    a_md="``` {.python #no}\nx\n```\n",
)
case(
    "an attribute block within a plain longer fence is not read",
    "````\n``` {.python file=out/no.py}\nx\n```\n````\n\n"
    + block("yes", file="out/a.py"),
    a_py="yes\n",
)
case(
    "an attribute block within a plain fence of a language is not read",
    "```markdown\n``` {.python file=out/no.py}\n```\n\n"
    + block("yes", file="out/a.py"),
    a_py="yes\n",
)
case(
    "tilde fences",
    "~~~ {.python file=out/a.py}\n```\nx\n```\n~~~\n",
    a_py="```\nx\n```\n",
)
case(
    "backticks do not close tildes, nor the other way round",
    "~~~~\n``` {.python file=out/no.py}\n~~~\n```\n~~~~\n"
    + block("~~~\nx", file="out/a.py"),
    a_py="~~~\nx\n",
)
case(
    "a longer closing fence closes, a shorter one does not",
    "```` {.python file=out/a.py}\n```\nx\n``````\n" + block("y", file="out/b.py"),
    a_py="```\nx\n",
    b_py="y\n",
)
case(
    "a shorter fence does not close in a list either",
    "- item\n\n  ````{.python file=out/a.py}\n  ```\n  x\n  ````\n",
    a_py="```\nx\n",
)
case(
    "a closing fence has no words after it",
    "``` {.python file=out/a.py}\n``` x\n```\n",
    a_py="``` x\n",
)
case(
    "inline code of three backticks is not a fence",
    "Say ``` {.python #x} ``` here.\n\n" + block("x", file="out/a.py"),
    a_py="x\n",
)
case(
    "a comment of HTML hides its blocks",
    "<!--\n" + block("no", file="out/no.py") + "-->\n\n" + block("x", file="out/a.py"),
    a_py="x\n",
)
case(
    "a chapter without a final newline",
    "``` {.python file=out/a.py}\nx\n```",
    a_py="x\n",
)
case(
    "a chapter with CRLF",
    block("x\n\n  <<b>>", file="out/a.py").replace("\n", "\r\n")
    + block("b\nc", name="b").replace("\n", "\r\n"),
    a_py="x\n\n  b\n  c\n",
)
case(
    "tabs stay tabs",
    block("\tx\n\t<<b>>\n \t y\t", file="out/a.py") + block("b\n\tc", name="b"),
    a_py="\tx\n\tb\n\t\tc\n \t y\t\n",
)
case(
    "a form feed or a line separator does not end a line",
    block("a\x0cb\x0bc\x85d\u2028e\x1cf", file="out/a.py"),
    a_py="a\x0cb\x0bc\x85d\u2028e\x1cf\n",
)
case(
    "a byte order mark is not part of the text",
    "\ufeff" + block("x", file="out/a.py"),
    a_py="x\n",
)
case(
    "metadata in front is let alone",
    "---\ntitle: T\nabstract: |\n  text\n...\n\n" + block("x", file="out/a.py"),
    a_py="x\n",
)
case(
    "a plain block is prose",
    "```\n<<nothing>>\n```\n\n```python\n<<nothing>>\n```\n\n"
    + block("x", file="out/a.py"),
    a_py="x\n",
)
case(
    "text after the last reference of a deep chain",
    block("<<a>>\nend", file="out/a.py")
    + "".join(block(f" <<a{i + 1}>>", name=f"a{i}") for i in range(50))
    + block("<<a0>>", name="a")
    + block("x", name="a50"),
    a_py=" " * 50 + "x\nend\n",
)


@pytest.mark.parametrize("name", CASES)
def test_chapters_become_files(project, name):
    """Exactly these files, exactly these bytes."""
    chapters, targets = CASES[name]
    for path, text in chapters.items():
        project.write(f"docs/{path}.md", text)
    project.tangle()
    assert project.products() == {k: v.encode() for k, v in targets.items()}


def test_the_command_line_is_the_same_in_a_process_of_its_own(project):
    """A new interpreter, started elsewhere, gives the same bytes."""
    project.write("docs/a.md", block("x\n<<b>>", file="out/a.py") + block("y", "b"))
    result = project.shell("tangle")
    assert result.status == 0, result.said
    assert project.read("out/a.py") == "x\ny\n"


def test_mode_is_octal(project):
    """mode=0755 makes a script executable."""
    project.write("docs/a.md", block("#!/bin/sh", file="out/run", more="mode=0755"))
    project.write("docs/b.md", block("x", file="out/plain", more="mode=0644"))
    project.tangle()
    assert stat.S_IMODE(os.stat(project.root / "out/run").st_mode) == 0o755
    assert stat.S_IMODE(os.stat(project.root / "out/plain").st_mode) == 0o644


def test_a_changed_mode_reaches_the_file(project):
    """The text is the same, the mode is not."""
    project.write("docs/a.md", block("#!/bin/sh", file="out/run"))
    project.tangle()
    project.write("docs/a.md", block("#!/bin/sh", file="out/run", more="mode=0755"))
    project.tangle()
    assert os.access(project.root / "out/run", os.X_OK)


def test_globs_choose_the_chapters(project):
    """A chapter outside of the pattern is not read."""
    project.write("docs/a.md", block("x", file="out/a.py"))
    project.write("docs/deep/b.md", block("x", file="out/b.py"))
    project.write("other.md", block("x", file="out/c.py"))
    project.tangle()
    assert set(project.products()) - {"other.md"} == {"out/a.py"}
    project.globs = ("docs/**/*.md", "other.md")
    project.tangle()
    assert set(project.products()) - {"other.md"} == {
        "out/a.py",
        "out/b.py",
        "out/c.py",
    }


def test_same_bytes_in_another_place(tmp_path, project):
    """The same chapters give the same files wherever they lie."""
    from harness import Project

    other = Project(tmp_path / "elsewhere" / "deep")
    text = block("x\n<<b>>", file="out/a.py") + block("b", "b", more="mode=0755")
    for place in (project, other):
        place.write("docs/a.md", text)
        place.tangle()
    assert project.bytes("out/a.py") == other.bytes("out/a.py")


def test_only_changed_files_are_written(project):
    """Tangling again writes nothing; one changed chunk, one changed file."""
    project.write("docs/a.md", block("x", file="out/a.py"))
    project.write("docs/b.md", block("y", file="out/b.py"))
    project.tangle()
    before = project.times()
    project.tangle()
    assert project.times() == before
    project.write("docs/b.md", block("z", file="out/b.py"))
    project.tangle()
    assert project.times()["out/a.py"] == before["out/a.py"]
    assert project.times()["out/b.py"] != before["out/b.py"]
    assert project.read("out/b.py") == "z\n"
