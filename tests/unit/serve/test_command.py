"""The command as a process: it says where it listens, answers, and ends."""

import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from emotion_core.cli import main
from emotion_core.paths import PROJECT
from tests.unit.serve.conftest import RUN


@pytest.fixture(scope="module")
def started():
    command = [sys.executable, "-W", "ignore", "-m", "emotion_core", "serve", str(RUN.path)]
    process = subprocess.Popen(
        [*command, "--port", "0"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_it_tells_its_address_answers_and_ends_on_ctrl_c(started, capsys):
    line = started.stdout.readline()
    url, port = re.fullmatch(
        r"sequential answers on (http://127\.0\.0\.1:(\d+))/v1/predict .*\n", line
    ).groups()
    with urllib.request.urlopen(f"{url}/health", timeout=60) as answer:
        assert answer.status == 200
    assert main(["serve", "--port", port]) == 2  # the port is taken
    assert f"port {port} (Address already in use). Choose others" in capsys.readouterr().err
    started.send_signal(signal.SIGINT)
    rest = started.stdout.read()
    assert started.wait(60) == 130
    assert rest == ""
