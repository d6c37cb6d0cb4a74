"""What a user installs: the library, its pages and its shipped runs, and nothing of the workshop."""

import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement

from emotion_core.paths import PROJECT
from emotion_core.runs.shipped import read_catalog

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory):
    """Names in a wheel that is built as ``pip wheel .`` builds it, without a network."""
    place = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "wheel", ".", *options, "--wheel-dir", str(place)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    wheel.unlink()
    return names


def test_a_wheel_brings_library_pages_and_shipped_runs(wheel_names):
    wanted = {"py.typed", "cli.py", "_dashboard/app.py", "_dashboard/pages/live.py"}
    wanted |= {"_dashboard/.streamlit/config.toml", "_shipped/catalog.toml"}
    wanted |= {f"_shipped/{name}/report.json" for name in read_catalog().shipped}
    assert {f"emotion_core/{name}" for name in wanted} <= set(wheel_names)


def test_a_wheel_brings_nothing_of_the_workshop(wheel_names):
    tops = {name.split("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"emotion_core"}
    assert not [name for name in wheel_names if re.search(r"\.deleted-|__pycache__|/tests/", name)]


def test_the_tested_versions_satisfy_what_the_package_asks_for():
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(re.match(r"([\w-]+)==([\w.]+)", line).groups() for line in lines if "==" in line)
    project = PYPROJECT["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dashboard"]
    asked += project["optional-dependencies"]["export"]
    asked += project["optional-dependencies"]["serve"]
    asked += project["optional-dependencies"]["sweep"]
    found = {item.name: item for item in map(Requirement, asked)}
    assert pinned.keys() <= found.keys(), "each pinned package is asked for somewhere"
    for name, version in pinned.items():
        assert version in found[name].specifier, name
