"""An audit: which labels, faces and splits of a data set deserve a second look."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from emotion_core.collect.issues import Issues, find_issues
from emotion_core.collect.quality import Quality, quality_of
from emotion_core.data.duplicates import grouped
from emotion_core.data.faces import SPLITS, FaceData, digests
from emotion_core.labels import EMOTIONS

RARE = 0.05  # a class with a smaller share of the faces is learned badly


@dataclass(frozen=True)
class ClassFigures:
    """One emotion in an audit.

    Attributes:
        faces: How many have the label.
        share: Of all faces, 0..1.
        rare: Whether the share is below ``RARE``.
        issues: Labels that are probably wrong.
        agreement: Share of its scored faces that the answers agree with; NaN without any.
        mistaken_for: The emotion that is suggested most often instead; empty without issues.
    """

    faces: int
    share: float
    rare: bool
    issues: int
    agreement: float
    mistaken_for: str


@dataclass(frozen=True)
class Audit:
    """What was found; positions are rows of the data set.

    Attributes:
        data: The data set.
        answered_by: Where the probabilities are from.
        probs: ``(n, 7)``, NaN for faces that were not scored.
        rows: ``(m,)`` positions of the scored faces, the most suspect first.
        issues: Of these faces, in the same order.
        exact: ``(n,)`` the first position with the same pixels.
        near: ``(n,)`` the first position of the same photograph.
        leaks: ``(k,)`` positions of test faces whose photograph is also in train or val.
        quality: Of each face.
    """

    data: FaceData
    answered_by: str
    probs: np.ndarray
    rows: np.ndarray
    issues: Issues
    exact: np.ndarray
    near: np.ndarray
    leaks: np.ndarray
    quality: list[Quality]

    @property
    def leak_free(self) -> float:
        """Share of the test faces whose photograph is nowhere else; 1 without test faces."""
        test = int((self.data.splits == SPLITS.index("test")).sum())
        return 1.0 - len(self.leaks) / test if test else 1.0

    @property
    def poor(self) -> np.ndarray:
        """Positions of faces with a problem of quality."""
        return np.flatnonzero([bool(item.problems) for item in self.quality])

    def classes(self) -> dict[str, ClassFigures]:
        """Figures of each emotion."""
        labels, found = self.data.labels, {}
        scored, likely = self.data.labels[self.rows], self.issues.likely
        answers = self.probs[self.rows].argmax(axis=1) if len(self.rows) else scored
        for number, emotion in enumerate(EMOTIONS):
            count = int((labels == number).sum())
            mine = scored == number
            wrong = self.issues.suggested[mine & likely]
            found[emotion] = ClassFigures(
                faces=count,
                share=count / max(len(labels), 1),
                rare=count / max(len(labels), 1) < RARE,
                issues=int((mine & likely).sum()),
                agreement=float((answers[mine] == number).mean()) if mine.any() else float("nan"),
                mistaken_for=EMOTIONS[int(np.bincount(wrong).argmax())] if len(wrong) else "",
            )
        return found

    def to_json(self) -> dict[str, object]:
        """The whole audit as plain values; ids are those of the data set."""
        ids = [str(name) for name in self.data.ids]
        return {
            "data": {
                "name": self.data.name,
                "source": self.data.source,
                "fingerprint": self.data.fingerprint,
                "faces": len(self.data),
            },
            "answered_by": self.answered_by,
            "label_issues": [
                {
                    "id": ids[row],
                    "label": EMOTIONS[self.data.labels[row]],
                    "suggested": EMOTIONS[self.issues.suggested[at]],
                    "score": round(float(self.issues.scores[at]), 6),
                    "likely": bool(self.issues.likely[at]),
                    "split": SPLITS[self.data.splits[row]],
                }
                for at, row in enumerate(self.rows)
            ],
            "duplicates": {
                "exact": _groups(self.exact, ids),
                "near": _groups(self.near, ids),
            },
            "leaks": {
                "test_ids": [ids[row] for row in self.leaks],
                "leak_free": round(self.leak_free, 6),
            },
            "quality": [
                {"id": ids[row], "problems": list(self.quality[row].problems)}
                | {name: round(value, 4) for name, value in vars(self.quality[row]).items()}
                for row in self.poor
            ],
            "classes": {
                emotion: {name: _plain(value) for name, value in vars(figures).items()}
                for emotion, figures in self.classes().items()
            },
        }


def audit(data: FaceData, probs: np.ndarray, answered_by: str) -> Audit:
    """Look at a data set.

    Args:
        data: The data set.
        probs: ``(n, 7)`` answers of models that have not learned the faces; rows of NaN are faces
            whose label is not scored.
        answered_by: Where they are from, for people.

    Raises:
        DataError: no face has an answer.
    """
    scored = np.flatnonzero(np.isfinite(probs).all(axis=1))
    issues = find_issues(data.labels[scored], probs[scored])
    order = np.argsort(-issues.scores, kind="stable")
    near = grouped(data)
    first: dict[bytes, int] = {}
    exact = np.array(
        [first.setdefault(digest, at) for at, digest in enumerate(digests(data.images))], np.int64
    )
    test = data.splits == SPLITS.index("test")
    return Audit(
        data=data,
        answered_by=answered_by,
        probs=probs,
        rows=scored[order],
        issues=Issues(issues.scores[order], issues.suggested[order], issues.likely[order]),
        exact=exact,
        near=near,
        leaks=np.flatnonzero(test & np.isin(near, np.unique(near[~test]))),
        quality=quality_of(data.images),
    )


def agreement(audit: Audit, position: int, members: np.ndarray) -> int:
    """How many of several models' answers ``(m, n)`` differ from a face's label."""
    return int((members[:, position] != audit.data.labels[position]).sum())


def _groups(firsts: np.ndarray, ids: list[str]) -> list[list[str]]:
    """Ids of each group of two or more."""
    order = np.argsort(firsts, kind="stable")
    cuts = np.flatnonzero(np.diff(firsts[order])) + 1
    return [[ids[at] for at in group] for group in np.split(order, cuts) if len(group) > 1]


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, float):
        return None if value != value else round(value, 6)
    return value
