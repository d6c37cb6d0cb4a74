"""The paths of data sets that were opened last, so that nobody types one twice."""

from pathlib import Path

from emotion_core.files import read_json, write_json
from emotion_core.paths import cache_dir, user_path

_KEPT = 6


def recent_paths() -> list[str]:
    """Paths that still exist, last opened first."""
    try:
        found = read_json(_file())
    except (OSError, ValueError):
        return []
    if not isinstance(found, list):
        return []
    return [path for path in found if isinstance(path, str) and user_path(path).exists()]


def remember_path(path: str) -> None:
    """Put a path first."""
    others = [other for other in recent_paths() if other != path]
    write_json(_file(), [path, *others][:_KEPT])


def _file() -> Path:
    return cache_dir() / "recent.json"
