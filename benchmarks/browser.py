"""The real dashboard in a real Chromium with a fake camera: for tests and benchmarks.

Needs Playwright (requirements-dev.txt) and a Chromium on this machine (``CHROMIUM`` or on PATH).
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_core.errors import LiveError
from emotion_core.paths import PROJECT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

START_SECONDS = 90.0  # importing Streamlit takes seconds, on a busy machine many
STOP_SECONDS = 30.0
ARGS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


class Server:
    """A running dashboard.

    Attributes:
        url: Its address, without a final slash.
        process: Its process.
    """

    def __init__(
        self, port: int, process: "subprocess.Popen[bytes]", log_path: Path, probe_port: int
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self._log_path = log_path
        self._probe_url = f"http://127.0.0.1:{probe_port}"

    def census(self) -> dict[str, Any]:
        """See ``benchmarks.probe.census``."""
        with urllib.request.urlopen(self._probe_url, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def log(self) -> str:
        """All that it printed so far."""
        return self._log_path.read_text(errors="replace")

    def stop(self) -> None:
        """End it as Ctrl-C does.

        Raises:
            LiveError: it did not end by itself.
        """
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise LiveError(
                f"The server did not end within {STOP_SECONDS:g} s of SIGINT.\n{self.log()}"
            ) from None


def start_server(
    checkpoints: Path,
    env: dict[str, str] | None = None,
    *,
    script: str = "app.py",
    port: int | None = None,
) -> Server:
    """Start the dashboard on 127.0.0.1 and wait until it answers.

    Args:
        checkpoints: Where its runs lie; the log is written beside it.
        env: Further environment variables.
        script: What Streamlit runs.
        port: Where it listens; None: on a free one.

    Raises:
        LiveError: it ended or did not answer in time; the message has its log.
    """
    free, probe_port = free_ports(2)
    port = port or free
    checkpoints.mkdir(parents=True, exist_ok=True)
    log_path = checkpoints.with_name(f"{checkpoints.name}-server-{port}.log")
    command = [
        *(sys.executable, "-m", "benchmarks.probe", str(probe_port), "run", script),
        *("--server.port", str(port), "--server.address", "127.0.0.1"),
        *("--server.headless", "true", "--logger.level", "warning"),
    ]
    variables = os.environ | {"EMOTION_CHECKPOINTS": str(checkpoints)} | (env or {})
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=variables, stdout=log, stderr=subprocess.STDOUT
        )
    server = Server(port, process, log_path, probe_port)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2):
                return server
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    process.kill()
    process.wait()
    raise LiveError(f"The server did not start.\n{server.log()}")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


def chromium_path() -> str | None:
    """The Chromium of this machine, None if there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextlib.contextmanager
def playwright() -> Iterator[Any]:
    """Playwright's entry point.

    Raises:
        LiveError: it is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise LiveError(
            "A browser is driven by Playwright: pip install -r requirements-dev.txt"
        ) from error
    with sync_playwright() as found:
        yield found


def open_browser(playwright: Any, camera: Path | None = None, *, allow: bool = True) -> "Browser":
    """Start a Chromium.

    Args:
        playwright: From ``playwright()``.
        camera: A clip of ``write_clip`` that plays as its camera, in a loop; None: no camera.
        allow: Answer the question for the camera with yes; otherwise it is refused.

    Raises:
        LiveError: there is no Chromium.
    """
    args = [*ARGS, "--allow-loopback-in-peer-connection"]
    if camera is not None:
        args += [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera.resolve()}",
        ]
    if allow:
        args.append("--use-fake-ui-for-media-stream")
    return playwright.chromium.launch(executable_path=_chromium(), args=args)  # type: ignore[no-any-return]


def open_profile(playwright: Any, profile: Path) -> "BrowserContext":
    """Start a Chromium that keeps a cache, as a person's own does, in this folder.

    Raises:
        LiveError: there is no Chromium.
    """
    return playwright.chromium.launch_persistent_context(  # type: ignore[no-any-return]
        profile,
        executable_path=_chromium(),
        args=list(ARGS),
        viewport={"width": 1440, "height": 900},
    )


def _chromium() -> str:
    path = chromium_path()
    if path is None:
        raise LiveError("There is no Chromium here: apt-get install chromium, or set CHROMIUM.")
    return path
