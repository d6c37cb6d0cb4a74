"""The one form of every answer that is a refusal."""

from typing import Any, Literal

from starlette.responses import JSONResponse

from emotion_core.errors import EmotionError

Code = Literal[
    "bad_request",
    "no_token",
    "foreign_origin",
    "not_found",
    "wrong_method",
    "too_slow",
    "too_large",
    "wrong_type",
    "foreign_host",
    "bad_image",
    "too_busy",
    "failed",
    "timeout",
]
STATUS: dict[Code, int] = {
    "bad_request": 400,
    "no_token": 401,
    "foreign_origin": 403,
    "not_found": 404,
    "wrong_method": 405,
    "too_slow": 408,
    "too_large": 413,
    "wrong_type": 415,
    "foreign_host": 421,
    "bad_image": 422,
    "too_busy": 429,
    "failed": 500,
    "timeout": 503,
}
_HEADERS: dict[Code, dict[str, str]] = {
    "no_token": {"www-authenticate": "Bearer"},
    "too_busy": {"retry-after": "1"},
    "timeout": {"retry-after": "1"},
}


class RefusalError(EmotionError):
    """A request that gets no result.

    Attributes:
        code: Why; it decides the status.
        image: Number of the picture that is the reason, from 0; None if it is none.
    """

    def __init__(self, code: Code, message: str, *, image: int | None = None) -> None:
        super().__init__(message)
        self.code: Code = code
        self.image = image


def refused(refusal: RefusalError, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer to a refused request."""
    body: dict[str, Any] = {
        "error": {"code": refusal.code, "message": str(refusal), "image": refusal.image}
    }
    return JSONResponse(
        body, STATUS[refusal.code], headers=_HEADERS.get(refusal.code, {}) | (headers or {})
    )
