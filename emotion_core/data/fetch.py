"""Download FER-2013 through ``kagglehub``."""

import contextlib
import os
import tempfile
import threading
from pathlib import Path

from emotion_core.access import Action, require
from emotion_core.data.fer2013 import BY_HAND, download_dir
from emotion_core.data.parsed import Progress
from emotion_core.errors import FetchError

DATASET = "msambare/fer2013"
_ARCHIVE_BYTES = 63_000_000  # of the download, for the progress alone
_POLL_SECONDS = 0.3
_ONE_AT_A_TIME = threading.Lock()


def fetch_fer2013(progress: Progress | None = None) -> Path:
    """Download FER-2013 into the cache, all of it or nothing.

    Args:
        progress: Told the share downloaded.

    Returns:
        The folder; ``load_data("fer2013")`` finds it from now on.

    Raises:
        FetchError: there is no network, the download broke off, or the cache cannot be written.
    """
    require(Action.DOWNLOAD)
    target = download_dir()
    with _ONE_AT_A_TIME:
        try:
            if not (target / "train").is_dir():
                _fetch(target, progress)
        except OSError as error:
            raise FetchError(
                f"FER-2013 cannot be kept in {target.parent} ({error.strerror or error}). Make "
                f"room there, or name another folder in EMOTION_CACHE. {BY_HAND}"
            ) from error
    return target


def _fetch(target: Path, progress: Progress | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=".fer2013.", dir=target.parent, ignore_cleanup_errors=True
    ) as name:
        temporary = Path(name)
        outcome: list[Path | Exception] = []
        # kagglehub reads its folder from the environment, and only there.
        before = os.environ.get("KAGGLEHUB_CACHE")
        os.environ["KAGGLEHUB_CACHE"] = name

        def download() -> None:
            try:
                import kagglehub

                outcome.append(Path(kagglehub.dataset_download(DATASET)))
            except Exception as error:  # kagglehub and requests raise many kinds
                outcome.append(error)

        worker = threading.Thread(target=download, daemon=True)
        worker.start()
        try:
            while worker.is_alive():
                worker.join(_POLL_SECONDS)
                if progress:
                    progress("Downloading FER-2013", min(0.99, _bytes(temporary) / _ARCHIVE_BYTES))
        finally:
            if before is None:
                os.environ.pop("KAGGLEHUB_CACHE", None)
            else:
                os.environ["KAGGLEHUB_CACHE"] = before
        found = outcome[0]
        if isinstance(found, Exception):
            raise FetchError(
                f"FER-2013 could not be downloaded ({type(found).__name__}: is there a network?). "
                f"{BY_HAND}"
            ) from found
        if not (found / "train").is_dir():
            raise FetchError(f"The download of {DATASET} holds no train folder. {BY_HAND}")
        with contextlib.suppress(OSError):  # another process may have been faster
            found.rename(target)
        if not (target / "train").is_dir():
            raise FetchError(f"FER-2013 could not be moved to {target}. {BY_HAND}")


def _bytes(folder: Path) -> int:
    """Size of the archive so far; it may be removed while it is looked at."""
    size = 0
    with contextlib.suppress(OSError):
        for file in folder.rglob("*.archive"):
            size += file.stat().st_size
    return size
