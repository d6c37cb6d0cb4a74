"""The list of recent paths never stands in the way: damaged or unwritable, it is just shorter."""

import os
import subprocess
import sys

import pytest

from emotion_core.data.recent import recent_paths, remember_path
from emotion_core.data.sources import load_data
from emotion_core.paths import PROJECT


def test_the_last_opened_comes_first_and_what_is_gone_is_left_out(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        remember_path(str(tmp_path / name))
    remember_path(str(tmp_path / "a"))
    assert recent_paths() == [str(tmp_path / "a"), str(tmp_path / "b")]
    (tmp_path / "a").rmdir()
    assert recent_paths() == [str(tmp_path / "b")]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"null",
        b'{"a": 1}',
        b"\xff\xfe",
        b'["a\\u0000b"]',
        b'["/\\ud800"]',
        b'["/\\udcff"]',
        b'["' + b"a" * 5000 + b'"]',
        b"[1, null, []]",
        b'["~nobody-of-this-name/x"]',
    ],
)
def test_a_damaged_list_is_empty_and_is_written_anew(own_cache, tmp_path, content):
    own_cache.mkdir()
    (own_cache / "recent.json").write_bytes(content)
    assert recent_paths() == []
    remember_path(str(tmp_path))
    assert recent_paths() == [str(tmp_path)]


def test_a_list_that_is_no_file_does_not_block(own_cache):
    own_cache.mkdir()
    os.mkfifo(own_cache / "recent.json")
    assert recent_paths() == []


_READ_ONLY = """
import os, sys
from pathlib import Path
from emotion_core.data.recent import recent_paths, remember_path
from emotion_core.data.sources import load_data
cache = Path(os.environ["EMOTION_CACHE"])
os.environ["EMOTION_CACHE"] = sys.argv[2]
load_data(sys.argv[1])  # so that every module is loaded, which another account may not see
os.environ["EMOTION_CACHE"] = str(cache)
os.setuid(65534)  # root may write everywhere
try:
    (cache / "x").touch()
except OSError:
    pass
else:
    sys.exit("the cache can be written")
data = load_data(sys.argv[1])
remember_path(sys.argv[1])
print(len(data), recent_paths(), sorted(path.name for path in cache.rglob("*")))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs an account that may become another one")
@pytest.mark.parametrize("parsed_before", [True, False])
def test_a_data_set_loads_with_a_cache_that_cannot_be_written(
    write, tmp_path, own_cache, parsed_before
):
    tmp_path.chmod(0o755)
    for place in tmp_path.parents:
        if place.owner() == "root" and str(place).startswith("/tmp/"):
            place.chmod(0o755)
    path = write.zip(tmp_path / "faces.zip")
    own_cache.mkdir()
    if parsed_before:
        load_data(path)
    own_cache.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", _READ_ONLY, str(path), str(tmp_path / "other")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("140 []")
