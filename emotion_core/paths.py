"""Where things live on disk. Environment variables move each place (used by tests and servers)."""

import contextlib
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


def user_path(text: str) -> Path:
    """A path as a user writes it, made absolute; ``~`` of a user who is not there stays."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path.resolve()
