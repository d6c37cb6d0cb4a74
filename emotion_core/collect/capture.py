"""What may be kept of the faces that come in: good ones, each once, and only after consent.

Live correction, camera, photos and videos all end in ``Capture.take``.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from emotion_core.access import Action, require
from emotion_core.collect.faces import (
    NewFace,
    add_faces,
    delete_faces,
    digest_of,
    find_digest,
    restore_faces,
    start_session,
)
from emotion_core.collect.labels import label_faces
from emotion_core.data.duplicates import SAME_PHOTO
from emotion_core.errors import CollectionError

CONSENT = (
    "Faces that you add are kept as gray pictures of 48 and 112 pixels with their labels, on the "
    "computer of this dashboard alone, until you delete them; deleting removes rows and files."
)
_REMEMBERED = 400  # faces of this session that a new one is compared with
NEAR_COPY = "nearly the same as another one"


@dataclass
class _Seen:
    """A face that was kept: its pixels as a unit vector, its digest, and a person's word on it."""

    row: np.ndarray
    digest: bytes
    said: str


@dataclass
class Capture:
    """One session of adding faces to a collection. Not locked: call it from one thread at a time.

    A face is refused as a near copy of one with the same label, or of any face where one of both
    has no label by a person: two expressions of one person differ little. A person's label for a
    near copy of a face that was only suggested goes to that face.

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
    _seen: list[_Seen] = field(default_factory=list)
    _gone: list[tuple[list[int], list[_Seen]]] = field(default_factory=list)

    def take(self, face: NewFace) -> int | None:
        """Keep a face, or refuse it and count why.

        Returns:
            Its id, or that of the suggested face that got its label; None where it was refused.

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
        good, labelled = [], []
        for face in faces:
            seen = _Seen(_unit(face.face), digest_of(face.face), _said(face))
            twin = self._twin(seen)
            if face.quality.problems:
                self.refused[face.quality.problems[0]] += 1
            elif twin is None:
                self._seen = [*self._seen[-_REMEMBERED + 1 :], seen]
                good.append(face)
            elif seen.said and not twin.said and (known := self._find(twin)):
                label_faces(self.collection, {known: seen.said}, who=face.who)
                twin.said = seen.said
                labelled.append(known)
            else:
                self.refused[NEAR_COPY] += 1
        if not good:
            return labelled
        self._session = self._session or start_session(self.collection, self.title)
        ids = add_faces(self._session, good)
        if len(ids) < len(good):
            self.refused["in the collection already"] += len(good) - len(ids)
        self.kept += ids
        return labelled + ids

    def discard(self, last: int = 0) -> int:
        """Delete what this session kept; ``bring_back`` takes it back for an hour.

        Args:
            last: Only so many, the last ones; 0 for all.

        Returns:
            How many were deleted.
        """
        ids, seen = self.kept[-last:], self._seen[-last:]  # from -0 on: all
        if ids:
            delete_faces(ids)
            self.kept, self._seen = self.kept[: -len(ids)], self._seen[: -len(seen)]
            self._gone.append((ids, seen))
        return len(ids)

    @property
    def gone(self) -> int:
        """How many faces ``bring_back`` would bring back."""
        return len(self._gone[-1][0]) if self._gone else 0

    def bring_back(self) -> int:
        """Take the last ``discard`` back; gives how many faces returned."""
        if not self._gone:
            return 0
        ids, seen = self._gone.pop()
        self.kept, self._seen = self.kept + ids, self._seen + seen
        return restore_faces(ids)

    def _twin(self, seen: _Seen) -> _Seen | None:
        """The kept face that a new one is nearly a copy of."""
        others = [
            item for item in self._seen if not (seen.said and item.said) or item.said == seen.said
        ]
        if not others:
            return None
        likeness = np.stack([item.row for item in others]) @ seen.row
        best = int(likeness.argmax())
        return others[best] if likeness[best] > SAME_PHOTO else None

    def _find(self, seen: _Seen) -> int | None:
        return find_digest(self.collection, seen.digest)


def with_label(face: NewFace, label: str, *, who: str = "you") -> NewFace:
    """The face with the label that a person gives it at once, as a live correction does."""
    return replace(face, label=label, by="person", who=who)


def _said(face: NewFace) -> str:
    return face.label if face.by == "person" else ""


def _unit(face: np.ndarray) -> np.ndarray:
    row = face.astype(np.float32).ravel()
    row -= row.mean()
    found: np.ndarray = row / max(float(np.linalg.norm(row)), 1.0)
    return found
