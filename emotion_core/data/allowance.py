"""How much a source may unpack to: bounded by its size on disk, before anything is unpacked."""

import threading

from emotion_core.errors import DataError

# Bytes of packed pictures give so many units, and a source has some more to begin with. FER-2013
# uses 11 per byte as PNG, and smooth photographs of 1024 x 1024 in WebP some 90.
_PER_BYTE, _SPARE = 128, 64_000_000
# Units of a face that is kept: its pixels in a list and in an array, and the time that comparing
# it with all others takes.
_FACE = 16_000


class UsedUpError(DataError):
    """A source unpacks to more than its size allows; no other part of it is worth reading."""


class Allowance:
    """Counts what a source unpacks to; several threads may share one.

    Args:
        source: For messages.
        size: Its bytes on disk; ``add`` what is only known later.
    """

    def __init__(self, source: str, size: int = 0) -> None:
        self._source, self._lock = source, threading.Lock()
        self._size, self._used = size, 0

    def add(self, size: int) -> None:
        """Add bytes of the source that were found on disk."""
        with self._lock:
            self._size += size

    def use(self, amount: int, faces: int = 0) -> None:
        """Count bytes or pixels that are about to be unpacked, and the faces that they give.

        Raises:
            UsedUpError: that is more than the source's size allows.
        """
        with self._lock:
            self._used += amount + faces * _FACE
            used, size = self._used, self._size
        if used > size * _PER_BYTE + _SPARE:
            raise UsedUpError(
                f"{self._source} is refused: it unpacks from {size:,} bytes to more than "
                f"{used // 1_000_000:,} million pixels and bytes, as bombs do. Save its pictures "
                "at their real size."
            )
