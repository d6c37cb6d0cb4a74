"""Pages run in the test's process, each with runs and caches of its own."""

import pytest

from pages._ui.access import install


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    """No runs, and no FER-2013: a test that wants some says so."""
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "own-checkpoints"))
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "own-home"))
    monkeypatch.delenv("FER2013_DIR", raising=False)
    # AppTest has no browser that could be local.
    install()  # as the server does; a unit test of the same process may have named another
    monkeypatch.setenv("EMOTION_ACCESS", "owner")
    monkeypatch.setenv("EMOTION_DATA_ROOTS", "/")
