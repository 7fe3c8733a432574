"""A headless Chromium, and pages that remember what went wrong in them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

CHROMIUM = os.environ.get("SPNAS_TEST_CHROMIUM", "/usr/bin/chromium")
DESKTOP, PHONE = 1280, 390
_PATIENCE_MS = 30_000  # a busy machine takes seconds to read plotly.js
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; the test is skipped where there is none and nobody said where to look."""
    if "SPNAS_TEST_CHROMIUM" not in os.environ and not Path(CHROMIUM).exists():
        pytest.skip(f"no {CHROMIUM}: install Debian's chromium, or name a browser in SPNAS_TEST_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, what its console complained about, and requests that left the service."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        """Remembers an error or a warning."""
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def see(self, request: Request) -> None:
        """Remembers a request to anywhere else."""
        if not request.url.startswith((self.base_url, "data:", "blob:")):
            self.strangers.append(request.url)

    def go(self, path: str) -> None:
        """Opens a page of the service."""
        self.page.goto(self.base_url + path)

    def draw_figures(self) -> int:
        """Scrolls to every figure and waits until it is drawn; returns how many there are."""
        figures = self.page.locator("[data-figure]")
        for index in range(figures.count()):
            figures.nth(index).scroll_into_view_if_needed()
            figures.nth(index).locator(".js-plotly-plot .main-svg").first.wait_for()
        return figures.count()

    def assert_accessible(self) -> None:
        """axe-core finds nothing serious or critical."""
        found = Axe().run(self.page).response["violations"]
        serious = [
            f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes']][:3]}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], self.page.url

    def assert_fits(self) -> None:
        """Nothing sticks out to the right."""
        excess = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert excess <= 0, f"{self.page.url} is {excess} px too wide"

    def assert_quiet(self) -> None:
        """No error in the console, no request to anywhere else."""
        assert self.complaints == []
        assert self.strangers == []


@contextmanager
def tab(browser: Browser, base_url: str, *, width: int = DESKTOP, scheme: str = "light") -> Iterator[Tab]:
    """A fresh tab, as a light or dark desktop or phone has it."""
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=width == PHONE,
        reduced_motion="reduce",
    )
    context.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    opened = Tab(context.new_page(), base_url)
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("console", opened.hear)
    opened.page.on("request", opened.see)
    yield opened
    context.close()
