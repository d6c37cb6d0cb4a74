"""Unit tests reach no network: an attempt fails at once, as on a machine without one."""

import errno
import ipaddress
import socket
import urllib.request
from collections.abc import Iterator

import pytest

from emotion_core import access


@pytest.fixture(autouse=True)
def resolver_restored() -> Iterator[None]:
    """The role that one test gives its caller does not reach the next."""
    before = access._role, access._at_computer
    yield
    access.set_resolver(*before)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise OSError(errno.ENETUNREACH, f"unit tests have no network: {address}")
        return connect(self, address)

    def guarded_resolve(host, *args, **kwargs):
        if host is not None and not _is_local(host):
            raise socket.gaierror(socket.EAI_NONAME, f"unit tests have no network: {host}")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)
    # urllib keeps the proxies of its first call for good: none of one test's reach the next.
    monkeypatch.setattr(urllib.request, "_opener", None)


def _is_local(host) -> bool:
    host = host.decode() if isinstance(host, bytes) else host
    if host in ("localhost", ""):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    # A private address is this machine's own, where WebRTC's two ends meet.
    return address.is_loopback or address.is_private or address.is_unspecified
