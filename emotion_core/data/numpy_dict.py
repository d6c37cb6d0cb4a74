"""The study's ``.npy`` dictionary, read without running any code that it may carry.

``numpy.save`` of a dictionary writes a pickle. The reader here lets that pickle name arrays,
strings, numbers and plain containers, builds the arrays itself, and refuses every other name.
"""

import pickle  # noqa: TID251 - subclassed to forbid everything but plain arrays
import re
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from emotion_core.data.face_arrays import add_arrays
from emotion_core.data.parsed import Parsed, Progress
from emotion_core.data.split_names import read_splits, split_notes
from emotion_core.errors import DataError


class _Dtype:
    """Stands for ``numpy.dtype``: numbers, text and objects, without fields."""

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[bcfiuOSU][0-9]{1,6}", code):
            raise DataError(f"it holds arrays of '{code}', which faces and labels do not need")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *parts = state
        if order not in tuple("<>|=") or any(part is not None for part in parts[:3]):
            raise DataError("it holds arrays with fields, which faces and labels do not need")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands for ``numpy.ndarray``, whose own pickling takes addresses in memory from the file."""

    def __init__(self, *_: Any) -> None:
        self.state: tuple[Any, ...] = (1, (0,), _Dtype("u1"), False, b"")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    # Bound methods, because a pickle may set attributes of a plain function.
    @classmethod
    def of_buffer(cls, raw: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> Self:
        array = cls()
        array.state = (1, shape, dtype, order == "F", raw)
        return array

    @classmethod
    def of_text(cls, text: str, _: str) -> bytes:
        return text.encode("latin1")  # how old pickles hold bytes

    @classmethod
    def scalar(cls, dtype: _Dtype, raw: bytes) -> Any:
        return cls.of_buffer(raw, dtype, (1,), "C").array()[0]

    def array(self) -> np.ndarray:
        _, shape, kind, fortran, raw = self.state
        if kind.dtype.hasobject:
            flat = np.empty(len(raw), object)
            flat[:] = [_plain(item) for item in raw]
        else:
            flat = np.frombuffer(raw, kind.dtype)
        return flat.reshape(shape, order="F" if fortran else "C")


# All names that a pickle of arrays needs, and what stands in for them.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Array.of_text,
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _Array
    _ALLOWED[f"{_core}.multiarray", "scalar"] = _Array.scalar
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _Array.of_buffer


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise DataError(f"it wants to load {module}.{name}, which plain arrays do not need")
        return _ALLOWED[module, name]


def _plain(value: Any) -> Any:
    """The value with arrays for what stands for them."""
    if isinstance(value, _Array):
        return value.array()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return value


def read_numpy_dict(path: Path, progress: Progress | None = None) -> Parsed:
    """Read ``{'train': (X, y), 'val': ..., 'test': ...}`` with named labels.

    Args:
        path: The ``.npy`` file.
        progress: Told after each split.

    Raises:
        DataError: the file carries code, is no such dictionary, or its arrays do not fit.
    """
    try:
        with path.open("rb") as file:
            content = _load(file)
    except DataError as error:
        raise DataError(f"{path} is refused: {error}.") from error
    except Exception as error:  # a damaged pickle may raise anything
        raise DataError(f"{path} is not a readable .npy dictionary ({error}).") from error
    if not isinstance(content, dict) or not content:
        raise DataError(
            f"{path} must hold a dictionary {{'train': (X, y), 'test': (X, y)}}, found "
            f"{type(content).__name__}."
        )
    parsed = Parsed()
    pairs = {str(name): pair for name, pair in content.items()}
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


def _load(file: BinaryIO) -> Any:
    version = np.lib.format.read_magic(file)
    reader = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    _, _, dtype = reader(file)
    if dtype != np.dtype(object):
        raise DataError(f"it holds one array of {dtype}, without labels")
    array = _plain(_PlainUnpickler(file).load())
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array
