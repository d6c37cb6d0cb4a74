"""Where things live on disk, and which of it a caller may open.

Environment variables move each place (used by tests and servers).
"""

import contextlib
import os
from pathlib import Path

from emotion_core.access import Role, current_role, reads_all_files
from emotion_core.errors import AccessError
from emotion_core.text import unquoted

_PACKAGE = Path(__file__).resolve().parent
# The folder that the package lies in: the project's, or site-packages where it is installed.
PROJECT = _PACKAGE.parent
RAY_STORAGE = "EMOTION_RAY_STORAGE"  # variable that names a folder all machines of a cluster see
# Only in a wheel: the pages and the shipped runs, which are files of the project elsewhere.
_DASHBOARD, _SHIPPED = _PACKAGE / "_dashboard", _PACKAGE / "_shipped"


def dashboard_dir() -> Path:
    """The folder of ``app.py`` and the pages."""
    return _DASHBOARD if _DASHBOARD.is_dir() else PROJECT


def home_dir() -> Path:
    """What belongs to the user beyond the cache (``EMOTION_HOME``)."""
    data = _place("XDG_DATA_HOME", Path.home() / ".local" / "share")
    return _place("EMOTION_HOME", data / "emotion_core")


def checkpoints_dir() -> Path:
    """Run folders, shipped and the user's own (``EMOTION_CHECKPOINTS``).

    Where the package is installed they are in the user's folder, since a package cannot be written.
    With a cluster they are on the storage that it shares (``EMOTION_RAY_STORAGE``).
    """
    if shared := os.environ.get(RAY_STORAGE):
        return _place("EMOTION_CHECKPOINTS", Path(shared) / "checkpoints")
    usual = home_dir() / "checkpoints" if _SHIPPED.is_dir() else PROJECT / "checkpoints"
    return _place("EMOTION_CHECKPOINTS", usual)


def link_shipped_runs() -> None:
    """Show the runs of an installed package among the user's own; once for each installation.

    A run that the user deletes stays deleted until another version is installed. Nothing happens
    where the package is not installed, or where the folder cannot be written.
    """
    root = checkpoints_dir()
    if not _SHIPPED.is_dir() or os.environ.get("EMOTION_CHECKPOINTS"):
        return
    mark = root / ".shipped"
    with contextlib.suppress(OSError):
        if mark.is_file() and mark.read_text(encoding="utf-8") == str(_SHIPPED):
            return
        root.mkdir(parents=True, exist_ok=True)
        for source in _SHIPPED.iterdir():
            target = root / source.name
            if target.is_symlink():  # of an earlier installation
                target.unlink()
            if not target.exists():
                target.symlink_to(source)
        mark.write_text(str(_SHIPPED), encoding="utf-8")


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
        ("EMOTION_HOME", home_dir()),
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
    path = Path(unquoted(text))
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path.resolve()


def readable(path: Path) -> Path:
    """A place that the caller may open, as it is.

    At this computer its owner opens everything. From another computer the owner opens what lies
    below the cache, ``EMOTION_HOME`` and the folders of ``EMOTION_DATA_ROOTS``; a demo visitor sees
    only what lies below the latter.

    Args:
        path: An absolute place, links resolved.

    Raises:
        AccessError: it lies elsewhere. The message says nothing about the place.
    """
    if not is_readable(path):
        raise AccessError(
            "The path is not below a folder that may be opened from another computer. The owner "
            "names such folders in EMOTION_DATA_ROOTS."
        )
    return path


def is_readable(path: Path) -> bool:
    """Whether the caller may open an absolute place, links resolved; nothing is looked at."""
    return reads_all_files() or any(path.is_relative_to(root) for root in _roots())


def _roots() -> list[Path]:
    named = os.environ.get("EMOTION_DATA_ROOTS", "").split(os.pathsep)
    roots = [user_path(name) for name in named if name.strip()]
    if current_role() is Role.OWNER:
        roots += [cache_dir().resolve(), home_dir().resolve()]
    return roots
