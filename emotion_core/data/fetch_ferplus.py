"""Bring FER+'s votes to this machine, checked by their SHA-256, and align them with FER-2013."""

import contextlib
import hashlib
import http.client
import urllib.request
from pathlib import Path

from emotion_core.access import Action, require
from emotion_core.data.ferplus import (
    BY_HAND,
    NAME,
    SHA256,
    URL,
    Table,
    align,
    keep_votes,
    read_table,
    table_path,
)
from emotion_core.data.sources import load_data
from emotion_core.errors import FetchError
from emotion_core.files import sha256_file, write_bytes
from emotion_core.paths import readable, user_path

_BYTES = 4 * 1024**2  # more than the table has
_TIMEOUT = 15.0


def bring_votes(file: str = "", data: str = "fer2013", *, url: str = URL) -> int:
    """Fetch FER+'s table, or read the user's, and keep its votes for the faces of FER-2013.

    Args:
        file: A table that the user has; empty: it is fetched, unless it is here already.
        data: FER-2013; its original CSV for FER+'s own table, whose rows are in that order.
        url: Where from.

    Returns:
        How many different pictures have votes.

    Raises:
        FetchError: there is no network, what came is another file, or it cannot be kept.
        DataError: the file is no such table, or does not belong to this data.
    """
    require(Action.DOWNLOAD)
    table: Table = read_table(readable(user_path(file)) if file else _fetched(url))
    faces = load_data(data)
    votes = align(table, faces)
    try:
        return keep_votes(votes, faces)
    except OSError as error:
        raise FetchError(
            f"The votes cannot be kept in {table_path().parent} ({error.strerror or error}). Make "
            "room there, or name another folder in EMOTION_CACHE."
        ) from error


def _fetched(url: str) -> Path:
    target = table_path()
    with contextlib.suppress(OSError):
        if sha256_file(target) == SHA256:
            return target
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            data = answer.read(_BYTES)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise FetchError(
            f"{NAME} could not be downloaded ({reason}: is there a network?). {BY_HAND}"
        ) from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise FetchError(
            f"What {url} sent is not the expected {NAME} ({len(data)} bytes, other SHA-256); "
            f"nothing was kept. {BY_HAND}"
        )
    try:
        write_bytes(target, data, parents=True)
    except OSError as error:
        raise FetchError(f"{target} cannot be written ({error}). Set EMOTION_CACHE.") from error
    return target
