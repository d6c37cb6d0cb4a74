"""Tables of faces as text: FER-2013's original CSV, and others of its form."""

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from emotion_core.data.faces import FACE_SIZE
from emotion_core.data.number_labels import label_value
from emotion_core.data.parsed import Parsed, Progress, usage_of
from emotion_core.data.split_names import is_split_word
from emotion_core.errors import DataError
from emotion_core.files import open_regular

_PIXELS = FACE_SIZE * FACE_SIZE
_BLOCK = 512  # rows parsed together
_LONGEST_VALUE = 100  # characters of a split's name
_SPACE, _ZERO, _NINE = 32, 48, 57
_LONGEST_LINE = 1_000_000  # characters

# The CSV's own codes, which are not the alphabetical order.
CSV_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

LABEL_COLUMNS = ("emotion", "emotions", "label", "labels", "expression")
_SPLITS = {"usage", "split", "subset", "partition", "phase", "fold"}


def read_csv(path: Path, progress: Progress | None = None) -> Parsed:
    """Read ``emotion,pixels[,Usage]``, also with spaces in the header as in icml_face_data.csv.

    Commas, semicolons and tabs separate columns. The split's column may have another name. A row
    with a wrong pixel count or an unknown emotion is skipped and listed by line.

    Raises:
        DataError: it is no such table, its columns are missing, or a split is unclear.
    """
    parsed = Parsed()
    values: list[str] = []  # of the split's column, by face
    size = max(path.stat().st_size, 1)
    with (
        open_regular(path) as binary,
        io.TextIOWrapper(binary, encoding="utf-8-sig", errors="replace", newline="") as text,
    ):
        rows = _csv_rows(path, text)
        _, header = next(rows, (0, []))
        label_at, pixels_at = _csv_columns(path, header)
        parsed.fer2013_layout = header[label_at].strip().lower() == "emotion"
        split_at: int | None = None
        block: list[tuple[int, int, str, str]] = []
        for line, row in rows:
            if len(row) <= max(label_at, pixels_at):
                if row:
                    parsed.skip(f"line {line}", "too few columns")
                continue
            if split_at is None:
                split_at = split_column(header, row)
            label = label_value(row[label_at])
            if label is None:
                parsed.skip(f"line {line}", f"unknown emotion '{row[label_at].strip()[:40]}'")
                continue
            value = row[split_at].strip()[:_LONGEST_VALUE] if 0 <= split_at < len(row) else ""
            block.append((line, label, row[pixels_at], value))
            if len(block) == _BLOCK:
                values += _take(block, parsed)
                block.clear()
                if progress:
                    progress("Reading rows", binary.tell() / size)
        values += _take(block, parsed)
    if split_at is not None and split_at >= 0:
        titled = split_at < len(header)  # a damaged header may be shorter than its rows
        title = f"'{header[split_at].strip()}'" if titled else f"number {split_at + 1}"
        what = f"values of the column {title}"
        parsed.resplit(values, {value: value for value in values}, str(path), what)
    return parsed


def _csv_rows(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row, from the first that is not blank."""
    lines = _lines(path, file)
    first, blank = next(lines, ""), 0
    while first and not first.strip():
        first, blank = next(lines, ""), blank + 1
    separator = max(",;\t", key=first.count)  # pixels have spaces between them
    reader = csv.reader(itertools.chain([first], lines), delimiter=separator)
    try:
        for row in reader:
            yield reader.line_num + blank, row
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num + blank}: {error}. A quotation mark before it may be "
            "open; remove it."
        ) from error


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """Lines of a bearable length: a file of zeros is one line without end."""
    number = 1
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise DataError(
                f"{path}, line {number} is longer than {_LONGEST_LINE:,} characters; a face has "
                "about 9,000."
            )
        yield line
        number += 1


def _csv_columns(path: Path, header: list[str]) -> tuple[int, int]:
    """Places of the label and the pixels."""
    names = [name.strip().lower() for name in header]
    label = next((names.index(name) for name in LABEL_COLUMNS if name in names), None)
    if label is None or "pixels" not in names:
        found = ", ".join(names[:5])[:80] or "nothing"
        raise DataError(
            f"{path}: the first line must name the columns emotion and pixels (and Usage), "
            f"separated by commas, semicolons or tabs; found: "
            f"{found if found.isprintable() else 'no text in UTF-8'}."
        )
    return label, names.index("pixels")


def split_column(header: Sequence[str], row: Sequence[Any]) -> int:
    """Place of the column that names the split, by its name or else by its first value; or -1."""
    for place, name in enumerate(header):
        if set(re.findall("[a-z]+", name.lower())) & _SPLITS or name.strip().lower() == "set":
            return place
    plain = (place for place, value in enumerate(row) if is_split_word(str(value)))
    return next(plain, -1)


def _take(block: list[tuple[int, int, str, str]], parsed: Parsed) -> list[str]:
    """Parse a block of pixel strings at once; rows that do not fit one by one, to name them.

    Returns:
        The split's value of each face taken.
    """
    if not block:
        return []
    texts = [_single_spaced(pixels) for _, _, pixels, _ in block]
    sound = [text.count(" ") == _PIXELS - 1 for text in texts]
    together = _parse([text for text, fine in zip(texts, sound, strict=True) if fine])
    position, values = 0, []
    for (line, label, _, value), text, fine in zip(block, texts, sound, strict=True):
        image = None
        if fine:
            image = together[position] if together is not None else _parse_one(text)
            position += 1
        if image is None:
            parsed.skip(f"line {line}", _why_no_pixels(text))
            continue
        kind = usage_of(value)
        parsed.add(image, label, 0, f"{kind or 'row'}_{line}", kind)
        values.append(value)
    return values


def _why_no_pixels(text: str) -> str:
    count = len(text.split())
    if count == _PIXELS:
        return "pixels must be whole numbers from 0 to 255"
    return f"{count} pixels instead of {_PIXELS}"


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


def face_of_text(text: str) -> np.ndarray:
    """The face ``(48, 48)`` uint8 of a text of pixels.

    Raises:
        DataError: it has another number of values, or one is no byte.
    """
    text = _single_spaced(text)
    face = _parse_one(text) if text.count(" ") == _PIXELS - 1 else None
    if face is None:
        raise DataError(_why_no_pixels(text))
    return face
