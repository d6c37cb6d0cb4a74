"""What the server counts, in the text format of Prometheus. No picture, name or address is in it."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from emotion_core import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_FACES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """Counters of one server."""

    def __init__(self, model: str) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "emotion_requests",
            "Requests by path and status.",
            ("path", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "emotion_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.refusals = Counter(
            "emotion_refusals", "Refused requests by reason.", ("code",), registry=self._registry
        )
        self.images = Counter("emotion_images", "Pictures searched.", registry=self._registry)
        self.faces = Counter("emotion_faces", "Faces found.", registry=self._registry)
        self.batches = Histogram(
            "emotion_batch_faces",
            "Faces classified at once.",
            buckets=_FACES,
            registry=self._registry,
        )
        self.in_work = Gauge("emotion_requests_in_work", "Now.", registry=self._registry)
        Gauge(
            "emotion_model", "The served model.", ("name", "version"), registry=self._registry
        ).labels(model, __version__).set(1)

    def text(self) -> bytes:
        """All of them."""
        return generate_latest(self._registry)
