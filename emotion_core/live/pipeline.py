"""Frame in, followed and named faces out: the whole live path without a camera or a browser."""

import math
import time as clock
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from emotion_core.errors import LiveError
from emotion_core.live.crop import crop_face
from emotion_core.live.detect import FaceDetector, create_detector
from emotion_core.live.results import Face, FrameResult, Reading
from emotion_core.live.settings import LiveConfig
from emotion_core.live.smooth import EmaSmoother, LabelHolder
from emotion_core.live.track import Track, Tracker
from emotion_core.runs.catalog import best_run, pick_run
from emotion_core.runs.run import Run

if TYPE_CHECKING:  # torch is loaded with the first classifier
    from emotion_core.models.checkpoint import Classifier

_LONGEST_GAP = 0.25  # seconds without a search, however slow the detector is
_MOST_FRAMES = 8
_KNOWN_GAP = 2.0  # seconds after which a smoother's past says nothing


class LivePipeline:
    """Finds, follows and names faces in a stream of frames.

    Call it from one thread. ``set_*`` may be called from any other thread while it runs; they
    take effect with the next frame.

    Args:
        detector: Finds faces; used by this pipeline alone.
        classifier: Names emotions; may be shared.
        config: How.
    """

    def __init__(
        self, detector: FaceDetector, classifier: "Classifier", config: LiveConfig | None = None
    ) -> None:
        self.config = config or LiveConfig()
        self.detector = detector
        self.classifier = classifier
        self.second: Classifier | None = None
        self._tracker = Tracker(self.config.max_faces)
        self._memory: dict[tuple[str, int], _Memory] = {}
        self._searched = -math.inf
        self._since_search = 0
        self._left_out = 0
        self._detect_ms: deque[float] = deque(maxlen=15)
        self._other_ms: deque[float] = deque(maxlen=15)

    def set_classifier(self, classifier: "Classifier") -> None:
        """Name faces with another model from the next frame on."""
        self.classifier = classifier

    def set_second(self, classifier: "Classifier | None") -> None:
        """Let a second model name the same faces beside the first."""
        self.second = classifier

    def set_config(self, config: LiveConfig) -> None:
        """Change settings; another detector is made at once.

        Raises:
            LiveError: the detector is not on this machine.
        """
        old = self.config
        if (config.detector, config.detect_side, config.min_face) != (
            old.detector,
            old.detect_side,
            old.min_face,
        ):
            self.detector = create_detector(
                config.detector, side=config.detect_side, min_face=config.min_face
            )
            self._detect_ms.clear()
        self.config = config

    @property
    def remembered(self) -> set[int]:
        """Numbers of the faces in sight, and of those that may still come back."""
        return {track.track_id for track in tuple(self._tracker.tracks)}

    def forget(self) -> None:
        """Take whoever is seen next for new faces; call it from the thread of the frames."""
        self._tracker.forget()
        self._memory.clear()
        self._searched = -math.inf

    def __call__(self, frame: np.ndarray, time: float) -> FrameResult:
        """Work on the next frame.

        Args:
            frame: BGR uint8 ``(H, W, 3)``; it is not changed.
            time: Its time in seconds, on any clock that does not run backwards.

        Raises:
            LiveError: the frame has another shape or type.
        """
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise LiveError(
                f"A frame must be BGR uint8 (H, W, 3), got {frame.dtype} of shape {frame.shape}."
            )
        config, detector, classifier, second = (
            self.config,
            self.detector,
            self.classifier,
            self.second,
        )
        started = clock.perf_counter()
        gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        detect_ms, search = 0.0, self._search_now(time, config)
        self._tracker.max_faces = config.max_faces
        if search:
            before = clock.perf_counter()
            detections = detector.detect(frame)
            detect_ms = _ms_since(before)
            self._detect_ms.append(detect_ms)
            self._searched, self._since_search = time, 0
            self._left_out = max(0, len(detections) - config.max_faces)
            tracks = self._tracker.detected(detections, gray, time)
        else:
            self._since_search += 1
            tracks = self._tracker.followed(gray, time)
        followed = clock.perf_counter()

        crops = [crop_face(gray, track.detection, detector.kind) for track in tracks]
        cropped = clock.perf_counter()
        faces = self._read(tracks, np.stack(crops), time, classifier, second) if crops else []
        done = clock.perf_counter()
        total = 1000 * (done - started)
        self._other_ms.append(total - detect_ms)
        height, width = frame.shape[:2]
        return FrameResult(
            faces=faces,
            timings_ms={
                "detect": detect_ms,
                "track": 1000 * (followed - started) - detect_ms,
                "crop": 1000 * (cropped - followed),
                "classify": 1000 * (done - cropped),
                "total": total,
            },
            detected=search,
            size_wh=(width, height),
            brightness=float(cv2.mean(gray)[0]),
            left_out=self._left_out,
            gray=gray,
            detector=detector.kind,
            model=classifier.name,
        )

    def _search_now(self, time: float, config: LiveConfig) -> bool:
        """Search every k-th frame, with k such that the average frame keeps the time budget."""
        if time - self._searched >= _LONGEST_GAP or not self._detect_ms:
            return True
        spare = max(config.budget_ms - float(np.median(self._other_ms)), 1.0)
        every = math.ceil(float(np.median(self._detect_ms)) / spare)
        return self._since_search + 1 >= min(every, _MOST_FRAMES)

    def _read(
        self,
        tracks: list[Track],
        crops: np.ndarray,
        time: float,
        classifier: "Classifier",
        second: "Classifier | None",
    ) -> list[Face]:
        first = self._readings("first", tracks, classifier.probs(crops), time)
        other: list[Reading] | list[None] = [None] * len(tracks)
        if second is not None:
            other = self._readings("second", tracks, second.probs(crops), time)
        self._memory = {
            key: memory for key, memory in self._memory.items() if time - memory.time < _KNOWN_GAP
        }
        return [
            Face(t.track_id, t.box_xyxy, one, time - t.born, t.score, two, t.landmarks)
            for t, one, two in zip(tracks, first, other, strict=True)
        ]

    def _readings(
        self, role: str, tracks: list[Track], probs: np.ndarray, time: float
    ) -> list[Reading]:
        config, found = self.config, []
        for track, raw in zip(tracks, probs, strict=True):
            memory = self._memory.setdefault(
                (role, track.track_id), _Memory(EmaSmoother(config.half_life))
            )
            memory.smoother.half_life, memory.time = config.half_life, time
            smooth = memory.smoother.update(raw, time)
            name = memory.holder.update(smooth, threshold=config.threshold, margin=config.margin)
            found.append(Reading(raw, smooth, name))
        return found


@dataclass
class _Memory:
    """What is remembered of one face between frames, for one classifier."""

    smoother: EmaSmoother
    holder: LabelHolder = field(default_factory=LabelHolder)
    time: float = 0.0


def create_pipeline(run_dir: str | Path | Run | None = None, **options: Any) -> LivePipeline:
    """Make a pipeline from a run.

    Args:
        run_dir: As for ``pick_run``, or a run; None takes ``best_run()``.
        options: Fields of ``LiveConfig``; without ``threshold`` the run's calibrated one is used.

    Raises:
        LiveError: the detector is not on this machine.
        ConfigError: an option is unknown or out of range.
        RunError, CheckpointError: there is no run with weights, or it cannot be used.
    """
    from emotion_core.models.checkpoint import load_classifier

    if run_dir is None:
        run = best_run()
    else:
        run = run_dir if isinstance(run_dir, Run) else pick_run(run_dir)
    config = LiveConfig.from_dict({"threshold": calibrated_threshold(run)} | options)
    detector = create_detector(config.detector, side=config.detect_side, min_face=config.min_face)
    return LivePipeline(detector, load_classifier(run), config)


def calibrated_threshold(run: Run) -> float:
    """The threshold chosen on the run's validation split; the default if it has no report."""
    report = run.readable_report()
    return report.abstain.threshold if report else LiveConfig().threshold


def _ms_since(start: float) -> float:
    return 1000 * (clock.perf_counter() - start)
