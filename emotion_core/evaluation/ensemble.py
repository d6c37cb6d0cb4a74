"""The mean of several runs' probabilities: its calibration, its members and what it gains."""

import collections
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_core.evaluation.calibrate import fit_temperature
from emotion_core.evaluation.metrics import negative_log_likelihood
from emotion_core.evaluation.results import Result
from emotion_core.evaluation.scores import Bootstrap, classification_metrics, ends
from emotion_core.probabilities import softmax
from emotion_core.runs.scores import Scores

UNCALIBRATED = (
    "The ensemble's probabilities are not calibrated, as the runs share no validation faces."
)


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

    @property
    def significant(self) -> bool:
        """Whether the interval of the gain leaves out zero."""
        low, high = self.gain_ci95
        return low > 0 or high < 0


def score_ensemble(results: Sequence[Result], probs: np.ndarray, samples: Bootstrap) -> Ensemble:
    """What the ensemble of results gains.

    Args:
        results: On one test set.
        probs: From ``ensemble_probs``.
        samples: A bootstrap of the results' answers, and the ensemble's in the last column.
    """
    labels = results[0].labels
    scores = classification_metrics(labels, probs)
    accuracies = [result.correct.mean() for result in results]
    best = int(np.argmax(accuracies))
    both = flip_ensemble_probs(results)
    return Ensemble(
        probs,
        scores,
        float(scores.accuracy - accuracies[best]),
        ends(samples.accuracy[:, -1] - samples.accuracy[:, best]),
        math.nan if both is None else float((both.argmax(1) == labels).mean()),
    )


def ensemble_probs(results: Sequence[Result]) -> np.ndarray:
    """Mean of calibrated probabilities ``(n, 7)``, calibrated once more.

    Networks that disagree leave their mean less confident than it is correct, the more the better
    they complement one another. So the mean has a temperature of its own, fitted on validation
    (pool, then calibrate: Rahaman and Thiery 2021). Which emotion leads stays the same.
    """
    return pool_probs(results, [result.probs for result in results])


def pool_probs(results: Sequence[Result], probs: Sequence[np.ndarray]) -> np.ndarray:
    """As ``ensemble_probs``, from the same runs' answers to any faces.

    Args:
        results: The runs' results, whose validation gives the temperature.
        probs: For each run in that order ``(n, 7)``, calibrated.
    """
    return softmax(_log_mean(probs), _pooled_temperature(results))


def flip_ensemble_probs(results: Sequence[Result]) -> np.ndarray | None:
    """As ``ensemble_probs``, from each face and its mirror image; None if a run did not keep that."""
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
    """Temperature for the averaged probabilities; 1.0 for a single run or without shared
    validation faces."""
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
