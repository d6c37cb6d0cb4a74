"""The real dashboard as a process of its own, for tests in a real browser."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from emotion_core.paths import PROJECT

START_SECONDS = 90.0  # importing Streamlit takes seconds, on a busy machine many
STOP_SECONDS = 30.0
_PROBLEM = re.compile(r"Traceback|Warning\b|WARNING|ERROR|CRITICAL")
# streamlit-webrtc never closes its worker's event loop; the garbage collector says so.
_UNCLOSED_LOOP = re.compile(
    r"^Exception ignored in: <function BaseEventLoop\.__del__.*?^ValueError: [^\n]*\n",
    re.DOTALL | re.MULTILINE,
)


class Server:
    """A running dashboard.

    Attributes:
        url: Its address, without a final slash.
        process: Its process.
    """

    def __init__(self, url: str, process: subprocess.Popen, log_path: Path) -> None:
        self.url = url
        self.process = process
        self._log_path = log_path

    def log(self) -> str:
        """All that it printed so far."""
        return self._log_path.read_text(errors="replace")

    def problems(self) -> list[str]:
        """Lines of the log that tell of a traceback, warning or error."""
        lines = _UNCLOSED_LOOP.sub("", self.log()).splitlines()
        return [line for line in lines if _PROBLEM.search(line)]

    def stop(self) -> None:
        """End it as Ctrl-C does.

        Raises:
            AssertionError: it did not end by itself.
        """
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"The server did not end within {STOP_SECONDS:g} s of SIGINT.\n{self.log()}"
            ) from None


def start_server(checkpoints: Path, env: dict[str, str] | None = None) -> Server:
    """Start the dashboard on a free port of 127.0.0.1 and wait until it answers.

    Args:
        checkpoints: Where its runs lie; logs are written beside it.
        env: Further environment variables.

    Raises:
        AssertionError: it ended or did not answer in time; the message has its log.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    checkpoints.mkdir(parents=True, exist_ok=True)
    log_path = checkpoints.with_name(f"{checkpoints.name}-server-{port}.log")
    command = [
        *(sys.executable, "-m", "streamlit", "run", "app.py"),
        *("--server.port", str(port), "--server.address", "127.0.0.1"),
        *("--server.headless", "true", "--logger.level", "warning"),
    ]
    variables = os.environ | {"EMOTION_CHECKPOINTS": str(checkpoints)} | (env or {})
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=variables, stdout=log, stderr=subprocess.STDOUT
        )
    server = Server(f"http://127.0.0.1:{port}", process, log_path)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2):
                return server
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    process.kill()
    process.wait()
    raise AssertionError(f"The server did not start.\n{server.log()}")
