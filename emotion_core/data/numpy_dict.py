"""The study's ``.npy`` dictionary, read without running any code that it may carry.

``numpy.save`` of a dictionary writes a pickle. The reader here lets that pickle name arrays,
strings, numbers and plain containers, builds the arrays itself, and refuses every other name.
"""

import pickle  # noqa: TID251 - subclassed to forbid everything but plain arrays
import re
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from emotion_core.data.faces import FACE_SIZE, Note
from emotion_core.data.parsed import Parsed, Progress, split_code, to_face
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS, parse_emotion


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
    for position, (name, pair) in enumerate(content.items()):
        code = split_code(str(name))
        if code is None:
            parsed.notes.append(Note("skipped", str(name), "not a split (train, val, test)", 1))
            continue
        try:
            _take(path, str(name), code, pair, parsed)
        except SystemError as error:  # damaged text may hold letters that Unicode does not have
            raise DataError(f"{path}: '{name}' is damaged ({error}).") from error
        if progress:
            progress("Reading arrays", (position + 1) / len(content))
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


def _take(path: Path, name: str, code: int, pair: Any, parsed: Parsed) -> None:
    if not isinstance(pair, tuple | list | np.ndarray) or len(pair) != 2:
        raise DataError(f"{path}: '{name}' must be a pair (images, labels).")
    try:
        images, labels = np.asarray(pair[0]), np.asarray(pair[1]).ravel()
    except ValueError as error:
        raise DataError(f"{path}: '{name}' has images of different sizes.") from error
    if images.ndim == 2 and images.shape[1] == FACE_SIZE * FACE_SIZE:
        images = images.reshape(-1, FACE_SIZE, FACE_SIZE)
    elif images.ndim != 3 and not (images.ndim == 4 and images.shape[3] in (1, 3, 4)):
        raise DataError(
            f"{path}: images of '{name}' must be (N, {FACE_SIZE}, {FACE_SIZE}), found "
            f"{images.shape}."
        )
    if len(images) != len(labels):
        raise DataError(f"{path}: '{name}' has {len(images)} images but {len(labels)} labels.")
    if images.dtype.kind not in "iuf" or not images.size:
        raise DataError(f"{path}: images of '{name}' must be numbers, found {images.dtype}.")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):  # also not-a-number
        raise DataError(
            f"{path}: images of '{name}' range from {low} to {high}. Save them as 0..255 or 0..1, "
            "before any standardisation."
        )
    # The study scaled its images to 0..1 before saving.
    factor = 255.0 if images.dtype.kind == "f" and high <= 1.0 else 1.0
    if factor != 1.0:
        parsed.mended["scaled from 0..1 to 0..255"] += len(images)
    for position, (image, label) in enumerate(zip(images, labels, strict=True)):
        text = label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
        target = parse_emotion(text)
        if target is None:
            if text.lstrip("-").removesuffix(".0").isdigit():
                raise DataError(
                    f"{path}: labels of '{name}' are numbers, whose order is not known. Save them "
                    f"as names: {', '.join(EMOTIONS)}."
                )
            parsed.skip(f"{name} {position}", f"unknown emotion '{text[:40]}'")
            continue
        pixels = image
        if image.dtype != np.uint8:
            pixels = np.rint(image.astype(np.float32) * factor).astype(np.uint8)
        if pixels.ndim == 3 and pixels.shape[2] > 1:  # RGB, where a picture file gives BGR
            pixels = pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]
        parsed.add(to_face(pixels, parsed.mended), target, code, f"{name}_{position}")
