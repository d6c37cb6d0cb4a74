"""A real Ray cluster on this machine, and what the tests of jobs on it share."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from emotion_core.errors import RunError
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.run import Run
from emotion_core.training.queue import Job
from emotion_core.training.ray_client import RayClient

RAY = Path(sys.executable).with_name("ray")
CONFIG = TrainConfig(
    options={"width": 8},
    data="synthetic:70",
    epochs=2,
    batch_size=12,
    device="cpu",
    threads=1,
    precision="fp32",
)
LONG = CONFIG.replace(epochs=1000)


class Head:
    """A cluster of one machine with two cores, which can be killed and started again.

    Attributes:
        address: Of its dashboard.
    """

    def __init__(self, log: Path, *, cores: int = 2) -> None:
        self._log, self._cores = log, cores
        self._port, self._dashboard, self._client = (free_port() for _ in range(3))
        self._temporary = Path(f"/tmp/ray-{self._port}")  # Unix sockets have short names only
        self.address = f"http://127.0.0.1:{self._dashboard}"

    def start(self) -> None:
        """Start it and wait until it takes jobs.

        It is not started with ``--block``, which ends all of Ray when a part does; the part for
        Ray's own clients, which nothing here uses, gives up after 30 seconds on a busy machine.

        Raises:
            RuntimeError: it did not come up, also not at the third attempt.
        """
        for left in (2, 1, 0):
            try:
                return self._start()
            except RuntimeError:
                self.kill()
                if not left:
                    raise

    def _start(self) -> None:
        command = [RAY, "start", "--head", f"--port={self._port}", f"--num-cpus={self._cores}"]
        command += [f"--dashboard-port={self._dashboard}", f"--temp-dir={self._temporary}"]
        command += ["--object-store-memory=80000000", f"--ray-client-server-port={self._client}"]
        command += ["--disable-usage-stats"]
        environment = {
            "PATH": f"{RAY.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT),
            "OMP_NUM_THREADS": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        with self._log.open("wb") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | environment,
                timeout=300,
            )
        until = time.monotonic() + 300
        while not done.returncode and time.monotonic() < until:
            # The interface answers before the agent that takes jobs is there.
            with contextlib.suppress(RunError):
                RayClient(self.address).submit("true", environment={}, cpus=0)
                return
            time.sleep(0.5)
        raise RuntimeError(self._log.read_text())

    def kill(self) -> None:
        """As a power cut of its machine does: all of Ray and all jobs are gone at once."""
        while found := self._processes():
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _processes(self) -> list[int]:
        """Processes that name its folder, and all that they have started."""
        found: dict[int, None] = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                pid = int(path.parent.name)
                if os.fsencode(self._temporary) in path.read_bytes() and pid != os.getpid():
                    found |= dict.fromkeys([pid, *descendants(pid)])
        return list(found)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def descendants(pid: int) -> list[int]:
    """Processes below one, the deepest last."""
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def wait_until(what: Callable[[], bool], seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def state(run: Run) -> str:
    return Job.of(run).status.state
