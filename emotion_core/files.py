"""Reads that end, and writes that leave either the old file or the new one, never half of one."""

import contextlib
import errno
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")

MAX_JSON = 64 * 1024**2  # bytes of a JSON document; the largest of ours have some hundred thousand
MAX_NAME = 200  # bytes of a file name that still leave room for what is added to it
_SETTLED_NS = 100_000_000  # two writes within a clock tick of the file system leave one stamp
_MOST_KEPT = 8192  # parsed files
_TAIL = 64 * 1024  # bytes of a log's end

# Reading the umask means setting it, which is not safe once threads run: read it at import.
_UMASK = os.umask(0o022)
os.umask(_UMASK)


@contextlib.contextmanager
def atomic_path(path: Path, *, parents: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and renamed to ``path``.

    On an error the temporary file is removed and ``path`` is as it was.

    Args:
        path: The file.
        parents: Whether to make its folder. Not for the files of a run: a run that was deleted
            meanwhile would come back with this file alone in it.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    if parents:
        path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{short_name(path.name)}."
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_UMASK)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring a folder's files and its list of names to the disk, so that a rename may follow."""
    files = [path for path in folder.iterdir() if path.is_file()]
    for path in (*files, folder) if os.name == "posix" else files:
        handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_bytes(path: Path, data: bytes | memoryview, *, parents: bool = False) -> None:
    """Write ``data`` to ``path`` atomically; ``parents`` as for ``atomic_path``."""
    with atomic_path(path, parents=parents) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any, *, parents: bool = False) -> None:
    """Write a JSON document atomically, indented, with a final newline."""
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    write_bytes(path, text.encode(), parents=parents)


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading that is a file: a pipe would never end, a device never stop.

    Raises:
        OSError: it cannot be opened, or is a folder, pipe, socket or device.
    """

    def opener(name: str, flags: int) -> int:
        # Without O_NONBLOCK the opening of a pipe would wait for somebody who writes into it.
        handle = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, "Not a regular file", name)
        return handle

    return open(path, "rb", opener=opener)


def regular(path: Path) -> Path:
    """The path, for a library that opens it itself.

    Raises:
        OSError: as ``open_regular``.
    """
    open_regular(path).close()
    return path


def read_regular(path: Path, limit: int) -> bytes:
    """All bytes of a regular file.

    Raises:
        OSError: as ``open_regular``, or it has more than ``limit`` bytes; seen before it is read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(limit + 1) if size <= limit else b""
    if max(size, len(data)) > limit:
        what = f"{max(size, len(data)):,} bytes, more than the {limit:,} that are read"
        raise OSError(errno.EFBIG, what, str(path))
    return data


def read_tail(path: Path, lines: int | None = None) -> list[str]:
    """The last lines of a log, at most 64 KiB and no empty ones; none where there is no such file."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            text = file.read(_TAIL).decode(errors="replace")
    except OSError:
        return []
    found = [line for line in text.splitlines() if line.strip()]
    return found if lines is None else found[-lines:]


def short_name(name: str, limit: int = MAX_NAME) -> str:
    """A file name cut to ``limit`` bytes of UTF-8: file systems count bytes, not letters."""
    return name.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore")


def read_json(path: Path) -> Any:
    """Read a JSON document of at most ``MAX_JSON`` bytes from a regular file.

    Raises:
        OSError: the file cannot be read, is none, or is too large.
        ValueError: it is not JSON, or nested deeper than Python reads.
    """
    return parse_json(read_regular(path, MAX_JSON))


def parse_json(data: bytes) -> Any:
    """The value of a JSON document in UTF-8.

    Raises:
        ValueError: it is not JSON, or nested deeper than Python reads.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


_parsed: dict[tuple[Path, Callable[[Path], Any]], tuple[tuple[int, ...], Any]] = {}


def read_once(path: Path, read: Callable[[Path], _T]) -> _T:
    """What ``read`` makes of a file, made again only after the file has changed.

    The value is shared by everyone who asks: it must not be changed. Nothing is kept of a file that
    was written a moment ago (its next change could leave the same stamp), nor of an error.

    Args:
        path: The file.
        read: A function of a module (no lambda, since it is a part of the key).

    Raises:
        OSError: there is no such file.
        Exception: what ``read`` raises.
    """
    status = path.stat()
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
    kept = _parsed.get((path, read))
    if kept and kept[0] == stamp:
        value: _T = kept[1]
        return value
    value = read(path)
    if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
        if len(_parsed) >= _MOST_KEPT:
            _parsed.clear()
        _parsed[path, read] = stamp, value
    return value


def append_json_line(path: Path, row: Mapping[str, object]) -> None:
    """Append one row to a JSON-lines file with a single write, so that readers see whole lines."""
    with path.open("ab", buffering=0) as file:
        file.write(_json_line(row))


def write_json_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Replace a JSON-lines file atomically."""
    write_bytes(path, b"".join(map(_json_line, rows)))


def read_json_lines(path: Path) -> list[dict[str, object]]:
    """Rows of a JSON-lines file; a missing file is empty and a torn last line is left out.

    Raises:
        OSError: the file cannot be read, is none, or has more than ``MAX_JSON`` bytes.
    """
    try:
        data = read_regular(path, MAX_JSON)
    except FileNotFoundError:
        return []
    rows = []
    for line in data.split(b"\n"):
        if line.strip():
            with contextlib.suppress(ValueError):
                rows.append(parse_json(line))
    return [row for row in rows if isinstance(row, dict)]


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes.

    Raises:
        OSError: as ``open_regular``.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json_line(row: Mapping[str, object]) -> bytes:
    return (json.dumps(row, allow_nan=False) + "\n").encode()
