# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 8f2d1a9d7dbf
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
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import tangle
from weave import ManuscriptError, book, pdf
from weave.progress import complaints, step
from weave.site import Site

HERE = Path(__file__).parent
TANGLER = Path(str(tangle.__file__))
Stamps = dict[Path, tuple[int, int]]


# Goes into each page as it is served. The page knows what it was made
# from; the server says, now and at each change, what is newest.
SCRIPT = """<script>
new EventSource("/-/events").onmessage = ({data}) => {
  const {made, problem} = JSON.parse(data);
  if (made !== MADE) return location.reload();
  document.getElementById("problem")?.remove();
  if (!problem) return;
  const note = document.createElement("pre");
  note.id = "problem";
  note.textContent = problem;
  note.style.cssText = "position: fixed; inset: auto 0 0; margin: 0;"
    + "padding: 1em; z-index: 999; background: #8a2b1d; color: #fff;"
    + "white-space: pre-wrap; max-height: 50vh; overflow: auto";
  document.body.append(note);
};
</script>
"""


class News:
    """The latest the browsers should know; they wait for more."""

    def __init__(self) -> None:
        self.told = threading.Condition()
        self.count = 0
        self.made = time.time_ns()  # another at each start
        self.problem = ""

    def tell(self, problem: str = "", made: bool = False) -> None:
        """Wake every page: pages were made, or something is wrong."""
        with self.told:
            self.count += 1
            self.made += made
            self.problem = problem
            self.told.notify_all()

    def after(self, count: int) -> tuple[int, dict[str, Any]]:
        """What is new since the news of this count; waits for it."""
        with self.told:
            self.told.wait_for(lambda: self.count != count, 15)
            made, problem = str(self.made), self.problem
            return self.count, {"made": made, "problem": problem}


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
        if file.suffix == ".html" and file.exists():
            self.page(file.read_bytes())
        else:
            super().do_GET()

    def page(self, text: bytes) -> None:
        """A page, listening."""
        made = json.dumps(str(self.news.made))
        script = SCRIPT.replace("MADE", made).encode()
        text = text.replace(b"</body>", script + b"</body>")
        self.send_response(HTTPStatus.OK)
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

    def turn(self, saved: set[Path]) -> None:
        """Bring everything up to date; a broken draft is told of."""
        self.due |= saved
        try:
            written = self.tangle()
            with self.tests(self.due if written else set()):
                self.weave()
                self.news.tell(made=True)
        except Exception as problem:
            lines = complaints(problem)
            print(*lines, sep="\n", flush=True)
            self.news.tell("\n".join(lines))

    def tangle(self) -> set[Path]:
        """Write the code; the files that are new by it.

        Where the weaver is among them, it starts anew.
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
        return written

    def code(self) -> Stamps:
        """The state of all that the tangler writes."""
        written = stamps(self.root / "generated")
        return written | {TANGLER: stamp(TANGLER)}

    def weave(self) -> None:
        """Make the pages that changed, and the saved chapters' PDFs."""
        with step("read and run"):
            self.ms = book.load(self.root, self.ms)
        with step("pages"):
            self.site = self.site or Site(self.ms)
            self.site.rebuild(self.ms)
        for page in self.ms.pages:
            if page.path and self.root / page.path in self.due:
                name = f"build/pdf/{page.docname}.pdf"
                with step(name):
                    out = self.root / name
                    pdf.build_chapter(self.ms, page.docname, out)
        self.due.clear()

    @contextlib.contextmanager
    def tests(self, saved: set[Path]) -> Iterator[None]:
        """Run the affected tests beside the body; tell what failed."""
        files = affected(tangle.load(self.root), saved)
        if not files:
            yield
            return
        call = [sys.executable, str(TANGLER), "translate", "--"]
        call += [sys.executable, "-m", "pytest", "-q", "--tb=short"]
        with subprocess.Popen(
            [*call, *files],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            yield
            with step("tests"):
                said, _ = running.communicate()
                if running.returncode:
                    raise ManuscriptError(*said.splitlines())


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
