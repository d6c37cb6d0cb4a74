"""Load a run and serve it until Ctrl-C."""

import os
import socket
from pathlib import Path

import cv2
import numpy as np
import uvicorn

from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import ConfigError
from emotion_core.models.checkpoint import load_classifier
from emotion_core.runs.catalog import best_run, pick_run
from emotion_core.serve.api import create_app
from emotion_core.serve.service import Service
from emotion_core.serve.settings import ServeSettings

_KEEP_ALIVE = 15  # seconds that an idle connection stays open


def serve(name: str | Path | None, settings: ServeSettings, *, detector: str = "auto") -> None:
    """Serve a run; returns after SIGINT or SIGTERM, when the requests in work are answered.

    Args:
        name: As for ``pick_run``; None takes the one that is best on validation.
        settings: Place, token and limits.
        detector: As for ``PhotoDetector``.

    Raises:
        EmotionError: the run cannot be loaded, or the address cannot be taken.
    """
    listening = listen(settings)  # first: loading takes seconds
    with listening:
        service = load_service(name, settings, detector=detector)
        if service.notice:
            print(f"note: {service.notice}", flush=True)
        address, port = listening.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(
            f"{service.classifier.name} answers on http://{shown}:{port}/v1/predict (see "
            "/openapi.json). Ctrl-C ends it.",
            flush=True,
        )
        uvicorn.Server(server_config(service)).run([listening])


def load_service(
    name: str | Path | None, settings: ServeSettings, *, detector: str = "auto"
) -> Service:
    """A service that has answered once, so that its first caller does not wait longer."""
    cv2.setNumThreads(1)  # pictures are searched side by side
    run = pick_run(name) if name else best_run()
    classifier = load_classifier(run)
    classifier.probs(np.zeros((1, FACE_SIZE, FACE_SIZE), np.uint8))
    return Service(run, classifier, settings, detector)


def server_config(service: Service) -> uvicorn.Config:
    """Uvicorn without a log of requests: addresses and file names are nobody's business."""
    return uvicorn.Config(
        create_app(service),
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(service.settings.timeout) + 1,
    )


def listen(settings: ServeSettings) -> socket.socket:
    """A socket at the settings' place; port 0 takes a free one.

    Raises:
        ConfigError: the address cannot be taken.
    """
    host = settings.host.strip("[]")
    try:
        family = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)[0][0]
        made = socket.create_server((host, settings.port), family=family, backlog=512)
        # Only to sockets that name their protocol does asyncio give TCP_NODELAY; without it each
        # answer on a kept connection waits 40 ms for the last one to be acknowledged.
        return socket.socket(proto=socket.IPPROTO_TCP, fileno=made.detach())
    except OSError as error:  # that of an unknown name has a negative number
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise ConfigError(
            f"The server cannot listen on {settings.host}, port {settings.port} ({reason}). "
            "Choose others with --host and --port."
        ) from error
