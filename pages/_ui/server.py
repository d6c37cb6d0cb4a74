"""What the server adds to every answer and refuses before a page runs."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import net_util

from emotion_core.access import host_allowed, host_of
from emotion_core.versions import patch_fits, warn_of_old_python
from pages._ui import access

# No foreign page may show the dashboard in a frame, where clicks can be stolen; no answer is
# guessed to be a script; no site that a page links to is told the page's address.
HEADERS = (
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Guard:
    """ASGI middleware: refuses foreign host names, and adds ``HEADERS`` to every HTTP answer.

    A site whose name is made to point to this computer (DNS rebinding) could otherwise drive the
    dashboard of whoever visits it. Streamlit itself checks only WebSocket connections.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = [header for header in HEADERS if header[0] not in given]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        if scope["type"] == "http" and not _is_allowed(scope):
            refusal = PlainTextResponse(
                "This dashboard does not answer to that host name. Its owner can allow it: "
                "server.allowedHosts in .streamlit/config.toml.",
                status_code=421,
            )
            await refusal(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


def ask_nobody_for_the_address() -> None:
    """Keep Streamlit from asking a web service for this machine's public address.

    It does so for an ``Origin`` that it does not know, and at a start on all addresses. The answer
    would only allow more origins and print one more line.
    """
    without = (
        "It asks checkip.amazonaws.com for this machine's address, when a foreign site connects."
    )
    if patch_fits("streamlit", ">=1.67,<1.68", without):
        net_util.get_external_ip = _no_address


def _no_address() -> None:
    """The public address: nobody asks for it."""


def _is_allowed(scope: Scope) -> bool:
    sent = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return host_allowed(host_of(sent), st.get_option("server.allowedHosts") or [])


MIDDLEWARE = (Middleware(Guard),)
access.install()
ask_nobody_for_the_address()
warn_of_old_python()
