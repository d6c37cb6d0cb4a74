"""Tables of faces: FER-2013's original CSV and Parquet files as the hubs publish them."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from emotion_core.data.faces import FACE_SIZE
from emotion_core.data.parsed import Parsed, Progress, decode_image, split_code, usage_of
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS, NUM_CLASSES, parse_emotion

_PIXELS = FACE_SIZE * FACE_SIZE
_BLOCK = 512  # rows parsed together
_SPACE, _ZERO, _NINE = 32, 48, 57

# The CSV's own codes, which are not the alphabetical order.
CSV_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_CSV_LABELS = [EMOTIONS.index(name) for name in CSV_ORDER]


def read_csv(path: Path, progress: Progress | None = None) -> Parsed:
    """Read ``emotion,pixels[,Usage]``, also with spaces in the header as in icml_face_data.csv.

    A row with a wrong pixel count or an unknown emotion is skipped and listed by line.

    Raises:
        DataError: it is no such table, or its columns are missing.
    """
    parsed = Parsed()
    size = max(path.stat().st_size, 1)
    with (
        path.open("rb") as binary,
        io.TextIOWrapper(binary, encoding="utf-8-sig", errors="replace", newline="") as text,
    ):
        rows = _csv_rows(path, text)
        _, names = next(rows, (0, []))
        header = [name.strip().lower() for name in names]
        if "emotion" not in header or "pixels" not in header:
            found = ", ".join(header[:5])[:80] or "nothing"
            raise DataError(
                f"{path}: the first line must name the columns emotion and pixels (and Usage), "
                f"found: {found if found.isprintable() else 'no text in UTF-8'}."
            )
        places = [header.index("emotion"), header.index("pixels")]
        usage_place = header.index("usage") if "usage" in header else -1
        block: list[tuple[int, int, str, str]] = []
        for line, row in rows:
            if len(row) <= max(places):
                if row:
                    parsed.skip(f"line {line}", "too few columns")
                continue
            label = _csv_label(row[places[0]])
            if label is None:
                parsed.skip(f"line {line}", f"unknown emotion '{row[places[0]].strip()[:40]}'")
                continue
            usage = row[usage_place] if 0 <= usage_place < len(row) else ""
            block.append((line, label, row[places[1]], usage))
            if len(block) == _BLOCK:
                _take(block, parsed, usage_place >= 0)
                block.clear()
                if progress:
                    progress("Reading rows", binary.tell() / size)
        _take(block, parsed, usage_place >= 0)
    return parsed


def _csv_rows(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row."""
    reader = csv.reader(file)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: {error}. A quotation mark before it may be open; "
            "remove it."
        ) from error


def _csv_label(text: str) -> int | None:
    text = text.strip()
    number = text.removesuffix(".0")  # as pandas writes numbers of a column with gaps
    if len(number) == 1 and number.isdecimal() and int(number) < NUM_CLASSES:
        return _CSV_LABELS[int(number)]
    return parse_emotion(text)


def _take(block: list[tuple[int, int, str, str]], parsed: Parsed, has_usage: bool) -> None:
    """Parse a block of pixel strings at once; rows that do not fit one by one, to name them."""
    if not block:
        return
    texts = [_single_spaced(pixels) for _, _, pixels, _ in block]
    sound = [text.count(" ") == _PIXELS - 1 for text in texts]
    together = _parse([text for text, fine in zip(texts, sound, strict=True) if fine])
    position = 0
    for (line, label, _, usage), text, fine in zip(block, texts, sound, strict=True):
        image = None
        if fine:
            image = together[position] if together is not None else _parse_one(text)
            position += 1
        if image is None:
            count = len(text.split())
            why = (
                "pixels must be whole numbers from 0 to 255"
                if fine
                else f"{count} pixels instead of {_PIXELS}"
            )
            parsed.skip(f"line {line}", why)
            continue
        code = split_code(usage) if has_usage else 0
        if code is None:
            parsed.skip(f"line {line}", f"unknown usage '{usage.strip()[:40]}'")
            continue
        kind = usage_of(usage)
        parsed.add(image, label, code, f"{kind or 'row'}_{line}", kind)


def _single_spaced(text: str) -> str:
    text = text.strip()
    return text if text.count(" ") == _PIXELS - 1 else " ".join(text.split())


def _parse(texts: list[str]) -> np.ndarray | None:
    """Images of texts with the right number of values each; None if any value is no byte."""
    if not texts:
        return np.empty((0, FACE_SIZE, FACE_SIZE), np.uint8)
    # Two leading spaces let the last digit's two neighbours to the left always exist.
    raw = np.frombuffer(("  " + " ".join(texts) + " ").encode("ascii", "replace"), np.uint8)
    digit = (raw >= _ZERO) & (raw <= _NINE)
    if not np.all(digit | (raw == _SPACE)):
        return None
    last = np.flatnonzero(digit[:-1] & ~digit[1:])
    values = (raw[last] - _ZERO).astype(np.int16)
    tens = digit[last - 1]
    values += np.where(tens, 10 * (raw[last - 1].astype(np.int16) - _ZERO), 0)
    hundreds = tens & digit[last - 2]
    values += np.where(hundreds, 100 * (raw[last - 2].astype(np.int16) - _ZERO), 0)
    too_long = hundreds & digit[np.maximum(last - 3, 0)]
    if len(values) != len(texts) * _PIXELS or values.max() > 255 or too_long.any():
        return None
    return values.astype(np.uint8).reshape(-1, FACE_SIZE, FACE_SIZE)


def _parse_one(text: str) -> np.ndarray | None:
    found = _parse([text])
    return None if found is None else found[0]


def parquet_files(path: Path) -> list[Path]:
    """The Parquet files of a path: itself, or those in it or its ``data`` folder."""
    if path.is_file():
        return [path]
    return sorted(path.glob("*.parquet")) or sorted(path.glob("data/*.parquet"))


def read_parquet(path: Path, progress: Progress | None = None) -> Parsed:
    """Read Parquet files with picture bytes and a label, split by file name or column.

    Number labels need their names in the file's metadata (as the hubs write them): an order that
    is guessed would give wrong emotions silently.

    Raises:
        DataError: a file is damaged, the columns are missing, or the labels' names are unknown.
    """
    import pyarrow as pa

    parsed = Parsed()
    files = parquet_files(path)
    for position, file in enumerate(files):
        try:
            for share in _take_parquet(file, parsed):
                if progress:
                    progress("Reading rows", (position + share) / len(files))
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{file} is not a readable Parquet file ({error}).") from error
    return parsed


def _take_parquet(file: Path, parsed: Parsed) -> Iterator[float]:
    """Take a file's rows; yields the share done."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file)
    schema = table.schema_arrow
    names = {name.lower(): name for name in schema.names}
    image = next((names[key] for key in ("image", "img", "face", "pixels") if key in names), "")
    label = next((names[key] for key in ("label", "labels", "emotion") if key in names), "")
    split = next((names[key] for key in ("split", "usage") if key in names), "")
    if not image or not label:
        raise DataError(
            f"{file}: expected a column image (picture bytes) and a column label, found: "
            f"{', '.join(schema.names)}."
        )
    order = _hub_labels(schema.metadata or {}, label)
    file_split = split_code(file.stem.split("-")[0])
    row_number = 0
    columns = [name for name in (image, label, split) if name]
    for batch in table.iter_batches(batch_size=_BLOCK, columns=columns):
        for row in batch.to_pylist():
            row_number += 1
            thing = f"{file.name} row {row_number}"
            code = split_code(str(row[split])) if split else (file_split or 0)
            target = _hub_label(row[label], order, file)
            data = row[image].get("bytes") if isinstance(row[image], dict) else row[image]
            if target is None or code is None or not isinstance(data, bytes):
                parsed.skip(thing, "unknown label, split or picture form")
                continue
            try:
                face = decode_image(data, parsed.mended)
            except DataError as error:
                parsed.skip(thing, str(error))
                continue
            parsed.add(face, target, code, thing, usage_of(str(row[split])) if split else "")
        yield row_number / max(table.metadata.num_rows, 1)


def _hub_labels(metadata: dict[bytes, bytes], column: str) -> list[str]:
    """Names of number labels from the metadata that Hugging Face's ``datasets`` writes."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
    except (KeyError, ValueError, TypeError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _hub_label(value: Any, order: list[str], file: Path) -> int | None:
    if isinstance(value, str):
        return parse_emotion(value)
    if not isinstance(value, int):
        return None
    if not order:
        raise DataError(
            f"{file}: its labels are numbers and the file does not say what they mean. Convert "
            f"them to names ({', '.join(EMOTIONS)})."
        )
    return parse_emotion(order[value]) if 0 <= value < len(order) else None
