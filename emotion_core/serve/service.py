"""The work of the server: pictures in, faces with probabilities out."""

import asyncio
import base64
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from emotion_core.errors import EmotionError, ImageSizeError
from emotion_core.labels import EMOTIONS
from emotion_core.live import photo_file, photos
from emotion_core.live.detect import Detection
from emotion_core.models.checkpoint import Classifier
from emotion_core.runs.run import Run
from emotion_core.serve.batches import Batches
from emotion_core.serve.metrics import Metrics
from emotion_core.serve.reading import Upload
from emotion_core.serve.refusal import Code, RefusalError
from emotion_core.serve.settings import ServeSettings


@dataclass(frozen=True)
class _Cut:
    """One picture's faces, not classified yet; the picture itself is gone."""

    name: str
    size_wh: tuple[int, int]
    scale: float
    found: list[Detection]
    faces: np.ndarray


class Service:
    """One model, its detector and the requests in work.

    Args:
        run: The served run.
        classifier: Its model.
        settings: Limits.
        detector: As for ``PhotoDetector``.
    """

    def __init__(
        self, run: Run, classifier: Classifier, settings: ServeSettings, detector: str = "auto"
    ) -> None:
        self.settings, self.classifier = settings, classifier
        self.metrics = Metrics(classifier.name)
        self._run = run
        self._detector, self._local = detector, threading.local()
        self.notice = self._own_detector().notice
        self._kind = self._own_detector().kind
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="pictures")
        self._in_work = 0
        self._batches: Batches | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Classify batches in the background as long as the context lasts."""
        self._batches = Batches(
            self.classifier.probs,
            most=self.settings.batch,
            wait=self.settings.wait_ms / 1000,
            in_work=lambda: self._in_work,
            on_batch=self.metrics.batches.observe,
        )
        task = asyncio.create_task(self._batches.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self._threads.shutdown(wait=False, cancel_futures=True)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place among the requests in work.

        Raises:
            RefusalError: all are taken.
        """
        if self._in_work >= self.settings.max_requests:
            raise RefusalError(
                "too_busy",
                f"The server works on {self._in_work} requests, the most it takes at once. Send it "
                "again in a moment.",
            )
        self._in_work += 1
        self.metrics.in_work.set(self._in_work)
        try:
            yield
        finally:
            self._in_work -= 1
            self.metrics.in_work.set(self._in_work)

    async def predict(self, uploads: list[Upload], *, whole: bool) -> dict[str, Any]:
        """The ``PredictAnswer`` to pictures; with ``whole`` each picture is one face already."""

        async def named(cut: _Cut) -> dict[str, Any]:
            assert self._batches is not None
            probs = await self._batches.probs(cut.faces)
            return _picture(cut, [_named(row) for row in probs])

        return {"model": self.model(), "images": await self._each(uploads, whole, named)}

    async def faces(self, uploads: list[Upload], *, whole: bool) -> dict[str, Any]:
        """The ``FacesAnswer`` to pictures."""

        async def cut_out(cut: _Cut) -> dict[str, Any]:
            return _picture(cut, [{"png": _png(face)} for face in cut.faces])

        return {"detector": self._kind, "images": await self._each(uploads, whole, cut_out)}

    def model(self) -> dict[str, Any]:
        """The model that answers."""
        return {
            "name": self.classifier.name,
            "architecture": self.classifier.architecture,
            "backend": self.classifier.backend,
            "emotions": list(EMOTIONS),
            "calibration": {
                "temperature": self.classifier.temperature,
                "smoothing": self.classifier.smoothing,
            },
            "detector": self._kind,
        }

    def models(self) -> dict[str, Any]:
        """The ``ModelsAnswer``."""
        try:
            report = self._run.report()
        except EmotionError:  # weights answer without a report, too
            report = None
        facts = {
            "parameters": sum(item.numel() for item in self.classifier.model.parameters()),
            "test_accuracy": report.test.accuracy if report else None,
            "test_macro_f1": report.test.macro_f1 if report else None,
            "test_ece": report.test.ece if report else None,
            "data": report.data.name if report else None,
        }
        return {"models": [self.model() | facts]}

    async def _each(
        self, uploads: list[Upload], whole: bool, finish: Callable[[_Cut], Any]
    ) -> list[dict[str, Any]]:
        """Work on all pictures of a request at once.

        Raises:
            RefusalError: a picture cannot be used, or the time is over.
        """
        loop = asyncio.get_running_loop()

        async def work(number: int, upload: Upload) -> dict[str, Any]:
            try:
                cut = await loop.run_in_executor(self._threads, self._cut, upload, whole)
            except EmotionError as error:
                code: Code = "too_large" if isinstance(error, ImageSizeError) else "bad_image"
                raise RefusalError(code, str(error), image=number) from error
            self.metrics.images.inc()
            self.metrics.faces.inc(len(cut.faces))
            answer: dict[str, Any] = await finish(cut)
            return answer

        try:
            async with asyncio.timeout(self.settings.timeout), asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(work(number, upload)) for number, upload in enumerate(uploads)
                ]
        except TimeoutError as error:
            raise RefusalError(
                "timeout",
                f"The request took longer than {self.settings.timeout:g} s. Send fewer or smaller "
                "pictures.",
            ) from error
        except ExceptionGroup as errors:  # the first one ended the others
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    def _cut(self, upload: Upload, whole: bool) -> _Cut:
        """Decode a picture and cut its faces out; runs in a thread."""
        most = int(self.settings.max_megapixels * 1e6)
        image = photo_file.read_image(upload.data, upload.name, max_pixels=most)
        if whole:
            found, faces = photos.cut_whole(image)
        else:
            found, faces = photos.cut_faces(image, self._own_detector())
        scale = photo_file.shrinkage(upload.data)
        height, width = image.shape[:2]
        size_wh = (round(width * scale), round(height * scale))
        return _Cut(upload.name, size_wh, scale, found, faces)

    def _own_detector(self) -> photos.PhotoDetector:
        """This thread's detector: one keeps buffers."""
        if not hasattr(self._local, "detector"):
            self._local.detector = photos.PhotoDetector(self._detector)
        found: photos.PhotoDetector = self._local.detector
        return found


def _picture(cut: _Cut, more: list[dict[str, Any]]) -> dict[str, Any]:
    unnamed = photos.name_faces(cut.found, cut.faces, np.zeros((len(cut.faces), 0), np.float32))
    faces = [
        {
            "box": [round(cut.scale * float(value), 1) for value in item.box_xyxy],
            "score": round(item.score, 4),
            "degrees": round(item.degrees, 1),
            **extra,
        }
        for item, extra in zip(unnamed, more, strict=True)
    ]
    width, height = cut.size_wh
    return {
        "name": cut.name,
        "width": width,
        "height": height,
        "notices": photos.photo_notices(unnamed),
        "faces": faces,
    }


def _named(probs: np.ndarray) -> dict[str, Any]:
    best = int(probs.argmax())
    rounded = [round(float(value), 6) for value in probs]
    return {"emotion": EMOTIONS[best], "confidence": rounded[best], "probabilities": rounded}


def _png(face: np.ndarray) -> str:
    _, data = cv2.imencode(".png", face)
    return base64.b64encode(data.tobytes()).decode()
