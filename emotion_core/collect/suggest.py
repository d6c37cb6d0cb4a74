"""Suggested labels: what a run answers to faces, kept as its word until a person confirms it."""

from collections.abc import Callable

import numpy as np

from emotion_core.access import Action, require
from emotion_core.collect.faces import keep_answer
from emotion_core.collect.labels import record
from emotion_core.collect.query import unanswered
from emotion_core.data.collection_file import find, read_face, transaction
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import Classifier

_BATCH = 256


def suggest_labels(
    name: str, classifier: Classifier, progress: Callable[[float], object] | None = None
) -> int:
    """Ask a run about each face of a collection that it has not seen yet.

    Faces without a label get its answer as a suggestion; a label that a person gave stays.

    Args:
        name: Of the collection.
        classifier: Of the run.
        progress: Told the share done (0..1).

    Returns:
        How many faces were asked about.

    Raises:
        CollectionError: there is no such collection, or a face cannot be read.
    """
    require(Action.COLLECT)
    waiting = unanswered(name, classifier.name)
    for start in range(0, len(waiting), _BATCH):
        part = waiting[start : start + _BATCH]
        probs = classifier.probs(np.stack([read_face(item.file) for item in part]))
        answers = {
            item.id: EMOTIONS[int(row.argmax())] for item, row in zip(part, probs, strict=True)
        }
        with transaction() as database:
            stored = find(database, name)
            for item, row in zip(part, probs, strict=True):
                keep_answer(database, item.id, classifier.name, row)
            record(database, stored.id, answers, by="model", who=classifier.name)
        if progress:
            progress((start + len(part)) / len(waiting))
    return len(waiting)
