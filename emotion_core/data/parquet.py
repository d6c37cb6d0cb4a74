"""Parquet files as the hubs publish them: pictures with labels, or FER-2013's table."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emotion_core.data.allowance import Allowance, UsedUpError
from emotion_core.data.faces import FACE_SIZE
from emotion_core.data.number_labels import label_value
from emotion_core.data.parquet_columns import face_columns, picture_column, plain_column
from emotion_core.data.parquet_pages import rows_together
from emotion_core.data.parsed import Parsed, Progress, usage_of
from emotion_core.data.pictures import decode_image
from emotion_core.data.split_names import split_folder
from emotion_core.data.table import face_of_text
from emotion_core.data.walk import walk
from emotion_core.errors import DataError, EmotionError
from emotion_core.files import open_regular, parse_json

_BUFFER = 1024**2  # bytes of a column that are read from the disk together
_LONGEST_VALUE = 100  # characters of a split's name
_DEEPEST = 4  # levels down at which files are looked for


def parquet_files(path: Path) -> list[Path]:
    """The Parquet files of a path: itself, or those in it and in its folders."""
    if not path.is_dir():
        return [path] if path.is_file() else []
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
    parsed = Parsed(allowance=Allowance(str(path)))
    parts: list[str] = []
    names: dict[str, str | None] = {}
    files = parquet_files(path)
    for position, file in enumerate(files):
        if not file.is_file():
            parsed.skip(file.name, "a pipe or device, no file")
            continue
        try:
            for share in _take_parquet(file, path, parsed, parts, names):
                if progress:
                    progress("Reading rows", (position + share) / len(files))
        except EmotionError:
            raise
        except Exception as error:  # of Arrow and its parsers
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise DataError(f"{file} is not a readable Parquet file ({reason}).") from error
    _check_single_config(path, files, names)
    parsed.resplit(parts, names, str(path), "files or values of a split's column")
    return parsed


def _take_parquet(
    file: Path, root: Path, parsed: Parsed, parts: list[str], names: dict[str, str | None]
) -> Iterator[float]:
    """Take a file's rows, with what names the split of each; yields the share done."""
    import pyarrow.parquet as pq

    within = "" if file == root else file.relative_to(root).as_posix()
    thing_of = within or file.name
    with open_regular(file) as source:
        parsed.allowance.add(os.fstat(source.fileno()).st_size)
        table = pq.ParquetFile(source, buffer_size=_BUFFER)
        schema = table.schema_arrow
        image, label, split = face_columns(file, schema)
        layout = (image.strip().lower(), label.strip().lower())
        parsed.fer2013_layout = layout == ("pixels", "emotion")
        order = _hub_labels(schema.metadata or {}, label)
        picked = [picture_column(file, schema, image)]
        picked += [plain_column(file, schema, name) for name in (label, split) if name]
        rows = rows_together(source, table.metadata, picked, file)
        row_number = 0
        for batch in table.iter_batches(batch_size=rows, columns=picked):
            faces, labels = batch.column(image), batch.column(label).to_pylist()
            values = batch.column(split).to_pylist() if split else [thing_of] * len(labels)
            for face, named, value in zip(faces, labels, values, strict=True):
                row_number += 1
                thing = f"{thing_of} row {row_number}"
                target = _hub_label(named, order)
                if target is None:
                    parsed.skip(thing, f"unknown emotion '{str(named)[:40]}'")
                    continue
                try:
                    pixels = _hub_face(face, parsed)
                except UsedUpError:
                    raise
                except DataError as error:
                    parsed.skip(thing, str(error))
                    continue
                part = str(value).strip()[:_LONGEST_VALUE] if split else thing_of
                parsed.add(pixels, target, 0, thing, usage_of(part) if split else "")
                parts.append(part)
                names.setdefault(part, part if split else _split_of_file(thing_of))
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
        features = parse_json(metadata[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
    except (KeyError, ValueError, TypeError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _hub_label(value: Any, order: list[str]) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and order:
        return label_value(order[value]) if 0 <= value < len(order) else None
    return label_value(value) if isinstance(value, str | int | float) else None


def _hub_face(value: Any, parsed: Parsed) -> np.ndarray:
    """A face from a picture's bytes, a text of pixels, or a list of them.

    Args:
        value: A ``pyarrow.Scalar``.
        parsed: Whose allowance is used, and which counts what is converted.

    Raises:
        DataError: it is none of them.
    """
    from pyarrow import types

    if types.is_struct(value.type):
        value = value.get("bytes") if value.is_valid else value
    pixels = np.empty(0)
    if value.is_valid and hasattr(value, "values") and types.is_nested(value.type):
        found = value.values  # not as a list in Python, which may be much larger
        while found is not None and types.is_nested(found.type):
            found = found.flatten()
        if found is not None and len(found) == FACE_SIZE * FACE_SIZE:
            pixels = np.asarray(found.to_numpy(zero_copy_only=False))
    else:
        data = value.as_py()
        if isinstance(data, bytes):
            return decode_image(data, parsed.mended, parsed.allowance)
        if isinstance(data, str):
            parsed.allowance.use(len(data), faces=1)
            return face_of_text(data)
    if not pixels.size or pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 255:
        raise DataError(f"neither a picture nor {FACE_SIZE} x {FACE_SIZE} pixels from 0 to 255")
    parsed.allowance.use(pixels.size, faces=1)
    return pixels.astype(np.uint8).reshape(FACE_SIZE, FACE_SIZE)
