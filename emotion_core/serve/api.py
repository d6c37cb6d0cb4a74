"""The HTTP interface: paths, what they take, and what they answer."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from emotion_core import __version__
from emotion_core.serve import answers
from emotion_core.serve.guard import OPEN, Guard
from emotion_core.serve.metrics import CONTENT_TYPE
from emotion_core.serve.reading import FIELD, Base64Images, Upload, read_uploads
from emotion_core.serve.refusal import STATUS, Code, RefusalError, refused
from emotion_core.serve.service import Service

PICTURES = ("/v1/predict", "/v1/faces")
PATHS = (*PICTURES, "/v1/models", "/health", "/metrics", "/openapi.json")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "additionalProperties": False,
                    "properties": {
                        FIELD: {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            },
            "application/json": {"schema": Base64Images.model_json_schema()},
        },
    }
}
_OF_ALL: tuple[Code, ...] = ("foreign_origin", "foreign_host", "failed")
_OF_PICTURES: tuple[Code, ...] = (
    *("bad_request", "too_slow", "too_large", "wrong_type"),
    *("bad_image", "too_busy", "timeout"),
)
Whole = Annotated[
    bool, Query(description="The pictures are faces already, as those of FER-2013 are.")
]


def create_app(service: Service) -> FastAPI:
    """The application of one service; it runs under any ASGI server."""
    settings = service.settings

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title="Emotion Core",
        version=__version__,
        summary="Finds the faces of pictures and names their expressions.",
        description="A model estimates the expression on a face; it does not know what a person "
        "feels. Pictures are held in memory for the length of a request and are not logged.",
        lifespan=lifespan,
        docs_url=None,  # these pages would load scripts from another host
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(Guard, settings=settings, metrics=service.metrics, paths=PATHS)
    app.add_exception_handler(RequestValidationError, _bad_query)
    app.add_exception_handler(HTTPException, _http_error)

    async def on_pictures(
        request: Request, work: Callable[[list[Upload]], Awaitable[dict[str, Any]]]
    ) -> JSONResponse:
        with service.place():
            return JSONResponse(await work(await read_uploads(request, settings)))

    @app.post(PICTURES[0], **_described(answers.PredictAnswer, _OF_PICTURES), openapi_extra=_BODY)
    async def predict(request: Request, whole: Whole = False) -> JSONResponse:
        """Find the faces of pictures and name their expressions."""
        return await on_pictures(request, lambda sent: service.predict(sent, whole=whole))

    @app.post(PICTURES[1], **_described(answers.FacesAnswer, _OF_PICTURES), openapi_extra=_BODY)
    async def faces(request: Request, whole: Whole = False) -> JSONResponse:
        """Find the faces of pictures and cut them out, ready for training or a model."""
        return await on_pictures(request, lambda sent: service.faces(sent, whole=whole))

    @app.get("/v1/models", **_described(answers.ModelsAnswer))
    async def models() -> JSONResponse:
        """The served model, its calibration and what was measured."""
        return JSONResponse(service.models())

    @app.get("/health", **_described(answers.Health))
    async def health() -> JSONResponse:
        """Whether the server answers; needs no token."""
        return JSONResponse({"status": "ok", "version": __version__})

    @app.get(
        "/metrics",
        response_class=Response,
        responses=_problems() | {200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Counters in the text format of Prometheus."""
        return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE})

    if settings.token:
        _require_token(app)
    return app


def _described(answer: type, codes: tuple[Code, ...] = ()) -> dict[str, Any]:
    """What FastAPI is told about a path's answers, which are dictionaries and are sent as they are."""
    return {"responses": _problems(codes) | {200: {"model": answer, "description": "Done."}}}


def _problems(codes: tuple[Code, ...] = ()) -> dict[int | str, dict[str, Any]]:
    return {
        STATUS[code]: {
            "model": answers.ProblemAnswer,
            "description": code.replace("_", " ").capitalize() + ".",
        }
        for code in (*_OF_ALL, *codes)
    }


def _require_token(app: FastAPI) -> None:
    """Describe the token in the OpenAPI document; ``Guard`` is what asks for it."""
    document = app.openapi()
    document.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"}
    }
    problem = document["paths"][PICTURES[0]]["post"]["responses"][str(STATUS["too_busy"])]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if path not in OPEN:
                operation["security"] = [{"token": []}]
                operation["responses"][str(STATUS["no_token"])] = problem | {
                    "description": "No token."
                }


async def _bad_query(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    raise RefusalError("bad_request", f"{place}: {first['msg']}.")


async def _http_error(request: Request, error: Exception) -> Response:
    """Starlette's own refusals in our form, with the headers that the standard asks for."""
    assert isinstance(error, HTTPException)
    if error.status_code == STATUS["wrong_method"]:
        allowed = (error.headers or {}).get("Allow", "")
        refusal = RefusalError("wrong_method", f"This path takes {allowed} alone.")
        return refused(refusal, dict(error.headers or {}))
    raise RefusalError("not_found", f"There is no such path. There are: {', '.join(PATHS)}.")
