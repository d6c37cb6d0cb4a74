"""Where things live on disk. Environment variables move each place (used by tests and servers)."""

import contextlib
import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def checkpoints_dir() -> Path:
    """Run folders, shipped and the user's own (``EMOTION_CHECKPOINTS``)."""
    return _place("EMOTION_CHECKPOINTS", PROJECT / "checkpoints")


def cache_dir() -> Path:
    """Parsed data sets, downloads and detector files (``EMOTION_CACHE``)."""
    return _place(
        "EMOTION_CACHE", _place("XDG_CACHE_HOME", Path.home() / ".cache") / "emotion_core"
    )


def variable_of(path: str | Path) -> str:
    """The environment variable that moves a place which cannot be written; empty if none does."""
    place = Path(path).absolute()
    for variable, base in (
        ("EMOTION_CACHE", cache_dir()),
        ("EMOTION_CHECKPOINTS", checkpoints_dir()),
    ):
        if place.is_relative_to(base.absolute()):
            return variable
    # A folder above it, which could not be made.
    return "EMOTION_CACHE" if cache_dir().absolute().is_relative_to(place) else ""


def _place(variable: str, default: Path) -> Path:
    """An empty variable means the same as none."""
    return Path(os.environ.get(variable) or default)


def user_path(text: str) -> Path:
    """A path as a user writes it, made absolute; ``~`` of a user who is not there stays.

    Quotes around it, which file managers copy and some shells keep, are no part of it.
    """
    text = text.strip()
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    path = Path(text)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path.resolve()
