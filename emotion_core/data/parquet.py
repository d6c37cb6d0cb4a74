"""Parquet files as the hubs publish them: pictures with labels, or FER-2013's table."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emotion_core.data.allowance import Allowance, UsedUpError
from emotion_core.data.faces import FACE_SIZE
from emotion_core.data.folder import walk
from emotion_core.data.number_labels import label_value
from emotion_core.data.parquet_pages import rows_together
from emotion_core.data.parsed import Parsed, Progress, usage_of
from emotion_core.data.pictures import decode_image
from emotion_core.data.split_names import split_folder
from emotion_core.data.table import LABEL_COLUMNS, face_of_text, split_column
from emotion_core.errors import DataError, EmotionError
from emotion_core.files import open_regular, parse_json

_BUFFER = 1024**2  # bytes of a column that are read from the disk together
_LONGEST_VALUE = 100  # characters of a split's name
_DEEPEST = 4  # levels down at which files are looked for
_IMAGES = ("image", "img", "face", "pixels")


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
        image, label, split = _columns(file, schema)
        layout = (image.strip().lower(), label.strip().lower())
        parsed.fer2013_layout = layout == ("pixels", "emotion")
        order = _hub_labels(schema.metadata or {}, label)
        picked = [_picture_column(file, schema, image)]
        picked += [_plain_column(file, schema, name) for name in (label, split) if name]
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


def _columns(file: Path, schema: Any) -> tuple[str, str, str]:
    """Names of the columns of pictures, labels and splits; the last is empty where there is none.

    Raises:
        DataError: the others are not there.
    """
    columns = {name.strip().lower(): name for name in schema.names}
    image = next((columns[key] for key in _IMAGES if key in columns), "")
    label = next((columns[key] for key in LABEL_COLUMNS if key in columns), "")
    if not image or not label:
        raise DataError(
            f"{file}: expected a column image (picture bytes) and a column label, found: "
            f"{', '.join(schema.names[:10])[:200] or 'nothing'}."
        )
    place = split_column(schema.names, [])
    return image, label, schema.names[place] if place >= 0 else ""


def _picture_column(file: Path, schema: Any, name: str) -> str:
    """What to read of the column of pictures.

    Raises:
        DataError: it is of a type that holds no pictures.
    """
    from pyarrow import types

    kind = schema.field(name).type
    if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        inner = kind.field("bytes").type  # beside it lies the path that the picture had
        if _is_binary(inner):
            return f"{name}.bytes"
    value = kind.value_type if types.is_dictionary(kind) else kind
    if _is_binary(value) or _is_text(value):
        return name
    while types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind = kind.value_type
    if types.is_integer(kind):
        return name
    raise DataError(
        f"{file}: the column '{name}' has the type {str(schema.field(name).type)[:80]}; expected "
        "pictures as bytes, or pixels as text or lists of whole numbers."
    )


def _plain_column(file: Path, schema: Any, name: str) -> str:
    """The name of a column whose values are texts or numbers, and nothing that cannot be read.

    Raises:
        DataError: it is of another type, such as a date.
    """
    from pyarrow import types

    kind = schema.field(name).type
    value = kind.value_type if types.is_dictionary(kind) else kind
    if not (_is_text(value) or types.is_integer(value) or types.is_floating(value)):
        raise DataError(
            f"{file}: the column '{name[:80]}' has the type {str(kind)[:80]}; expected names or "
            "numbers."
        )
    return name


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    tests = (types.is_binary, types.is_large_binary, types.is_binary_view)
    return any(test(kind) for test in (*tests, types.is_fixed_size_binary))


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    tests = (types.is_string, types.is_large_string, types.is_string_view)
    return any(test(kind) for test in tests)


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
