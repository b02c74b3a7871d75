"""A small book, built, and a browser to read it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.site.harness import copy_book, served, weave

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest the mark that `make test-site` selects by."""
    config.addinivalue_line("markers", "browser: needs Chromium")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book's folder, its e-book and site built."""
    root = copy_book(tmp_path_factory.mktemp("small"))
    weave(root, "epub")
    weave(root, "site")
    return root


@pytest.fixture(scope="session")
def small_site(small: Path) -> Iterator[str]:
    """The address of the small book's site."""
    with served(small / "build" / "site") as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    path = shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=path, args=CHROMIUM
        )
        yield chromium
        chromium.close()


@dataclass
class Reader:
    """Someone at a page, and what their browser complained of."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, name: str) -> Page:
        """Go to a page of the site."""
        self.page.goto(self.address + name, wait_until="load")
        return self.page


@pytest.fixture
def reader(browser: Browser) -> Iterator[Callable[..., Reader]]:
    """Opens a site in a fresh window; at the end, no complaints."""
    opened = []

    def read(
        address: str, width: int = 1440, **options: object
    ) -> Reader:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        one = Reader(context.new_page(), address)
        one.page.on(
            "console",
            lambda m: (
                m.type in ("error", "warning")
                and one.complaints.append(f"{m.type}: {m.text}")
            ),
        )
        one.page.on(
            "pageerror", lambda e: one.complaints.append(str(e))
        )
        one.page.on(
            "request",
            lambda r: (
                r.url.startswith((address, "data:", "blob:"))
                or one.complaints.append(f"asks for {r.url}")
            ),
        )
        opened.append((context, one))
        return one

    yield read
    for context, one in opened:
        context.close()
        assert one.complaints == []
