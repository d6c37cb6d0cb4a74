"""Seconds until each page is complete in a real browser: on a new server, and once more."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browser import Server, free_ports, open_profile, playwright, start_server
from benchmarks.command import Figures, measure
from benchmarks.samples import many_runs
from benchmarks.sessions import connected, open_page
from emotion_core.errors import ConfigError

if TYPE_CHECKING:
    from playwright.sync_api import Page

HELP = "seconds until each page is complete in a real browser, cold and warm, with many runs"

ADDRESSES = {
    "Overview": "",
    "Dataset": "dataset",
    "Collect": "collect",
    "Training": "training",
    "Comparison": "comparison?preset=study",
    "Predictions": "predictions",
    "Live": "live",
    "Diary": "diary",
    "Run": "run?run=sequential",
}
# A run's page has the run's name as its title.
_COMPLETE = """title => [title, 'sequential'].includes(document.querySelector('.stMain h1')?.innerText)
    && document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')
    && [...document.querySelectorAll('.stPlotlyChart')].every(e => e.querySelector('.main-svg'))"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the benchmark."""
    parser.add_argument(
        "--runs", type=int, default=0, help="run folders beside the shipped ones (default: 0)"
    )
    parser.add_argument("--again", type=int, default=3, help="warm visits per page (default: 3)")


def run(args: argparse.Namespace) -> Figures:
    """Open each page on a server of its own by its address, then by the menu."""
    if args.runs < 0 or args.again < 1:
        raise ConfigError("--runs must be 0 or more, --again 1 or more.")
    figures: Figures = {"runs": args.runs}
    print(f"{'page':14}{'server s':>10}{'cold s':>8}{'warm s':>8}   with {args.runs} further runs")
    # A browser keeps what it compiled of the dashboard's scripts by address, so the port stays.
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="emotion-bench-") as folder, playwright() as driver:
        home = many_runs(Path(folder) / "checkpoints", args.runs)
        with open_profile(driver, Path(folder) / "browser") as browser:
            browser.set_default_timeout(120_000)
            for row, title, address in _visits():
                env = {"EMOTION_HOME": folder}
                server = start_server(home, env, port=port)
                try:
                    alone = _in_thread(_alone(server, address))
                finally:
                    server.stop()
                server = start_server(home, env, port=port)
                try:
                    cold, warm = _visit(browser.new_page(), server.url, title, address, args.again)
                finally:
                    server.stop()
                figures[row] = {
                    "server_seconds": alone,
                    "cold_seconds": cold,
                    "warm_seconds": warm,
                }
                print(f"{row:14}{alone:10.2f}{cold:8.2f}{warm:8.2f}", flush=True)
    return figures


def _visits() -> Iterator[tuple[str, str, str]]:
    """Row, title, address: first the Overview in a browser that has never seen the dashboard."""
    yield "new browser", "Overview", ""
    for title, address in ADDRESSES.items():
        yield title, title, address


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("pages", HELP, add_arguments, run, argv)


async def _alone(server: Server, address: str) -> float:
    """Seconds of a new server until its script has ended, without a browser on this machine."""
    page, _, query = address.partition("?")
    async with connected(server) as line:
        start = time.perf_counter()
        await open_page(line, page, query)
        return time.perf_counter() - start


def _in_thread(work: Coroutine[Any, Any, float]) -> float:
    """What it gives; Playwright's own loop runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _visit(page: "Page", url: str, title: str, address: str, times: int) -> tuple[float, float]:
    """Seconds from an address to the complete page, and the median from a click in the menu.

    A page that the menu does not show is opened by its address both times.
    """
    cold = _seconds(page, lambda: page.goto(f"{url}/{address}"), title)
    menu = page.locator('[data-testid="stSidebar"] a')
    warm = []
    for _ in range(times):
        _seconds(page, menu.filter(has_text="Diary").click, "Diary")
        link = menu.filter(has_text=title)
        if link.count():
            warm.append(_seconds(page, link.click, title))
        else:
            warm.append(_seconds(page, lambda: page.goto(f"{url}/{address}"), title))
    page.close()
    return cold, statistics.median(warm)


def _seconds(page: "Page", act: Callable[[], object], title: str) -> float:
    page.wait_for_timeout(1000)  # what the page before left to do
    start = time.perf_counter()
    act()
    page.wait_for_function(_COMPLETE, arg=title)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
