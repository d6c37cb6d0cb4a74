"""What the server checks before a request is read, and adds to every answer."""

import hashlib
import hmac
import logging
import time
import traceback
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotion_core.access import host_allowed, host_of
from emotion_core.serve.metrics import Metrics
from emotion_core.serve.refusal import RefusalError, refused
from emotion_core.serve.settings import ServeSettings

OPEN = frozenset({"/health"})  # paths that need no token
# Answers are about people's faces: nothing on the way may keep them.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
_log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware: host names, foreign pages, the token, measurements, and unforeseen errors.

    Args:
        app: What answers.
        settings: Token and host names.
        metrics: Counts requests.
        paths: Known paths; all others count as one.
    """

    def __init__(
        self, app: ASGIApp, *, settings: ServeSettings, metrics: Metrics, paths: Sequence[str]
    ) -> None:
        self._app, self._metrics, self._paths = app, metrics, frozenset(paths)
        self._names = settings.names
        self._token = _digest(settings.token.encode()) if settings.token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self._paths else "other"
        start, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, watched)
        except RefusalError as refusal:
            self._metrics.refusals.labels(refusal.code).inc()
            await refused(refusal)(scope, receive, watched)
        except Exception as error:
            # Kind and place alone: the message could hold a part of what was sent.
            where = traceback.extract_tb(error.__traceback__)[-1]
            _log.error(
                "%s failed: %s at %s:%s", path, type(error).__name__, where.filename, where.lineno
            )
            if not status:
                await refused(_FAILED)(scope, receive, watched)
        finally:
            self._metrics.requests.labels(path, status).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - start)

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        host = host_of(headers.get(b"host", b"").decode("latin-1"))
        if not host_allowed(host, self._names):
            raise RefusalError(
                "foreign_host",
                "The server does not answer to that host name. Its owner can allow it: "
                "--allow-host NAME.",
            )
        # Browsers send it: without this, any site could make its visitors' browsers keep us busy.
        origin = headers.get(b"origin")
        if origin is not None and not host_allowed(host_of(origin.decode("latin-1")), self._names):
            raise RefusalError("foreign_origin", "Pages of other sites may not ask this server.")
        if self._token and scope["path"] not in OPEN:
            scheme, _, sent = headers.get(b"authorization", b"").partition(b" ")
            # Digests have one length, so that the time tells nothing about the token's.
            same = hmac.compare_digest(_digest(sent.strip()), self._token)
            if scheme.lower() != b"bearer" or not same:
                raise RefusalError(
                    "no_token", "Send the server's token in the header Authorization: Bearer TOKEN."
                )


_FAILED = RefusalError(
    "failed", "The server failed at this request. Its log names the kind of error."
)


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
