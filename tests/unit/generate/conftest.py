"""A home, a cache and a checkpoints folder of each test's own."""

from pathlib import Path

import pytest

from emotion_core.generate.settings import GanSettings

TINY = GanSettings(
    data="synthetic:140", epochs=2, batch_size=16, width=4, latent=8, device="cpu", seed=3
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable, name in (
        ("EMOTION_HOME", "home"),
        ("EMOTION_CHECKPOINTS", "checkpoints"),
        ("EMOTION_CACHE", "cache"),
    ):
        monkeypatch.setenv(variable, str(tmp_path / name))
    return tmp_path / "home"
