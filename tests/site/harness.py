"""A small book with one of everything, and a server for its site."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import tangle

ROOT = Path(__file__).resolve().parents[2]


def copy_book(root: Path) -> Path:
    """Put the small book into `root`, with what it needs around it."""
    root.mkdir(exist_ok=True)
    (root / "build" / "cache").mkdir(parents=True)
    shutil.copytree(Path(__file__).parent / "book", root / "book")
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    for known in ROOT.glob("build/cache/pyodide-*.json"):
        shutil.copy(known, root / "build" / "cache")
    tangle.snapshot(tangle.load(root), "2", root / "generated")
    return root


def weave(root: Path, form: str) -> None:
    """Run the weaver as `make` does."""
    paths = [ROOT / "generated", ROOT, os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "weave", "--root", str(root), form],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class served:
    """Serves a folder on this machine while the body runs."""

    def __init__(self, folder: Path) -> None:
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Patient(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # a search asks for all pages

        handler = functools.partial(Quiet, directory=str(folder))
        self.server = Patient(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(
            target=self.server.serve_forever, daemon=True
        ).start()
        return f"http://127.0.0.1:{self.server.server_port}/"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
