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

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from emotion_core.errors import DataError
from emotion_core.evaluation.corruptions import (
    CORRUPTIONS,
    FRAMING,
    LIGHT,
    LOW_RESOLUTION,
    STRENGTHS,
    Corruption,
)
from emotion_core.evaluation.scores import RESAMPLES, ends
from emotion_core.files import read_json
from emotion_core.records import Interval, Record, Rule, Share, between
from emotion_core.runs.run import Run
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
    return float(gap.mean()), ends(resampled(gap))


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


def resampled(scores: np.ndarray) -> np.ndarray:
    """Means ``(RESAMPLES,)`` of scores ``(n,)`` drawn with replacement; equal ``n`` draw alike."""
    rng, n = np.random.default_rng(0), len(scores)
    return np.concatenate(
        [scores[rng.integers(n, size=(_CHUNK, n))].mean(axis=1) for _ in range(RESAMPLES // _CHUNK)]
    )
