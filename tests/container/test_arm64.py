"""For ``linux/arm64`` nothing has to be compiled: each locked package has a wheel, by the index."""

import json
import re
import subprocess
import sys

import pytest

from emotion_core.paths import PROJECT

PYTHON = re.search(
    r"^ARG PYTHON_IMAGE=python:([\d.]+)-", (PROJECT / "Dockerfile").read_text(), re.M
)
GLIBC = 36  # 2.36 of Debian 12, which the images of Python are newer than or equal to


@pytest.mark.timeout(900)
def test_each_locked_package_has_a_wheel_for_arm64(tmp_path):
    assert PYTHON
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    locked = re.findall(r"^[a-z0-9-]+==[^\\\n]+", lock, re.MULTILINE)
    wanted = [line.strip() for line in locked if "sys_platform == 'win32'" not in line]
    (tmp_path / "wanted.txt").write_text("\n".join(wanted) + "\n")
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, GLIBC + 1)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"),
            *("--ignore-installed", "--target", str(tmp_path / "nothing"), "--no-cache-dir"),
            *("--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON[1]}"),
            *("--platform=manylinux2014_aarch64", *platforms),
            *("--report", str(tmp_path / "report.json"), "-r", str(tmp_path / "wanted.txt")),
        ],
        capture_output=True,
        text=True,
    )
    if "Failed to establish a new connection" in done.stderr:
        pytest.skip("no index of packages can be reached")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "report.json").read_text())["install"]
    assert len(found) == len(wanted)
    wheels = [entry["download_info"]["url"].rpartition("/")[2] for entry in found]
    compiled = [name for name in wheels if not name.endswith("-any.whl")]
    assert compiled and all("aarch64" in name for name in compiled)
