"""The set-up: locks that are whole, commands that are as described."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {
    "setup": ("setup",),
    "book": ("setup", "book", "check"),
    "bench": ("bench",),
    "parity": ("parity",),
}


def make(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run make; what it printed on either channel is in stdout."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    return subprocess.run(
        ["make", *args],
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if key not in outer},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_and_hashes_all_and_names_no_place(name):
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
    assert "//" not in text
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text).strip())
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    pinned = {re.match(r"[\w.-]+", entry)[0] for entry in entries}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = project["dependency-groups"]
    for wanted in [need for group in LOCKS[name] for need in groups[group]]:
        distribution = re.match(r"[\w.-]+", wanted)[0]
        assert distribution.replace("_", "-") in pinned


def test_the_package_needs_numpy_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needs = project["project"]["dependencies"]
    assert [re.match(r"\w+", need)[0] for need in needs] == ["numpy"]


def test_npm_packages_are_pinned_and_name_no_place():
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))
    versions = wanted["dependencies"] | wanted["devDependencies"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in versions.values())
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    for place, entry in lock["packages"].items():
        assert "resolved" not in entry
        if place:
            assert entry["integrity"].startswith("sha512-")
            name = place.removeprefix("node_modules/")
            assert versions.get(name, entry["version"]) == entry["version"]


def test_help_and_the_readme_list_the_same_commands():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.findall(r"(?m)^\.PHONY: ([\w-]+)$", makefile)
    listed = re.findall(r"(?m)^make ([\w-]+) +\S", make("help").stdout)
    assert sorted(listed) == sorted(phony)
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = "".join(re.findall(r"(?m)^\| (`make.*?) \|", readme))
    assert set(re.findall(r"`make ([\w-]+)", rows)) == set(listed)


@pytest.mark.parametrize("python", ["", "false"])
def test_without_a_python_that_will_do_there_is_one_clear_line(python, tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    done = make(f"PYTHON={python}", "tangle", cwd=tmp_path)
    said = done.stdout.splitlines()
    assert done.returncode
    assert f'no Python 3.11 or later: "{python}"' in said[0]
    assert all(line.startswith("make: ***") for line in said[1:])
    assert not (tmp_path / ".venv").exists()


def test_a_snapshot_of_no_chapter_is_asked_for_one():
    done = make("--assume-old=.venv/.locked", "snapshot")
    assert done.returncode
    assert "make snapshot CH=2" in done.stdout


def test_the_crate_may_lack_its_compiler():
    done = make("-o", "tangle", "CARGO=", "native")
    assert done.returncode == 0
    assert "no cargo" in done.stdout


def test_package_and_weaver_import_from_anywhere(tmp_path):
    code = "import nand2llm, weave; print(nand2llm.__file__, weave.__file__)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        text=True,
        capture_output=True,
    )
    assert done.stdout.split() == [
        str(ROOT / "generated" / name / "__init__.py")
        for name in ("nand2llm", "weave")
    ], done.stderr


WRONG = "from nand2llm.bits import to_bits\nto_bits(300, 8)\n"


def python(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the Python that `make` set up."""
    return subprocess.run(
        [sys.executable, *argv], cwd=cwd, text=True, capture_output=True
    )


@pytest.mark.parametrize("argv", [["-c", WRONG], ["script.py"], ["-m", "script"]])
def test_a_traceback_names_the_line_of_the_chapter(argv, tmp_path):
    (tmp_path / "script.py").write_text(WRONG)
    told = python(*argv, cwd=tmp_path).stderr
    assert re.search(r'File "book/part1/02-.*\.md", line \d+, in to_bits', told)
    assert "generated/" not in told


def test_plain_pytest_names_the_line_of_the_chapter(tmp_path):
    (tmp_path / "test_wrong.py").write_text("def test_it():\n    import script")
    (tmp_path / "script.py").write_text(WRONG)
    argv = ["-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"]
    told = python(*argv, "test_wrong.py", cwd=tmp_path).stdout
    assert re.search(r"book/part1/02-.*\.md:\d+: OverflowError", told), told
    assert "generated/" not in told


def test_the_package_leaves_the_interpreter_alone():
    code = "import sys; sys.excepthook = sys.__excepthook__; import nand2llm.bits"
    code += "; assert sys.excepthook is sys.__excepthook__"
    assert python("-c", code, cwd=ROOT).returncode == 0


def test_an_example_may_be_named():
    done = make("-n", "--assume-old=.venv/.locked", "examples", "E=ch05_race")
    assert "generated/examples/ch05_race.py" in done.stdout


def tool(name: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program that `make check` runs."""
    place = shutil.which(name, path=str(Path(sys.executable).parent))
    return subprocess.run([place, *argv], cwd=ROOT, text=True, capture_output=True)


def test_words_are_spelled(tmp_path):
    text = tmp_path / "chapter.md"
    for words, status in (("Nand gates, received.", 0), ("recie" + "ved", 65)):
        text.write_text(words)
        assert tool("codespell", str(text)).returncode == status


@pytest.mark.parametrize("goal", ["other.html", "#here", "picture.svg"])
def test_dead_links_are_found(tmp_path, goal):
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><p id="there"><a href="{goal}">x</a>')
    done = tool("lychee", "--config", ".lychee.toml", str(tmp_path))
    assert done.returncode and goal in done.stdout
    page.write_text('<!doctype html><p id="there"><a href="#there">x</a>')
    assert tool("lychee", "--config", ".lychee.toml", str(tmp_path)).returncode == 0
