"""Runs side by side from their folders alone: who is better, by how much, and whether it is chance.

Only results on the same test set are compared; every other run is refused by name with the reason.
"""

import collections
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotion_core.errors import DataError, EmotionError
from emotion_core.evaluation.calibrate import fit_temperature
from emotion_core.evaluation.metrics import (
    Bootstrap,
    bootstrap,
    classification_metrics,
    ends,
    negative_log_likelihood,
    top_confidence,
)
from emotion_core.labels import EMOTIONS
from emotion_core.probabilities import softmax
from emotion_core.recipes import TrainConfig
from emotion_core.runs.report import Report, Scores
from emotion_core.runs.run import SUBSET_PREFIX, Row, Run

SIGNIFICANCE = 0.05
UNCALIBRATED = (
    "The ensemble's probabilities are not calibrated, as the runs share no validation faces."
)


@dataclass(frozen=True)
class Result:
    """What one run did on the test set.

    Attributes:
        id: The run's id.
        name: The run's name; its id where another result has that name.
        label: The same; headings and legends show it.
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
    def right(self) -> np.ndarray:
        """``(n,)`` bool."""
        correct: np.ndarray = self.predicted == self.labels
        return correct


@dataclass(frozen=True)
class Refusal:
    """A run that is not compared, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class PairTest:
    """Run ``a`` against run ``b`` on the same images; differences are a minus b.

    Attributes:
        a: Position of the first run.
        b: Position of the second.
        only_a: Images that only a has right.
        only_b: Images that only b has right.
        accuracy: Difference of accuracy, -1..1.
        accuracy_ci95: Paired bootstrap interval of it.
        macro_f1: Difference of macro-F1.
        macro_f1_ci95: Paired bootstrap interval of it.
        p_value: McNemar's exact test of equal accuracy.
        p_holm: The same after Holm's correction for all pairs of the comparison.
    """

    a: int
    b: int
    only_a: int
    only_b: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    macro_f1: float
    macro_f1_ci95: tuple[float, float]
    p_value: float
    p_holm: float

    @property
    def significant(self) -> bool:
        """Whether chance is an unlikely explanation (corrected p below 0.05)."""
        return self.p_holm < SIGNIFICANCE


@dataclass(frozen=True)
class Ensemble:
    """The mean of the runs' calibrated probabilities, calibrated once more.

    Attributes:
        probs: ``(n, 7)``, from ``ensemble_probs``.
        scores: On the test set.
        gain: Accuracy minus that of the best member.
        gain_ci95: Paired bootstrap interval of it.
        flip_accuracy: Where each run also looks at mirrored faces; NaN if one did not keep that.
    """

    probs: np.ndarray
    scores: Scores
    gain: float
    gain_ci95: tuple[float, float]
    flip_accuracy: float


@dataclass(frozen=True)
class Comparison:
    """Results on one test set with all pair tests.

    Attributes:
        results: In the order asked for.
        refused: Runs left out.
        samples: Shared bootstrap; column i belongs to ``results[i]``.
        pairs: Every pair once, ``a < b``.
        ensemble: Of all results; None for fewer than two.
    """

    results: tuple[Result, ...]
    refused: tuple[Refusal, ...]
    samples: Bootstrap
    pairs: tuple[PairTest, ...]
    ensemble: Ensemble | None

    @property
    def labels(self) -> np.ndarray:
        """``(n,)`` truths."""
        return self.results[0].labels

    @property
    def synthetic(self) -> bool:
        """Whether the test faces are drawn by code."""
        return self.results[0].report.data.synthetic

    def pair(self, a: int, b: int) -> PairTest:
        """The test of two runs, in the order of ``pairs``."""
        return next(p for p in self.pairs if (p.a, p.b) == (min(a, b), max(a, b)))

    def sentence(self, pair: PairTest) -> str:
        """A pair test in the words of someone who has to decide."""
        return pair_sentence(pair, self.results[pair.a].label, self.results[pair.b].label)


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
    kept: list[Result] = []
    if found:
        tests = collections.Counter(item.report.data.test_fingerprint for item in found)
        wanted = tests.most_common(1)[0][0]
        first = next(r for r in found if r.report.data.test_fingerprint == wanted)
        for result in found:
            reason = _difference(result, first)
            if reason:
                refused.append(Refusal(result.name, reason))
            else:
                kept.append(result)
    return kept, refused


def compare_runs(runs: Iterable[Run]) -> Comparison:
    """Compare runs on their shared test set.

    Raises:
        DataError: not one run can be used; the message gives each reason.
    """
    results, refused = load_results(runs)
    if not results:
        reasons = " ".join(item.reason for item in refused)
        raise DataError(f"There is nothing to compare. {reasons or 'Choose at least one run.'}")
    labels = results[0].labels
    predicted = [result.predicted for result in results]
    ensemble = None
    if len(results) == 1:
        members = bootstrap(labels, np.stack(predicted))
    else:
        mixed = ensemble_probs(results)
        samples = bootstrap(labels, np.stack([*predicted, mixed.argmax(axis=1)]))
        members = Bootstrap(samples.accuracy[:, :-1], samples.macro_f1[:, :-1], samples.f1[:, :-1])
        scores = classification_metrics(labels, mixed)
        accuracies = [result.right.mean() for result in results]
        best = int(np.argmax(accuracies))
        gain = samples.accuracy[:, -1] - samples.accuracy[:, best]
        both = flip_ensemble_probs(results)
        flip_accuracy = math.nan if both is None else float((both.argmax(1) == labels).mean())
        ensemble = Ensemble(
            mixed,
            scores,
            float(scores.accuracy - accuracies[best]),
            ends(gain),
            flip_accuracy,
        )
    return Comparison(
        tuple(results), tuple(refused), members, tuple(_test_pairs(results, members)), ensemble
    )


def ensemble_probs(results: Sequence[Result]) -> np.ndarray:
    """Mean of calibrated probabilities ``(n, 7)``, calibrated once more.

    Networks that disagree leave their mean less sure than it is right, the more the better they
    complement one another. So the mean has a temperature of its own, fitted on validation (pool,
    then calibrate: Rahaman and Thiery 2021). Which emotion leads stays the same.
    """
    return pool_probs(results, [result.probs for result in results])


def pool_probs(results: Sequence[Result], probs: Sequence[np.ndarray]) -> np.ndarray:
    """As ``ensemble_probs``, of what the same runs answer to any faces.

    Args:
        results: The runs' results, whose validation gives the temperature.
        probs: For each run in that order ``(n, 7)``, calibrated.
    """
    return softmax(_log_mean(probs), _pooled_temperature(results))


def flip_ensemble_probs(results: Sequence[Result]) -> np.ndarray | None:
    """As ``ensemble_probs``, of each face and its mirror image; None if a run did not keep that."""
    kept = [result.flip_probs for result in results if result.flip_probs is not None]
    return pool_probs(results, kept) if len(kept) == len(results) else None


def share_validation(results: Sequence[Result]) -> bool:
    """Whether an ensemble of these can be calibrated: all keep answers to the same faces."""
    return len({_val_faces(result) for result in results}) == 1 and len(results[0].val_ids) > 0


def without_repeats(results: Sequence[Result]) -> list[Result]:
    """The results without those of runs that another one of them repeats on all faces."""
    repeated = {result.report.refit for result in results}
    return [result for result in results if result.id not in repeated]


def choose_members(results: Sequence[Result]) -> list[Result]:
    """Members of an ensemble, chosen on validation alone (Caruana et al. 2004).

    Beginning with the best, the result that lowers the validation NLL of the ensemble most is
    added, until none lowers it. Results on other validation faces than most have are left out, and
    those of runs whose final training is there: it stands for them, by their answers on validation.

    Returns:
        In the order of choice; none if most results keep no validation.
    """
    results = without_repeats(results)
    seen = [_val_faces(result) for result in results]
    usual = collections.Counter(seen).most_common(1)[0][0] if seen else None
    left = [result for result, faces in zip(results, seen, strict=True) if faces == usual]
    chosen: list[Result] = []
    best = math.inf
    while left:
        losses = [_val_loss([*chosen, result]) for result in left]
        position = int(np.argmin(losses))
        if losses[position] >= best:
            break
        best = losses[position]
        chosen.append(left.pop(position))
    return chosen


def _val_loss(results: Sequence[Result]) -> float:
    if not len(results[0].val_probs):
        return math.inf
    probs = pool_probs(results, [result.val_probs for result in results])
    return negative_log_likelihood(results[0].val_labels, probs)


def _pooled_temperature(results: Sequence[Result]) -> float:
    """Of the mean of several results; 1 where they share no validation faces, and of one alone."""
    if len(results) == 1 or not share_validation(results):
        return 1.0
    logits = _log_mean([result.val_probs for result in results])
    return fit_temperature(logits, results[0].val_labels)


def _val_faces(result: Result) -> tuple[bytes, bytes]:
    """Equal for results that were validated on the same faces."""
    return result.val_ids.tobytes(), result.val_labels.tobytes()


def _log_mean(probs: Sequence[np.ndarray]) -> np.ndarray:
    # float16 files hold zeros, and the least that float16 tells from zero is 6e-8.
    logs: np.ndarray = np.log(np.maximum(np.mean(probs, axis=0), 1e-8))
    return logs


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided exact p-value that two classifiers err equally often (McNemar 1947).

    Under the hypothesis each image that only one has right is a fair coin; the tail is summed in
    integers, so the result is correctly rounded.

    Args:
        only_a: Images that only the first has right.
        only_b: Images that only the second has right.
    """
    n, tail, term = only_a + only_b, 0, 1
    for k in range(min(only_a, only_b) + 1):
        tail += term
        term = term * (n - k) // (k + 1)
    return min(1.0, 2 * tail / (1 << n))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for testing all of them (Holm 1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def pair_sentence(pair: PairTest, a: str, b: str) -> str:
    """Who beats whom, by how much, and whether that is chance."""
    low, high = (100 * value for value in pair.accuracy_ci95)
    difference = 100 * pair.accuracy
    if difference < 0:
        a, b, difference, low, high = b, a, -difference, -high, -low
    if pair.only_a == pair.only_b:
        return (
            f"{a} and {b} are level; the 95 % interval of their difference is "
            f"{low:.1f} to {high:.1f} points."
        )
    p = "p < 0.001" if pair.p_holm < 0.001 else f"p = {pair.p_holm:.3f}"
    if pair.p_holm > max(pair.p_value, 0.001):  # else the interval alone could seem to say more
        p += " corrected for all pairs"
    if pair.significant:
        return (
            f"{a} beats {b} by {difference:.1f} points, 95 % interval {low:.1f} to {high:.1f}; "
            f"not chance ({p})."
        )
    return (
        f"{a} is {difference:.1f} points ahead of {b}, 95 % interval {low:.1f} to {high:.1f}; "
        f"that may be chance ({p})."
    )


@dataclass(frozen=True)
class Agreement:
    """How the runs' answers overlap, as positions into the test set.

    Attributes:
        matrix: ``(runs, runs)`` share of images with the same prediction.
        all_right: Every run is right.
        wrong_together: Every run gives the same wrong answer; the label may be the mistake.
        wrong_apart: Every run is wrong, with different answers.
        only_right: For each run, the images that it alone has right.
    """

    matrix: np.ndarray
    all_right: np.ndarray
    wrong_together: np.ndarray
    wrong_apart: np.ndarray
    only_right: tuple[np.ndarray, ...]


def agreement(results: Sequence[Result]) -> Agreement:
    """Overlap of the answers of results on one test set."""
    predicted = np.stack([result.predicted for result in results])
    right = predicted == results[0].labels
    count, same = right.sum(axis=0), (predicted == predicted[0]).all(axis=0)
    return Agreement(
        matrix=(predicted[:, None] == predicted[None]).mean(axis=2),
        all_right=np.flatnonzero(count == len(results)),
        wrong_together=np.flatnonzero((count == 0) & same),
        wrong_apart=np.flatnonzero((count == 0) & ~same),
        only_right=tuple(np.flatnonzero(row & (count == 1)) for row in right),
    )


def pareto_front(cost: Sequence[float], value: Sequence[float]) -> list[int]:
    """Positions that no other beats in both: cheaper and not worse, or better and not dearer.

    Sorted by cost. Of equals all are kept; NaN is never on the front.
    """
    points = [
        (c, v, i)
        for i, (c, v) in enumerate(zip(cost, value, strict=True))
        if not (math.isnan(c) or math.isnan(v))
    ]
    front = [
        (c, i)
        for c, v, i in points
        if not any(oc <= c and ov >= v and (oc < c or ov > v) for oc, ov, _ in points)
    ]
    return [i for _, i in sorted(front)]


def table_row(result: Result) -> dict[str, Any]:
    """One run's line of the comparison table: plain values, rates 0..1, NaN where unknown."""
    report, rows, cost = result.report, result.rows, result.report.cost
    validated = [row for row in rows if "val_accuracy" in row]  # a final training has none
    best = max(validated, key=lambda row: row["val_accuracy"]) if validated else None
    private, clean = report.subsets.private_test, report.subsets.leak_free
    nan = math.nan
    return {
        "run": result.name,
        "label": result.label,
        "model": report.model,
        "recipe": report.recipe,
        "accuracy": result.test.accuracy,
        "accuracy_low": result.test.accuracy_ci95[0],
        "accuracy_high": result.test.accuracy_ci95[1],
        "macro_f1": result.test.macro_f1,
        "weighted_f1": result.test.weighted_f1,
        "private_test": private.accuracy if private else nan,
        "leak_free": clean.accuracy if clean else nan,
        "flip_tta": report.flip_tta.test.accuracy,
        "ece": result.test.ece,
        "val_peak": best["val_accuracy"] if best else nan,
        "val_peak_epoch": best["epoch"] if best else 0,
        "gap": best["train_accuracy"] - best["val_accuracy"] if best else nan,
        "parameters": cost.parameters,
        "macs": cost.macs,
        "size_bytes": cost.size_bytes,
        "latency_ms": cost.latency_ms,
        "train_seconds": cost.train_seconds,
    }


def _test_pairs(results: Sequence[Result], samples: Bootstrap) -> list[PairTest]:
    rows: list[dict[str, Any]] = []
    for a, b in itertools.combinations(range(len(results)), 2):
        right_a, right_b = results[a].right, results[b].right
        only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
        rows.append(
            {
                "a": a,
                "b": b,
                "only_a": only_a,
                "only_b": only_b,
                "accuracy": (only_a - only_b) / len(right_a),
                "accuracy_ci95": ends(samples.accuracy[:, a] - samples.accuracy[:, b]),
                "macro_f1": results[a].test.macro_f1 - results[b].test.macro_f1,
                "macro_f1_ci95": ends(samples.macro_f1[:, a] - samples.macro_f1[:, b]),
                "p_value": mcnemar_exact(only_a, only_b),
            }
        )
    corrected = holm([row["p_value"] for row in rows])
    return [PairTest(**row, p_holm=p) for row, p in zip(rows, corrected, strict=True)]


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
    n = report.test.n
    shapes = {"ids": (n,), "labels": (n,), "logits": (n, len(EMOTIONS))}
    v = arrays.get("val_ids", np.array([])).size
    val_shapes = {"val_ids": (v,), "val_labels": (v,), "val_probs": (v, len(EMOTIONS))}
    if val_shapes.keys() & arrays.keys():
        shapes |= val_shapes
    for key, shape in shapes.items():
        if key not in arrays or arrays[key].shape != shape:
            found = arrays[key].shape if key in arrays else "nothing"
            raise DataError(
                f"Run '{run.name}': predictions.npz must hold '{key}' of shape {shape}, "
                f"found {found}; evaluate it again."
            )
    logits = arrays["logits"].astype(np.float64)
    val_probs = arrays.get("val_probs", np.zeros((0, len(EMOTIONS)))).astype(np.float64)
    finite = np.isfinite(logits).all() and np.isfinite(val_probs).all()
    if not finite:
        raise DataError(f"Run '{run.name}': its predictions hold values that are not numbers.")
    calibration = report.calibration
    probs = softmax(logits, *calibration)
    flipped = arrays.get("flip_logits", logits[:0])
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
        flip_probs=(probs + softmax(flipped, *calibration)) / 2
        if flipped.shape == logits.shape
        else None,
        predicted=top_confidence(logits)[0],
        subsets={
            key.removeprefix(SUBSET_PREFIX): mask
            for key, mask in arrays.items()
            if key.startswith(SUBSET_PREFIX) and mask.shape == (n,) and mask.dtype == bool
        },
        val_ids=arrays.get("val_ids", np.array([])),
        val_labels=arrays.get("val_labels", np.array([], np.int64)).astype(np.int64),
        val_probs=val_probs,
    )


def _difference(result: Result, first: Result) -> str:
    mine, theirs = result.report.data, first.report.data
    if mine.test_fingerprint != theirs.test_fingerprint:
        return (
            f"Run '{result.name}' was tested on another test set ({mine.name}, "
            f"{len(result.labels):,} images) than '{first.name}' ({theirs.name}, "
            f"{len(first.labels):,} images); accuracies on different images say nothing."
        )
    if not np.array_equal(result.labels, first.labels):
        return (
            f"Run '{result.name}' holds other test labels than '{first.name}' though the test set "
            "is the same; evaluate it again."
        )
    return ""
