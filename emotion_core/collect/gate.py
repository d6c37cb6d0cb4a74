"""The gate: may a new model take the champion's place? Old against new, on the same faces.

Two things must hold. On the champion's test faces (FER-2013's, for the shipped ones) the paired
95 % interval must exclude a loss of more than half a point. On own sessions that were held out
whole, the new model must be correct on more faces than the old one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from emotion_core.data.collection_file import COLLECTION_SPEC
from emotion_core.data.faces import FaceData
from emotion_core.data.sources import load_data
from emotion_core.data.specs import sources_of
from emotion_core.errors import DataError, EmotionError
from emotion_core.evaluation.pairs import mcnemar_exact
from emotion_core.evaluation.results import load_results
from emotion_core.evaluation.scores import bootstrap, ends
from emotion_core.labels import EMOTIONS
from emotion_core.runs.run import Run
from emotion_core.units import faces, p_value, percent, percent_range, points

MOST_LOST = 0.005  # accuracy on the champion's test faces that may be lost
BIASED = (
    "Corrections are a biased sample: they are the faces where the old model was wrong. Label faces "
    "that it gets correct as well."
)
_BATCH = 256


@dataclass(frozen=True)
class Side:
    """Old against new on one set of faces.

    Attributes:
        name: Of the faces.
        n: How many.
        old: Accuracy of the old model, 0..1.
        new: Accuracy of the new one.
        ci95: Paired bootstrap interval of new minus old.
        only_new: Faces that only the new one classifies correctly.
        only_old: Faces that only the old one does.
        p_value: McNemar's exact test of equal accuracy.
        changes: New minus old recall by emotion, of those with faces.
    """

    name: str
    n: int
    old: float
    new: float
    ci95: tuple[float, float]
    only_new: int
    only_old: int
    p_value: float
    changes: dict[str, float]


@dataclass(frozen=True)
class Gate:
    """What the gate says.

    Attributes:
        old: Name of the champion.
        new: Name of the run that would take its place.
        test: On the champion's test faces.
        own: On held-out own faces; None where there are none.
        wanted_own: Whether the new run learned own faces, so that ``own`` must be there.
    """

    old: str
    new: str
    test: Side
    own: Side | None
    wanted_own: bool

    @property
    def refusals(self) -> list[str]:
        """Why the new run may not be promoted; none if it may."""
        found = []
        if self.test.ci95[0] < -MOST_LOST:
            found.append(
                f"On {self.test.name} a loss of more than {points(MOST_LOST)} cannot be excluded "
                f"(95 % interval {percent_range(self.test.ci95, sign=True)} points)."
            )
        if self.own is None:
            if self.wanted_own:
                found.append(
                    "No own session is held out, so nothing shows that the model got better on "
                    "faces that it has not learned. Collect and label a second session."
                )
        elif self.own.only_new <= self.own.only_old:
            found.append(
                f"On held-out own faces it is no better: {self.own.only_new} corrected, "
                f"{self.own.only_old} newly wrong, of {self.own.n}."
            )
        return found

    @property
    def passed(self) -> bool:
        """Whether the new run may be promoted."""
        return not self.refusals

    def words(self) -> list[str]:
        """What got better and what worse, in sentences."""
        found = [_sentence(side) for side in (self.own, self.test) if side]
        return [*found, BIASED] if self.wanted_own else found

    def to_json(self) -> dict[str, object]:
        """Plain values for the registry's history."""
        return asdict(self) | {"passed": self.passed, "refusals": self.refusals}


def check(old: Run, new: Run) -> Gate:
    """Measure a run against the champion.

    Args:
        old: The champion.
        new: The run that would take its place; own faces are those of the collection that it
            learned, as they were labelled then.

    Raises:
        DataError: the champion's test faces are not on this machine, or both are one run.
        CheckpointError: weights are missing or damaged.
    """
    if old == new:
        raise DataError(f"Run '{new.name}' is the champion already; there is nothing to compare.")
    own = _own_faces(new)
    held_out = own.indices("test") if own is not None else np.array([], np.int64)
    side = None
    if own is not None and len(held_out):
        labels = own.labels[held_out]
        answers = [_predicted(run, own.images[held_out]) for run in (old, new)]
        side = compare(f"held-out faces of {own.name}", labels, *answers)
    return Gate(old.name, new.name, _on_test(old, new), side, own is not None)


def compare(name: str, labels: np.ndarray, old: np.ndarray, new: np.ndarray) -> Side:
    """Two models' answers to the same faces.

    Args:
        name: Of the faces.
        labels: ``(n,)`` int64 truths.
        old: ``(n,)`` int64 answers of the old model.
        new: ``(n,)`` of the new one.
    """
    samples = bootstrap(labels, np.stack([old, new]))
    right_old, right_new = old == labels, new == labels
    only_new, only_old = int((right_new & ~right_old).sum()), int((right_old & ~right_new).sum())
    changes = {
        emotion: float(right_new[mine].mean() - right_old[mine].mean())
        for number, emotion in enumerate(EMOTIONS)
        if (mine := labels == number).any()
    }
    return Side(
        name=name,
        n=len(labels),
        old=float(right_old.mean()),
        new=float(right_new.mean()),
        ci95=ends(samples.accuracy[:, 1] - samples.accuracy[:, 0]),
        only_new=only_new,
        only_old=only_old,
        p_value=mcnemar_exact(only_new, only_old),
        changes=changes,
    )


def collections_of(run: Run) -> list[str]:
    """The collections that a run learned, as its settings name them."""
    found = sources_of(run.config().data)
    return [source for source in found if source.startswith(COLLECTION_SPEC)]


def _own_faces(run: Run) -> FaceData | None:
    for source in collections_of(run):
        return load_data(source)
    return None


def _on_test(old: Run, new: Run) -> Side:
    """On the test faces of the champion: stored answers where both have them, else asked now."""
    results, _ = load_results([old, new])
    if len(results) == 2:
        first, second = results
        name = first.report.data.name
        return compare(f"{name}'s test faces", first.labels, first.predicted, second.predicted)
    spec = old.config().data
    try:
        data = load_data(spec)
    except EmotionError as error:
        raise DataError(
            f"Run '{new.name}' was tested on other faces than the champion '{old.name}', whose "
            f"test faces are not on this machine. {error}"
        ) from error
    test = data.indices("test")
    labels, images = data.labels[test], data.images[test]
    answers: Sequence[np.ndarray] = [_predicted(run, images) for run in (old, new)]
    return compare(f"{data.name}'s test faces", labels, *answers)


def _predicted(run: Run, images: np.ndarray) -> np.ndarray:
    from emotion_core.models.checkpoint import load_classifier

    classifier = load_classifier(run)
    parts = [
        classifier.logits(np.ascontiguousarray(images[start : start + _BATCH])).argmax(axis=1)
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts)


def _sentence(side: Side) -> str:
    gained = max(side.changes, key=side.changes.__getitem__)
    lost = min(side.changes, key=side.changes.__getitem__)
    words = (
        f"{side.name[0].upper()}{side.name[1:]} ({faces(side.n)}): {percent(side.old)} before, "
        f"{percent(side.new)} now, {points(side.new - side.old, sign=True)} (95 % interval "
        f"{percent_range(side.ci95, sign=True)}, {p_value(side.p_value)})."
    )
    if side.changes[gained] > 0:
        words += f" Most gained: {gained}, {points(side.changes[gained], sign=True)}."
    if side.changes[lost] < 0:
        words += f" Most lost: {lost}, {points(side.changes[lost], sign=True)}."
    return words
