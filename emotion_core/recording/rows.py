"""A recording's rows: lines of JSON while it runs, Parquet afterwards.

There is a row per face and frame, and one with ``face`` 0 for a frame without a face. A Parquet file
has its index at the end, so that a crash would leave nothing to read; each line of JSON is whole.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emotion_core.errors import RecordingError
from emotion_core.files import atomic_path, open_regular
from emotion_core.labels import EMOTIONS
from emotion_core.live.rows import SECOND, FaceRow, face_row, second_row

if TYPE_CHECKING:
    import pyarrow as pa

    from emotion_core.live.results import Face

NO_FACE = 0  # tracks are counted from 1
_READING = ("emotion", "confidence", *EMOTIONS)
_TEXTS = {"emotion", f"{SECOND}emotion"}
_BATCH = 1024  # rows in memory while they are written
_MOST_LINE = 1024**2  # bytes


def columns() -> tuple[str, ...]:
    """Names of a recording's columns, in order."""
    second = (SECOND + name for name in _READING)
    return ("time", "face", *_READING, "x1", "y1", "x2", "y2", *second)


def recorded_row(time: float, face: "Face", scale_wh: tuple[float, float]) -> FaceRow:
    """A face in a frame, with both models' readings.

    Args:
        time: Seconds from the start.
        face: The pipeline's answer.
        scale_wh: From pixels of its frame to those of the video.
    """
    scale = np.array([*scale_wh, *scale_wh], np.float32)
    row: FaceRow = {"time": time, "face": face.track_id}
    row |= face_row(face.emotion, face.confidence, face.probs, face.box_xyxy * scale)
    if (other := face.second) is not None:
        row |= second_row(other.emotion, other.confidence, other.probs)
    return row


def as_line(rows: list[FaceRow]) -> bytes:
    """The rows of one frame as one line."""
    return (json.dumps(rows, allow_nan=False, separators=(",", ":")) + "\n").encode()


def write_rows(lines: Path, target: Path, until: float) -> int:
    """Make Parquet of lines, a thousand rows at a time.

    Args:
        lines: The JSON lines; a torn last one is left out.
        target: The Parquet file.
        until: Frames after this time are left out: the video has none of them.

    Returns:
        How many frames were written.

    Raises:
        OSError: a file cannot be read or written.
    """
    import pyarrow.parquet as pq

    frames, batch = 0, list[FaceRow]()
    with (
        atomic_path(target) as temporary,
        pq.ParquetWriter(temporary, _schema(), compression="zstd") as writer,
    ):
        for rows in _frames_of(lines):
            if float(rows[0]["time"]) > until:
                break
            frames += 1
            batch += rows
            if len(batch) >= _BATCH:
                writer.write_table(_table(batch))
                batch = []
        writer.write_table(_table(batch))
    return frames


def read_rows(path: Path) -> "pa.Table":
    """A recording's rows, columns as ``columns()``.

    Raises:
        RecordingError: it is no such file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_regular(path) as file:
            table = pq.read_table(file, columns=list(columns()))
            return table.cast(_schema())
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise RecordingError(
            f"{path} is not a recording's table ({error}). The recording is damaged; delete it."
        ) from error


def table_of(rows: list[FaceRow]) -> "pa.Table":
    """Rows as a table with all columns; ``None`` where a row has no such value."""
    return _table(rows)


def _frames_of(path: Path) -> Iterator[list[FaceRow]]:
    with open_regular(path) as file:
        for line in iter(lambda: file.readline(_MOST_LINE), b""):
            try:
                rows = json.loads(line)
            except ValueError:  # the last one, torn by a crash
                return
            if not isinstance(rows, list) or not rows or not isinstance(rows[0], Mapping):
                return
            yield rows


def _schema() -> "pa.Schema":
    import pyarrow as pa

    def kind(name: str) -> "pa.DataType":
        if name in _TEXTS:
            return pa.string()
        return {"time": pa.float64(), "face": pa.int32()}.get(name, pa.float32())

    return pa.schema([(name, kind(name)) for name in columns()])


def _table(rows: list[FaceRow]) -> "pa.Table":
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=_schema())
