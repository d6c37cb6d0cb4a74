"""Fetch YuNet's file, checked before it is used."""

import contextlib
import hashlib
import http.client
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from emotion_core.access import Action, require
from emotion_core.errors import EmotionError, FetchError
from emotion_core.files import write_bytes
from emotion_core.live.yunet_file import YUNET_NAME, yunet_path
from emotion_core.paths import cache_dir

YUNET_URL = (
    "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/" + YUNET_NAME
)
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
YUNET_BYTES = 232_589
_TIMEOUT = 15.0
_BLOCK = 16 * 1024


def fetch_yunet(progress: Callable[[float], object] | None = None, *, url: str = YUNET_URL) -> Path:
    """Download YuNet into the cache, unless it is there.

    Args:
        progress: Told the share done, 0..1.
        url: Where from.

    Raises:
        FetchError: there is no network, the file is not the one expected, or it cannot be kept.
    """
    require(Action.DOWNLOAD)
    target = cache_dir() / "models" / YUNET_NAME
    with contextlib.suppress(OSError):
        if _digest(target.read_bytes()) == YUNET_SHA256:
            return target
    by_hand = f"Download {YUNET_URL} in a browser and save it as {target}, or set EMOTION_YUNET."
    data = b""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            # One block more than expected shows that the file is another.
            while len(data) <= YUNET_BYTES and (block := answer.read(_BLOCK)):
                data += block
                if progress:
                    progress(min(1.0, len(data) / YUNET_BYTES))
    except (OSError, http.client.HTTPException) as error:  # a URLError is an OSError
        raise FetchError(f"YuNet could not be downloaded: {_reason(error)}. {by_hand}") from error
    if _digest(data) != YUNET_SHA256:
        raise FetchError(
            f"What {url} sent is not the expected YuNet file ({len(data)} bytes, other SHA-256); "
            f"nothing was kept. {by_hand}"
        )
    try:
        write_bytes(target, data, parents=True)
    except OSError as error:
        raise FetchError(f"{target} cannot be written ({error}). Set EMOTION_CACHE.") from error
    return target


class BackgroundFetch:
    """Fetches YuNet in a thread, when it is asked to, while the built-in detector works.

    Attributes:
        message: How far it is, or why it failed; empty before.
    """

    def __init__(self) -> None:
        self.message = ""

    def start(self) -> None:
        """Download the file. Nothing is downloaded before somebody asks for it."""
        require(Action.DOWNLOAD)  # here: the thread has no session whose role could be asked
        self.message = "YuNet is being downloaded (0.2 MB)."
        threading.Thread(target=self._fetch, daemon=True, name="fetch yunet").start()

    @property
    def ready(self) -> bool:
        """Whether YuNet's file is here, whoever has brought it."""
        return yunet_path() is not None

    def _fetch(self) -> None:
        try:
            fetch_yunet()
        except (EmotionError, OSError) as error:
            self.message = str(error)


def _reason(error: Exception) -> str:
    """Why a download failed, in words that say what to look at."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} ({error.reason})"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, socket.gaierror):
        return "its server was not found; is there a network?"
    if isinstance(inner, TimeoutError):
        return f"there was no answer within {_TIMEOUT:.0f} s; is there a network?"
    return str(inner) or type(inner).__name__


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
