"""Many visitors at once on one dashboard: how long they wait for a page, and its memory."""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.browser import Server, start_server
from benchmarks.command import Figures, measure
from benchmarks.samples import many_runs
from emotion_core.errors import ConfigError, LiveError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect

HELP = "visitors at once who go from page to page: seconds until a page is complete, and memory"

# A visit: page and query as in its address. A visitor begins anywhere and goes round.
VISIT = (
    ("", ""),
    ("comparison", "preset=study"),
    ("comparison", "preset=study&tab=Confusion"),
    ("comparison", "preset=best&tab=Cost"),
    ("predictions", ""),
    ("run", "run=sequential"),
    ("dataset", "data=synthetic"),
    ("training", ""),
)
_PATIENCE = 120.0  # seconds until a page counts as lost


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the benchmark."""
    parser.add_argument("--visitors", type=int, default=20, help="at once (default: 20)")
    parser.add_argument("--seconds", type=float, default=180.0, help="in all (default: 180)")
    parser.add_argument(
        "--think", type=float, default=5.0, help="mean seconds between two pages (default: 5)"
    )


def run(args: argparse.Namespace) -> Figures:
    """Start a dashboard on the runs of this machine, send the visitors, and count."""
    if args.visitors < 1 or args.seconds <= 0 or args.think < 0:
        raise ConfigError("--visitors and --seconds must be above 0, --think 0 or more.")
    with tempfile.TemporaryDirectory(prefix="emotion-bench-") as folder:
        home = many_runs(Path(folder) / "checkpoints", 0)
        server = start_server(home, {"EMOTION_HOME": folder})
        try:
            waits, memory = asyncio.run(_crowd(server, args))
        finally:
            server.stop()
        if "Traceback" in server.log():
            raise LiveError(f"A page failed:\n{server.log()}")
    return _told(args, waits, memory)


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("sessions", HELP, add_arguments, run, argv)


def _told(args: argparse.Namespace, waits: dict[str, list[float]], memory: list[float]) -> Figures:
    every = sorted(value for values in waits.values() for value in values)
    if not every:
        raise LiveError("No page was complete in that time. Give more --seconds.")
    figures: Figures = {
        "pages": len(every),
        "median_seconds": statistics.median(every),
        "p95_seconds": every[int(0.95 * (len(every) - 1))],
        "memory_mb": max(memory),
        "memory_mb_at_the_end": memory[-1],
        "by_page": {page: statistics.median(values) for page, values in sorted(waits.items())},
    }
    print(f"{args.visitors} visitors, {args.seconds:g} s, {args.think:g} s between two pages")
    print(
        f"{figures['pages']} pages: median {figures['median_seconds']:.2f} s, 95 % within "
        f"{figures['p95_seconds']:.2f} s; memory at most {figures['memory_mb']:.0f} MB, at the end "
        f"{figures['memory_mb_at_the_end']:.0f} MB"
    )
    for page, value in figures["by_page"].items():
        print(f"{page or 'overview':40}{value:7.2f} s")
    return figures


async def _crowd(
    server: Server, args: argparse.Namespace
) -> tuple[dict[str, list[float]], list[float]]:
    """Waits in seconds by page, and the server's resident MB twice a second."""
    waits: dict[str, list[float]] = {}
    memory: list[float] = []
    end = time.monotonic() + args.seconds
    visits = [
        asyncio.create_task(_visit(server, number, end, args.think, waits))
        for number in range(args.visitors)
    ]
    while not all(visit.done() for visit in visits):
        census = await asyncio.to_thread(server.census)
        memory.append(float(census["resident_mb"]))
        await asyncio.sleep(0.5)
    for visit in visits:
        visit.result()
    return waits, memory


async def _visit(
    server: Server, number: int, end: float, think: float, waits: dict[str, list[float]]
) -> None:
    """One visitor until the end; the pages behind an address are asked for as a browser does."""
    rng = random.Random(number)
    async with connected(server) as line:
        step = number
        await asyncio.sleep(rng.uniform(0, think))
        while time.monotonic() < end:
            page, query = VISIT[step % len(VISIT)]
            start = time.monotonic()
            await asyncio.wait_for(open_page(line, page, query), _PATIENCE)
            waits.setdefault(f"{page} {query}".strip(), []).append(time.monotonic() - start)
            step += 1
            await asyncio.sleep(rng.uniform(0.5, 1.5) * think)


def connected(server: Server) -> "connect":
    """A visitor's connection, for ``async with``."""
    from websockets.asyncio.client import connect
    from websockets.typing import Origin, Subprotocol

    return connect(
        f"{server.url.replace('http', 'ws', 1)}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
        origin=Origin(server.url),
    )


async def open_page(line: "ClientConnection", page: str, query: str) -> None:
    """Ask for a page and read until its script has ended.

    Raises:
        LiveError: the page's script failed.
    """
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    asked = BackMsg()
    asked.rerun_script.page_name = page
    asked.rerun_script.query_string = query
    await line.send(asked.SerializeToString())
    while True:
        told = ForwardMsg.FromString(bytes(await line.recv(decode=False)))
        if told.WhichOneof("type") != "script_finished":
            continue
        # A page that sends the visitor on ends early, and the next one follows.
        if told.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            return
        if told.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            raise LiveError(f"The page '{page}?{query}' failed.")


if __name__ == "__main__":
    sys.exit(main())
