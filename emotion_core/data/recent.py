"""The paths of data sets that were opened last, with their tables of labels, so that nobody types one twice."""

import contextlib
from pathlib import Path

from emotion_core.data.label_tables import split_labels
from emotion_core.files import read_json, write_json
from emotion_core.paths import cache_dir, is_readable, user_path

_KEPT = 6


def recent_paths() -> list[str]:
    """Paths that still exist and may be opened, last opened first; none where the list is damaged."""
    try:
        found = read_json(_file())
    except (OSError, ValueError):
        return []
    if not isinstance(found, list):
        return []
    return [path for path in found[:_KEPT] if isinstance(path, str) and _exists(path)]


def remember_path(path: str) -> None:
    """Put a path first; where the cache cannot be written, nothing is remembered."""
    others = [other for other in recent_paths() if other != path]
    with contextlib.suppress(OSError):
        write_json(_file(), [path, *others][:_KEPT], parents=True)


def _exists(path: str) -> bool:
    try:
        path.encode()  # what is no UTF-8 can be neither shown nor typed
        place = user_path(split_labels(path)[0])
        return is_readable(place) and place.exists()
    except (OSError, ValueError):  # too long, or with letters that no name has
        return False


def _file() -> Path:
    return cache_dir() / "recent.json"
