"""Nothing phones home: neither our code nor a library looks a host up or leaves a file behind.

The system calls of a whole process tree are watched from outside (strace), because libraries in C++
do not pass Python's socket module. Without strace the files that they leave still tell.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from emotion_core.paths import PROJECT

STRACE = shutil.which("strace")
_CALLS = "trace=connect,sendto,sendmsg,sendmmsg"
_HOST = re.compile(r"sin6?_port=htons\((\d+)\).*?(?:inet_addr\(\"|inet_pton\(AF_INET6, \")([^\"]+)")
# Services of this machine that look names up for others.
_RESOLVERS = re.compile(r"sun_path=\"[^\"]*resolve[^\"]*\"")

CLASSIFY = """
import numpy as np
from emotion_core.models.checkpoint import load_classifier
print(load_classifier("sequential").probs(np.zeros((1, 48, 48), np.uint8)).shape)
"""
COMMANDS = """
import os, sys
import skimage.data
from PIL import Image
from emotion_core.cli import main
Image.fromarray(skimage.data.astronaut()).save("woman.jpg")
for line in (
    "predict sequential woman.jpg",
    "jobs list",
    "compare sequential resnet18 --html report.html",
    "export sequential --format onnx --out model.onnx",
    "export sequential --format mlflow",
    "data info synthetic:70",
    "models sequential",
):
    assert main(line.split()) == 0, line
"""
TRAIN = """
from emotion_core.cli import main
from emotion_core.runs.catalog import list_runs
import time
line = "jobs start --model sequential --options width=8 --data synthetic:140 --epochs 1 --device cpu"
assert main(line.split()) == 0
(run,) = list_runs()
while run.status().state in ("queued", "running"):
    time.sleep(0.2)
assert run.status().state == "finished", run.status()
"""
PAGES = """
import streamlit_webrtc.component
from streamlit.testing.v1 import AppTest
streamlit_webrtc.component.get_this_session_info = lambda: None  # AppTest has no browser session
page = AppTest.from_file("app.py", default_timeout=300).run()
for name in sorted(path.name for path in __import__("pathlib").Path("pages").glob("*.py")):
    page.switch_page(f"pages/{name}").run()
    assert not page.exception, (name, page.exception)
"""


@dataclass(frozen=True)
class Traces:
    """What a program did: hosts outside this machine, and files in its home."""

    hosts: list[str]
    files: list[str]


def watched(code: str, folder: Path, *, cwd: Path | None = None, **env: str) -> Traces:
    """Run Python code with a home and caches of its own, and watch it from outside."""
    home, log = folder / "home", folder / "strace.log"
    home.mkdir()
    variables = {name: value for name, value in os.environ.items() if name != "CI"}
    variables.pop("PYTEST_CURRENT_TEST", None)  # some libraries keep quiet under tests
    variables.pop("FER2013_DIR", None)  # reading it takes minutes on a busy machine
    variables.pop("ORT_DISABLE_TELEMETRY", None)
    variables.pop("MLFLOW_DISABLE_TELEMETRY", None)
    variables |= {"HOME": str(home), "EMOTION_CACHE": str(folder / "cache"), **env}
    variables |= {"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
    watch = (
        [STRACE, "-f", "--seccomp-bpf", "-qq", "-e", _CALLS, "-s", "120", "-o", str(log)]
        if STRACE
        else []
    )
    done = subprocess.run(
        [*watch, sys.executable, "-W", "ignore", "-c", code],
        cwd=cwd or folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = log.read_text(errors="replace").splitlines() if STRACE else []
    files = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    return Traces([line for line in lines if _leaves_the_machine(line)], files)


def _leaves_the_machine(line: str) -> bool:
    if _RESOLVERS.search(line):
        return True
    found = _HOST.search(line)
    if not found:
        return False
    port, host = found.groups()
    return port == "53" or not host.startswith(("127.", "::1", "0.0.0.0"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", ["CLASSIFY", "COMMANDS", "PAGES", "TRAIN"])
def test_nothing_is_looked_up_and_no_file_is_left(program, tmp_path):
    if program == "COMMANDS":
        pytest.importorskip("mlflow")
    shipped = tmp_path / "checkpoints" if program == "TRAIN" else PROJECT / "checkpoints"
    found = watched(
        globals()[program],
        tmp_path,
        cwd=PROJECT if program == "PAGES" else None,
        EMOTION_CHECKPOINTS=str(shipped),
    )
    assert found == Traces([], [])


def test_the_watch_sees_what_onnx_runtime_does_without_the_switch(tmp_path):
    """Else a pass would say nothing. It looks its host up some seconds later."""
    found = watched(
        CLASSIFY,
        tmp_path,
        EMOTION_CHECKPOINTS=str(PROJECT / "checkpoints"),
        ORT_DISABLE_TELEMETRY="0",
    )
    assert any("onnxruntime" in name for name in found.files)


@pytest.mark.skipif(not STRACE, reason="no strace (apt-get install strace)")
def test_the_watch_sees_a_look_up(tmp_path):
    code = """
import contextlib, socket
with contextlib.suppress(OSError):
    socket.getaddrinfo("host.invalid", 80)
with contextlib.closing(socket.socket()) as own:
    own.bind(("127.0.0.1", 0)); own.listen()
    socket.create_connection(own.getsockname()).close()
"""
    hosts = watched(code, tmp_path).hosts
    assert hosts and not any("127.0.0.1" in line and "htons(53)" not in line for line in hosts)
