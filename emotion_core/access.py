"""Who may do what: the one place that decides it.

A caller is an ``owner``, who may do everything, or ``demo``, who reads, compares and uses Live but
changes nothing on disk. The command line and the library run as owner. The dashboard installs a
resolver, which names the role of the session that calls; guarded functions ask ``require``.
"""

import enum
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from emotion_core.errors import AccessError


class Role(enum.StrEnum):
    """Who the caller is."""

    OWNER = "owner"
    DEMO = "demo"


class Action(enum.StrEnum):
    """What only an owner may do, worded to complete "Only the owner may ..."."""

    TRAIN = "start, stop or resume training"
    CHANGE_RUN = "rename, delete or restore runs"
    MEASURE = "start measurements"
    DOWNLOAD = "start downloads"
    UPLOAD = "upload data sets"
    READ_PATH = "open files and folders of this computer"
    COLLECT = "keep faces, labels or diary entries"
    READ_DIARY = "read the diary"
    RECORD = "make, see or delete recordings"
    PROMOTE = "change which model is used"


LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Headers that only a proxy adds: the person behind it is not at this computer.
_PROXY_HEADERS = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")

_role: Callable[[], Role] = lambda: Role.OWNER  # noqa: E731 - replaced as a whole
_at_computer: Callable[[], bool] = lambda: True  # noqa: E731 - likewise


def set_resolver(role: Callable[[], Role], at_computer: Callable[[], bool] = lambda: True) -> None:
    """Name the functions that tell who calls at this moment.

    Args:
        role: The caller's role.
        at_computer: Whether the caller sits at the computer that this program runs on.
    """
    global _role, _at_computer
    _role, _at_computer = role, at_computer


def current_role() -> Role:
    """The caller's role."""
    return _role()


def reads_all_files() -> bool:
    """Whether the caller may open every file that this program can read."""
    return current_role() is Role.OWNER and _at_computer()


def allowed(action: Action) -> bool:
    """Whether the caller may do this."""
    return current_role() is Role.OWNER


def require(action: Action) -> None:
    """Refuse what the caller may not do.

    Raises:
        AccessError: the caller is not the owner.
    """
    if not allowed(action):
        raise AccessError(
            f"{refusal(action)} This dashboard is shown in demo mode; sign in, or open it on the "
            "computer that it runs on."
        )


def refusal(action: Action) -> str:
    """One sentence that says whose right this is."""
    return f"Only the owner may {action.value}."


@dataclass(frozen=True)
class Connection:
    """What is known about a browser's connection to the dashboard.

    Attributes:
        address: Address that the server listens on; empty for all of the machine's.
        hosts: Host names that the server accepts; empty for any.
        headers: Request headers, names in lower case.
        remote: The browser's IP address; empty where it is this computer.
    """

    address: str
    hosts: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    remote: str = ""


def is_local(connection: Connection) -> bool:
    """Whether the browser certainly runs on this computer and shows this dashboard's own page.

    A proxy on the same machine also connects from loopback. Whoever runs one has to name its host
    in ``server.allowedHosts``, or browsers are refused; so one foreign name there, one header of a
    proxy, or one foreign name in ``Host`` or ``Origin`` makes the connection a remote one.
    """
    headers = connection.headers
    names = (connection.address, *connection.hosts, host_of(headers.get("host", "")))
    return (
        bool(connection.hosts)
        and all(name in LOOPBACK for name in names)
        and connection.remote in ("", *LOOPBACK)
        and host_of(headers.get("origin", "")) in LOOPBACK
        and not any(name in headers for name in _PROXY_HEADERS)
    )


def is_encrypted(connection: Connection) -> bool:
    """Whether what the browser sends is encrypted up to the dashboard or its proxy."""
    forwarded = connection.headers.get("x-forwarded-proto", "").lower()
    return forwarded == "https" or connection.headers.get("origin", "").startswith("https://")


def host_of(text: str) -> str:
    """Host name of a ``Host`` or ``Origin`` header, without scheme and port, in lower case."""
    host = text.rpartition("://")[2].lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def host_allowed(host: str, names: Sequence[str]) -> bool:
    """Whether a host name is in a list as Streamlit's ``server.allowedHosts``: ``*.`` before a name
    allows what ends in it, ``*`` and an empty list allow any."""
    host = host.rstrip(".")
    patterns = [name.strip().lower().rstrip(".") for name in names]
    return not patterns or any(
        host == pattern
        or pattern == "*"
        or (pattern.startswith("*.") and host.endswith(pattern[1:]))
        for pattern in patterns
    )


class Attempts:
    """Limits how fast passwords can be guessed, over all sessions together.

    After ``free`` failures in a row each further one doubles the wait, from 2 s up to 5 minutes.
    Time is read from ``clock``, seconds.
    """

    def __init__(self, free: int = 3, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._clock = free, clock
        self._lock = threading.Lock()
        self._failures, self._until = 0, -math.inf

    def wait(self) -> float:
        """Seconds until the next attempt is allowed; 0 if it is allowed now."""
        return max(0.0, self._until - self._clock())

    def attempt(self, check: Callable[[], bool]) -> bool:
        """Make one attempt; nothing is checked while the wait lasts.

        Raises:
            AccessError: the wait is not over; the message says for how long.
        """
        with self._lock:  # one at a time: parallel guesses would all be free
            if (left := self.wait()) > 0:
                raise AccessError(
                    f"Too many wrong passwords. Try again in {math.ceil(left)} seconds."
                )
            if check():
                self._failures = 0
                return True
            self._failures += 1
            if (over := self._failures - self._free) >= 0:
                self._until = self._clock() + min(300.0, 2.0 ** (over + 1))
            return False
