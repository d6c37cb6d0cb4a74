"""Where the server listens, who may ask, and how much it takes on."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from emotion_core.access import LOOPBACK
from emotion_core.errors import ConfigError

LEAST_TOKEN = 16  # characters
MAKE_TOKEN = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"

_RANGES: dict[str, tuple[float, float]] = {
    "port": (0, 65_535),
    "max_mb": (0.01, 512),
    "max_megapixels": (0.01, 80),
    "max_images": (1, 256),
    "max_requests": (1, 1_024),
    "timeout": (0.05, 600),
    "workers": (1, 64),
    "batch": (1, 1_024),
    "wait_ms": (0, 1_000),
}


@dataclass(frozen=True)
class ServeSettings:
    """All settings of the server.

    Attributes:
        host: Address that it listens on.
        port: 0 takes a free one.
        token: What callers must send; empty lets everybody in who reaches it.
        hosts: Host names that callers may use, besides those of this computer and ``host``.
        max_mb: Of a request's body, in millions of bytes.
        max_megapixels: Of one picture.
        max_images: Pictures of one request.
        max_requests: Requests in work at once; one more is refused.
        timeout: Seconds that a request may take, and its body to arrive.
        workers: Threads that decode pictures and search them; each holds one picture.
        batch: Faces that are classified at once.
        wait_ms: How long a batch waits for the faces of other requests in work.

    Raises:
        ConfigError: a value is outside its range, or others can reach a server without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8600
    token: str = ""
    hosts: tuple[str, ...] = ()
    max_mb: float = 16.0
    max_megapixels: float = 25.0
    max_images: int = 16
    max_requests: int = 32
    timeout: float = 30.0
    workers: int = 2
    batch: int = 64
    wait_ms: float = 2.0

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be {least:g} to {most:g}, got {value:g}.")
        if self.token:
            _check_token(self.token)
        elif not is_loopback(self.host):
            raise ConfigError(
                f"Others can reach the server on {self.host}, so it needs a token: write one into a "
                f"file ({MAKE_TOKEN} > token) and add --token-file token."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Host names that are answered."""
        return (*sorted(LOOPBACK), self.host.strip("[]").lower(), *self.hosts)


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an address."""
    host = host.strip("[]").lower()
    try:
        return host in LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(path: str) -> str:
    """The token in a file.

    Raises:
        ConfigError: the file cannot be read or is empty.
    """
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"--token-file {path} cannot be read ({error}).") from error
    if not token:
        raise ConfigError(f"--token-file {path} is empty. Write a token into it: {MAKE_TOKEN}")
    return token


def _check_token(token: str) -> None:
    if len(token) < LEAST_TOKEN or not all("!" <= letter <= "~" for letter in token):
        raise ConfigError(
            f"A token needs at least {LEAST_TOKEN} characters, ASCII without blanks. "
            f"Make one: {MAKE_TOKEN}"
        )
