"""Make the result of a finished run: ``report.json`` and ``predictions.npz``.

Everything that is chosen (epoch, calibration, threshold) is chosen on validation; the test split
is predicted once and only reported. All figures are computed from the logits as they are stored,
so ``predictions.npz`` and the calibration give the figures of ``report.json`` again.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from emotion_core.data.duplicates import leak_free_mask
from emotion_core.data.faces import SPLITS, FaceData
from emotion_core.data.generated import generated_share
from emotion_core.data.sources import same_source
from emotion_core.data.splits import Split, require_test, split_indices
from emotion_core.errors import RunError
from emotion_core.evaluation.calibrate import abstain_threshold, fit_calibration
from emotion_core.evaluation.cost import (
    environment,
    measure_cost,
    training_machine,
)
from emotion_core.evaluation.measure import predict, to_half
from emotion_core.evaluation.scores import classification_metrics
from emotion_core.files import atomic_path, write_json
from emotion_core.labels import EMOTIONS
from emotion_core.probabilities import Calibration, softmax
from emotion_core.runs.catalog import load_run
from emotion_core.runs.report import (
    Abstain,
    Cost,
    DataFacts,
    Environment,
    FlipTta,
    Report,
    Subsets,
    Uncalibrated,
)
from emotion_core.runs.run import SUBSET_PREFIX, Run, best_epoch
from emotion_core.runs.status import now


def evaluate_run(run: Run, data: FaceData, *, device: str = "auto") -> Report:
    """Predict validation and test, calibrate, and write the run's report and predictions.

    Args:
        run: A run with weights.
        data: The data set that the run was trained on; ``measure_on`` is for others.
        device: ``cpu``, ``cuda:N``, or ``auto`` for a GPU if there is one.

    Returns:
        The report as written to ``report.json``.

    Raises:
        CheckpointError: the run's weights are missing or do not fit.
        DataError: the data has no test images, or too few to cut validation from.
        RunError: another process trains the run.
    """
    with run.locked("evaluated"):
        return _evaluate(run, data, device)


def _evaluate(run: Run, data: FaceData, device: str) -> Report:
    from emotion_core.models.checkpoint import load_classifier, set_calibration

    config = run.config()
    split = split_indices(data, val_fraction=config.val_fraction)
    require_test(data, split)
    classifier = load_classifier(run, backend="torch", device=device)
    logits: dict[str, np.ndarray] = {}
    flipped: dict[str, np.ndarray] = {}
    asked = {"val": split.val, "test": split.test}
    if config.final:
        logits["val"] = _chosen_val_logits(run, config.chosen_by, data, asked.pop("val"))
    for name, indices in asked.items():
        logits[name] = predict(classifier, data.images, indices)
        flipped[name] = predict(classifier, data.images[:, :, ::-1], indices)
    labels = {"val": data.labels[split.val], "test": data.labels[split.test]}

    calibration = fit_calibration(logits["val"], labels["val"])
    set_calibration(run, calibration)
    report, arrays = build_report(
        run,
        data,
        split,
        labels=labels,
        logits=logits,
        flipped=flipped,
        calibration=calibration,
        cost=measure_cost(run),
        environment=environment(),
    )
    # What training and shipping wrote stays true of the same weights.
    earlier = run.readable_report()
    report = replace(
        report,
        trained_on=earlier.trainer if earlier else training_machine(run),
        fp16=earlier.fp16 if earlier else None,
    )
    write_report(run, report, arrays)
    return report


def _chosen_val_logits(run: Run, chosen: str, data: FaceData, val: np.ndarray) -> np.ndarray:
    """What the run that a final training repeats answered to validation (positions ``val``), whose
    faces the final training has learned.

    Raises:
        RunError: the answers are kept neither with this run nor with that one.
    """
    expected = np.asarray(data.ids)[val].astype(str)
    # Its own copy comes first: it may have gone to another place without that run.
    arrays = run.predictions() or load_run(chosen).predictions() or {}
    if not np.array_equal(arrays.get("val_ids", ()), expected) or "val_logits" not in arrays:
        raise RunError(
            f"Run '{run.name}' repeats run '{chosen}', whose predictions.npz does not hold the "
            "answers to these validation faces. Evaluate that run first."
        )
    logits: np.ndarray = arrays["val_logits"]
    return logits


def belongs_to(run: Run, data: FaceData) -> bool:
    """Whether a run's report is about this data set; without one, whether it was trained on it."""
    report = run.readable_report()
    if report is None:
        return same_source(run.config().data, data.source)
    return report.data.fingerprint == data.fingerprint


def write_report(run: Run, report: Report, arrays: dict[str, np.ndarray]) -> None:
    """Write ``predictions.npz``, then ``report.json``: a report never lacks its predictions."""
    with atomic_path(run.predictions_path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    write_json(run.path / "report.json", report.to_json())


def build_report(
    run: Run,
    data: FaceData,
    split: Split,
    *,
    labels: dict[str, np.ndarray],
    logits: dict[str, np.ndarray],
    flipped: dict[str, np.ndarray],
    calibration: Calibration,
    cost: Cost,
    environment: Environment,
) -> tuple[Report, dict[str, np.ndarray]]:
    """All figures that follow from logits, and the arrays to keep.

    Args:
        run: Gives name, settings and curves.
        data: The data set.
        split: Positions of its splits.
        labels: ``val`` and ``test`` truths ``(n,)``.
        logits: ``val`` and ``test`` float16 ``(n, 7)``.
        flipped: The same for mirrored faces; of ``test`` alone for a final training.
        calibration: Fitted on ``logits["val"]``.
        cost: As ``measure_cost``.
        environment: Where the logits and the cost are from.

    Returns:
        The report and the arrays of ``predictions.npz``.
    """
    config, rows = run.config(), run.metrics()
    probs = {name: softmax(values, *calibration) for name, values in logits.items()}
    tta = {name: (probs[name] + softmax(flipped[name], *calibration)) / 2 for name in flipped}
    plain = classification_metrics(labels["test"], softmax(logits["test"]), resamples=1)
    abstention = abstain_threshold(labels["val"], probs["val"])
    subsets = _subsets(data, split)
    report = Report(
        run=run.id,
        model=config.model,
        options=config.options,
        recipe=config.recipe,
        refit=Path(config.chosen_by).name,
        epochs=int(rows[-1]["epoch"]) if rows else 0,
        best_epoch=best_epoch(rows, config.monitor),
        date=now(),
        data=data_facts(data, split, final=config.final),
        val=classification_metrics(labels["val"], probs["val"]),
        test=classification_metrics(labels["test"], probs["test"]),
        subsets=Subsets(
            **{
                name: classification_metrics(labels["test"][mask], probs["test"][mask])
                for name, mask in subsets.items()
            }
        ),
        flip_tta=FlipTta(**{name: classification_metrics(labels[name], tta[name]) for name in tta}),
        temperature=calibration.temperature,
        smoothing=calibration.smoothing,
        test_uncalibrated=Uncalibrated(ece=plain.ece, nll=plain.nll, brier=plain.brier),
        abstain=Abstain(
            threshold=abstention.threshold,
            val_coverage=abstention.coverage,
            val_accuracy=abstention.accuracy,
        ),
        cost=cost,
        environment=environment,
    )
    arrays = {
        "ids": np.asarray(data.ids)[split.test].astype(str),
        "labels": labels["test"].astype(np.int64),
        "logits": logits["test"],
        "probs": to_half(probs["test"]),
        "flip_logits": flipped["test"],
        "val_ids": np.asarray(data.ids)[split.val].astype(str),
        "val_labels": labels["val"].astype(np.int64),
        "val_logits": logits["val"],
        "val_probs": to_half(probs["val"]),
        **{SUBSET_PREFIX + name: mask for name, mask in subsets.items()},
    }
    return report, arrays


def data_facts(data: FaceData, split: Split, *, final: bool = False) -> DataFacts:
    """What a report says of its data set; a final training learned validation as well."""
    learned = np.concatenate([split.train, split.val]) if final else split.train
    return DataFacts(
        name=data.name,
        source=Path(data.source).name,
        fingerprint=data.fingerprint,
        test_fingerprint=data.test_fingerprint,
        synthetic=data.synthetic,
        counts={name: _counts(data.labels[getattr(split, name)]) for name in SPLITS},
        generated=generated_share(data, learned) or None,
    )


def _subsets(data: FaceData, split: Split) -> dict[str, np.ndarray]:
    """Parts of the test split that are not empty, as masks ``(n,)`` over it."""
    usage = np.char.lower(np.asarray(data.usage)[split.test].astype(str))
    subsets = {"private_test": usage == "privatetest", "public_test": usage == "publictest"}
    leak_free = np.zeros(len(data.labels), bool)
    leak_free[data.indices("test")] = leak_free_mask(data)
    subsets["leak_free"] = leak_free[split.test]
    return {name: mask for name, mask in subsets.items() if mask.any()}


def _counts(labels: np.ndarray) -> dict[str, int]:
    numbers = np.bincount(labels, minlength=len(EMOTIONS))
    return dict(zip(EMOTIONS, map(int, numbers), strict=True))
