"""The owner's password, kept as a scrypt hash (RFC 7914) that does not reveal it."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from emotion_core.errors import AccessError

LEAST_LENGTH = 10
# 32 MB and about 0.1 s per check; OWASP's least cost for scrypt with r = 8 is 2**14 with p = 5.
_N, _R, _P = 2**15, 8, 3
_MOST = (2**20, 32, 16)  # beyond these a check would take gigabytes or minutes
_SCHEME = "scrypt"


def hash_password(password: str) -> str:
    """A line to store: scheme, costs, salt and hash, separated by ``$``.

    Raises:
        AccessError: the password is too short.
    """
    if len(password) < LEAST_LENGTH:
        raise AccessError(
            f"The password has {len(password)} characters; it needs at least {LEAST_LENGTH}."
        )
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, _N, _R, _P)
    parts = (_SCHEME, _N, _R, _P, _text(salt), _text(digest))
    return "$".join(str(part) for part in parts)


def verify_password(password: str, stored: str) -> bool:
    """Whether a password belongs to a stored line; compared in constant time.

    Raises:
        AccessError: the line was not made by ``hash_password``.
    """
    try:
        scheme, n, r, p, salt, digest = stored.strip().split("$")
        costs = int(n), int(r), int(p)
        dear = any(cost > most for cost, most in zip(costs, _MOST, strict=True))
        expected, salted = base64.b64decode(digest, validate=True), base64.b64decode(salt)
        if scheme != _SCHEME or dear or not expected:
            raise ValueError(scheme)
        found = _scrypt(password, salted, *costs)
    except (ValueError, binascii.Error) as error:
        raise AccessError(
            "The stored password hash is malformed. Make a new one: python -m emotion_core password"
        ) from error
    return hmac.compare_digest(found, expected)


def stored_password() -> str:
    """The owner's password hash; empty where none is set.

    ``EMOTION_PASSWORD_FILE`` names a file that holds the line ``python -m emotion_core password``
    prints, so that it is in no process list and no shell history.

    Raises:
        AccessError: the file cannot be read or is empty.
    """
    name = os.environ.get("EMOTION_PASSWORD_FILE", "")
    if not name:
        return ""
    try:
        line = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise AccessError(f"EMOTION_PASSWORD_FILE={name} cannot be read ({error}).") from error
    if not line:
        raise AccessError(
            f"EMOTION_PASSWORD_FILE={name} is empty. Write the line into it that "
            "'python -m emotion_core password' prints."
        )
    return line


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
