"""The study's ``.npy`` dictionary, read without running any code that it may carry."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from emotion_core.data.allowance import Allowance
from emotion_core.data.face_arrays import add_arrays
from emotion_core.data.parsed import Parsed, Progress
from emotion_core.data.plain_pickle import load_plain
from emotion_core.data.split_names import read_splits, split_notes
from emotion_core.errors import DataError
from emotion_core.files import open_regular


def read_numpy_dict(path: Path, progress: Progress | None = None) -> Parsed:
    """Read ``{'train': (X, y), 'val': ..., 'test': ...}`` with named labels.

    Args:
        path: The ``.npy`` file.
        progress: Told after each split.

    Raises:
        DataError: the file carries code, is no such dictionary, or its arrays do not fit.
    """
    try:
        size = path.stat().st_size
        with open_regular(path) as file:
            content = _load(file, size)
    except DataError as error:
        raise DataError(f"{path} is refused: {error}.") from error
    except Exception as error:  # a damaged pickle may raise anything
        raise DataError(
            f"{path} is not a readable .npy dictionary ({type(error).__name__}: "
            f"{str(error)[:200]})."
        ) from error
    if not isinstance(content, dict) or not content:
        raise DataError(
            f"{path} must hold a dictionary {{'train': (X, y), 'test': (X, y)}}, found "
            f"{type(content).__name__}."
        )
    parsed = Parsed(allowance=Allowance(str(path), size))
    pairs = {str(name)[:80]: pair for name, pair in content.items()}
    names = {name: name for name in pairs}
    codes, faces = read_splits(names, str(path), "keys"), dict.fromkeys(pairs, 1)
    for position, (name, code) in enumerate(codes.items()):
        before = len(parsed.images)
        try:
            add_arrays(parsed, f"{path}: '{name}'", name, code, pairs[name])
        except SystemError as error:  # damaged text may hold letters that Unicode does not have
            raise DataError(f"{path}: '{name}' is damaged ({error}).") from error
        faces[name] = len(parsed.images) - before
        if progress:
            progress("Reading arrays", (position + 1) / len(codes))
    parsed.notes += split_notes(names, codes, faces)
    if not parsed.images and not parsed.skipped:
        raise DataError(f"{path} has none of the splits train, val and test with faces in it.")
    return parsed


def _load(file: BinaryIO, size: int) -> Any:
    version = np.lib.format.read_magic(file)
    reader = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    _, _, dtype = reader(file)
    if dtype != np.dtype(object):
        raise DataError(f"it holds one array of {dtype}, without labels")
    array = load_plain(file, size)
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array
