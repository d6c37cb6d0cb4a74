"""Accuracy on degraded faces, at every corruption and strength of ``corruptions``.

A measurement takes minutes, so the dashboard runs it as a ``Task``; it ends by writing
``robustness.json``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from emotion_core.data.faces import FaceData
from emotion_core.errors import DataError, RunError
from emotion_core.evaluation.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from emotion_core.evaluation.metrics import wilson_interval
from emotion_core.files import read_json, write_json
from emotion_core.records import Interval, Record, Rule, Share, between
from emotion_core.runs.run import Run
from emotion_core.runs.status import now
from emotion_core.tasks import Task

if TYPE_CHECKING:
    from emotion_core.models.checkpoint import Classifier

FORMAT = 1
IMAGES = 1_000

_Curve = Annotated[
    tuple[Share, ...],
    Rule(f"{len(STRENGTHS)} accuracies", lambda curve: len(curve) == len(STRENGTHS)),
]


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


def evenly(positions: np.ndarray, number: int) -> np.ndarray:
    """At most ``number`` of some positions ``(n,)``, evenly spread over them."""
    last = len(positions) - 1
    found: np.ndarray = positions[
        np.unique(np.linspace(0, last, min(number, last + 1)).astype(int))
    ]
    return found


class Asked:
    """A classifier that is asked step by step, and tells how far it is.

    Args:
        classifier: The one that is measured.
        steps: How often it will be asked.
        task: Told the share done.
        progress: Called with steps done and all steps.
    """

    def __init__(
        self,
        classifier: "Classifier",
        steps: int,
        task: Task,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._classifier, self._task, self._progress = classifier, task, progress
        self._done, self._steps = 0, steps

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """Labels ``(n,)`` that it gives faces ``(n, 48, 48)``."""
        answers: np.ndarray = self._classifier.logits(faces).argmax(1)
        self._done += 1
        self._task.tell(self._done / self._steps)
        if self._progress:
            self._progress(self._done, self._steps)
        return answers


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
        chosen = evenly(test, images)
        faces, labels = np.ascontiguousarray(loaded.images[chosen]), loaded.labels[chosen]
        classifier = load_classifier(run, device=device)
        answers = Asked(classifier, 1 + len(CORRUPTIONS) * len(STRENGTHS), task, progress)

        def accuracy(degraded: np.ndarray) -> float:
            return float((answers(degraded) == labels).mean())

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
