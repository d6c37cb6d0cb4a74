"""What every reader returns."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from emotion_core.data.allowance import Allowance
from emotion_core.data.faces import Note
from emotion_core.data.split_names import read_splits, split_notes

Progress = Callable[[str, float], object]  # what is being done, share done 0..1

_LISTED = 50  # skipped things named one by one; the rest is counted
_LONGEST = 200  # characters of a name; an array of names gives each as many as the longest has
_LONGEST_MESSAGE = 800


@dataclass
class Parsed:
    """Faces collected by a reader."""

    images: list[np.ndarray] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    usage: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    mended: Counter[str] = field(default_factory=Counter)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # the first of them
    skipped_count: int = 0
    allowance: Allowance = field(default_factory=lambda: Allowance("The data set"))
    fer2013_layout: bool = False  # a table of emotion and pixels, whose numbers are FER-2013's
    one_hot: int = 0  # columns of the labels, where the number of a label is its column

    def add(
        self, image: np.ndarray, label: int, split: int, identity: str, usage: str = ""
    ) -> None:
        """Take one face ``(48, 48)`` uint8."""
        self.images.append(image)
        self.labels.append(label)
        self.splits.append(split)
        self.ids.append(shortened(as_text(identity)))
        self.usage.append(usage)

    def relabel(self, labels: Sequence[int | None]) -> None:
        """Give each face its label, and leave out those with None."""
        kept = [position for position, label in enumerate(labels) if label is not None]
        self.labels = [label for label in labels if label is not None]
        if len(kept) < len(labels):
            self.images = [self.images[position] for position in kept]
            self.splits = [self.splits[position] for position in kept]
            self.usage = [self.usage[position] for position in kept]
            self.ids = [self.ids[position] for position in kept]

    def resplit(
        self, parts: Sequence[str], names: Mapping[str, str | None], source: str, what: str
    ) -> None:
        """Give each face the split of the part of the source that it comes from.

        Args:
            parts: Of each face.
            names: As for ``read_splits``.
            source: As for ``read_splits``.
            what: As for ``read_splits``.

        Raises:
            DataError: a part's split is unclear.
        """
        found = read_splits(names, source, what)
        self.notes += split_notes(names, found, Counter(parts))
        self.splits = [found.get(part, 0) for part in parts]
        self.relabel(
            [y if part in found else None for y, part in zip(self.labels, parts, strict=True)]
        )

    def skip(self, thing: str, why: str) -> None:
        """Leave something out, and remember to say so."""
        self.skipped_count += 1
        if len(self.skipped) < _LISTED:
            self.skipped.append((thing, why))

    def all_notes(self) -> tuple[Note, ...]:
        """Everything to tell the user, fixed things first."""
        notes = [
            Note("fixed", "images", message, count) for message, count in self.mended.most_common()
        ]
        notes += [Note("skipped", thing, why) for thing, why in self.skipped]
        notes = self.notes[:_LISTED] + notes
        rest = self.skipped_count - len(self.skipped)
        rest += sum(note.count for note in self.notes[_LISTED:])
        if rest > 0:
            notes.append(Note("skipped", "others", f"and {rest} more, not listed", rest))
        return tuple(
            replace(
                note,
                thing=shortened(as_text(note.thing)),
                message=shortened(as_text(note.message), _LONGEST_MESSAGE),
            )
            for note in notes
        )


def shortened(text: str, limit: int = _LONGEST) -> str:
    """A text of at most ``limit`` characters (from 200); of two that differ, two that differ."""
    if len(text) <= limit:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{text[:100]}...{text[-70:]} ({digest})"


def as_text(name: str) -> str:
    """A file's name for people and pages: what in it is no UTF-8 becomes a code."""
    return name.encode("utf-8", "backslashreplace").decode()


def usage_of(name: str) -> str:
    """FER-2013's usage as its file names and tables spell it; empty if it is none of them."""
    for usage in ("PublicTest", "PrivateTest", "Training"):
        if name.strip().lower().startswith(usage.lower()):
            return usage
    return ""
