"""How heavy and how fast a study's page is at 10,000 trials, beside optuna-dashboard in the same minutes.

    python -m benchmarks.dashboard [--quick] [--json FILE]

Chromium opens each page on loopback; both servers are processes of their own on the same core, as shipped,
on SQLite. What a page loads is HTML and data; scripts and styles, which browsers keep, are left out. It is
interactive when its first figure is drawn and the last task of 50 ms or more has ended, before half a second
of quiet; a page that is not within a minute counts as a minute, which is said, and is not opened again.
Server times are medians of the same requests, repeated without a browser, one after the other. Chromium is
Debian's, or the one that SPNAS_TEST_CHROMIUM names.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from benchmarks._filled import fill
from benchmarks._optuna_filled import fill_optuna
from benchmarks._processes import on_cores, service, split_cores, wait_until_ready
from benchmarks._publish import print_figures, write_json
from service.db.engine import opened_engine

TRIALS = 10_000
_CHROMIUM = os.environ.get("SPNAS_TEST_CHROMIUM", "/usr/bin/chromium")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_PATIENCE_MS = 60_000
_PACKAGES = ("optuna-dashboard", "optuna", "plotly", "playwright", "fastapi", "sqlalchemy")

# Both pages draw with Plotly; ours draws what comes into view, so its first figure is scrolled to at once.
_WATCH = """
(() => {
  let busyUntil = 0, drawn = null;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) busyUntil = Math.max(busyUntil, task.startTime + task.duration);
  }).observe({ type: "longtask", buffered: true });
  const look = () => {
    const now = performance.now();
    const plots = [...document.querySelectorAll(".js-plotly-plot")];
    // optuna-dashboard draws empty axes before it has its trials
    if (drawn === null && plots.some((plot) => plot._fullData?.some((trace) => trace.x?.length))) drawn = now;
    if (drawn === null) document.querySelector("[data-figure]")?.scrollIntoView();
    const ready = Math.max(drawn, busyUntil);
    if (drawn !== null && now - ready > 500) window.benchInteractive = ready;
    else setTimeout(look, 20);
  };
  look();
})();
"""
_USABLE = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visitor saw.

    Attributes:
        interactive_ms: From the click on the page's link.
        usable_ms: Until its scripts have run, and so its buttons work.
        urls: Of its HTML and data.
        is_lower_bound: The visitor gave up on the page; the times are how long that took.
    """

    interactive_ms: float
    usable_ms: float
    urls: tuple[str, ...]
    is_lower_bound: bool = False


@dataclass(slots=True)
class Answer:
    """Of one URL: its size in bytes, plain and as sent, and how long it took each time."""

    size: int = 0
    sent: int = 0
    times_ms: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Median time."""
        return statistics.median(self.times_ms)


@contextmanager
def optuna_dashboard(storage: str, cores: Sequence[int]) -> Iterator[str]:
    """optuna-dashboard on a storage; gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with on_cores(cores):
        process = subprocess.Popen(  # noqa: S603 - nothing in it comes from outside
            [sys.executable, "-m", "optuna_dashboard._cli", storage, "--port", str(port), "--quiet"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    with process:
        try:
            wait_until_ready(process, f"http://127.0.0.1:{port}/dashboard")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


def visit(context: BrowserContext, url: str) -> Visit:
    """Opens a page, and scrolls through it for the data that it loads only then."""
    page = context.new_page()
    responses: list[Response] = []

    def keep(response: Response) -> None:  # Playwright takes no method of a list
        responses.append(response)

    page.on("response", keep)
    page.goto(url, timeout=_PATIENCE_MS, wait_until="commit")
    is_interactive = True
    interactive_ms = usable_ms = float(_PATIENCE_MS)
    try:
        page.wait_for_function("window.benchInteractive", timeout=_PATIENCE_MS)
    except PlaywrightTimeoutError:  # not by a timer of the page, which a page that is busy does not get to
        is_interactive = False
    else:
        interactive_ms = float(page.evaluate("window.benchInteractive"))
        usable_ms = float(page.evaluate(_USABLE))
        _scroll_through(page)
    urls = [
        each.url
        for each in responses
        if each.request.resource_type in ("document", "fetch", "xhr") and each.request.method == "GET"
    ]
    page.close()
    return Visit(interactive_ms, usable_ms, tuple(dict.fromkeys(urls)), is_lower_bound=not is_interactive)


def _scroll_through(page: Page) -> None:
    figures = page.locator("[data-figure]")
    for index in range(figures.count()):
        figures.nth(index).scroll_into_view_if_needed()
        figures.nth(index).locator(".js-plotly-plot .main-svg").first.wait_for(timeout=_PATIENCE_MS)


def asked(urls: Sequence[str], repeats: int) -> dict[str, Answer]:
    """Asks for each URL so many times, as a browser with nothing in its cache does."""
    answers = {url: Answer() for url in urls}
    with httpx.Client(timeout=_PATIENCE_MS / 1000) as client:
        for _ in range(repeats):
            for url, answer in answers.items():
                begin = time.perf_counter()
                response = client.get(url).raise_for_status()
                answer.times_ms.append(1000 * (time.perf_counter() - begin))
                answer.size, answer.sent = len(response.content), response.num_bytes_downloaded
    return answers


def figures_of(visits: Sequence[Visit], answers: dict[str, Answer]) -> dict[str, float]:
    """The figures of a page; ``html`` is its document alone, ``all`` is all that it loads."""
    html = answers[visits[0].urls[0]]
    return {
        "html_bytes": html.size,
        "html_gzip_bytes": html.sent,
        "all_bytes": sum(answer.size for answer in answers.values()),
        "all_gzip_bytes": sum(answer.sent for answer in answers.values()),
        "html_server_ms": html.median_ms,
        "all_server_ms": sum(answer.median_ms for answer in answers.values()),
        "usable_ms": statistics.median(each.usable_ms for each in visits),
        "interactive_ms": statistics.median(each.interactive_ms for each in visits),
    }


def measure(trials: int, repeats: int) -> dict[str, float]:
    """Fills both databases, serves them and takes turns in opening their pages."""
    of_servers, _ = split_cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spnas-bench-")))
        with opened_engine(f"sqlite:///{folder / 'spnas.db'}") as engine:
            study_id = fill(engine, studies=1, trials_each=0, trials_of_last=trials)
        storage = f"sqlite:///{folder / 'optuna.db'}"
        fill_optuna(storage, trials)
        pages = {
            "own": f"{stack.enter_context(service(folder, of_servers))}/studies/{study_id}",
            "optuna": f"{stack.enter_context(optuna_dashboard(storage, of_servers))}/dashboard/studies/1",
        }
        browser = stack.enter_context(chromium())
        # Playwright waits by evaluated text, which the pages' policies forbid.
        options: dict[str, Any] = {"viewport": {"width": 1280, "height": 844}, "bypass_csp": True}
        contexts = {name: browser.new_context(**options) for name in pages}
        visits: dict[str, list[Visit]] = {}
        for name, context in contexts.items():
            context.set_default_timeout(_PATIENCE_MS)
            context.add_init_script(_WATCH)
            first = visit(context, pages[name])  # fills the browser's cache
            visits[name] = [first] if first.is_lower_bound else []
            if first.is_lower_bound:
                print(f"{pages[name]} is not interactive within {_PATIENCE_MS / 1000:g} s", file=sys.stderr)
        repeated = [name for name, seen in visits.items() if not seen]
        for _ in range(repeats):
            for name in repeated:
                visits[name].append(visit(contexts[name], pages[name]))
        found = {name: figures_of(seen, asked(seen[0].urls, repeats)) for name, seen in visits.items()}
    return compared(found["own"], found["optuna"])


def compared(own: dict[str, float], optuna: dict[str, float]) -> dict[str, float]:
    """All figures, and how many times less this page costs than optuna-dashboard's.

    The ratio of the HTML compares it, which holds the answer and the first trials, with all that
    optuna-dashboard's page loads: its HTML is an empty frame.
    """
    ratios = {
        f"{name}_optuna_ratio_to_own": optuna[name] / own[name]
        for name in ("all_bytes", "all_gzip_bytes", "all_server_ms", "interactive_ms")
    }
    ratios["all_optuna_ratio_to_own_html_server_ms"] = optuna["all_server_ms"] / own["html_server_ms"]
    return own | {f"optuna_{name}": value for name, value in optuna.items()} | ratios


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dashboard", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    repeats = 2 if arguments.quick else 9
    figures = measure(TRIALS, repeats)
    print_figures(figures)
    if arguments.json is not None:
        settings = {"trials": TRIALS, "repeats": repeats, "database": "sqlite"}
        write_json(arguments.json, "dashboard", _PACKAGES, settings, figures)


if __name__ == "__main__":
    main()
