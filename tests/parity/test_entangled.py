"""Projects written for Entangled: the same bytes as `entangled tangle -a naked`.

Needs the executable `entangled` (2.1.13), named by ENTANGLED, on PATH or beside
this Python; without it these tests are skipped.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def find_entangled() -> str | None:
    """The executable, or None."""
    beside = Path(sys.executable).with_name("entangled")
    return (
        os.environ.get("ENTANGLED")
        or shutil.which("entangled")
        or (str(beside) if beside.exists() else None)
    )


ENTANGLED = find_entangled()
pytestmark = pytest.mark.skipif(
    ENTANGLED is None,
    reason="entangled is not installed: pip install entangled-cli==2.1.13,"
    " or name it in the environment variable ENTANGLED",
)


class Both:
    """The same chapters in two directories, one for each program."""

    def __init__(self, root: Path) -> None:
        self.ours, self.theirs = root / "ours", root / "theirs"

    def write(self, chapters: dict[str, str]) -> None:
        """Write docs/*.md, for both; they are read in the order of their names."""
        names = sorted(f"docs/{name}.md" for name in chapters)
        config = f'version = "2.0"\nwatch_list = {json.dumps(names)}\n'
        for root in (self.ours, self.theirs):
            (root / "docs").mkdir(parents=True, exist_ok=True)
            for name, text in chapters.items():
                (root / f"docs/{name}.md").write_bytes(text.encode())
        (self.theirs / "entangled.toml").write_text(config)

    def run(self) -> None:
        """Tangle with both programs."""
        command = [sys.executable, str(ROOT / "tangle.py"), "tangle"]
        command += ["--root", str(self.ours), "docs/*.md"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.run_theirs()

    def run_theirs(self) -> int:
        """Tangle with Entangled alone; it exits 0 nearly whatever happens."""
        assert ENTANGLED
        done = subprocess.run(
            [str(Path(ENTANGLED).absolute()), "tangle", "-a", "naked", "--force"],
            cwd=self.theirs,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode

    def run_ours(self) -> subprocess.CompletedProcess[str]:
        """Tangle with ours alone, which may refuse."""
        command = [sys.executable, str(ROOT / "tangle.py"), "tangle"]
        command += ["--root", str(self.ours), "docs/*.md"]
        return subprocess.run(command, capture_output=True, text=True)

    def same(self) -> None:
        """Both wrote the same files with the same permissions."""
        ours, theirs = files(self.ours), files(self.theirs)
        assert ours == theirs
        for path in ours:
            assert mode(self.ours / path) & 0o111 == mode(self.theirs / path) & 0o111


def files(root: Path) -> dict[str, str]:
    """The targets below a root, but for white space on blank lines.

    Entangled leaves the last newline out of a file that it creates and puts
    it into one that it rewrites: it is not compared.
    """
    found = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(("docs/", ".", "entangled.toml")):
            text = path.read_bytes().decode()
            text = re.sub(r"(?m)^[ \t]+$", "", text)
            found[name] = text.removesuffix("\n")
    return found


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def both(tmp_path):
    """Two empty projects."""
    return Both(tmp_path)


# -- projects made by chance --------------------------------------------------

LINES = [
    "", "x = 1", "def f(a, b):", "    return a", "\tif x:", "a <<c1>> b", "<<c 1>>",
    "``", "# a comment", "ö ≡ ⟨x⟩", "trailing  ", "{}", "<<c1", '"""text"""',
    "#!/usr/bin/env python", "1 << 2 >> 3", "::: box", ":::", "    ", "end",
]  # fmt: skip
PROSE = [
    "# A heading",
    "Some prose.",
    "- an item",
    "1. a number",
    "",
    "> quoted",
    "---",
]


def random_project(seed: int) -> dict[str, str]:
    """Chapters with a random acyclic graph of chunks, in Entangled's subset."""
    chance = random.Random(seed)
    count = chance.randint(1, 12)
    roots = chance.randint(1, min(3, count))
    bodies = [
        [chance.choice(LINES) for _ in range(chance.randint(0, 7))]
        for _ in range(count)
    ]
    for used in range(roots, count):
        for _ in range(chance.randint(1, 2)):
            body = bodies[chance.randrange(used)]
            indent = chance.choice(["", "", "  ", "    ", "\t"])
            body.insert(chance.randint(0, len(body)), f"{indent}<<c{used}>>")
    blocks: list[tuple[int, list[str]]] = []
    for number, body in enumerate(bodies):
        cuts = sorted(
            chance.randint(0, len(body)) for _ in range(chance.choice([0, 0, 1, 2]))
        )
        edges = [0, *cuts, len(body)]
        pieces = [body[a:b] for a, b in itertools.pairwise(edges)]
        at = -1
        for piece in pieces:
            at = chance.randint(at + 1, len(blocks) + at + 1)
            blocks.insert(at, (number, piece))
    begun: set[int] = set()
    chapters: list[list[str]] = [[] for _ in range(chance.randint(1, 3))]
    for index, (number, body) in enumerate(blocks):
        words = [".python", f"#c{number}"]
        if number < roots and number not in begun:
            words.append(f"file=out/{number}.py")
            if chance.random() < 0.3:
                words.append("mode=0755")
        begun.add(number)
        if chance.random() < 0.3:
            words.append('title="a title"')
        chapter = chapters[index * len(chapters) // len(blocks)]
        chapter += [chance.choice(PROSE), ""]
        indent = ""
        if chance.random() < 0.25:
            chapter += ["- an item", ""]
            indent = "  "
        space = chance.choice(["", " "])
        for line in [f"```{space}{{{' '.join(words)}}}", *body, "```"]:
            chapter.append(indent + line if line else "")
        chapter.append("")
    return {
        f"{n}": "\n".join([*lines, "The end.", ""]) for n, lines in enumerate(chapters)
    }


@pytest.mark.parametrize("seed", range(12))
def test_random_projects(both, seed):
    """Created, then rewritten after a change."""
    chapters = random_project(seed)
    both.write(chapters)
    both.run()
    both.same()
    both.write({k: text.replace("x = 1", "x = 2") for k, text in chapters.items()})
    both.run()
    both.same()


# -- projects made by hand ----------------------------------------------------

HAND = {
    "hello": {
        "a": """\
# Hello

``` {.cpp file=src/hello.cc}
#include <iostream>
<<includes>>

int main(int argc, char **argv) {
    <<print>>
    return 0;
}
```

``` {.cpp #print}
std::cout << "Hello, " << argv[0] << "\\n";

<<more>>
```

```{.cpp #includes}
#include <cstdlib>
```

``` {.cpp #more}
if (argc > 1)
    std::abort();

```

```{.cpp #includes}

#include <vector>
```
"""
    },
    "several files and a script": {
        "a": "``` {.bash file=bin/run mode=0755}\n#!/bin/sh\nset -e\n<<steps>>\n```\n",
        "b": "``` {.bash #steps}\necho one\n```\n\n```{.make file=Makefile}\nall:\n"
        "\t<<recipe>>\n```\n",
        "c": "``` {.bash #steps}\necho two\n```\n\n``` {.make #recipe}\n@echo hi\n"
        "@echo there\n```\n",
    },
    "the first name, the later file": {
        "a": "``` {.python #main}\nfirst\n```\n",
        "b": '``` {.python #main file="out/a b.py"}\nsecond\n```\n',
    },
    "CRLF": {
        "a": "text\r\n``` {.python file=a.py}\r\nx\r\n  <<b>>\r\n```\r\n"
        "\r\n```{.python #b}\r\ny\r\n\r\nz\r\n```\r\n"
    },
    "no final newline": {"a": "``` {.python file=a.py}\nx\n```"},
    "empty blocks and blank ends": {
        "a": "``` {.python file=a.py}\nx\n<<e>>\ny\n  <<f>>\n\n\n```\n\n"
        "``` {.python #e}\n```\n\n``` {.python #f}\n\nf\n\n\n```\n\n``` {.python #f}\n"
        "\n```\n\n``` {.python #e}\nafter\n```\n"
    },
    "metadata": {"a": "---\ntitle: T\n---\n\n``` {.python file=a.py}\nx\n```\n"},
    "other blocks": {
        "a": "```python\n<<no>>\n```\n\n```\n<<no>>\n```\n\n``` {.python}\nunnamed\n```"
        "\n\n``` {.python file=a.py .numbered startFrom=3}\nx\n```\n"
    },
    "markdown within tildes": {
        "a": "~~~markdown\n``` {.python file=no.py}\nno\n```\n~~~\n\n"
        "``` {.python file=a.py}\nx\n```\n"
    },
    "a language without a dot": {"a": "```{python #m file=a.py}\nx\n```\n"},
}


@pytest.mark.parametrize("name", HAND)
def test_projects_by_hand(both, name):
    """The same bytes and permissions."""
    both.write(HAND[name])
    both.run()
    both.same()
    assert files(both.ours)


# -- where the two differ on purpose ------------------------------------------


def test_the_last_newline(both):
    """We always end the last line; Entangled only when it rewrites a file."""
    both.write({"a": "``` {.python file=a.py}\nx\n```\n"})
    both.run()
    assert (both.ours / "a.py").read_text() == "x\n"
    assert (both.theirs / "a.py").read_text() == "x"
    both.write({"a": "``` {.python file=a.py}\ny\n```\n"})
    both.run()
    assert (both.theirs / "a.py").read_text() == "y\n"


def test_names_with_punctuation(both):
    """Version 2.1 leaves `<<a/b>>` alone; we, and later versions, read it."""
    both.write(
        {"a": "```{.python file=a.py}\n<<a/b>>\n```\n\n```{.python #a/b}\nx\n```\n"}
    )
    both.run()
    assert files(both.ours) == {"a.py": "x"}
    assert files(both.theirs) == {"a.py": "<<a/b>>"}


def test_white_space_of_a_blank_line(both):
    """A line of white space only: we leave it empty."""
    both.write({"a": "``` {.python file=a.py}\nx\n   \ny\n```\n"})
    both.run()
    assert (both.ours / "a.py").read_text() == "x\n\ny\n"
    assert (both.theirs / "a.py").read_text() == "x\n   \ny"


def test_fences_within_longer_fences(both):
    """CommonMark: they are text. Entangled tangles them."""
    both.write(
        {
            "a": "````\n``` {.python file=no.py}\nno\n```\n````\n\n"
            "``` {.python file=a.py}\nx\n```\n"
        }
    )
    both.run()
    assert set(files(both.ours)) == {"a.py"}
    assert set(files(both.theirs)) == {"a.py", "no.py"}


def test_fences_within_comments(both):
    """A comment of HTML hides its blocks from us."""
    both.write(
        {
            "a": "<!--\n``` {.python file=no.py}\nno\n```\n-->\n\n"
            "``` {.python file=a.py}\nx\n```\n"
        }
    )
    both.run()
    assert set(files(both.ours)) == {"a.py"}
    assert set(files(both.theirs)) == {"a.py", "no.py"}


# chapters, and the line of the problem that we report
REFUSED = {
    "a target outside": ("``` {.python file=../out.py}\nx\n```\n", 1),
    "a missing chunk": ("``` {.python file=a.py}\nx\n<<none>>\n```\n", 3),
    "a cycle": ("``` {.python file=a.py #a}\n<<a>>\n```\n", 2),
    "two blocks, one target": (
        "``` {.python file=a.py}\nx\n```\n\n``` {.python file=a.py #y}\ny\n```\n",
        5,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_entangled_lets_pass(both, name):
    """We refuse it in one line; Entangled 2.1.13 writes or exits 0."""
    text, line = REFUSED[name]
    both.write({"a": text})
    done = both.run_ours()
    assert done.returncode != 0
    assert re.fullmatch(rf"docs/a\.md:{line}: .+\n", done.stderr), done.stderr
    assert files(both.ours) == {}
    assert not (both.ours.parent / "out.py").exists()
    status = both.run_theirs()
    if "../" in text:  # it writes the file, and then ends with a traceback
        assert (both.theirs.parent / "out.py").exists()
    else:
        assert status == 0
