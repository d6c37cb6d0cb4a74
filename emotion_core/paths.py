"""Where things live on disk. Environment variables move each place (used by tests and servers)."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def checkpoints_dir() -> Path:
    """Run folders, shipped and the user's own (``EMOTION_CHECKPOINTS``)."""
    return Path(os.environ.get("EMOTION_CHECKPOINTS", PROJECT / "checkpoints"))


def cache_dir() -> Path:
    """Parsed data sets, downloads and detector files (``EMOTION_CACHE``)."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("EMOTION_CACHE", base / "emotion_core"))
