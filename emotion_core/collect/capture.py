"""What may be kept of the faces that come in: good ones, each once, and only after consent.

Live correction, camera, photos and videos all end in ``Capture.take``.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from emotion_core.access import Action, require
from emotion_core.collect.faces import NewFace, add_faces, start_session
from emotion_core.data.duplicates import SAME_PHOTO
from emotion_core.errors import CollectionError

CONSENT = (
    "Faces that you add are kept as gray pictures of 48 and 112 pixels with their labels, on the "
    "computer of this dashboard alone, until you delete them; deleting removes rows and files."
)
_REMEMBERED = 400  # faces of this session that a new one is compared with


@dataclass
class Capture:
    """One session of adding faces to a collection.

    Attributes:
        collection: Its name.
        title: Of the session, for people.
        consent: Whether the person agreed to ``CONSENT`` in this session; nothing is kept before.
        kept: Ids of the faces that were kept.
        refused: Reasons, counted.
    """

    collection: str
    title: str
    consent: bool = False
    kept: list[int] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    _session: int = 0
    _seen: list[np.ndarray] = field(default_factory=list)

    def take(self, face: NewFace) -> int | None:
        """Keep a face, or refuse it and count why.

        Returns:
            Its id; None where it was refused.

        Raises:
            CollectionError: there was no consent, or it cannot be written.
        """
        return next(iter(self.take_all([face])), None)

    def take_all(self, faces: list[NewFace]) -> list[int]:
        """As ``take``, of several at once: those that are kept are written together.

        Raises:
            CollectionError: there was no consent, or they cannot be written.
        """
        require(Action.COLLECT)
        if not self.consent:
            raise CollectionError(f"Nothing is kept before you agree. {CONSENT}")
        good = [face for face in faces if self._is_new(face)]
        if not good:
            return []
        self._session = self._session or start_session(self.collection, self.title)
        ids = add_faces(self._session, good)
        if len(ids) < len(good):
            self.refused["in the collection already"] += len(good) - len(ids)
        self.kept += ids
        return ids

    def _is_new(self, face: NewFace) -> bool:
        if face.quality.problems:
            self.refused[face.quality.problems[0]] += 1
            return False
        row = _unit(face.face)
        if self._seen and float((np.stack(self._seen) @ row).max()) > SAME_PHOTO:
            self.refused["nearly the same as another one"] += 1
            return False
        self._seen = [*self._seen[-_REMEMBERED + 1 :], row]
        return True


def with_label(face: NewFace, label: str, *, who: str = "you") -> NewFace:
    """The face with the label that a person gives it at once, as a live correction does."""
    return replace(face, label=label, by="person", who=who)


def _unit(face: np.ndarray) -> np.ndarray:
    row = face.astype(np.float32).ravel()
    row -= row.mean()
    found: np.ndarray = row / max(float(np.linalg.norm(row)), 1.0)
    return found
