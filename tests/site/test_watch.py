"""`make watch`: a save is seen on the page, and no draft ends it."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
title = "A small book"
subtitle = "For trying things"
authors = ["Nobody"]
edition = "First"

[[part]]
title = "The only part"
chapters = ["part1/01-one.md", "part1/02-two.md"]

[tangle]
roots = ["generated/nand2llm/", "generated/tests/"]
header = true
state = "build/sourcemap.json"
tests = "generated/tests/test_{stem}.py"
strip = "generated/"
"""
ONE = """\
# The first {#ch:one}

The first sentence.

``` {.python file=generated/nand2llm/__init__.py}
\"\"\"One.\"\"\"
```

``` {.python file=generated/nand2llm/one.py}
\"\"\"One.\"\"\"

ONE = 1
```

It prints.

``` {.python .run}
from nand2llm.one import ONE

print("printed:", ONE + 41)
```

``` {.python .test}
from nand2llm.one import ONE


def test_one():
    assert ONE == 1
```
"""
TWO = """\
# The second {#ch:two}

It comes after @ch:one.

``` {.python .test}
def test_two():
    assert True
```
"""


class Watcher:
    """A running `weave watch` on a book of two chapters."""

    def __init__(self, root: Path) -> None:
        self.chapter = root / "book/part1/01-one.md"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "weave", "--root", str(root), "watch"],
            cwd=root,
            env=os.environ | {"PYTHONPATH": f"{root / 'generated'}:{ROOT}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        threading.Thread(target=self.listen, daemon=True).start()
        self.address = self.until(r"http://127\.0\.0\.1:\d+/")
        self.news = self.stream()

    def listen(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line)

    def until(self, pattern: str, seconds: float = 60) -> str:
        """What matches in the next line that does."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no {pattern!r} in: " + "".join(self.said))
            self.said.append(line)
            if found := re.search(pattern, line):
                return found[0]

    def stream(self):
        """The news that a browser gets."""
        with urllib.request.urlopen(self.address + "-/events", timeout=60) as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))

    def next_news(self, wanted) -> dict[str, str]:
        """The next news for which `wanted` holds, within a minute."""
        end = time.monotonic() + 60
        for news in self.news:
            if wanted(news):
                return news
            assert time.monotonic() < end, f"the last news: {news}"
        raise AssertionError("the news ended")

    def save(self, old: str, new: str) -> None:
        text = self.chapter.read_text("utf-8")
        assert old in text
        self.chapter.write_text(text.replace(old, new), "utf-8")

    def page(self) -> str:
        address = self.address + "part1/01-one.html"
        with urllib.request.urlopen(address, timeout=10) as page:
            return page.read().decode()


@pytest.fixture
def watcher(tmp_path):
    (tmp_path / "book/part1").mkdir(parents=True)
    (tmp_path / "book/book.toml").write_text(CONFIG, "utf-8")
    (tmp_path / "book/references.bib").write_text("", "utf-8")
    (tmp_path / "book/part1/01-one.md").write_text(ONE, "utf-8")
    (tmp_path / "book/part1/02-two.md").write_text(TWO, "utf-8")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    shutil.copytree(ROOT / "generated/weave", tmp_path / "generated/weave")
    running = Watcher(tmp_path)
    yield running
    running.process.terminate()
    running.process.wait(10)


def test_saves_are_shown_and_drafts_survived(watcher, tmp_path):
    start = watcher.next_news(lambda news: True)
    first = watcher.next_news(lambda news: news["made"] != start["made"])
    watcher.until(r"^tests .* passed")
    shown = watcher.page()
    assert "The first sentence." in shown
    assert "printed: 42" in shown
    assert "/-/events" in shown
    built = (tmp_path / "build/site/part1/01-one.html").read_text("utf-8")
    assert "/-/events" not in built

    # A sentence: the page and the chapter's PDF, no test.
    watcher.said.clear()
    watcher.save("The first sentence.", "Another sentence.")
    watcher.until(r"^build/pdf/part1/01-one\.pdf .* s$")
    second = watcher.next_news(lambda news: news["made"] != first["made"])
    assert second["problem"] == ""
    assert "Another sentence." in watcher.page()
    address = watcher.address + "-/pdf/part1/01-one.pdf"
    with urllib.request.urlopen(address, timeout=10) as pdf:
        assert pdf.read(5) == b"%PDF-"
    assert not any(line.startswith("tests") for line in watcher.said)

    # Code: it is shown at once, with the old output; its test fails, at
    # its own line; then the new output is there.
    watcher.save("ONE = 1\n", "ONE = 2\n")
    news = watcher.next_news(lambda news: news["doing"])
    assert "part1/01-one.md" in news["doing"] and news["made"] != second["made"]
    watcher.until(r"^tests .*failed")
    watcher.until(r"^run part1/01-one\.md .* s$")
    watcher.until(r"^pages .* s$")
    broken = watcher.next_news(lambda news: news["problem"] and not news["doing"])
    assert "printed: 43" in watcher.page()
    line = ONE.split("\n").index("    assert ONE == 1") + 1
    assert f"book/part1/01-one.md:{line}" in broken["problem"]

    # Words do not make a failing test pass.
    watcher.save("Another sentence.", "A third sentence.")
    watcher.until(r"^tests .*failed")

    # A draft that is broken: its line, on the page too.
    watcher.save("ONE = 2\n```\n", "ONE = 2\n\n<<nothing>>\n```\n")
    broken = watcher.next_news(lambda news: "nothing" in news["problem"])
    line = ONE.split("\n").index("ONE = 1") + 3
    assert broken["problem"].startswith(f"book/part1/01-one.md:{line}: ")
    assert watcher.process.poll() is None
    assert "printed: 43" in watcher.page()

    # Mended: all is well again.
    watcher.save("ONE = 2\n\n<<nothing>>\n", "ONE = 1\n")
    watcher.until(r"^tests .*passed")
    watcher.until(r"^build/pdf/part1/01-one\.pdf .* s$")
    assert "printed: 42" in watcher.page()
    assert watcher.next_news(lambda news: not news["doing"])["problem"] == ""


@pytest.mark.parametrize(("old", "new", "line", "words"), [
    ("ONE = 1\n", "ONE = (1\n", "ONE = 1", "SyntaxError: '(' was never closed"),
    ("It prints", "::: {.aside}\nIt prints", "It prints", "has no end; close it"),
    ("ONE = 1\n```\n", "ONE = 1\n", "``` {.python file=generated/nand2llm/one.py}", "not closed"),
    ("It prints", "It `{python} prints`", "It prints", "NameError"),
])
def test_a_draft_is_told_at_its_line(watcher, old, new, line, words):
    watcher.until(r"^build/pdf/.* s$")
    watcher.save(old, new)
    said = watcher.next_news(lambda news: news["problem"])["problem"]
    at = next(k for k, row in enumerate(ONE.split("\n"), 1) if row.startswith(line))
    assert said.startswith(f"book/part1/01-one.md:{at}: ") and words in said
    assert "Traceback" not in said and "ast.py" not in said


def test_nobody_waits_for_a_needless_run(watcher, tmp_path):
    begun = tmp_path / "begun"
    endless = f"import time; open({str(begun)!r}, 'w'); time.sleep(600)\n"
    watcher.until(r"^build/pdf/.* s$")
    watcher.save("print(", endless + "print(")
    watcher.until(r"^on the page .* s$")
    end = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < end, "the run has not begun"
        time.sleep(0.05)
    watcher.save("The first sentence.", "Another sentence.")
    watcher.until(r"^run part1/01-one\.md +stopped$")
    watcher.until(r"^on the page .* s$")
    assert "Another sentence." in watcher.page()
    assert "printed: 42" in watcher.page()
    watcher.save(endless, "")
    watcher.until(r"^build/pdf/part1/01-one\.pdf .* s$")


def test_a_page_to_come_is_waited_for(watcher):
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(watcher.address + "part1/nowhere.html", timeout=10)
    assert missing.value.code == 404
    assert b"/-/events" in missing.value.read()


@pytest.mark.browser
def test_the_page_in_the_browser_follows(watcher: Watcher, browser: Browser):
    watcher.until(r"^tests .* passed")
    page = browser.new_page()
    page.goto(watcher.address + "part1/01-one.html")
    problem = page.locator("#problem")
    assert problem.count() == 0

    watcher.save("The first sentence.", "Another sentence.")
    page.get_by_text("Another sentence.").wait_for(timeout=20_000)

    watcher.save("ONE = 1\n```\n", "ONE = 1\n<<nothing>>\n```\n")
    problem.wait_for(timeout=20_000)
    assert "book/part1/01-one.md:" in problem.inner_text()
    assert page.get_by_text("Another sentence.").is_visible()

    watcher.save("<<nothing>>\n", "")
    problem.wait_for(state="detached", timeout=20_000)
    page.close()
