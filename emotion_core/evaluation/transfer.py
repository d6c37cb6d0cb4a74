"""How well a run's answers stand what other cameras and face detectors do to a face.

Five parts, measured on validation faces, so that a run may be chosen by them:

- *corruption*: accuracy under the nine corruptions at five strengths of ``corruptions``;
- *framing*: accuracy with the crop off by 5 to 25 %, the scale by 5 to 25 %, a tilt of 6 to 30 degrees;
- *low resolution*: accuracy on faces of 24 pixels;
- *light*: accuracy with contrast and gamma changed to either side;
- *mirror*: share of faces whose mirror image gets the same answer.

A part is the plain mean of its views, the measure the plain mean of the five parts. It needs no data
but the run's own. It says how little an answer changes with the picture, not how well a run knows
other people's faces.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from emotion_core.data.faces import FaceData, canonical_order
from emotion_core.data.splits import split_indices
from emotion_core.errors import CheckpointError, DataError, EmotionError
from emotion_core.evaluation.corruptions import (
    CORRUPTIONS,
    FRAMING,
    LIGHT,
    LOW_RESOLUTION,
    STRENGTHS,
    Corruption,
    corrupt,
)
from emotion_core.evaluation.report import belongs_to
from emotion_core.evaluation.robustness import Asked, evenly
from emotion_core.evaluation.scores import RESAMPLES, ends
from emotion_core.files import read_json, write_json
from emotion_core.records import Interval, Record, Rule, Share, between
from emotion_core.runs.catalog import load_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import now
from emotion_core.tasks import Task

FORMAT = 1
FACES = 500
FILE = "transfer.json"
MIRROR = "mirror"
_CHUNK = 250  # resamples at once

PARTS: dict[str, tuple[dict[str, Corruption], tuple[int, ...]]] = {
    "corruption": (CORRUPTIONS, STRENGTHS),
    "framing": (FRAMING, STRENGTHS),
    "low resolution": (LOW_RESOLUTION, (1,)),
    "light": (LIGHT, STRENGTHS),
}
NAMES = (*PARTS, MIRROR)
_STEPS = 2 + sum(len(kinds) * len(strengths) for kinds, strengths in PARTS.values())


@dataclass(frozen=True, kw_only=True)
class Transfer(Record):
    """``transfer.json``.

    Attributes:
        run: Name of the run's folder when it was measured.
        measured: The run whose weights answered: another one where this run learned the validation
            faces, too, and repeats that one. Empty for its own.
        date: UTC ISO 8601.
        data: Name of the data set.
        fingerprint: Of the whole data set, whose validation faces were changed.
        images: How many of them.
        clean: Accuracy on these faces as they are.
        transfer: The measure, 0..1.
        transfer_ci95: By bootstrap over the faces.
        parts: By name, 0..1.
        views: By part and kind, the accuracy at each strength.
        scores: Each face's share, 0..1, in canonical order; their mean is ``transfer``.
    """

    format: Annotated[int, Rule(f"exactly {FORMAT}", lambda value: value == FORMAT)] = FORMAT
    run: str = ""
    measured: str = ""
    date: str = ""
    data: str = ""
    fingerprint: str
    synthetic: bool = False
    images: Annotated[int, between(1)]
    clean: Share
    transfer: Share
    transfer_ci95: Interval
    parts: Annotated[
        dict[str, Share],
        Rule(f"the parts {', '.join(NAMES)}", lambda parts: set(parts) == {*NAMES}),
    ]
    views: dict[str, dict[str, tuple[Share, ...]]]
    scores: tuple[Share, ...]


def measure_transfer(
    run: Run,
    data: FaceData | str = "",
    *,
    images: int = FACES,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Transfer, str]:
    """Measure a run and write ``transfer.json``.

    A final training has learned the validation faces: its measure is that of the run that it
    repeats, as its validation figures are.

    Args:
        run: A run with weights.
        data: The data set whose validation faces are changed, or where it is; by default the one
            that the run was trained on.
        images: How many validation faces, evenly spread over the canonical order; the same for all
            runs.
        device: ``cpu``, ``cuda:N``, or ``auto`` for a GPU if there is one.
        progress: Called with steps done and all steps.

    Returns:
        The measurement, and why it was not written: the run belongs to other faces, or a
        measurement on more faces is there. Empty if it was written.

    Raises:
        CheckpointError: the weights that answer are missing or do not fit.
        DataError: there are no training faces to cut validation from.
        RunError: another process measures this run.
    """
    task = transfer_task(run)
    with task.hold():
        from emotion_core.data.sources import load_data
        from emotion_core.models.checkpoint import load_classifier

        config = run.config()
        loaded = load_data(data or config.data) if isinstance(data, str) else data
        own = belongs_to(run, loaded)
        source = _that_never_learned_them(run) if own and config.final else run
        faces, labels = _validation(loaded, config.val_fraction, images)
        classifier = load_classifier(source, device=device)
        result = _measured(
            Asked(classifier, _STEPS, task, progress),
            (faces, labels),
            run=run.name,
            measured="" if source == run else source.name,
            date=now(),
            data=loaded.name,
            fingerprint=loaded.fingerprint,
            synthetic=loaded.synthetic,
        )
        not_kept = _not_kept(run, result, own)
        if not not_kept:
            write_json(run.path / FILE, result.to_json())
    return result, not_kept


def difference(a: Transfer, b: Transfer) -> tuple[float, tuple[float, float]]:
    """How much more ``a`` has than ``b``, -1..1, with a 95 % interval by the paired bootstrap.

    Raises:
        DataError: they were measured on different faces.
    """
    if a.fingerprint != b.fingerprint or a.images != b.images:
        raise DataError(
            f"The transfer of '{a.run}' and '{b.run}' was measured on different faces. Measure both "
            "on as many faces of one data set: python -m emotion_core transfer RUN"
        )
    gap = np.subtract(a.scores, b.scores)
    return float(gap.mean()), ends(_resampled(gap))


def transfer_task(run: Run) -> Task:
    """The measurement of a run in the background."""
    return Task(run, "transfer", f"The transfer of run '{run.name}' is being measured already.")


def load_transfer(run: Run) -> Transfer | None:
    """``transfer.json``; None where it is missing, malformed, newer or of other faces."""
    try:
        result = Transfer.from_json(read_json(run.path / FILE))
    except (OSError, ValueError):
        return None
    report = run.readable_report()
    known = report is None or report.data.fingerprint == result.fingerprint
    return result if known and len(result.scores) == result.images else None


def _that_never_learned_them(run: Run) -> Run:
    """The run that a final training repeats.

    Raises:
        CheckpointError: its weights are not here.
    """
    chosen = run.config().chosen_by
    try:
        found = load_run(chosen, run.path.parent)
    except EmotionError:
        found = None
    if found is None or not found.weights_path.exists():
        raise CheckpointError(
            f"Run '{run.name}' has learned the validation faces, and the run '{chosen}' that it "
            "repeats is not here with its weights. Only that one can be measured on them."
        )
    return found


def _validation(data: FaceData, fraction: float, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Faces ``(n, 48, 48)`` and labels ``(n,)`` of validation, the same for every source layout."""
    val = split_indices(data, val_fraction=fraction).val
    ordered = val[canonical_order(data.images[val], data.labels[val])]
    chosen = evenly(ordered, images)
    return np.ascontiguousarray(data.images[chosen]), data.labels[chosen]


def _measured(
    answers: Asked, asked: tuple[np.ndarray, np.ndarray], **facts: str | bool
) -> Transfer:
    faces, labels = asked
    plain = answers(faces)
    views: dict[str, dict[str, tuple[float, ...]]] = {}
    shares: dict[str, np.ndarray] = {}
    for part, (kinds, strengths) in PARTS.items():
        correct = {
            kind: [answers(corrupt(faces, kind, k, kinds=kinds)) == labels for k in strengths]
            for kind in kinds
        }
        views[part] = {
            kind: tuple(float(hits.mean()) for hits in rows) for kind, rows in correct.items()
        }
        shares[part] = np.mean([hits for rows in correct.values() for hits in rows], axis=0)
    shares[MIRROR] = answers(np.ascontiguousarray(faces[:, :, ::-1])) == plain
    scores = np.round(np.mean(list(shares.values()), axis=0), 4)
    return Transfer(
        **facts,
        images=len(labels),
        clean=float((plain == labels).mean()),
        transfer=float(scores.mean()),
        transfer_ci95=ends(_resampled(scores)),
        parts={part: float(values.mean()) for part, values in shares.items()},
        views=views,
        scores=tuple(map(float, scores)),
    )


def _resampled(scores: np.ndarray) -> np.ndarray:
    """Means ``(RESAMPLES,)`` of scores ``(n,)`` drawn with replacement; equal ``n`` draw alike."""
    rng, n = np.random.default_rng(0), len(scores)
    return np.concatenate(
        [scores[rng.integers(n, size=(_CHUNK, n))].mean(axis=1) for _ in range(RESAMPLES // _CHUNK)]
    )


def _not_kept(run: Run, result: Transfer, own: bool) -> str:
    """Why a measurement does not replace what the run has; empty if it does."""
    stored = load_transfer(run)
    if not own:
        return f"'{run.name}' was trained on other faces than those of {result.data}."
    if stored is not None and stored.images > result.images:
        return f"'{run.name}' has a measurement on {stored.images:,} faces."
    return ""
