"""The pictures of a request, read within limits and never written to disk."""

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from emotion_core.serve.refusal import RefusalError
from emotion_core.serve.settings import ServeSettings
from emotion_core.text import plain

FIELD = "files"
_MOST_NAME = 120  # letters of a file's name that come back


@dataclass(frozen=True)
class Upload:
    """One picture of a request: its bytes, and what errors and answers call it."""

    name: str
    data: bytes


class Base64Images(BaseModel):
    """Pictures in a JSON document."""

    model_config = ConfigDict(extra="forbid")

    images: list[str] = Field(
        min_length=1,
        description="Files of pictures in Base64 (RFC 4648), with or without `data:...;base64,`.",
    )


class _InMemory(MultiPartParser):
    """Keeps files in memory: by default the larger ones would go to disk."""

    spool_max_size = 2**40  # bytes; the body's own limit is far below


async def read_uploads(request: Request, settings: ServeSettings) -> list[Upload]:
    """The pictures of a request, as ``multipart/form-data`` or JSON.

    Raises:
        RefusalError: the body is too large, too slow, of another type, or malformed.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/json"):
        raise RefusalError(
            "wrong_type",
            "Send pictures as multipart/form-data in the field 'files', or as JSON: "
            '{"images": ["BASE64", ...]}.',
        )
    body = _bounded(request, int(settings.max_mb * 1e6))
    try:
        async with asyncio.timeout(settings.timeout):
            uploads = await (_from_form if kind.startswith("multi") else _from_json)(
                request, body, settings
            )
    except TimeoutError as error:
        raise RefusalError(
            "too_slow", f"The request did not arrive within {settings.timeout:g} s."
        ) from error
    if not uploads:
        raise RefusalError(
            "bad_request", "The request has no picture. Send at least one in 'files'."
        )
    if len(uploads) > settings.max_images:
        raise _too_many(settings)
    return uploads


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """The body, as far as it is allowed; what a header announces is refused at once."""
    too_large = RefusalError(
        "too_large",
        f"The request has more than {most / 1e6:g} MB. Send fewer or smaller pictures.",
    )
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > most:
        raise too_large
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large
        yield part


async def _from_form(
    request: Request, body: AsyncGenerator[bytes, None], settings: ServeSettings
) -> list[Upload]:
    parser = _InMemory(request.headers, body, max_files=settings.max_images, max_fields=1)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise _too_many(settings) from error
        raise RefusalError("bad_request", f"The form cannot be read: {error.message}") from error
    try:
        uploads: list[Upload] = []
        for field, value in form.multi_items():
            if field != FIELD:
                raise RefusalError(
                    "bad_request", f"Unknown field '{plain(field)}'. Send pictures in '{FIELD}'."
                )
            if not isinstance(value, UploadFile):
                raise RefusalError(
                    "bad_request", f"'{FIELD}' is a text here. Send a file: -F {FIELD}=@photo.jpg."
                )
            name = plain(value.filename or "")[:_MOST_NAME]
            uploads.append(Upload(name or _numbered(len(uploads)), await value.read()))
        return uploads
    finally:
        await form.close()


async def _from_json(
    request: Request, body: AsyncGenerator[bytes, None], settings: ServeSettings
) -> list[Upload]:
    text = b"".join([part async for part in body])
    try:
        images = Base64Images.model_validate_json(text).images
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RefusalError(
            "bad_request", f"The JSON is not as expected: {place and place + ': '}{first['msg']}."
        ) from error
    return [Upload(_numbered(number), _decoded(text, number)) for number, text in enumerate(images)]


def _decoded(text: str, number: int) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusalError(
            "bad_request", f"{_numbered(number)} is not Base64 ({error}).", image=number
        ) from error


def _numbered(number: int) -> str:
    return f"image {number + 1}"


def _too_many(settings: ServeSettings) -> RefusalError:
    return RefusalError(
        "too_large",
        f"A request may have {settings.max_images} pictures. Send the others in a further one.",
    )
