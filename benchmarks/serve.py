"""The HTTP interface under load: batches across requests beside one request at a time."""

import argparse
import asyncio
import http.client
import io
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.command import Figures, measure
from emotion_core.errors import ConfigError
from emotion_core.paths import PROJECT

HELP = "requests per second and waiting times of the HTTP interface for 1, 8 and 32 clients"

MODES = ("together", "one at a time")
_BOUNDARY = "boundary-of-the-benchmark"
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Load:
    """What one measurement found; times in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, the clients and the time."""
    parser.add_argument("--run", default="mobilenet_v1", help="the served run")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is told")
    parser.add_argument("--serve", choices=MODES, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> Figures:
    """Start both servers, ask them in turn, print a row per kind of picture and clients."""
    if args.serve:
        serve(args.run, one_at_a_time=args.serve == MODES[1])
        return {}
    if min(args.clients) < 1 or args.rounds < 1 or not 0 < args.seconds <= 60:
        raise ConfigError("--clients and --rounds must be 1 or more, --seconds above 0 to 60.")
    servers = {mode: _started(mode, args.run) for mode in MODES}
    rows = []
    try:
        for work, bodies, path in _work():
            for clients in args.clients:
                row = _row(args, work, clients, servers, bodies, path)
                rows.append(row)
                print(_line(row), flush=True)
    finally:
        for process, _ in servers.values():
            process.terminate()
        for process, _ in servers.values():
            process.wait()
    return {"run": args.run, "rows": rows}


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("serve", HELP, add_arguments, run, argv)


def serve(name: str, *, one_at_a_time: bool) -> None:
    """Serve a run on a free port, whose number is printed; the second mode takes one request after
    the other, as a server without a queue of its own does."""
    import uvicorn

    from emotion_core.machine import cpu_cores
    from emotion_core.runs.catalog import pick_run
    from emotion_core.serve.server import listen, load_service, server_config
    from emotion_core.serve.service import Service
    from emotion_core.serve.settings import ServeSettings

    class OneAtATime(Service):
        async def predict(self, uploads: Any, *, whole: bool) -> dict[str, Any]:
            async with lock:
                return await super().predict(uploads, whole=whole)

    lock = asyncio.Lock()
    settings = ServeSettings(port=0, workers=cpu_cores(), max_requests=1_024, timeout=60.0)
    service = load_service(name, settings)
    if one_at_a_time:
        service = OneAtATime(pick_run(name), service.classifier, settings)
    with listen(settings) as listening:
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(server_config(service)).run([listening])


def _started(mode: str, name: str) -> "tuple[subprocess.Popen[str], int]":
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.serve", "--serve", mode]
    process = subprocess.Popen(
        [*command, "--run", name], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise ConfigError(f"The server of run '{name}' did not start.")
    port, deadline = int(line), time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            _ask(http.client.HTTPConnection("127.0.0.1", port), "GET", "/health", b"")
            return process, port
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise ConfigError(f"The server of run '{name}' did not answer.")


def _work() -> list[tuple[str, list[bytes], str]]:
    """Kinds of requests: a cut-out face, and a photograph that is searched."""
    import skimage.data
    from PIL import Image

    from emotion_core.data.synthetic import synthetic_faces

    faces = []
    for face in synthetic_faces(70).images:
        out = io.BytesIO()
        Image.fromarray(face).save(out, "PNG")
        faces.append(_form(out.getvalue()))
    out = io.BytesIO()
    photo = Image.fromarray(skimage.data.astronaut())  # type: ignore[no-untyped-call]
    photo.save(out, "JPEG")
    return [
        ("a cut-out face", faces, "/v1/predict?whole=true"),
        ("a photo of 512 x 512", [_form(out.getvalue())], "/v1/predict"),
    ]


def _row(
    args: argparse.Namespace,
    work: str,
    clients: int,
    servers: "dict[str, tuple[subprocess.Popen[str], int]]",
    bodies: list[bytes],
    path: str,
) -> dict[str, Any]:
    """Both servers in turn, so that what else the machine does falls on both."""
    found: dict[str, list[Load]] = {mode: [] for mode in MODES}
    for _ in range(args.rounds):
        for mode, (_, port) in servers.items():
            found[mode].append(load(port, path, bodies, clients, args.seconds))
    medians = {
        mode: {
            key: statistics.median(getattr(item, key) for item in loads)
            for key in ("per_second", "p50_ms", "p99_ms")
        }
        for mode, loads in found.items()
    }
    ratio = medians[MODES[0]]["per_second"] / medians[MODES[1]]["per_second"]
    return {"work": work, "clients": clients, "ratio": ratio, **medians}


def load(port: int, path: str, bodies: list[bytes], clients: int, seconds: float) -> Load:
    """Ask with so many clients at once, each with one request at a time.

    Raises:
        ConfigError: an answer is not 200.
    """
    times: list[list[float]] = [[] for _ in range(clients)]
    failed: list[int] = []
    end = time.perf_counter() + seconds

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        turn = number
        while (start := time.perf_counter()) < end:
            status = _ask(connection, "POST", path, bodies[turn % len(bodies)])
            times[number].append(time.perf_counter() - start)
            turn += 1
            if status != 200:
                failed.append(status)
                break
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise ConfigError(f"The server answered with status {failed[0]}.")
    every = sorted(1000 * value for part in times for value in part)
    elapsed = time.perf_counter() - start
    return Load(len(every) / elapsed, _quantile(every, 0.5), _quantile(every, 0.99))


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes) -> int:
    kind = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
    connection.request(method, path, body, kind if body else {})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _form(data: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\n'
    return head.encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _line(row: dict[str, Any]) -> str:
    parts = [f"{row['work']:22} {row['clients']:3} clients"]
    for mode in MODES:
        found = row[mode]
        parts.append(
            f"{mode}: {found['per_second']:6.1f} per s, p50 {found['p50_ms']:6.1f} ms, "
            f"p99 {found['p99_ms']:6.1f} ms"
        )
    return "; ".join([*parts, f"ratio {row['ratio']:.2f}"])


if __name__ == "__main__":
    sys.exit(main())
