"""Killed at any moment of writing: no half-written file, nothing lost."""

from __future__ import annotations

import itertools
import os
import random
import resource
import signal
import subprocess
import sys
import time

import pytest
from harness import SCRIPT, Project, assert_problems, block

DEAD = 137
STEPS = {
    "write", "writelines", "flush", "close", "__exit__", "fsync", "truncate",
    "replace", "rename", "link", "unlink", "remove", "mkdir", "chmod", "open",
}  # fmt: skip
PROSE = "Some words of prose that must not be lost.\n\n" * 20


def build(project: Project, word: str, files: int = 4, lines: int = 30) -> None:
    """Chapters for some files in several directories; `word` is in every line."""
    for number in range(files):
        body = "\n".join(f"{word} {number} {line}" for line in range(lines))
        project.write(
            f"docs/{number}.md",
            f"# Chapter {number}\n\n{PROSE}"
            + block(f"<<part{number}>>\n{body}", file=f"out/{number}/a.py")
            + block(f"def {word}():\n    pass", name=f"part{number}"),
        )


def die_at(step: int):
    """Plant a death at the nth system-like call of the child."""

    def prepare() -> None:
        count = 0

        def watch(frame, event, function):
            nonlocal count
            if event not in ("c_call", "c_return"):
                return
            if getattr(function, "__name__", "") in STEPS:
                count += 1
                if count == step:
                    os._exit(DEAD)

        sys.setprofile(watch)

    return prepare


def die_when_a_file_reaches(size: int):
    """Let the system kill the child in the middle of a write."""

    def prepare() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return prepare


def disk_full_after(size: int):
    """Let a write fail in its middle, as on a full disk."""

    def prepare() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return prepare


def states(tmp_path, verb: str):
    """A project before and after the verb: how to make it, and both contents."""
    maker = itertools.count()

    def fresh() -> Project:
        project = Project(tmp_path / f"p{next(maker)}", here=True)
        build(project, "old")
        project.tangle()
        if verb == "tangle":
            build(project, "new")
        else:
            for number in (0, 2, 3):
                project.edit(
                    f"out/{number}/a.py",
                    "old 0" if not number else f"old {number} 7",
                    "new line\nnew line 2",
                )
        return project

    before = fresh()
    after = fresh()
    after.succeed(verb)
    return fresh, before.files(), after.files()


def content(files: dict[str, bytes]) -> dict[str, bytes]:
    """Chapters and products, without the tangler's record."""
    return {
        path: text for path, text in files.items() if path.startswith(("docs/", "out/"))
    }


def assert_whole(
    project: Project, old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    """Each file has all of its old or all of its new content."""
    now = project.files()
    for path in content(old) | content(new):
        known = {old.get(path), new.get(path)}
        assert now.get(path) in known, f"{path} is half-written"


def assert_recovers(project: Project, verb: str, new: dict[str, bytes]) -> None:
    """The same command, run again in peace, completes; no litter is left."""
    project.succeed(verb)
    project.tangle()
    assert content(project.files()) == content(new)


@pytest.mark.parametrize("verb", ["tangle", "stitch"])
def test_killed_at_every_step(tmp_path, verb):
    """Die just before and just after each call that touches the disk."""
    fresh, old, new = states(tmp_path, verb)
    seen = set()
    for step in itertools.count(1):
        project = fresh()
        result = project.run(verb, prepare=die_at(step))
        if result.status != DEAD:
            assert result.status == 0, result.said
            break
        assert_whole(project, old, new)
        seen.add(tuple(sorted(content(project.files()).items())))
        assert_recovers(project, verb, new)
    assert step > 10, "the planted deaths did not come"
    assert len(seen) > 2, "no death fell between two files"


@pytest.mark.parametrize("verb", ["tangle", "stitch"])
@pytest.mark.parametrize("fault", [die_when_a_file_reaches, disk_full_after])
def test_stopped_within_a_write(tmp_path, verb, fault):
    """A write that reaches the disk in half leaves the file as it was."""
    fresh, old, new = states(tmp_path, verb)
    for size in (0, 1, 100, 300, 500, 1200):
        project = fresh()
        result = project.run(verb, prepare=fault(size))
        assert result.status != 0
        if fault is disk_full_after:
            assert_problems(result)
            litter = set(content(project.files())) - set(old) - set(new)
            assert not litter
        assert_whole(project, old, new)
        assert_recovers(project, verb, new)


def test_killed_and_edited_again(tmp_path):
    """What a killed run wrote is no hand edit: the next draft may replace it."""
    last = Project(tmp_path / "last", here=True)
    build(last, "newest")
    last.tangle()
    fresh, _, _ = states(tmp_path, "tangle")
    for step in itertools.count(1, 2):
        project = fresh()
        if project.run("tangle", prepare=die_at(step)).status != DEAD:
            break
        build(project, "newest")
        project.tangle()
        assert content(project.files()) == content(last.files())
    assert step > 10


def test_killed_at_the_first_tangle(tmp_path):
    """There is no old content: a target is whole or it is not there."""
    done = Project(tmp_path / "done")
    build(done, "new")
    done.tangle()
    for step in itertools.count(1, 3):
        project = Project(tmp_path / f"p{step}", here=True)
        build(project, "new")
        result = project.run("tangle", prepare=die_at(step))
        if result.status != DEAD:
            break
        assert_whole(project, {}, done.files())
        assert_recovers(project, "tangle", done.files())
    assert step > 10


def test_killed_at_random_moments(tmp_path):
    """The real thing: a process of its own, and SIGKILL."""
    chance = random.Random(2)
    project = Project(tmp_path)
    build(project, "old", files=60)
    project.tangle()
    old = project.files()
    build(project, "new", files=60)
    command = [sys.executable, str(SCRIPT), *project.argv("tangle")]
    started = time.monotonic()
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    span = time.monotonic() - started
    new = project.files()
    for _ in range(12):
        for path, text in content(old).items():
            if path.startswith("out/"):
                project.write(path, text)
        for path, text in old.items():
            if not path.startswith(("docs/", "out/")):
                project.write(path, text)
        child = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        time.sleep(chance.uniform(0.3, 1.0) * span)
        child.kill()
        child.communicate()
        assert_whole(project, old, new)
        assert_recovers(project, "tangle", new)
