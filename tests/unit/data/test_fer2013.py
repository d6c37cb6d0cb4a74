"""Where FER-2013 is looked for, and what is said when it is not there."""

import os

import pytest

from emotion_core.data import fetch
from emotion_core.data.fer2013 import COUNTS, LEAKED, download_dir, find_fer2013
from emotion_core.errors import DataError, FetchError
from emotion_core.paths import PROJECT
from emotion_core.runs.run import Run


def test_counts_are_the_published_ones():
    assert sum(COUNTS["train"].values()) == 28_709
    assert sum(COUNTS["test"].values()) == 7_178


def test_the_leaked_test_faces_are_those_that_the_shipped_reports_leave_out():
    report = Run(PROJECT / "checkpoints" / "sequential").require_report()
    assert report.test.n - report.subsets.leak_free.n == LEAKED


def test_the_named_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("FER2013_DIR", str(tmp_path))
    assert find_fer2013() == tmp_path


def test_the_fetched_folder_is_found(monkeypatch):
    monkeypatch.delenv("FER2013_DIR", raising=False)
    (download_dir() / "train").mkdir(parents=True)
    assert find_fer2013() == download_dir()
    assert fetch.fetch_fer2013() == download_dir()


def test_a_folder_that_only_holds_a_download_stands_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FER2013_DIR", str(tmp_path))
    table = tmp_path / "fer2013.csv"
    table.write_text("emotion,pixels,Usage\n")
    (tmp_path / "README").touch()
    assert find_fer2013() == table
    (tmp_path / "archive.zip").touch()
    assert find_fer2013() == tmp_path  # which of them, nobody knows
    (tmp_path / "archive.zip").unlink()
    (tmp_path / "train" / "happy").mkdir(parents=True)
    assert find_fer2013() == tmp_path


def test_a_missing_data_set_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv("FER2013_DIR", raising=False)
    monkeypatch.setattr("emotion_core.data.fer2013.PROJECT", tmp_path)
    with pytest.raises(DataError, match="data fetch fer2013"):
        find_fer2013()


def test_without_network_one_line_says_what_to_do_and_nothing_stays(monkeypatch, own_cache):
    # A proxy that is not there stands for no network, wherever the test runs.
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("KAGGLEHUB_CACHE", "")
    with pytest.raises(
        FetchError, match=r"could not be downloaded.*Download https://www\.kaggle\.com"
    ):
        fetch.fetch_fer2013()
    assert not download_dir().exists()
    assert list(own_cache.iterdir()) == []
    assert os.environ["KAGGLEHUB_CACHE"] == ""  # as before
