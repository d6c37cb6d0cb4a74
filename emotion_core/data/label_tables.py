"""What number labels mean: the tables of the published data sets, and a user's own.

A table travels in the data set's spec, as ``faces.csv#labels=raf-db``, so that a run's config, a
link and a recent path give the same faces again.
"""

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emotion_core.data.faces import is_synthetic
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS, parse_emotion
from emotion_core.paths import is_readable, readable, user_path

FER2013_TABLE = "fer2013"
# What faces are labelled as elsewhere, and no model here knows: these faces are left out.
_OTHER = ("contempt", "unknown", "none", "uncertain", "no-face", "no face", "nf")
_FIRST_AND_NAMES: dict[str, tuple[int, str]] = {
    # The order of folders' names, which ImageFolder and Keras number.
    "alphabetical": (0, " ".join(EMOTIONS)),
    # Goodfellow et al. 2013, the column ``emotion``.
    FER2013_TABLE: (0, "angry disgust fear happy sad surprise neutral"),
    # Li, Deng and Du 2017, ``list_patition_label.txt`` and the folders named after it.
    "raf-db": (1, "surprise fear disgust happy sad angry neutral"),
    # Barsoum et al. 2016, the columns of ``fer2013new.csv``.
    "ferplus": (0, "neutral happy surprise sad angry disgust fear contempt unknown no-face"),
    # Mollahosseini et al. 2017.
    "affectnet": (
        0,
        "neutral happy sad surprise fear disgust angry contempt none uncertain no-face",
    ),
}
TABLES = tuple(_FIRST_AND_NAMES)
CHOICES = f"{', '.join(TABLES)}, or a JSON or CSV file of number and emotion"
HELP = f"what number labels mean: {CHOICES} (default: detected)"

_MARK = "#labels="
_LEFT_OUT = "-"
_MOST_BYTES = 100_000  # of a table's file
_NUMBER = re.compile(r"\+?([0-9]{1,3})(?:\.0*)?")  # pandas writes 3.0 in a column with gaps


@dataclass(frozen=True)
class LabelTable:
    """The emotion of each number.

    Attributes:
        name: Of the table, or its whole content as ``with_labels`` writes it.
        emotions: Label index by number; None for faces that are left out.
    """

    name: str
    emotions: Mapping[int, int | None]

    def __str__(self) -> str:
        """Such as ``0 angry, 1 disgust``, without what is left out."""
        known = [(number, self.emotions[number]) for number in sorted(self.emotions)]
        return ", ".join(f"{number} {EMOTIONS[at]}" for number, at in known if at is not None)


def parse_number(text: str) -> int | None:
    """The whole number from 0 to 999 that a label is; None if it is none."""
    found = _NUMBER.fullmatch(text.strip())
    return int(found[1]) if found else None


def label_table(text: str) -> LabelTable:
    """The table of a name, or of a content such as ``1:surprise,2:fear,3:-``.

    Raises:
        DataError: there is no such table.
    """
    if text in _FIRST_AND_NAMES:
        first, names = _FIRST_AND_NAMES[text]
        named = enumerate(names.split(), start=first)
        return LabelTable(text, {number: parse_emotion(name) for number, name in named})
    pairs = [part.partition(":") for part in text.split(",")]
    return LabelTable(text, _checked([(number, name) for number, _, name in pairs], text))


def with_labels(spec: str, labels: str) -> str:
    """A data set's spec that says what its numbers mean.

    Args:
        spec: As for ``load_data``; a table that it names already is replaced.
        labels: A table's name or content; or the path of a JSON file ``{"1": "surprise", ...}`` or
            ``["angry", ...]``, or of a CSV file of number and emotion. The file's content is kept,
            so that nobody needs the file later. Empty: the spec stays as it is.

    Raises:
        DataError: there is no such table, the file is none, or the faces are drawn.
        AccessError: the caller may not open files there.
    """
    place, _ = split_labels(spec)
    if not labels:
        return spec
    if is_synthetic(place):
        raise DataError("--labels is for data sets with number labels; drawn faces have names.")
    path = user_path(labels)
    if labels in TABLES or (":" in labels and not (is_readable(path) and path.exists())):
        return f"{place}{_MARK}{label_table(labels).name}"
    table = _checked(_file_pairs(readable(path), labels), str(path))
    content = ",".join(
        f"{number}:{_LEFT_OUT if label is None else EMOTIONS[label]}"
        for number, label in sorted(table.items())
    )
    return f"{place}{_MARK}{content}"


def split_labels(spec: str) -> tuple[str, str]:
    """A spec without its table, and the table's name or content; empty if it names none."""
    place, mark, labels = spec.strip().rpartition(_MARK)
    return (place, labels) if mark else (spec.strip(), "")


def _file_pairs(path: Path, text: str) -> list[tuple[object, object]]:
    if not path.is_file():
        raise DataError(f"There is no table of labels '{text}', nor such a file. Known: {CHOICES}.")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES:,} bytes")
        content = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() != ".json":
            rows = [row for row in csv.reader(io.StringIO(content)) if len(row) > 1]
            named = [row for row in rows if any(parse_number(cell) is not None for cell in row[:2])]
            return [(row[0], row[1]) for row in named]  # without a header
        found = json.loads(content)
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise DataError(f"{path} is not a readable table of labels ({error}).") from error
    if isinstance(found, list):
        return list(enumerate(found))
    if isinstance(found, dict):
        return list(found.items())
    raise DataError(f'{path} must hold {{"1": "surprise", ...}} or ["angry", ...].')


def _checked(pairs: list[tuple[object, object]], source: str) -> dict[int, int | None]:
    """Label index by number, of pairs in either order; a clear word for what is neither."""
    table: dict[int, int | None] = {}
    for one, other in pairs:
        number, name = parse_number(str(one)), str(other)
        if number is None:
            number, name = parse_number(str(other)), str(one)
        name = name.strip().lower()
        label = parse_emotion(name)
        if number is None or (label is None and name not in (*_OTHER, _LEFT_OUT, "")):
            raise DataError(
                f"The table of labels '{source[:80]}' says '{str(one)[:40]}' is "
                f"'{str(other)[:40]}'. It takes a number from 0 to 999 and one of "
                f"{', '.join(EMOTIONS)}, or '{_LEFT_OUT}' to leave faces out. Known: {CHOICES}."
            )
        if table.setdefault(number, label) != label:
            raise DataError(f"The table of labels '{source[:80]}' has the number {number} twice.")
    if all(label is None for label in table.values()):
        raise DataError(f"The table of labels '{source[:80]}' names no emotion.")
    return table
