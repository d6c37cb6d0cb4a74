"""The classical baseline: HOG features, PCA and an RBF SVM, as faces were read before networks."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from emotion_core.data.faces import FaceData
from emotion_core.data.splits import split_indices
from emotion_core.errors import DataError
from emotion_core.evaluation.calibrate import fit_calibration
from emotion_core.evaluation.cost import environment
from emotion_core.evaluation.measure import to_half
from emotion_core.evaluation.report import build_report, write_report
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.runs.report import Cost
from emotion_core.runs.run import Run
from emotion_core.runs.status import now

log = logging.getLogger(__name__)

MODEL = "hog_svm"
SUMMARY = (
    "Classical baseline: histograms of oriented gradients (Dalal and Triggs 2005), PCA, "
    "and a support vector machine with an RBF kernel."
)
PENALTIES = (1.0, 3.0, 10.0)  # the SVM's C; validation chooses
_COMPONENTS = 200
_TIMED = 50


def hog_features(faces: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients: 9 directions, cells of 8 px, blocks of 2 x 2 cells.

    Args:
        faces: ``(n, 48, 48)`` uint8.

    Returns:
        float32 ``(n, 900)``, each block of 36 with a norm of at most 1.
    """
    hog = cv2.HOGDescriptor((48, 48), (16, 16), (8, 8), (8, 8), 9)
    rows = [hog.compute(np.ascontiguousarray(face)) for face in faces]
    return np.array(rows, np.float32).reshape(len(faces), -1)


def train_baseline(data: FaceData, *, source: str, root: Path | None = None) -> Run:
    """Fit the baseline, choose its penalty on validation, and report test as for any run.

    The run has a report and predictions but no weights and no curves: it can be compared, not
    loaded. FER-2013 takes minutes, mostly on one core.

    Args:
        data: A data set with all seven emotions in train.
        source: What ``load_data`` was given, for the config.
        root: Folder of runs.

    Raises:
        DataError: an emotion or a split has no images.
    """
    config = TrainConfig(recipe="baseline", model=MODEL, data=source, epochs=1)
    split = split_indices(data, val_fraction=config.val_fraction)
    counts = np.bincount(data.labels[split.train], minlength=NUM_CLASSES)
    if not counts.all():
        missing = ", ".join(EMOTIONS[i] for i in np.flatnonzero(counts == 0))
        raise DataError(f"'{data.name}' has no training images of {missing}.")
    for name, indices in (("validation", split.val), ("test", split.test)):
        if len(indices) == 0:
            raise DataError(f"'{data.name}' ({data.source}) has no {name} images.")

    started = time.monotonic()
    features = hog_features(data.images[split.train])
    val = hog_features(data.images[split.val])
    fits = {penalty: _fit(features, data.labels[split.train], penalty) for penalty in PENALTIES}
    correct = {c: float(model.score(val, data.labels[split.val])) for c, model in fits.items()}
    for penalty, share in correct.items():
        log.info("C=%g: %.2f %% of validation", penalty, 100 * share)
    best_penalty = max(PENALTIES, key=correct.__getitem__)  # the smallest of equals
    best = fits[best_penalty]
    seconds = time.monotonic() - started

    positions = {"val": split.val, "test": split.test}
    logits = {name: _logits(best, data.images[at]) for name, at in positions.items()}
    flipped = {name: _logits(best, data.images[at][:, :, ::-1]) for name, at in positions.items()}
    labels = {name: data.labels[at] for name, at in positions.items()}
    cost = _cost(best, data.images[split.test[:_TIMED]], seconds, len(split.train))

    run = create_run(config, root)
    report, arrays = build_report(
        run,
        data,
        split,
        labels=labels,
        logits=logits,
        flipped=flipped,
        calibration=fit_calibration(logits["val"], labels["val"]),
        cost=cost,
        environment=environment(),
    )
    fitted = (
        f"Fitted with scikit-learn: {best[0].n_components_} principal components, penalty "
        f"C = {best_penalty:g}, chosen among {', '.join(f'{c:g}' for c in PENALTIES)} on validation."
    )
    report = replace(report, summary=SUMMARY, fitted=fitted, trained_on=report.environment)
    write_report(run, report, arrays)
    run.write_status(
        replace(run.status(), state="finished", finished=now(), train_seconds=round(seconds, 1))
    )
    return run


def _fit(features: np.ndarray, labels: np.ndarray, penalty: float) -> Pipeline:
    components = min(_COMPONENTS, *features.shape)
    model = make_pipeline(
        PCA(components, svd_solver="covariance_eigh"),
        SVC(C=penalty, gamma="scale", cache_size=1000),
    )
    return model.fit(features, labels)


def _logits(model: Pipeline, faces: np.ndarray) -> np.ndarray:
    """One-against-rest scores ``(n, 7)``, which calibration makes probabilities."""
    return to_half(model.decision_function(hog_features(faces)))


def _cost(model: Pipeline, faces: np.ndarray, seconds: float, count: int) -> Cost:
    """As ``cost.measure_cost``: PCA's matrix and the support vectors are its parameters, each
    used once per face."""
    pca, svm = model[0], model[-1]
    numbers = pca.components_.size + svm.support_vectors_.size + svm.dual_coef_.size
    times = []
    for face in faces:
        start = time.thread_time()
        model.decision_function(hog_features(face[None]))
        times.append((time.thread_time() - start) * 1000)
    median, p90 = np.percentile(times, [50, 90])
    return Cost(
        parameters=int(numbers),
        macs=int(numbers),
        size_bytes=int(numbers) * 8,
        latency_ms=float(median),
        latency_p90_ms=float(p90),
        latency_backend="scikit-learn",
        train_seconds=round(seconds, 1),
        images_per_second=round(len(PENALTIES) * count / seconds, 1),
    )
