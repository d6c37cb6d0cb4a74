"""Each test has a home folder of its own, in which nothing is yet."""

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The user's folder; it does not exist before something is kept in it."""
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
