"""What finished runs did on their test set, read from their folders and checked."""

import collections
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotion_core.errors import DataError, EmotionError
from emotion_core.evaluation.metrics import top_confidence
from emotion_core.labels import NUM_CLASSES
from emotion_core.models.titles import model_title, recipe_title
from emotion_core.probabilities import softmax
from emotion_core.recipes import TrainConfig
from emotion_core.runs.report import Report
from emotion_core.runs.run import SUBSET_PREFIX, Row, Run
from emotion_core.runs.scores import Scores


@dataclass(frozen=True)
class Result:
    """What one run did on the test set.

    Attributes:
        id: The run's id.
        name: The run's name; its id where another result has that name.
        label: What headings and legends show, unique within a comparison.
        config: The run's settings.
        report: ``report.json``.
        rows: ``metrics.jsonl``.
        ids: ``(n,)`` image names, in canonical test order.
        labels: ``(n,)`` int64 truths.
        logits: ``(n, 7)`` float64 as stored.
        probs: ``(n, 7)`` float64, calibrated.
        flip_probs: The same, averaged with those of the mirrored faces; None where not kept.
        predicted: ``(n,)`` int64.
        subsets: Parts of the test set such as ``leak_free``, as masks ``(n,)``.
        val_ids: ``(v,)`` image names of the validation split; ``v`` is 0 where it is not kept.
        val_labels: ``(v,)`` int64 truths.
        val_probs: ``(v, 7)`` float64, calibrated.
    """

    id: str
    name: str
    label: str
    config: TrainConfig
    report: Report
    rows: list[Row]
    ids: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    probs: np.ndarray
    flip_probs: np.ndarray | None
    predicted: np.ndarray
    subsets: dict[str, np.ndarray]
    val_ids: np.ndarray
    val_labels: np.ndarray
    val_probs: np.ndarray

    @property
    def test(self) -> Scores:
        """The report's test scores."""
        return self.report.test

    @property
    def correct(self) -> np.ndarray:
        """``(n,)`` bool: which faces were classified correctly."""
        found: np.ndarray = self.predicted == self.labels
        return found


@dataclass(frozen=True)
class Refusal:
    """A run that is not compared, and why."""

    name: str
    reason: str


def load_results(runs: Iterable[Run]) -> tuple[list[Result], list[Refusal]]:
    """Read runs' results and keep those on the test set that most of them share.

    Returns:
        Comparable results, in order and with short labels, and the refused runs.
    """
    found: list[Result] = []
    refused: list[Refusal] = []
    names: set[str] = set()
    for run in dict.fromkeys(runs):
        # Only runs of different folders can have one name; then the second is told by its id.
        name = run.id if run.name in names else run.name
        if name in names:
            refused.append(Refusal(name, f"Two runs are called '{name}'; one is enough."))
            continue
        names.add(name)
        try:
            found.append(_read_result(run, name))
        except EmotionError as error:
            refused.append(Refusal(name, str(error)))
    if not found:
        return [], refused
    tests = collections.Counter(result.report.data.test_fingerprint for result in found)
    wanted = tests.most_common(1)[0][0]
    first = next(r for r in found if r.report.data.test_fingerprint == wanted)
    reasons = [(result, _difference(result, first)) for result in found]
    refused += [Refusal(result.name, reason) for result, reason in reasons if reason]
    kept = [result for result, reason in reasons if not reason]
    labels = short_labels(kept)
    return [replace(r, label=label) for r, label in zip(kept, labels, strict=True)], refused


def short_labels(results: Sequence[Result]) -> list[str]:
    """Names for people: the architecture, and only as much more as tells the runs apart."""
    forms: list[Callable[[Result], str]] = [
        lambda result: model_title(result.report.model),
        lambda result: f"{model_title(result.report.model)} ({recipe_title(result.report.recipe)})",
        lambda result: f"{model_title(result.report.model)} ({result.name})",
    ]
    found = [""] * len(results)
    for form in forms:
        labels = [form(result) for result in results]
        for index, label in enumerate(labels):
            if not found[index] and labels.count(label) == 1:
                found[index] = label
    return [label or result.name for label, result in zip(found, results, strict=True)]


def _read_result(run: Run, name: str) -> Result:
    if run.problem:
        raise DataError(run.problem)
    report = run.report()
    if report is None:
        state = run.status().state
        raise DataError(
            f"Run '{run.name}' has no report.json (it is {state}); finish or evaluate it."
        )
    arrays = run.predictions()
    if arrays is None:
        raise DataError(f"Run '{run.name}' has no predictions.npz; evaluate it again.")
    _check_arrays(run, arrays, report.test.n)
    logits = arrays["logits"].astype(np.float64)
    probs = softmax(logits, *report.calibration)
    flipped = arrays.get("flip_logits", logits[:0])
    both = None
    if flipped.shape == logits.shape:
        both = (probs + softmax(flipped, *report.calibration)) / 2
    return Result(
        id=run.id,
        name=name,
        label=name,
        config=run.config(),
        report=report,
        rows=run.metrics(),
        ids=arrays["ids"],
        labels=arrays["labels"].astype(np.int64),
        logits=logits,
        probs=probs,
        flip_probs=both,
        predicted=top_confidence(logits)[0],
        subsets={
            key.removeprefix(SUBSET_PREFIX): mask
            for key, mask in arrays.items()
            if key.startswith(SUBSET_PREFIX)
            and mask.shape == (report.test.n,)
            and mask.dtype == bool
        },
        val_ids=arrays.get("val_ids", np.array([])),
        val_labels=arrays.get("val_labels", np.array([], np.int64)).astype(np.int64),
        val_probs=arrays.get("val_probs", np.zeros((0, NUM_CLASSES))).astype(np.float64),
    )


def _check_arrays(run: Run, arrays: dict[str, np.ndarray], n: int) -> None:
    """Refuse predictions of ``n`` test faces that are incomplete, of other shapes or not finite.

    Raises:
        DataError: they are.
    """
    shapes = {"ids": (n,), "labels": (n,), "logits": (n, NUM_CLASSES)}
    v = arrays.get("val_ids", np.array([])).size
    val_shapes = {"val_ids": (v,), "val_labels": (v,), "val_probs": (v, NUM_CLASSES)}
    if val_shapes.keys() & arrays.keys():
        shapes |= val_shapes
    for key, shape in shapes.items():
        if key not in arrays or arrays[key].shape != shape:
            found = arrays[key].shape if key in arrays else "nothing"
            raise DataError(
                f"Run '{run.name}': predictions.npz must hold '{key}' of shape {shape}, "
                f"found {found}; evaluate it again."
            )
    for key in ("logits", "val_probs"):
        if key in arrays and not np.isfinite(arrays[key].astype(np.float64)).all():
            raise DataError(f"Run '{run.name}': its predictions hold values that are not numbers.")


def _difference(result: Result, first: Result) -> str:
    mine, theirs = result.report.data, first.report.data
    if mine.test_fingerprint != theirs.test_fingerprint:
        return (
            f"Run '{result.name}' was tested on a different test set ({mine.name}, "
            f"{len(result.labels):,} faces) than '{first.name}' ({theirs.name}, "
            f"{len(first.labels):,} faces), so its accuracy cannot be compared."
        )
    if not np.array_equal(result.labels, first.labels):
        return (
            f"Run '{result.name}' holds other test labels than '{first.name}' though the test set "
            "is the same; evaluate it again."
        )
    return ""
