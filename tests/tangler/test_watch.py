"""watch: from a saved chapter to its files, through broken drafts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from harness import SCRIPT, Project, block


class Watch:
    """A watcher in a process of its own, and what it has said so far."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.said = project.root.parent / f"{project.root.name}.said"
        command = [sys.executable, "-u", str(SCRIPT), *project.argv("watch")]
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                command,
                cwd=project.root,
                stdout=said,
                stderr=subprocess.STDOUT,
                # A shell's background jobs ignore Ctrl-C; this one may not.
                preexec_fn=lambda: signal.signal(
                    signal.SIGINT, signal.SIG_DFL
                ),
            )

    def until(self, true: Callable[[], bool], seconds: float = 15) -> None:
        """Wait for something to come true."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"in vain; it said: {self.text()}"
            assert self.process.poll() is None, f"it ended: {self.text()}"
            time.sleep(0.03)

    def text(self) -> str:
        """All it has said."""
        return self.said.read_text()

    def reads(self, path: str, text: str) -> bool:
        """Whether a file of the project has this text."""
        return self.project.has(path) and self.project.read(path) == text


@pytest.fixture
def watch(project):
    """A watcher on a chapter; it is ended, whatever happens."""
    project.write("docs/a.md", block("one", file="out/a.py"))
    watcher = Watch(project)
    yield watcher
    watcher.process.kill()
    watcher.process.wait()


def test_watch(watch):
    """Tangles at the start and after a save, survives a broken draft, ends."""
    project = watch.project
    watch.until(lambda: watch.reads("out/a.py", "one\n"))

    project.write("docs/a.md", block("two", file="out/a.py"))
    watch.until(lambda: watch.reads("out/a.py", "two\n"))

    project.write("docs/a.md", "# A\n\n" + block("<<none>>", file="out/a.py"))
    watch.until(lambda: "docs/a.md:4: " in watch.text())
    assert project.read("out/a.py") == "two\n"

    project.write("docs/a.md", block("three", file="out/a.py"))
    watch.until(lambda: watch.reads("out/a.py", "three\n"))

    watch.process.send_signal(signal.SIGINT)
    assert watch.process.wait(10) in (0, 130, -signal.SIGINT)
    assert "Traceback" not in watch.text()


def test_a_broken_draft_is_told_once(watch):
    """The same complaint is not repeated while nothing changes."""
    watch.until(lambda: watch.project.has("out/a.py"))
    watch.project.write("docs/a.md", "``` {.python #x}\n")
    watch.until(lambda: "docs/a.md:1: " in watch.text())
    time.sleep(1.2)
    assert len(re.findall(r"docs/a\.md:1: ", watch.text())) == 1


def test_a_new_and_a_removed_chapter(watch):
    """The pattern is matched anew."""
    watch.until(lambda: watch.project.has("out/a.py"))
    watch.project.write("docs/b.md", block("new", file="out/b.py"))
    watch.until(lambda: watch.reads("out/b.py", "new\n"))
    (watch.project.root / "docs/b.md").unlink()
    watch.project.write("docs/a.md", block("last", file="out/a.py"))
    watch.until(lambda: watch.reads("out/a.py", "last\n"))


def test_a_save_by_replacement(watch):
    """Editors write another file and rename it; for a moment there is none."""
    watch.until(lambda: watch.project.has("out/a.py"))
    root = watch.project.root
    (root / "docs/a.md").rename(root / "docs/a.md~")
    time.sleep(0.3)
    watch.project.write("docs/.a.md.new", block("two", file="out/a.py"))
    os.replace(root / "docs/.a.md.new", root / "docs/a.md")
    watch.until(lambda: watch.reads("out/a.py", "two\n"))


def test_a_hand_edit_is_not_overwritten(watch):
    """Nor is the watcher ended by it."""
    watch.until(lambda: watch.project.has("out/a.py"))
    watch.project.write("out/a.py", "mine\n")
    watch.project.write("docs/a.md", block("two", file="out/a.py"))
    watch.until(lambda: re.search(r"(out/a\.py|docs/a\.md):\d+: ", watch.text()))
    assert watch.project.read("out/a.py") == "mine\n"


def test_it_rests(watch):
    """Waiting costs next to nothing: under a tenth of one processor."""
    watch.until(lambda: watch.project.has("out/a.py"))
    time.sleep(0.3)

    def spent() -> float:
        with open(f"/proc/{watch.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = spent()
    time.sleep(1.5)
    assert spent() - before < 0.15
