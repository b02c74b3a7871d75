"""Where a line comes from, and where it went; what the lists say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from harness import SCRIPT, block

CHAPTER = """\
# A chapter

``` {.python file=generated/pkg/m.py}
def f():
    <<body>>
```

Prose.

- In a list:

  ``` {.python #body}
  one()

  two()
  ```

``` {.python #body}
three()
```
"""
TWICE = block("<<body>>", file="generated/twice.py")
FILE = "generated/pkg/m.py"
# the lines of the file (its header is line 1) and those of the chapter
LINES = {2: 4, 3: 13, 4: 14, 5: 15, 6: 19}


@pytest.fixture
def mapped(make_book):
    """A chapter, tangled."""
    book = make_book({"p/01-a.md": CHAPTER})
    book.tangle()
    return book


@pytest.mark.parametrize("line", LINES)
def test_where(mapped, line):
    """From the file to the chapter and back."""
    chapter = f"book/p/01-a.md:{LINES[line]}"
    assert mapped.succeed("where", f"{FILE}:{line}").out == chapter + "\n"
    assert mapped.succeed("where", chapter).out == f"{FILE}:{line}\n"


def test_where_of_a_chunk_used_twice(make_book):
    """All places that a line of the chapter became."""
    book = make_book({"p/01-a.md": CHAPTER, "p/02-b.md": TWICE})
    book.tangle()
    places = book.succeed("where", "book/p/01-a.md:19").out.split()
    assert sorted(places) == [f"{FILE}:6", "generated/twice.py:5"]


@pytest.mark.parametrize(
    "place",
    [
        "nowhere.py:1",
        f"{FILE}:99",
        f"{FILE}:0",
        "x",
        f"{FILE}:x",
        "book/p/01-a.md:1",
        "book/p/01-a.md:7",
        "/:1",
        ".:1",
        ":1",
    ],
)
def test_where_of_nothing(mapped, place):
    """Prose, lines past the end, words: refused without a traceback."""
    result = mapped.run("where", place)
    assert result.status != 0
    assert result.out == ""
    assert "Traceback" not in result.said
    assert len(result.problems) == 1


@pytest.mark.parametrize("line", LINES)
def test_where_without_a_book(project, line):
    """The same in any other project, where no file has a header."""
    project.write("docs/a.md", CHAPTER)
    project.tangle()
    chapter = f"docs/a.md:{LINES[line]}"
    assert project.succeed("where", f"{FILE}:{line - 1}").out == chapter + "\n"
    assert project.succeed("where", chapter).out == f"{FILE}:{line - 1}\n"


def test_where_as_an_editor_names_it(mapped):
    """Absolute paths, and paths from another directory."""
    place = mapped.root / FILE
    assert mapped.succeed("where", f"{place}:5").out == "book/p/01-a.md:15\n"
    chapter = mapped.root / "book/p/01-a.md"
    assert mapped.succeed("where", f"{chapter}:15").out == f"{FILE}:5\n"


def test_where_in_a_snapshot(mapped):
    """A snapshot has a map of its own."""
    mapped.succeed("snapshot", "1")
    found = mapped.succeed("where", "build/snapshots/01/pkg/m.py:5").out
    assert found == "book/p/01-a.md:15\n"


def translated(project, text: str) -> str:
    """What `translate` makes of the text."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *project.argv("translate")],
        input=text,
        capture_output=True,
        text=True,
        cwd=project.root,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


TRANSLATED = {
    'File "{root}/generated/pkg/m.py", line 5, in f': 'File "book/p/01-a.md", line 15',
    'File "generated/pkg/m.py", line 6': 'File "book/p/01-a.md", line 19',
    "generated/pkg/m.py:6: NameError": "book/p/01-a.md:19: NameError",
    "generated/pkg/m.py:3:5: F821 undefined `one`": "book/p/01-a.md:13:5: F821",
    "{root}/generated/pkg/m.py:2: error: x": "book/p/01-a.md:4: error: x",
    "other/pkg/m.py:2: error": "other/pkg/m.py:2: error",
    "generated/pkg/m.py:99: error": "generated/pkg/m.py:99: error",
    "see generated/pkg/m.py for more": "see generated/pkg/m.py for more",
    "12:30:05 2/3 a.b:c 100%": "12:30:05 2/3 a.b:c 100%",
}


@pytest.mark.parametrize("line", TRANSLATED)
def test_translate(mapped, line):
    """Tracebacks, pytest, ruff and mypy name the chapter's line."""
    said = translated(mapped, line.format(root=mapped.root) + "\n")
    assert TRANSLATED[line] in said
    if TRANSLATED[line] in line:
        assert said == line + "\n"


def test_translate_a_command(mapped):
    """Its output is translated, its status kept."""
    code = f"print('{FILE}:5: here'); raise SystemExit(3)"
    argv = [*mapped.argv("translate"), "--", sys.executable, "-c", code]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *argv],
        cwd=mapped.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert done.stdout == "book/p/01-a.md:15: here\n"


def test_a_real_traceback(mapped):
    """Python's own, from the file itself."""
    code = "import runpy; runpy.run_path('generated/pkg/m.py')['f']()"
    argv = [*mapped.argv("translate"), "--", sys.executable, "-c", code]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *argv],
        cwd=mapped.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert 'File "book/p/01-a.md", line 13, in f' in done.stdout
    assert "generated/pkg/m.py" not in done.stdout


def python(mapped, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a project that has the tangler beside it."""
    shutil.copy(SCRIPT, mapped.root)
    path = os.pathsep.join([str(mapped.root), str(mapped.root / "generated")])
    return subprocess.run(
        [sys.executable, *argv],
        cwd=mapped.root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


HOOKED = "import sys, tangle; sys.excepthook = tangle.hook; "


@pytest.mark.parametrize(
    "code",
    [
        "import pkg.m; pkg.m.f()",
        "import runpy; runpy.run_module('pkg.m', run_name='__main__')['f']()",
        "import runpy; runpy.run_path('generated/pkg/m.py')['f']()",
    ],
)
def test_an_uncaught_error_names_the_chapter(mapped, code):
    """With the hook, and only with it."""
    plain = python(mapped, "-S", "-c", code).stderr
    assert f'{FILE}", line 3, in f' in plain
    told = python(mapped, "-S", "-c", HOOKED + code).stderr
    assert 'File "book/p/01-a.md", line 13, in f' in told
    assert FILE not in told
    assert told.splitlines()[-1] == plain.splitlines()[-1]


def test_an_uncaught_error_of_another_file_is_shown_as_ever(mapped):
    """Even its marks, and the error that it came from."""
    mapped.write("own.py", "try:\n    {}['x']\nexcept KeyError:\n    1 / 0\n")
    code = "import own"
    told, plain = (
        python(mapped, "-S", "-c", before + code).stderr
        for before in (HOOKED, "import sys, tangle; ")
    )
    assert told.splitlines() == plain.splitlines()
    assert "During handling of the above exception" in told


def test_a_broken_hook_hides_nothing(mapped):
    """Where the tangler itself is in pieces, the error is still told."""
    mapped.write("book/book.toml", "nonsense")
    told = python(mapped, "-S", "-c", HOOKED + "import pkg.m; pkg.m.f()").stderr
    assert "NameError: name 'one' is not defined" in told


BAD = block("import nothing", file="generated/bad.py")
WARNS = block(
    "import warnings\n\ndef warns():\n    warnings.warn('careful')",
    file="generated/warns.py",
)


@pytest.mark.parametrize("style", ["auto", "native"])
def test_pytest_names_the_chapter(make_book, style):
    """Failures, files that can't be imported, warnings."""
    book = make_book({"p/01-a.md": CHAPTER, "p/02-b.md": BAD, "p/03-c.md": WARNS})
    book.tangle()
    book.write("test_it.py", "import pkg.m\n\ndef test_f():\n    pkg.m.f()\n")
    book.write("test_bad.py", "import bad\n")
    book.write("test_warns.py", "import warns\n\ndef test_w():\n    warns.warns()\n")
    argv = ["-m", "pytest", "-q", f"--tb={style}", "--rootdir", ".", "-c", os.devnull]
    argv += ["-p", "no:cacheprovider", "--continue-on-collection-errors"]
    plain = python(book, *argv).stdout
    assert re.search(r"generated/[\w/]+\.py(\W+line |:)\d", plain)
    told = python(book, *argv, "-p", "tangle").stdout
    assert not re.search(r"generated/[\w/]+\.py(\W+line |:)\d", told)
    failed = '"book/p/01-a.md", line 13' if style == "native" else "book/p/01-a.md:13: "
    assert failed in told
    assert "book/p/02-b.md:2: in <module>" in told
    assert "book/p/03-c.md:5: UserWarning: careful" in told
    # what the tests are called, and what went wrong, is as before
    summary = [line for line in plain.splitlines() if line.startswith("FAILED")]
    assert summary == [line for line in told.splitlines() if line.startswith("FAILED")]
    assert "NameError" in summary[0]


def test_list(make_book):
    """Every chunk with its places, its file and its users."""
    book = make_book({"p/01-a.md": CHAPTER, "p/02-b.md": TWICE})
    said = book.succeed("list").out
    lines = said.splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.strip() == "<<body>>")
    about = "\n".join(lines[at : at + 4])
    assert "book/p/01-a.md:12" in about
    assert "book/p/01-a.md:18" in about
    assert FILE in about
    assert "generated/twice.py" in about
