"""FER+: ten people's votes on each face of FER-2013 (Barsoum et al. 2016, microsoft/FERPlus, MIT).

FER+'s table has no pictures: its rows stand in the order of FER-2013's original CSV. Votes are aligned
once and kept by pixel digest, so that every form of the data set finds them.
"""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_core.data.faces import FaceData, digests
from emotion_core.errors import DataError
from emotion_core.files import atomic_path, open_regular, read_once, read_regular
from emotion_core.labels import EMOTIONS
from emotion_core.paths import cache_dir
from emotion_core.units import percent

NAME = "fer2013new.csv"
URL = f"https://raw.githubusercontent.com/microsoft/FERPlus/master/{NAME}"
SHA256 = "9206e20d62f56475939f516847d61753e4860caeac9718b560129541b776fc2c"
ROWS = 35_887
# FER+'s columns in its own order, and what they are called here.
COLUMNS = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "contempt": "contempt",
    "unknown": "unknown",
    "NF": "not a face",
}
NAMES = tuple(COLUMNS.values())
CLASSES = 8  # those that are expressions; the last two are not
_ALSO = {"not_a_face": "NF"}  # header of a table by file names
_MOST_BYTES = 16 * 1024**2
_MOST_VOTES = 1_000  # of one class for one face
# FER+'s first choice is FER-2013's label on 64 % of the faces; in another order on about 17 %.
_LEAST_AGREEMENT = 0.45
BY_HAND = f"Download {URL} and give its path: python -m emotion_core data fetch ferplus --file PATH"


@dataclass(frozen=True)
class Table:
    """A table of votes as it was read.

    Attributes:
        votes: int32 ``(n, 10)`` in the order of ``NAMES``.
        usage: ``(n,)`` FER-2013's "Training", "PublicTest" or "PrivateTest"; empty without the column.
        files: ``(n,)`` paths inside a data set; empty where the rows are in the original order.
    """

    votes: np.ndarray
    usage: tuple[str, ...]
    files: tuple[str, ...]


def votes_path() -> Path:
    """Where aligned votes are kept."""
    return cache_dir() / "ferplus" / "votes.npz"


def table_path() -> Path:
    """Where ``data fetch ferplus`` keeps FER+'s table."""
    return cache_dir() / "ferplus" / NAME


def read_table(path: Path) -> Table:
    """Read FER+'s own table, or one with a column ``file`` of paths inside the data set.

    Raises:
        DataError: it is no such table; the message names the line.
    """
    try:
        data = read_regular(path, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}).") from error
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", errors="replace"), newline=""))
    header = [_ALSO.get(name.strip(), name.strip()) for name in next(rows, [])]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise DataError(
            f"{path}: the first line must name FER+'s columns {', '.join(COLUMNS)}; missing: "
            f"{', '.join(missing)}."
        )
    if "file" not in header and hashlib.sha256(data).hexdigest() != SHA256:
        raise DataError(
            f"{path} is not FER+'s {NAME} (other SHA-256), and has no column 'file' that names the "
            f"faces of its rows. {BY_HAND}"
        )
    places = [header.index(name) for name in COLUMNS]
    votes = []
    kept: dict[str, list[str]] = {"Usage": [], "file": []}
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        try:
            numbers = [int(row[place]) for place in places]
            texts = {name: row[header.index(name)] for name in kept if name in header}
        except (ValueError, IndexError) as error:
            raise DataError(f"{path}, line {line}: ten numbers of votes expected.") from error
        if min(numbers) < 0 or max(numbers) > _MOST_VOTES:
            raise DataError(f"{path}, line {line}: votes must be 0 to {_MOST_VOTES}.")
        votes.append(numbers)
        for name, text in texts.items():
            kept[name].append(text)
    if not votes:
        raise DataError(f"{path} has no rows.")
    return Table(np.array(votes, np.int32), tuple(kept["Usage"]), tuple(kept["file"]))


def align(table: Table, data: FaceData) -> np.ndarray:
    """Each face's votes, int32 ``(len(data), 10)``; zeros where the table has none.

    Args:
        table: FER+'s own, whose rows are those of the original CSV, or one by file names.
        data: FER-2013.

    Raises:
        DataError: rows and faces do not belong together; the message says how to go on.
    """
    votes = np.zeros((len(data), len(NAMES)), np.int32)
    if table.files:
        rows = {name: row for row, name in enumerate(table.files)}
        found = [rows.get(str(name), -1) for name in data.ids]
        known = np.array(found) >= 0
        votes[known] = table.votes[np.array(found)[known]]
    elif len(table.votes) == len(data) and tuple(map(str, data.usage)) == table.usage:
        known = np.ones(len(data), bool)
        votes[:] = table.votes
    else:
        raise DataError(
            f"FER+'s rows are in the order of FER-2013's original CSV, and {data.name} "
            f"({data.source}) is not that: {len(data):,} faces in another order. Give the CSV "
            "once, and every form of FER-2013 finds the votes by its pixels: python -m "
            "emotion_core data fetch ferplus --data PATH/fer2013.csv"
        )
    if not known.any():
        raise DataError(
            f"Not one of the {len(table.files):,} file names of the table of votes is a face of "
            f"{data.name} ({data.source}), such as {data.ids[0]}."
        )
    agreement = agreement_with_labels(votes[known], data.labels[known])
    if agreement < _LEAST_AGREEMENT:
        raise DataError(
            f"The votes agree with the labels on {percent(agreement, 0)} of the faces of {data.source}, and "
            "would on about 64 % if they belonged to them: the rows are in another order. Give "
            "FER-2013's original CSV by --data."
        )
    return votes


def agreement_with_labels(votes: np.ndarray, labels: np.ndarray) -> float:
    """Share of faces, of those with votes for an emotion, whose first choice is their label.

    Args:
        votes: ``(n, 10)``.
        labels: int64 ``(n,)``.
    """
    judged = votes[:, :CLASSES].sum(axis=1) > 0
    if not judged.any():
        return 0.0
    first = np.array([EMOTIONS.index(name) if name in EMOTIONS else -1 for name in NAMES[:CLASSES]])
    found: np.ndarray = first[votes[judged, :CLASSES].argmax(axis=1)] == labels[judged]
    return float(found.mean())


def keep_votes(votes: np.ndarray, data: FaceData) -> int:
    """Keep aligned votes by pixel digest; equal pictures share the sum of theirs.

    Args:
        votes: ``(len(data), 10)``.
        data: Whose faces they are about.

    Returns:
        How many different pictures have votes.

    Raises:
        OSError: the cache cannot be written.
    """
    voted = np.flatnonzero(votes.any(axis=1))
    keys = np.frombuffer(b"".join(digests(data.images[voted])), np.uint8).reshape(-1, 16)
    unique, inverse = np.unique(keys, axis=0, return_inverse=True)
    summed = np.zeros((len(unique), len(NAMES)), np.int32)
    np.add.at(summed, inverse.ravel(), votes[voted])
    with (
        atomic_path(votes_path(), parents=True) as temporary,
        temporary.open("wb") as file,
    ):
        np.savez_compressed(file, allow_pickle=False, keys=unique, votes=summed)
    return len(unique)


def votes_of(data: FaceData) -> np.ndarray | None:
    """The kept votes of a data set's faces, int32 ``(len(data), 10)`` in the order of ``NAMES``.

    Returns:
        Zeros for faces without; None where no votes are kept, or none of these faces has any.
    """
    found = votes_of_faces(data.images)
    return found if found is not None and found.any() else None


def votes_of_faces(images: np.ndarray) -> np.ndarray | None:
    """As ``votes_of``, of faces ``(n, 48, 48)`` uint8; zeros where none has any."""
    kept = _kept_votes()
    if not kept:
        return None
    none = np.zeros(len(NAMES), np.int32)
    rows = [kept.get(digest, none) for digest in digests(images)]
    return np.stack(rows) if rows else np.zeros((0, len(NAMES)), np.int32)


def vote_texts(images: np.ndarray, most: int = 3) -> list[str]:
    """As ``vote_text``, of faces ``(n, 48, 48)`` uint8; empty texts where no votes are kept."""
    found = votes_of_faces(images)
    return [""] * len(images) if found is None else [vote_text(row, most) for row in found]


def _kept_votes() -> dict[bytes, np.ndarray]:
    """Votes by pixel digest; empty where none are kept, or the file is damaged."""
    try:
        return read_once(votes_path(), _read_votes)
    except Exception:  # zipfile, zlib and numpy each raise their own
        return {}


def _read_votes(path: Path) -> dict[bytes, np.ndarray]:
    with open_regular(path) as file, np.load(file, allow_pickle=False) as arrays:
        keys, votes = arrays["keys"], arrays["votes"]
    if keys.dtype != np.uint8 or keys.shape[1:] != (16,) or votes.shape != (len(keys), len(NAMES)):
        raise ValueError("no votes by pixel digest")
    return {key.tobytes(): row for key, row in zip(keys, votes, strict=True)}


def vote_text(row: np.ndarray, most: int = 3) -> str:
    """Votes of one face ``(10,)`` in words, most first: ``sad 6, fear 3``; empty without votes.

    A name and its number stay on one line.
    """
    order = np.argsort(-row, kind="stable")[:most]
    return ", ".join(f"{NAMES[place]}\u00a0{row[place]}" for place in order if row[place])
