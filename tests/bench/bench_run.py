"""Time the first and the second press of a Run button, in Chromium.

    python tests/bench/bench_run.py [--record FILE]

The book's site must be built. It is served from this machine, so what is
timed is the browser: a network adds its own time, which depends on nothing
that this book could change. The figures are medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from datetime import date
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.site.conftest import CHROMIUM  # noqa: E402
from tests.site.harness import served  # noqa: E402

CHAPTER = "part1/01-introduction.html"
ROUNDS = 5


def press(page: Page) -> float:
    """Run the chapter's first block; the seconds until its output is there."""
    chunk = page.locator(".chunk[data-run]").first
    start = time.perf_counter()
    chunk.get_by_role("button", name="Run").click()
    chunk.get_by_text("Done").wait_for(timeout=60_000)
    return time.perf_counter() - start


def presses(browser: Browser, address: str) -> dict[str, float]:
    """The times of two presses on one page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address + CHAPTER)
    times = {"first press": press(page), "second press": press(page)}
    context.close()
    return times


def measure(site: Path) -> dict[str, float]:
    """The medians of some rounds, and the size of what is loaded."""
    with served(site) as address, sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=CHROMIUM
        )
        rounds = [presses(browser, address) for _ in range(ROUNDS)]
        browser.close()
    figures = {
        name: round(statistics.median(one[name] for one in rounds), 2)
        for name in rounds[0]
    }
    files = (site / "_static" / "pyodide").iterdir()
    size = sum(file.stat().st_size for file in files) / 1e6
    return {"megabytes": round(size, 1), **figures}


def main() -> None:
    """Print the figures, and record them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path)
    record = parser.parse_args().record
    text = json.dumps(
        {
            "what": "pressing Run in Chromium: tests/bench/bench_run.py",
            "machine": f"{platform.system()} {platform.machine()}, 2 cores, shared",
            "date": date.today().isoformat(),
            "figures": measure(ROOT / "build" / "site"),
        },
        indent=2,
    )
    print(text)
    if record:
        record.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
