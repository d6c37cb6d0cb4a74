"""The download is whole or not there, also when two ask for it at once."""

import os
import sys
import threading
import time
import types
from pathlib import Path

import pytest

from emotion_core.data.fer2013 import download_dir
from emotion_core.data.fetch import fetch_fer2013
from emotion_core.errors import FetchError


def test_a_cache_that_cannot_be_written_is_told_before_anything_is_downloaded(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("a file where the folder should be")
    with pytest.raises(FetchError, match=r"cannot be kept in .*EMOTION_CACHE"):
        fetch_fer2013()


def test_two_at_once_download_once(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    monkeypatch.delenv("KAGGLEHUB_CACHE", raising=False)
    calls = []

    def download(name: str) -> str:
        calls.append(name)
        found = Path(os.environ["KAGGLEHUB_CACHE"]) / "versions" / "1"
        (found / "train").mkdir(parents=True)
        time.sleep(0.3)
        return str(found)

    module = types.ModuleType("kagglehub")
    module.dataset_download = download
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    threads = [threading.Thread(target=fetch_fer2013) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(calls) == 1
    assert [path.name for path in download_dir().iterdir()] == ["train"]
    assert [path.name for path in download_dir().parent.iterdir()] == [download_dir().name]
