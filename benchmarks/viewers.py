"""The Live page in real browsers: frame rate and latency for several viewers, a soak, and leaks."""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.command import measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    from benchmarks.browser import Server
    from benchmarks.live_page import LivePage

_CLIP_SECONDS = 20.0  # longer than any delay that is measured

HELP = "one to four viewers of the Live page in real browsers, a soak, and what stays behind"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the benchmark."""
    parser.add_argument("--run", help="run to use (default: the best one)")
    parser.add_argument(
        "--viewers", type=int, nargs="*", default=[1, 2, 3, 4], help="how many at once (1 2 3 4)"
    )
    parser.add_argument(
        "--seconds", type=float, default=20, help="counted, and again read (default: 20)"
    )
    parser.add_argument(
        "--training", action="store_true", help="beside a training job of the dashboard's kind"
    )
    parser.add_argument("--soak", type=float, default=0, help="minutes of one viewer (default: 0)")
    parser.add_argument(
        "--rounds", type=int, default=0, help="start, stop and close so often (default: 0)"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Start the dashboard and browsers on this machine, watch, and print the figures."""
    from benchmarks import browser as real
    from benchmarks.live_page import LivePage, write_clip
    from emotion_core.runs.catalog import best_run, pick_run

    chosen = pick_run(args.run) if args.run else best_run()
    result: dict[str, Any] = {"run": chosen.name, "cores": os.cpu_count()}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emotion-bench-")))
        playwright = stack.enter_context(real.playwright())
        clip = write_clip(folder / "camera.mjpeg", _photograph(), seconds=_CLIP_SECONDS)
        checkpoints = folder / "checkpoints"
        checkpoints.mkdir()
        (checkpoints / chosen.name).symlink_to(chosen.path.resolve())
        server = real.start_server(checkpoints, {"EMOTION_ICE_LOOPBACK": "1"})
        stack.callback(server.stop)
        chromium = stack.enter_context(real.open_browser(playwright, clip))

        def open_page() -> "LivePage":
            page = LivePage(chromium, server)
            page.open()
            return page

        if args.training:
            stack.enter_context(_training(checkpoints))
        page = open_page()  # loads the model, so that no viewer pays for it
        page.close()
        result["frame_ms"] = _codec_ms(_photograph())
        _print_head(result, bool(args.viewers))
        result["viewers"] = []
        for count in args.viewers:
            row = _watch([open_page() for _ in range(count)], server, args.seconds)
            result["viewers"].append(row)
            _print_viewers(row)
        if args.soak:
            result["soak"] = _soak(open_page(), server, 60 * args.soak)
            _print_soak(result["soak"])
        if args.rounds:
            result["rounds"] = _rounds(open_page, server, args.rounds)
            _print_rounds(result["rounds"])
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("viewers", HELP, add_arguments, run, argv)


@contextlib.contextmanager
def _training(checkpoints: Path) -> "Iterator[None]":
    """A background job at work in a runs folder."""
    import subprocess
    import sys

    from emotion_core.errors import LiveError
    from emotion_core.training import jobs

    command = [sys.executable, "-m", "emotion_core", "jobs", "start", "--model", "sequential"]
    command += ["--data", "synthetic:2000", "--epochs", "1000"]
    subprocess.run(
        command,
        env=os.environ | {"EMOTION_CHECKPOINTS": str(checkpoints)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (run,) = [job.run for job in jobs.list_jobs(checkpoints) if job.active]
    while run.status().step == 0:
        if run.status().state == "failed":
            raise LiveError(f"The training job failed: {run.status().error}")
        time.sleep(0.5)
    try:
        yield
    finally:
        jobs.stop(run)
        while run.is_locked():
            time.sleep(0.2)


def _photograph() -> "np.ndarray":
    """A face, BGR uint8 ``(300, 300, 3)``.

    Raises:
        LiveError: scikit-image, whose photograph it is, is not installed.
    """
    import cv2
    import numpy as np

    from emotion_core.errors import LiveError

    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise LiveError(
            "The camera clip needs scikit-image: pip install -r requirements-dev.txt"
        ) from error
    photo: np.ndarray = astronaut()  # type: ignore[no-untyped-call]
    face = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)[20:220, 124:324]
    return np.asarray(cv2.resize(face, (300, 300)), np.uint8)


def _watch(pages: "list[LivePage]", server: "Server", seconds: float) -> dict[str, Any]:
    """Start all, let them settle, count frames, then read delays off the pictures, close all.

    Reading numbers off the pictures costs a browser on these cores as much as playing them, so
    frames are counted without it, and delays are read in one tab after the other.
    """
    every = pages
    starts = {page: took for page in pages if (took := _start(page)) is not None}
    pages = list(starts)
    row: dict[str, Any] = {"viewers": len(every), "lost": len(every) - len(pages)}
    if pages:
        pages[0].page.wait_for_timeout(4000)
        row |= {"start_seconds": max(starts.values())} | _frames(pages, server, seconds)
        seen = [found for page in pages if (found := _delays(page, seconds / len(pages)))]
        row["lost"] += len(pages) - len(seen)
        row["latency_ms"] = _worst(item["latency_ms"] for item in seen)
        row["latency_p90_ms"] = _worst(item["latency_p90_ms"] for item in seen)
        row["load"] = os.getloadavg()[0]
    for page in every:
        page.close()
    return row


def _frames(pages: "list[LivePage]", server: "Server", seconds: float) -> dict[str, Any]:
    """Frames per second of the viewer with the fewest, and what the server spends on them."""
    before, began = [page.probe() for page in pages], time.monotonic()
    decoded = [page.decoded_frames() for page in pages]
    cpu = _cpu_seconds(server.process.pid)
    timings = []
    while time.monotonic() - began < seconds:
        pages[0].page.wait_for_timeout(1000)
        timings.append(pages[0].probe()["timings_ms"])
    after = [page.probe() for page in pages]
    took = time.monotonic() - began
    shown = [page.decoded_frames() - old for page, old in zip(pages, decoded, strict=True)]
    processed = [
        (new["frames"] - old["frames"]) / (new["time"] - old["time"])
        for old, new in zip(before, after, strict=True)
    ]
    return {
        "processed_fps": min(processed),
        "shown_fps": min(shown) / took,
        "server_latency_ms": statistics.median(item["latency_ms"] for item in after),
        "pipeline_ms": statistics.mean(item.get("total", 0.0) for item in timings),
        "server_cpu": (_cpu_seconds(server.process.pid) - cpu) / took,
        "server_mb": after[0]["resident_mb"],
    }


def _delays(page: "LivePage", seconds: float) -> dict[str, float | None] | None:
    """What one tab sees of its delay; None if its stream has ended."""
    if not page.watch(_CLIP_SECONDS):
        return None
    page.page.wait_for_timeout(1000 * seconds)
    return page.watched()


def _start(page: "LivePage") -> float | None:
    """Seconds to the first picture; None if none came."""
    try:
        return page.start()
    except AssertionError:
        return None


def _worst(values: "Iterable[float | None]") -> float | None:
    """The largest; None if one is unknown."""
    found = list(values)
    known = [value for value in found if value is not None]
    return max(known) if known and len(known) == len(found) else None


def _soak(page: "LivePage", server: "Server", seconds: float) -> dict[str, Any]:
    """One viewer for long: the longest standstill, and memory in the second and last minute."""
    from emotion_core.memory import resident_mb

    page.start()
    began = moved = time.monotonic()
    count, standstill = page.decoded_frames(), 0.0
    # Pictures come and go, so that a single reading is off by up to 50 MB: medians of a minute.
    minute = min(60.0, seconds / 3)
    early: list[float] = []
    late: list[float] = []
    first = page.probe()["frames"]
    while (now := time.monotonic()) - began < seconds:
        page.page.wait_for_timeout(500)
        if (new := page.decoded_frames()) > count:
            standstill = max(standstill, time.monotonic() - moved)
            count, moved = new, time.monotonic()
        if minute < now - began <= 2 * minute:
            early.append(resident_mb(server.process.pid))
        elif now - began > seconds - minute:
            late.append(resident_mb(server.process.pid))
    last = page.probe()
    page.close()
    return {
        "minutes": seconds / 60,
        "frames": last["frames"] - first,
        "failed": last["failed"],
        "longest_standstill_seconds": max(standstill, time.monotonic() - moved),
        "resident_mb_early": statistics.median(early),
        "resident_mb_end": statistics.median(late),
    }


def _rounds(open_page: Any, server: "Server", rounds: int) -> dict[str, Any]:
    """Open, start and close many times, by turns with and without STOP."""
    from emotion_core.memory import resident_mb

    early = 0.0
    for number in range(rounds):
        page = open_page()
        page.start()
        if number % 2:
            page.stop()
        page.close()
        if number == min(4, rounds // 2):
            early = resident_mb(server.process.pid)
    page = open_page()
    # A closed tab says nothing; its connection is given up after 30 seconds of silence.
    page.until(lambda: page.probe()["connections"] == 0, "end of all connections", 120)
    page.page.wait_for_timeout(3000)
    left = page.probe()
    page.close()
    return {
        "rounds": rounds,
        "connections": left["connections"],
        "threads": left["threads"],
        "resident_mb_early": early,
        "resident_mb_end": left["resident_mb"],
    }


def _codec_ms(face: "np.ndarray", repeats: int = 60) -> dict[str, float]:
    """Median milliseconds per frame of what surrounds the pipeline: VP8 and colour conversion."""
    import av
    import numpy as np
    from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder, VpxPayloadDescriptor
    from aiortc.jitterbuffer import JitterFrame

    encoder, decoder = Vp8Encoder(), Vp8Decoder()
    times: dict[str, list[float]] = {"decode": [], "to BGR": [], "from BGR": [], "encode": []}
    image = np.full((480, 640, 3), 110, np.uint8)
    for number in range(repeats):
        moved = image.copy()
        moved[90:390, 100 + number : 400 + number] = face
        marks = [time.perf_counter()]
        frame = av.VideoFrame.from_ndarray(moved, format="bgr24")
        frame.pts, frame.time_base = number * 3000, _clock()
        marks.append(time.perf_counter())
        payloads, timestamp = encoder.encode(frame)
        marks.append(time.perf_counter())
        data = b"".join(VpxPayloadDescriptor.parse(item)[1] for item in payloads)
        decoded: Any = decoder.decode(JitterFrame(data=data, timestamp=timestamp))[0]
        marks.append(time.perf_counter())
        decoded.to_ndarray(format="bgr24")
        marks.append(time.perf_counter())
        for name, start, end in zip(
            ("from BGR", "encode", "decode", "to BGR"), marks, marks[1:], strict=False
        ):
            times[name].append(1000 * (end - start))
    return {name: statistics.median(values) for name, values in times.items()}


def _clock() -> Any:
    from aiortc.mediastreams import VIDEO_TIME_BASE

    return VIDEO_TIME_BASE


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _shown(milliseconds: float | None) -> str:
    return "unknown" if milliseconds is None else f"{milliseconds:.0f}"


def _print_head(result: dict[str, Any], viewers: bool) -> None:
    around = ", ".join(f"{name} {value:.1f}" for name, value in result["frame_ms"].items())
    print(f"{result['run']}, {result['cores']} cores for the server and all browsers")
    print(f"a frame besides the pipeline, ms: {around}", flush=True)
    if viewers:
        print(
            f"{'viewers':>8}{'start s':>9}{'processed':>11}{'shown':>7}{'latency ms':>12}{'p90':>7}"
            f"{'pipeline ms':>13}{'server CPU':>12}{'MB':>6}{'load':>6}"
        )


def _print_viewers(row: dict[str, Any]) -> None:
    if row["lost"]:
        print(f"{row['lost']} of {row['viewers']} viewers had no picture", flush=True)
    if row["lost"] == row["viewers"]:
        return
    print(
        f"{row['viewers']:>8}{row['start_seconds']:>9.1f}{row['processed_fps']:>11.1f}"
        f"{row['shown_fps']:>7.1f}{_shown(row['latency_ms']):>12}"
        f"{_shown(row['latency_p90_ms']):>7}"
        f"{row['pipeline_ms']:>13.1f}{row['server_cpu']:>12.0%}{row['server_mb']:>6.0f}"
        f"{row['load']:>6.1f}",
        flush=True,
    )


def _print_soak(soak: dict[str, Any]) -> None:
    print(
        f"soak {soak['minutes']:g} min: {soak['frames']} frames, {soak['failed']} failed, "
        f"longest standstill {soak['longest_standstill_seconds']:.1f} s, memory "
        f"{soak['resident_mb_early']:.0f} to {soak['resident_mb_end']:.0f} MB",
        flush=True,
    )


def _print_rounds(left: dict[str, Any]) -> None:
    print(
        f"{left['rounds']} rounds: {left['connections']} connections and "
        f"{len(left['threads'])} threads left, memory {left['resident_mb_early']:.0f} to "
        f"{left['resident_mb_end']:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
