"""Zip archives of a folder tree, read in memory and never extracted, so checked before."""

import mmap
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from emotion_core.data.allowance import Allowance
from emotion_core.data.folder import is_picture, read_pictures
from emotion_core.data.parsed import Parsed, Progress
from emotion_core.data.pictures import MAX_FILE
from emotion_core.errors import DataError, EmotionError
from emotion_core.files import open_regular

MAX_ENTRIES = 500_000
MAX_TOTAL = 4 * 1024**3
MAX_RATIO = 200
# What an entry says of its size binds zipfile for these two alone; others unpack without limit.
CHECKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# PKWARE's APPNOTE 6.3.10: end of central directory, its form for large files, and an entry.
_END, _END64, _ENTRY = b"PK\x05\x06", b"PK\x06\x06", b"PK\x01\x02"
_END_BYTES, _END64_BYTES, _ENTRY_BYTES = 22, 76, 46  # the second with what points to it
_LONGEST_COMMENT = 65_535


def read_zip(path: Path, progress: Progress | None = None) -> Parsed:
    """Read a zip of a folder tree without extracting it.

    Raises:
        DataError: it is no zip, its entries point outside, its pictures would unpack to too much,
            or it has no ``<emotion>/<picture>``.
    """
    try:
        allowance = Allowance(str(path), path.stat().st_size)
        with open_regular(path) as file:
            check_directory(file, path)
            with zipfile.ZipFile(file) as archive:
                names = sorted(set(check_zip(path, archive)))
                # An archive's file handle is shared, so one thread reads it.
                return read_pictures(
                    str(path), names, lambda name: _unpack(archive, name), 1, allowance, progress
                )
    except (EmotionError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile raises what its parts raise
        reason = str(error)[:200] or type(error).__name__
        raise DataError(f"{path} is not a readable zip ({reason}). Download it again.") from error


def check_zip(path: Path, archive: zipfile.ZipFile) -> list[str]:
    """Names of an archive's files, after the checks of it as a whole.

    Raises:
        DataError: an entry's name leads outside, one is encrypted, or its pictures are too much
            together.
    """
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        if name.startswith("/") or ":" in name.split("/")[0] or ".." in name.split("/"):
            raise DataError(
                f"{path} is refused: its entry '{entry.filename[:200]}' leads outside the archive."
            )
        if entry.flag_bits & 1:
            raise DataError(f"{path} is encrypted ('{entry.filename[:200]}'). Unpack it first.")
    # The limits are for what is read: whatever else lies in the archive stays packed.
    total = sum(entry.file_size for entry in entries if is_picture(entry.filename))
    if total > MAX_TOTAL:
        raise DataError(f"{path} is refused: it unpacks to {total:,} bytes, over {MAX_TOTAL:,}.")
    return [entry.filename for entry in entries]


def _unpack(archive: zipfile.ZipFile, name: str) -> bytes:
    entry = archive.getinfo(name)
    if entry.compress_type not in CHECKED:
        raise DataError("is compressed in a way that cannot be checked; zip it with Deflate")
    if entry.file_size > MAX_FILE:
        raise DataError(f"unpacks to {entry.file_size:,} bytes, over {MAX_FILE:,}")
    if entry.file_size > MAX_RATIO * max(entry.compress_size, 1024):
        raise DataError(f"unpacks to more than {MAX_RATIO} times its size, as zip bombs do")
    return archive.read(entry)


def check_directory(file: BinaryIO, path: Path) -> None:
    """Refuse a zip with more than ``MAX_ENTRIES`` entries; a damaged one is left to ``zipfile``.

    Args:
        file: The archive, not empty.
        path: For messages.

    Raises:
        DataError: there are more.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = data.rfind(_END, max(0, len(data) - _END_BYTES - _LONGEST_COMMENT))
        if end < 0 or end + _END_BYTES > len(data):
            return
        announced, size = struct.unpack_from("<HI", data, end + 10)
        end64 = end - _END64_BYTES
        if end64 >= 0 and data[end64 : end64 + 4] == _END64:
            end, (announced, size) = end64, struct.unpack_from("<QQ", data, end64 + 32)
        start = end - size
        # What is announced may be less than what is there, and zipfile goes by the bytes.
        at, count = start, 0
        while 0 <= at < start + size and data[at : at + 4] == _ENTRY and count <= MAX_ENTRIES:
            if at + _ENTRY_BYTES > len(data):
                return
            at += _ENTRY_BYTES + sum(struct.unpack_from("<HHH", data, at + 28))
            count += 1
    if count > MAX_ENTRIES:
        count = max(count, announced)
        raise DataError(f"{path} has {count:,} files or more; at most {MAX_ENTRIES:,} are read.")
