"""The image: built from the Dockerfile's own steps, small, read-only, without root, and it works."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from tests.container import image
from tests.unit.serve.running import base64_of

MOST_BYTES = 2_500_000_000
STOP_SECONDS = 60  # Docker kills after 10; a busy machine takes longer to end a program
TOKEN = "a-token-of-the-container-tests"

pytestmark = [
    pytest.mark.timeout(3_600),
    pytest.mark.skipif(bool(image.missing()), reason=image.missing()),
]


@contextlib.contextmanager
def started(built, *command: str, **env: str):
    """A container's process, which ends at the signal that Docker sends to process 1."""
    process = image.inside(
        built,
        [*built.entrypoint, *command],
        env=env,
        read_only=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
        os.kill(image.first_process(process), signal.SIGTERM)
        process.communicate(timeout=STOP_SECONDS)
    finally:
        process.kill()
        process.wait()


def until_healthy(built, process, url: str) -> None:
    """Wait until the image's own health check succeeds."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        check = image.inside(
            built, built.health, env={"HEALTH_URL": url}, read_only=True, stderr=subprocess.DEVNULL
        )
        if check.wait() == 0:
            return
        time.sleep(1)
    process.kill()
    raise AssertionError(process.communicate()[0])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def test_it_has_less_than_two_and_a_half_gigabytes(built):
    seen, size = set(), 0
    for path in built.root.rglob("*"):
        status = path.lstat()
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            size += status.st_blocks * 512
    print(f"unpacked: {size / 1e6:,.0f} MB")
    assert size < MOST_BYTES


def test_nothing_of_this_machine_and_no_secret_is_in_it(built):
    assert not (built.root / "src").exists()
    assert not list(built.root.glob("opt/venv/lib/python3*/site-packages/emotion_core/_shipped/2*"))
    assert (built.root / "usr/share/doc/emotion-core/NOTICE").is_file()


def test_the_http_interface_answers_as_an_ordinary_user_on_a_read_only_root(built, tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("serve", "sequential", "--port", str(port), "--token", TOKEN)
    with started(built, *command) as process:
        until_healthy(built, process, f"{url}/health")
        status = Path(f"/proc/{image.first_process(process)}/status").read_text()
        assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", status, re.MULTILINE)
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
        path = tmp_path / "woman.png"
        Image.fromarray(skimage.data.astronaut()).save(path)
        asked = urllib.request.Request(
            f"{url}/v1/predict",
            json.dumps({"images": [base64_of(path.read_bytes())]}).encode(),
            {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            (picture,) = json.load(answer)["images"]
        assert picture["faces"][0]["emotion"] == "happy"
        assert np.isclose(sum(picture["faces"][0]["probabilities"]), 1, atol=1e-5)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{url}/v1/models", timeout=60)


def test_a_command_reads_a_photo_from_a_mounted_folder(built, tmp_path):
    Image.fromarray(skimage.data.astronaut()).save(tmp_path / "photo.jpg")
    tmp_path.chmod(0o755)  # the image's user has to read it
    command = [*built.entrypoint, "predict", "/here/photo.jpg"]
    done = image.inside(
        built, command, read_only=True, binds={tmp_path: "/here"}, stdout=subprocess.PIPE, text=True
    )
    assert "happy" in done.communicate(timeout=240)[0]
    assert done.returncode == 0


def test_the_dashboard_answers_as_the_image_starts_it(built):
    with started(built, *built.command, "--port", (port := str(free_port()))) as process:
        until_healthy(built, process, f"http://127.0.0.1:{port}/_stcore/health")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
            assert b"<title>" in answer.read()
        foreign = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"host": "evil.test"})
        with pytest.raises(urllib.error.HTTPError, match="421"):
            urllib.request.urlopen(foreign, timeout=60)


def test_further_host_names_come_by_the_environment(built):
    port = str(free_port())
    names = "faces.example localhost 127.0.0.1"
    with started(
        built, *built.command, "--port", port, STREAMLIT_SERVER_ALLOWED_HOSTS=names
    ) as process:
        until_healthy(built, process, f"http://127.0.0.1:{port}/_stcore/health")
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/", headers={"host": "faces.example"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.status == 200
