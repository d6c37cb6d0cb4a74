"""Parquet files as the hubs publish them: pictures with labels, or FER-2013's table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emotion_core.data.faces import FACE_SIZE
from emotion_core.data.folder import walk
from emotion_core.data.number_labels import label_value
from emotion_core.data.parsed import Parsed, Progress, decode_image, usage_of
from emotion_core.data.split_names import split_folder
from emotion_core.data.table import LABEL_COLUMNS, face_of_text, split_column
from emotion_core.errors import DataError

_BLOCK = 512  # rows decoded together
_DEEPEST = 4  # levels down at which files are looked for
_IMAGES = ("image", "img", "face", "pixels")


def parquet_files(path: Path) -> list[Path]:
    """The Parquet files of a path: itself, or those in it and in its folders."""
    if path.is_file():
        return [path]
    found = []
    for folder, folders, files in walk(path):
        found += [folder / name for name in files if name.lower().endswith(".parquet")]
        folders[:] = [name for name in folders if not name.startswith(".")]
        if len(folder.relative_to(path).parts) >= _DEEPEST:
            folders.clear()
    return found


def read_parquet(path: Path, progress: Progress | None = None) -> Parsed:
    """Read Parquet files with a label and picture bytes or pixels, split by file or column.

    Number labels have the names in the file's metadata (as the hubs write them), or are resolved
    as any other source's: an order that is guessed would give wrong emotions silently.

    Raises:
        DataError: a file is damaged, the columns are missing, or a split is unclear.
    """
    import pyarrow as pa

    parsed = Parsed()
    parts: list[str] = []
    names: dict[str, str | None] = {}
    files = parquet_files(path)
    for position, file in enumerate(files):
        try:
            for share in _take_parquet(file, path, parsed, parts, names):
                if progress:
                    progress("Reading rows", (position + share) / len(files))
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{file} is not a readable Parquet file ({error}).") from error
    _check_single_config(path, files, names)
    parsed.resplit(parts, names, str(path), "files or values of a split's column")
    return parsed


def _take_parquet(
    file: Path, root: Path, parsed: Parsed, parts: list[str], names: dict[str, str | None]
) -> Iterator[float]:
    """Take a file's rows, with what names the split of each; yields the share done."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file)
    schema = table.schema_arrow
    columns = {name.strip().lower(): name for name in schema.names}
    image = next((columns[key] for key in _IMAGES if key in columns), "")
    label = next((columns[key] for key in LABEL_COLUMNS if key in columns), "")
    if not image or not label:
        raise DataError(
            f"{file}: expected a column image (picture bytes) and a column label, found: "
            f"{', '.join(schema.names)}."
        )
    place = split_column(schema.names, [])
    split = schema.names[place] if place >= 0 else ""
    parsed.fer2013_layout = (image.strip().lower(), label.strip().lower()) == ("pixels", "emotion")
    order = _hub_labels(schema.metadata or {}, label)
    within = "" if file == root else file.relative_to(root).as_posix()
    thing_of = within or file.name
    row_number = 0
    for batch in table.iter_batches(
        batch_size=_BLOCK, columns=[name for name in (image, label, split) if name]
    ):
        for row in batch.to_pylist():
            row_number += 1
            thing = f"{thing_of} row {row_number}"
            target = _hub_label(row[label], order)
            if target is None:
                parsed.skip(thing, f"unknown emotion '{str(row[label])[:40]}'")
                continue
            try:
                face = _hub_face(row[image], parsed)
            except DataError as error:
                parsed.skip(thing, str(error))
                continue
            value = str(row[split]).strip() if split else thing_of
            parsed.add(face, target, 0, thing, usage_of(value) if split else "")
            parts.append(value)
            names.setdefault(value, value if split else _split_of_file(thing_of))
        yield row_number / max(table.metadata.num_rows, 1)


def _split_of_file(name: str) -> str | None:
    """What names the split in a path such as ``data/train-00000-of-00001.parquet``."""
    *folders, last = name.split("/")
    return split_folder([*folders, last.rpartition(".")[0].split("-")[0]])


def _check_single_config(path: Path, files: list[Path], names: dict[str, str | None]) -> None:
    """Refuse the hub's several configurations: they hold the same faces, in other forms.

    Raises:
        DataError: the files' splits lie in several folders.
    """
    roots = set()
    for file in files if path.is_dir() else ():
        folders = file.relative_to(path).parts[:-1]
        name = split_folder(folders)
        roots.add(folders[: folders.index(name)] if name in folders else folders)
    if len(roots) > 1:
        shown = ", ".join(sorted("/".join(root) or "." for root in roots)[:5])
        raise DataError(
            f"{path} holds Parquet files of several data sets or configurations: {shown}. Give "
            "the path of one."
        )


def _hub_labels(metadata: dict[bytes, bytes], column: str) -> list[str]:
    """Names of number labels from the metadata that Hugging Face's ``datasets`` writes."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
    except (KeyError, ValueError, TypeError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _hub_label(value: Any, order: list[str]) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and order:
        return label_value(order[value]) if 0 <= value < len(order) else None
    return label_value(value) if isinstance(value, str | int | float) else None


def _hub_face(value: Any, parsed: Parsed) -> np.ndarray:
    """A face from a picture's bytes, a text of pixels, or a list of them."""
    data = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(data, bytes):
        return decode_image(data, parsed.mended)
    if isinstance(data, str):
        return face_of_text(data)
    try:
        pixels = np.array(data)
    except ValueError:  # lists of different lengths
        pixels = np.empty(0)
    fits = pixels.size == FACE_SIZE * FACE_SIZE and pixels.dtype.kind in "iu"
    if not fits or pixels.min() < 0 or pixels.max() > 255:
        raise DataError(f"neither a picture nor {FACE_SIZE} x {FACE_SIZE} pixels from 0 to 255")
    return pixels.astype(np.uint8).reshape(FACE_SIZE, FACE_SIZE)
