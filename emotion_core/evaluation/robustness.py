"""Accuracy on degraded faces: nine corruptions at five strengths (after Hendrycks & Dietterich 2019).

A measurement takes minutes, so the dashboard runs it as a ``Task``; it ends by writing
``robustness.json``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np

from emotion_core.data.faces import FACE_SIZE, FaceData
from emotion_core.errors import DataError, RunError
from emotion_core.evaluation.metrics import wilson_interval
from emotion_core.files import read_json, write_json
from emotion_core.records import Interval, Record, Rule, Share, between
from emotion_core.runs.run import Run
from emotion_core.runs.status import now
from emotion_core.tasks import Task

FORMAT = 1
STRENGTHS = (1, 2, 3, 4, 5)
IMAGES = 1_000
BATCH_SIZE = 256

_Curve = Annotated[
    tuple[Share, ...],
    Rule(f"{len(STRENGTHS)} accuracies", lambda curve: len(curve) == len(STRENGTHS)),
]


def blur(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian, deviation 0.6 to 2.4 pixels."""
    sigma = (0.6, 0.9, 1.3, 1.8, 2.4)[strength - 1]
    return _each(faces, lambda face: cv2.GaussianBlur(face, (0, 0), sigma))


def noise(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian, deviation 4 to 24 % of white."""
    deviation = 255 * (0.04, 0.08, 0.12, 0.18, 0.24)[strength - 1]
    return _to_bytes(faces + rng.normal(0, deviation, faces.shape))


def brightness(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Lighter or darker by 10 to 50 % of white, either with probability one half."""
    shift = 255 * 0.1 * strength * rng.choice([-1.0, 1.0], size=(len(faces), 1, 1))
    return _to_bytes(faces + shift)


def contrast(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Differences from the mean shrunk to 70 to 10 %."""
    factor = (0.7, 0.5, 0.35, 0.2, 0.1)[strength - 1]
    mean = faces.mean(axis=(1, 2), keepdims=True)
    return _to_bytes(mean + factor * (faces - mean))


def jpeg(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """JPEG of quality 40 to 5."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, (40, 25, 15, 10, 5)[strength - 1]]

    def recode(face: np.ndarray) -> np.ndarray:
        _, data = cv2.imencode(".jpg", face, quality)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)

    return _each(faces, recode)


def low_resolution(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Shrunk to 36 to 12 pixels and back."""
    size = (36, 28, 22, 16, 12)[strength - 1]

    def shrink(face: np.ndarray) -> np.ndarray:
        small = cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_LINEAR)

    return _each(faces, shrink)


def rotation(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Turned by 8 to 40 degrees to either side."""
    degrees = 8.0 * strength * rng.choice([-1.0, 1.0], size=len(faces))
    middle = ((FACE_SIZE - 1) / 2, (FACE_SIZE - 1) / 2)
    return np.stack(
        [
            _warp(face, cv2.getRotationMatrix2D(middle, angle, 1.0))
            for face, angle in zip(faces, degrees, strict=True)
        ]
    )


def occlusion(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """One gray square of 10 to 26 pixels at a random place."""
    size = 6 + 4 * strength
    degraded = faces.copy()
    corners = rng.integers(0, FACE_SIZE - size + 1, size=(len(faces), 2))
    for face, (top, left) in zip(degraded, corners, strict=True):
        face[top : top + size, left : left + size] = 128
    return degraded


def crop_shift(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Shifted by 2 to 10 pixels in a random direction, as a face detector's box may be."""
    angles = rng.uniform(0, 2 * np.pi, size=len(faces))
    shifts = 2.0 * strength * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.stack(
        [
            _warp(face, np.array([[1, 0, dx], [0, 1, dy]], np.float64))
            for face, (dx, dy) in zip(faces, shifts, strict=True)
        ]
    )


Corruption = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
CORRUPTIONS: dict[str, Corruption] = {
    "blur": blur,
    "noise": noise,
    "brightness": brightness,
    "contrast": contrast,
    "JPEG": jpeg,
    "low resolution": low_resolution,
    "rotation": rotation,
    "occlusion": occlusion,
    "crop shift": crop_shift,
}


def corrupt(faces: np.ndarray, corruption: str, strength: int, *, seed: int = 0) -> np.ndarray:
    """Degrade faces.

    Args:
        faces: ``(N, 48, 48)`` uint8.
        corruption: A key of ``CORRUPTIONS``.
        strength: 1 (slight) to 5 (severe).
        seed: Of what is random in it.

    Returns:
        New uint8 faces of the same shape.
    """
    if len(faces) == 0:
        return faces.copy()
    return CORRUPTIONS[corruption](faces, strength, np.random.default_rng(seed))


@dataclass(frozen=True, kw_only=True)
class Robustness(Record):
    """``robustness.json``: accuracies 0..1 of a run under corruption.

    Attributes:
        run: Name of the run's folder when it was measured.
        date: UTC ISO 8601.
        data: Name of the data set.
        test_fingerprint: Of the test split whose faces were degraded.
        images: How many of them.
        clean: Accuracy on these faces as they are.
        corruptions: By name, the accuracy at each of the five strengths.
        mean: Over all corruptions and strengths.
    """

    format: Annotated[int, Rule(f"exactly {FORMAT}", lambda value: value == FORMAT)] = FORMAT
    run: str = ""
    date: str = ""
    data: str = ""
    test_fingerprint: str
    synthetic: bool = False
    images: Annotated[int, between(1)]
    clean: Share
    clean_ci95: Interval | None = None
    corruptions: Annotated[dict[str, _Curve], Rule("not empty", bool)]
    mean: Share


def measure_robustness(
    run: Run,
    data: FaceData | str = "",
    *,
    images: int = IMAGES,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Robustness, str]:
    """Accuracy under every corruption and strength, written to ``robustness.json``.

    Args:
        run: A run with weights.
        data: The data set whose test split is degraded, or where it is; by default the one that
            the run was trained on.
        images: How many test faces, evenly spread over the canonical order; the same for all runs.
        device: ``cpu``, ``cuda:N``, or ``auto`` for a GPU if there is one.
        progress: Called with steps done and all steps.

    Returns:
        The measurement, and why it was not written: the run's report is about other test faces, or
        a measurement on more faces is there. Empty if it was written.

    Raises:
        CheckpointError: the run's weights are missing or do not fit.
        DataError: there are no test images.
        RunError: another process measures this run.
    """
    task = robustness_task(run)
    with task.hold():
        from emotion_core.data.sources import load_data
        from emotion_core.models.checkpoint import load_classifier

        loaded = load_data(data or run.config().data) if isinstance(data, str) else data
        test = loaded.indices("test")
        if len(test) == 0:
            raise DataError(f"'{loaded.name}' ({loaded.source}) has no test images to degrade.")
        chosen = test[np.unique(np.linspace(0, len(test) - 1, min(images, len(test))).astype(int))]
        faces, labels = np.ascontiguousarray(loaded.images[chosen]), loaded.labels[chosen]
        classifier = load_classifier(run, device=device)
        steps = 1 + len(CORRUPTIONS) * len(STRENGTHS)
        done = 0

        def accuracy(degraded: np.ndarray) -> float:
            nonlocal done
            starts = range(0, len(degraded), BATCH_SIZE)
            answers = [classifier.logits(degraded[i : i + BATCH_SIZE]).argmax(1) for i in starts]
            done += 1
            task.tell(done / steps)
            if progress:
                progress(done, steps)
            return float((np.concatenate(answers) == labels).mean())

        clean = accuracy(faces)
        curves = {
            name: tuple(accuracy(corrupt(faces, name, strength)) for strength in STRENGTHS)
            for name in CORRUPTIONS
        }
        result = Robustness(
            run=run.name,
            date=now(),
            data=loaded.name,
            test_fingerprint=loaded.test_fingerprint,
            synthetic=loaded.synthetic,
            images=len(labels),
            clean=clean,
            clean_ci95=wilson_interval(round(clean * len(labels)), len(labels)),
            corruptions=curves,
            mean=float(np.mean(list(curves.values()))),
        )
        not_kept = _not_kept(run, result)
        if not not_kept:
            write_json(run.path / "robustness.json", result.to_json())
    return result, not_kept


def _not_kept(run: Run, result: Robustness) -> str:
    """Why a measurement does not replace what the run has; empty if it does."""
    stored = load_robustness(run)
    if not run.is_tested_on(result.test_fingerprint):
        return f"'{run.name}' was tested on other faces than those of {result.data}."
    if stored is not None and stored.images > result.images:
        return f"'{run.name}' has a measurement on {stored.images:,} faces."
    return ""


def robustness_task(run: Run) -> Task:
    """The measurement of a run in the background."""
    return Task(run, "robustness", f"Run '{run.name}' is being measured already.")


def start_robustness(run: Run, *, data: str = "", images: int | None = None) -> None:
    """Measure in a process of its own that outlives the dashboard.

    Args:
        run: A run with weights.
        data: Data set; by default the one that the run was trained on.
        images: Test faces to degrade; by default 1,000, or as many as a stored measurement has if
            they are more.

    Raises:
        RunError: the run has no weights, or is being measured already.
    """
    if not run.weights_path.exists():
        raise RunError(f"Run '{run.name}' has no weights, so its robustness cannot be measured.")
    stored = load_robustness(run)
    images = images or max(IMAGES, stored.images if stored else 0)
    arguments = ["robustness", str(run.path.resolve()), "--images", str(images)]
    robustness_task(run).start(*arguments, *(["--data", data] if data else []))


def load_robustness(run: Run) -> Robustness | None:
    """``robustness.json``; None where it is missing, malformed, newer or of other test faces."""
    try:
        result = Robustness.from_json(read_json(run.path / "robustness.json"))
    except (OSError, ValueError):
        return None
    return result if run.is_tested_on(result.test_fingerprint) else None


def _each(faces: np.ndarray, act: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([act(face) for face in faces]).astype(np.uint8)


def _warp(face: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    warped = cv2.warpAffine(
        face,
        matrix,
        (FACE_SIZE, FACE_SIZE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    degraded: np.ndarray = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return degraded
