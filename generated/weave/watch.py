# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. ffb41fba8a84
"""Weaves at each save, tells the browser, and never gives up.

One process keeps the manuscript, Sphinx and the Typst compiler warm.
It serves build/site, looks at book/ ten times a second, and after a
change tangles, tests and weaves what the change can have touched.
"""

from __future__ import annotations

import contextlib
import gc
import http.server
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import tangle
from weave import ManuscriptError, Stopped, book, pdf, run
from weave.progress import complaints, says, step
from weave.site import Site

HERE = Path(__file__).parent
TANGLER = Path(str(tangle.__file__))
Stamps = dict[Path, tuple[int, int]]


# Goes into each page as it is served. The page knows what it was made
# from; the server says, now and at each change, what is newest.
SCRIPT = """<script>
new EventSource("/-/events").onmessage = ({data}) => {
  const {made, problem, doing} = JSON.parse(data);
  if (made !== MADE) return location.reload();
  document.getElementById("problem")?.remove();
  if (!problem && !doing) return;
  const note = document.createElement("pre");
  note.id = "problem";
  note.textContent = problem || doing;
  note.style.cssText = "position: fixed; inset: auto 0 0; margin: 0;"
    + "padding: 1em; z-index: 999; color: #fff; font-size: .8rem;"
    + "white-space: pre-wrap; max-height: 50vh; overflow: auto;"
    + `background: ${problem ? "#8a2b1d" : "#6d6a64"}`;
  document.body.append(note);
};
</script>
"""
# Stands in for a page that is not made, until it is.
MISSING = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Not made</title>
</head><body><p>This page is not made yet, or there is none at this
address. As soon as it is made, it stands here.</p></body></html>
"""


class News:
    """The latest the browsers should know; they wait for more."""

    def __init__(self) -> None:
        self.told = threading.Condition()
        self.count = 0
        self.made = time.time_ns()  # another at each start
        self.problem = self.doing = ""

    def tell(
        self, problem: str, doing: str, made: bool = False
    ) -> None:
        """Wake every page: pages were made, something is wrong, or
        something is being done."""
        with self.told:
            self.count += 1
            self.made += made
            self.problem, self.doing = problem, doing
            self.told.notify_all()

    def after(self, count: int) -> tuple[int, dict[str, Any]]:
        """What is new since the news of this count; waits for it."""
        with self.told:
            self.told.wait_for(lambda: self.count != count, 15)
            return self.count, {
                "made": str(self.made),
                "problem": self.problem,
                "doing": self.doing,
            }


class Handler(http.server.SimpleHTTPRequestHandler):
    """The site's files, the chapters' PDFs, and the news."""

    def __init__(self, *args: Any, root: Path, news: News) -> None:
        self.root, self.news = root, news
        super().__init__(*args, directory=str(root / "build/site"))

    def do_GET(self) -> None:
        """Serve a file, an altered page, or the stream of news."""
        if self.path == "/-/events":
            with contextlib.suppress(ConnectionError):
                self.stream()
            return
        if self.path.startswith("/-/pdf/"):
            self.path = self.path.removeprefix("/-/pdf")
            self.directory = str(self.root / "build/pdf")
        file = Path(self.translate_path(self.path))
        if file.is_dir() and self.path.endswith("/"):
            file /= "index.html"
        if file.suffix != ".html":
            super().do_GET()
        elif file.exists():
            self.page(file.read_bytes(), HTTPStatus.OK)
        else:
            self.page(MISSING, HTTPStatus.NOT_FOUND)

    def page(self, text: bytes, status: HTTPStatus) -> None:
        """A page, listening."""
        made = json.dumps(str(self.news.made))
        script = SCRIPT.replace("MADE", made).encode()
        text = text.replace(b"</body>", script + b"</body>")
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def stream(self) -> None:
        """Each piece of news as it comes, until the page is left."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        count = -1
        while True:
            count, news = self.news.after(count)
            self.wfile.write(f"data: {json.dumps(news)}\n\n".encode())

    def end_headers(self) -> None:
        """Nothing may be kept: it can change at any moment."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the stages are the news here."""


def serve(root: Path, news: News, port: int) -> str:
    """Start the server on the first free port; its address."""
    handler = partial(Handler, root=root, news=news)
    for candidate in range(port, port + 50):
        with contextlib.suppress(OSError):
            server = http.server.ThreadingHTTPServer(
                ("127.0.0.1", candidate), handler
            )
            threading.Thread(
                target=server.serve_forever, daemon=True
            ).start()
            return f"http://127.0.0.1:{server.server_port}/"
    raise SystemExit(f"weave: no free port from {port} to {candidate}")


def stamps(folder: Path) -> Stamps:
    """Every file below a folder, with its time and its size."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            file = Path(place, name)
            if file.suffix != ".pyc" and not name.startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    found[file] = stamp(file)
    return found


def stamp(file: Path) -> tuple[int, int]:
    """What changes when a file is written."""
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def changes(old: Stamps, new: Stamps) -> set[Path]:
    """The files that came, went, or were written."""
    return {f for f in old | new if old.get(f) != new.get(f)}


class Watch:
    """The warm book, and what happens when a chapter is saved."""

    def __init__(self, root: Path, news: News) -> None:
        self.root, self.news = root, news
        self.ms: book.Manuscript | None = None
        self.site: Site | None = None
        self.seen: Stamps = {}
        self.due: set[Path] = set()  # saved, and not yet woven
        self.untested: set[Path] = set()  # saved, tests have not passed
        self.testing: subprocess.Popen[str] | None = None
        self.behind: list[str] = []  # their outputs are not true yet
        self.wrong: list[str] = []

    def saves(self) -> Iterator[set[Path]]:
        """The files saved since last time; at first the latest.

        Editors write a file in several steps: this waits for quiet.
        """
        self.seen = stamps(self.root / "book")
        yield {max(self.seen, key=lambda file: self.seen[file])}
        while True:
            time.sleep(0.1)
            now = stamps(self.root / "book")
            if now != self.seen:
                time.sleep(0.03)
                if now == stamps(self.root / "book"):
                    changed = changes(self.seen, now)
                    self.seen = now
                    yield changed

    def saved(self) -> bool:
        """Whether something was saved while we worked."""
        return stamps(self.root / "book") != self.seen

    def turn(self, saved: set[Path]) -> None:
        """Bring everything up to date; a broken draft is told of."""
        self.due |= saved
        self.wrong = []
        start = time.perf_counter()
        try:
            if not self.tried(self.write_code):
                return
            self.start_tests()
            shown = self.tried(self.show, self.remembered)
            if shown:
                says("on the page", f"{time.perf_counter() - start:.1f} s")
            self.tried(self.finish_tests)
            if shown and self.tried(self.rerun):
                self.tried(self.press)
            self.behind = []
            self.tell()
        except Stopped:
            pass  # the next save is there
        finally:
            self.drop_tests()

    def tried(self, stage: Callable[..., None], *args: Any) -> bool:
        """Whether a stage went well; if not, tell what is wrong."""
        try:
            stage(*args)
            return True
        except Stopped:
            raise
        except Exception as problem:
            lines = complaints(problem)
            print(*lines, sep="\n", flush=True)
            self.wrong += lines
            self.tell()
            return False

    def tell(self, made: bool = False) -> None:
        """Tell the browsers how things stand."""
        later = ", ".join(self.behind)
        doing = f"outputs are being renewed: {later}" if later else ""
        self.news.tell("\n".join(self.wrong), doing, made)

    def write_code(self) -> None:
        """Write the code, and note if there is something new to test.

        Where the weaver itself is new, it starts anew.
        """
        before = self.code()
        with step("tangle"):
            done = subprocess.run(
                [sys.executable, TANGLER, "tangle"],
                cwd=self.root,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise ManuscriptError(*done.stderr.splitlines())
        written = changes(before, self.code())
        if any(f == TANGLER or f.parent == HERE for f in written):
            print("the weaver changed: starting anew", flush=True)
            os.execv(sys.executable, sys.orig_argv)
        if written:
            self.untested |= self.due

    def code(self) -> Stamps:
        """The state of all that the tangler writes."""
        written = stamps(self.root / "generated")
        return written | {TANGLER: stamp(TANGLER)}

    def show(self, execute: run.Execute, words: str = "read") -> None:
        """Make the pages that changed, and have them shown."""
        self.behind = []
        with step(words):
            ms = book.load(self.root, self.ms, execute)
        for page in ms.pages:
            if page.path in self.behind:
                page.key = ""
        self.ms = ms
        with step("pages"):
            self.site = self.site or Site(ms)
            self.site.rebuild(ms)
        self.tell(made=True)

    def remembered(
        self,
        tangled: tangle.Book,
        chapter: tangle.Chapter,
        tree: Path,
        items: list[run.Item],
    ) -> list[run.Result]:
        """A chapter's results, from memory if there are any."""
        known = run.remembered(tangled, chapter, tree, items)
        if known is None:
            return run.execute(tangled, chapter, tree, items, self.saved)
        results, true = known
        if not true:
            self.behind.append(chapter.path)
        return results

    def rerun(self) -> None:
        """Run the chapters that are behind; show each when it has run."""
        while self.behind:
            due = [p for p in self.behind if self.root / p in self.due]
            path = (due or self.behind)[0]

            def execute(
                tangled: tangle.Book,
                chapter: tangle.Chapter,
                tree: Path,
                items: list[run.Item],
                path: str = path,
            ) -> list[run.Result]:
                if chapter.path != path:
                    return self.remembered(tangled, chapter, tree, items)
                return run.execute(
                    tangled, chapter, tree, items, self.saved
                )

            self.show(execute, f"run {path.removeprefix('book/')}")

    def press(self) -> None:
        """Make the PDFs of the saved chapters."""
        assert self.ms
        for page in self.ms.pages:
            if page.path and self.root / page.path in self.due:
                name = f"build/pdf/{page.docname}.pdf"
                with step(name):
                    out = self.root / name
                    pdf.build_chapter(self.ms, page.docname, out)
        self.due.clear()

    def start_tests(self) -> None:
        """Start the tests of what was changed, if there are any."""
        files = affected(tangle.load(self.root), self.untested)
        if not files:
            return
        call = [sys.executable, str(TANGLER), "translate", "--"]
        call += [sys.executable, "-m", "pytest", "-q", "--tb=short"]
        self.testing = subprocess.Popen(
            [*call, "--maxfail=3", *files],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish_tests(self) -> None:
        """Wait for the tests, and tell what failed.

        Code that cannot be read has been told of once; pytest, which
        cannot read it either, would say so at greater length.
        """
        if self.testing is None:
            return
        said, _ = run.outcome(self.testing, None, self.saved)
        lines = said.splitlines() or ["nothing was said"]
        says("tests", lines[-1].strip("= "))
        if not self.testing.returncode:
            self.untested.clear()
        elif not (self.wrong and "error" in lines[-1]):
            raise ManuscriptError(*lines)

    def drop_tests(self) -> None:
        """Let go of the tests; end them if they still run."""
        if self.testing and self.testing.poll() is None:
            os.killpg(self.testing.pid, signal.SIGKILL)
            self.testing.communicate()
        self.testing = None


def affected(book: tangle.Book, saved: set[Path]) -> list[str]:
    """The test files of the first saved chapter and all later ones."""
    form = book.config["tangle"]["tests"]
    later = itertools.dropwhile(
        lambda chapter: book.root / chapter.path not in saved,
        book.chapters,
    )
    stems = (chapter.stem.replace("-", "_") for chapter in later)
    files = (form.format(stem=stem) for stem in stems)
    return [file for file in files if file in book.targets]


def main(root: Path, port: int) -> int:
    """Watch until interrupted."""
    news = News()
    print(f"watching book/: {serve(root, news, port)}", flush=True)
    watch = Watch(root, news)
    # To be warm is to hold millions of objects, and looking through
    # them for garbage takes half of a turn: that can wait for its end.
    gc.disable()
    with contextlib.suppress(KeyboardInterrupt):
        for saved in watch.saves():
            watch.turn(saved)
            gc.collect()
    return 0
