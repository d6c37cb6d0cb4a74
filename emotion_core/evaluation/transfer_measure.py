"""Measure ``transfer``: a run's answers to validation faces, each changed in 71 ways."""

from collections.abc import Callable

import numpy as np

from emotion_core.data.faces import FaceData, canonical_order
from emotion_core.data.splits import split_indices
from emotion_core.errors import CheckpointError, EmotionError
from emotion_core.evaluation.corruptions import corrupt
from emotion_core.evaluation.report import belongs_to
from emotion_core.evaluation.robustness import Asked, evenly
from emotion_core.evaluation.scores import ends
from emotion_core.evaluation.transfer import (
    FACES,
    FILE,
    MIRROR,
    PARTS,
    Transfer,
    load_transfer,
    resampled,
    transfer_task,
)
from emotion_core.files import write_json
from emotion_core.runs.catalog import load_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import now

_STEPS = 2 + sum(len(kinds) * len(strengths) for kinds, strengths in PARTS.values())


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
        answers = Asked(classifier, _STEPS, task, progress)
        result = _measured(answers, faces, labels, run, source, loaded)
        not_kept = _not_kept(run, result, own)
        if not not_kept:
            write_json(run.path / FILE, result.to_json())
    return result, not_kept


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
    answers: Asked,
    faces: np.ndarray,
    labels: np.ndarray,
    run: Run,
    source: Run,
    data: FaceData,
) -> Transfer:
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
    scores: np.ndarray = np.mean(list(shares.values()), axis=0).round(4)
    return Transfer(
        run=run.id,
        measured="" if source == run else source.name,
        date=now(),
        data=data.name,
        fingerprint=data.fingerprint,
        synthetic=data.synthetic,
        images=len(labels),
        clean=float((plain == labels).mean()),
        transfer=float(scores.mean()),
        transfer_ci95=ends(resampled(scores)),
        parts={part: float(values.mean()) for part, values in shares.items()},
        views=views,
        scores=tuple(map(float, scores)),
    )


def _not_kept(run: Run, result: Transfer, own: bool) -> str:
    """Why a measurement does not replace what the run has; empty if it does."""
    stored = load_transfer(run)
    if not own:
        return f"'{run.name}' was trained on other faces than those of {result.data}."
    if stored is not None and stored.images > result.images:
        return f"'{run.name}' has a measurement on {stored.images:,} faces."
    return ""
