"""Rules by which faces of a stream are kept without a click, as suggestions, and their limits."""

import datetime
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emotion_core.data.collection_file import find, open_database
from emotion_core.errors import CollectionError
from emotion_core.units import percent

LOOK_SECONDS = 2.0  # between two looks at one face: 30 frames per second are one answer, not thirty
MINUTE, DAY = 60.0, 86_400.0
ORIGIN = "rule: "  # what a face's origin begins with if a rule kept it


@dataclass(frozen=True)
class Rules:
    """Which faces are kept, and how many at most.

    Attributes:
        below: Faces whose highest probability is below it (0..1); 0 turns this rule off.
        disagree: Faces to which two models give different answers.
        share: Share of all other looks, drawn at random (0..1). Faces that are chosen by doubt alone
            are a biased sample.
        per_minute: Most faces in any 60 seconds.
        per_day: Most faces in any 24 hours, those of earlier sessions counted.
    """

    below: float = 0.5
    disagree: bool = True
    share: float = 0.05
    per_minute: int = 4
    per_day: int = 100

    def __post_init__(self) -> None:
        """Raises CollectionError on a value out of range."""
        for name in ("below", "share"):
            if not 0 <= getattr(self, name) <= 1:
                raise CollectionError(
                    f"The rule's {name} must be between 0 and 1, got {getattr(self, name):g}."
                )
        for name in ("per_minute", "per_day"):
            if getattr(self, name) < 1:
                raise CollectionError(
                    f"The rule's {name} must be at least 1, got {getattr(self, name)}. To keep "
                    "nothing, turn the rules off."
                )


class Chooser:
    """Applies rules to the faces of a stream. Call it from one thread at a time.

    Args:
        rules: Can be replaced at any time; what was kept counts on.
        kept: When rules kept faces before, in UTC seconds, for the daily limit.
        clock: UTC seconds. While it is set back, what lies in its future counts as just now.
        rng: For the random share.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        kept: Sequence[float] = (),
        clock: Callable[[], float] = time.time,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.rules = rules
        self._kept = list(kept)
        self._clock = clock
        self._rng = rng or np.random.default_rng()
        self._looked: dict[int, float] = {}

    def reason(self, face: int, probs: np.ndarray, second: np.ndarray | None = None) -> str:
        """Look at a face: why it should be kept; empty where it should not.

        Args:
            face: Number of the followed face; each is looked at every ``LOOK_SECONDS``.
            probs: ``(7,)`` answer of the model.
            second: ``(7,)`` answer of a second model, where one runs.
        """
        now = self._clock()
        if 0 <= now - self._looked.get(face, -DAY) < LOOK_SECONDS:
            return ""
        self._looked = {
            key: at for key, at in self._looked.items() if 0 <= now - at < LOOK_SECONDS
        } | {face: now}
        minute, day = self.used()
        if minute >= self.rules.per_minute or day >= self.rules.per_day:
            return ""
        confidence = float(probs.max())
        if confidence < self.rules.below:
            return f"{ORIGIN}confidence below {percent(self.rules.below, 0)}"
        if self.rules.disagree and second is not None and probs.argmax() != second.argmax():
            return f"{ORIGIN}two models disagree"
        if self._rng.random() < self.rules.share:
            return f"{ORIGIN}random share"
        return ""

    def count(self) -> None:
        """A face that was chosen is kept: it counts towards the limits."""
        self._kept.append(self._clock())

    def used(self) -> tuple[int, int]:
        """Faces kept in the last 60 seconds and in the last 24 hours."""
        now = self._clock()
        self._kept = [at for at in self._kept if now - at < DAY]
        return sum(now - at < MINUTE for at in self._kept), len(self._kept)


def kept_by_rules(name: str, *, since: float) -> list[float]:
    """When rules kept faces of a collection, in UTC seconds; deleted faces count as well.

    Args:
        name: Of the collection.
        since: UTC seconds; earlier ones are left out.

    Raises:
        CollectionError: there is no such collection.
    """
    first = datetime.datetime.fromtimestamp(since, datetime.UTC).isoformat(timespec="seconds")
    with open_database() as database:
        rows = database.execute(
            "SELECT taken FROM faces WHERE collection = ? AND taken >= ? AND origin LIKE ?",
            (find(database, name).id, first, f"{ORIGIN}%"),
        ).fetchall()
    return [datetime.datetime.fromisoformat(row["taken"]).timestamp() for row in rows]
