"""Collections in and out: any form of data set that ``data.sources`` reads, zip, CSV and Parquet."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np

from emotion_core.access import Action, require
from emotion_core.collect.faces import NewFace, add_faces, start_session
from emotion_core.collect.quality import quality_of
from emotion_core.data.collected import load_collection
from emotion_core.data.faces import SPLITS, FaceData
from emotion_core.data.generated import GENERATED, is_generated, without_generated
from emotion_core.data.parsed import Progress
from emotion_core.data.sources import load_data
from emotion_core.data.table import CSV_ORDER
from emotion_core.data.walk import picture_files
from emotion_core.errors import CollectionError
from emotion_core.files import write_bytes
from emotion_core.labels import EMOTIONS

FORMS = ("zip", "csv", "parquet")
_BATCH = 500
_USAGE = {"train": "Training", "val": "Validation", "test": "PrivateTest"}


def import_data(name: str, spec: str, *, progress: Progress | None = None) -> int:
    """Copy a data set's faces and labels into a collection, a session per split.

    Args:
        name: Of the collection.
        spec: As for ``load_data``.
        progress: Told what is being done and the share done (0..1).

    Returns:
        How many faces were added; those that the collection has already are left out.

    Raises:
        CollectionError: there is no such collection, or the disk is full.
        DataError: the data set cannot be read.
    """
    require(Action.COLLECT)
    data = load_data(spec, progress=progress)
    added = done = 0
    for code, split in enumerate(SPLITS):
        positions = np.flatnonzero(data.splits == code)
        if not len(positions):
            continue
        session = start_session(name, f"{data.name}, {split}", role=split)
        for start in range(0, len(positions), _BATCH):
            rows = positions[start : start + _BATCH]
            added += len(add_faces(session, _new_faces(data, rows)))
            done += len(rows)
            if progress:
                progress("Copying faces", done / len(data))
    return added


def export_data(name: str, path: Path) -> int:
    """Write the confirmed faces of a collection as one file that other programs read.

    Generated faces are left out: no such file could carry their mark.

    Args:
        name: Of the collection.
        path: Ends in ``.zip`` (a folder tree), ``.csv`` (FER-2013's form) or ``.parquet``.

    Returns:
        How many faces were written.

    Raises:
        CollectionError: the ending is another one, or there is no such collection.
        DataError: no face has a confirmed emotion.
    """
    form = path.suffix.lower().lstrip(".")
    if form not in FORMS:
        raise CollectionError(f"{path.name}: the name must end in .zip, .csv or .parquet.")
    data = without_generated(load_collection(name))
    write_bytes(path, exported(data, form), parents=True)
    return len(data)


def exported(data: FaceData, form: str) -> bytes:
    """A data set as the bytes of one file, without generated faces.

    Args:
        data: Its faces.
        form: One of ``FORMS``.

    Raises:
        CollectionError: all of its faces are generated.
    """
    data = without_generated(data)
    if not len(data):
        raise CollectionError(
            f"All faces of {data.name} are generated. They are not exported, since no file of these "
            "forms could carry their mark."
        )
    return {"zip": _as_zip, "csv": _as_csv, "parquet": _as_parquet}[form](data)


def _new_faces(data: FaceData, rows: np.ndarray) -> list[NewFace]:
    images, made = np.array(data.images[rows]), is_generated(data)[rows]
    return [
        NewFace(
            face=face,
            large=None,
            source=GENERATED if generated else "import",
            origin=str(data.ids[row]),
            quality=quality,
            label=EMOTIONS[data.labels[row]],
            by="import",
            who=data.name,
        )
        for face, row, quality, generated in zip(
            images, rows, quality_of(images), made, strict=True
        )
    ]


def _as_zip(data: FaceData) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # PNG is packed already
        for place, picture in picture_files(data):
            archive.writestr(place, picture)
    return out.getvalue()


def _as_csv(data: FaceData) -> bytes:
    """FER-2013's own form: number of the emotion in its order, pixels, usage."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["emotion", "pixels", "Usage"])
    for image, label, split in zip(data.images, data.labels, data.splits, strict=True):
        number = CSV_ORDER.index(EMOTIONS[label])
        writer.writerow([number, " ".join(map(str, image.ravel())), _USAGE[SPLITS[split]]])
    return out.getvalue().encode()


def _as_parquet(data: FaceData) -> bytes:
    """A row per face: ``image`` (PNG bytes), ``label`` (name), ``split``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pictures = [picture for _, picture in picture_files(data)]
    table = pa.table(
        {
            "image": [{"bytes": picture, "path": None} for picture in pictures],
            "label": [EMOTIONS[label] for label in data.labels],
            "split": [SPLITS[split] for split in data.splits],
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()
