"""Finished sessions kept in the server's memory, so that a reload of the page shows them again.

Nothing is written to disk, and no picture is kept. Who has the key, a long random text in the page's
address, sees the session.
"""

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from emotion_core.live.summary import Session

KEPT_SECONDS = 12 * 3600.0
MOST = 30  # of all visitors together; the oldest goes first
_MOST_ROWS = 50_000  # of one session; a longer one is not kept


@dataclass(frozen=True)
class KeptSession:
    """A finished session, the titles of its models, and when it ended (Unix time)."""

    session: Session
    titles: tuple[str, ...]
    ended: float


class SessionShelf:
    """Finished sessions by key. May be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, KeptSession] = OrderedDict()

    def keep(self, session: Session, titles: tuple[str, ...]) -> str:
        """Keep a session; gives its key, empty for one that is too long to keep."""
        if len(session.rows) > _MOST_ROWS:
            return ""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._forget_old()
            self._kept[key] = KeptSession(session, titles, time.time())
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return key

    def find(self, key: str) -> KeptSession | None:
        """The session of a key; None where it is unknown, or was kept for too long."""
        with self._lock:
            self._forget_old()
            return self._kept.get(key)

    def forget(self, key: str) -> None:
        """Let a session go now."""
        with self._lock:
            self._kept.pop(key, None)

    def _forget_old(self) -> None:
        before = time.time() - KEPT_SECONDS
        for key in [key for key, item in self._kept.items() if item.ended < before]:
            del self._kept[key]
