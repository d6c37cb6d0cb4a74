"""Pickles of arrays and plain containers, read without running code and within bounds.

``numpy.save`` of a dictionary writes a pickle. The reader here lets that pickle name arrays,
strings, numbers and plain containers, builds the arrays itself, and refuses every other name.
Memory is bounded too: a length is compared with the bytes that are left before anything is
allocated, and what a file mentions often is built once.
"""

import pickle  # noqa: TID251 - subclassed to forbid everything but plain arrays
import re
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar, Self

import numpy as np

from emotion_core.errors import DataError

_DEEPEST = 12  # containers in one another; a dictionary of lists of rows of colours has 7
_MOST_KEYS = 1_000  # of a dictionary; the keys of a data set are its splits
# Bytes that the content may have, as a multiple of the file's: a label's name, which is written
# once, may be mentioned by two bytes.
_EXPANSION, _SPARE = 16, 1024**2


class _Dtype:
    """Stands for ``numpy.dtype``: numbers, text and objects, without fields."""

    __slots__ = ("dtype",)

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[bcfiuOSU][0-9]{1,6}", code):
            raise DataError(f"it holds arrays of '{code[:40]}', which faces and labels do not need")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *parts = state
        if order not in tuple("<>|=") or any(part is not None for part in parts[:3]):
            raise DataError("it holds arrays with fields, which faces and labels do not need")
        self.dtype = self.dtype.newbyteorder(order)


_NOTHING = (1, (0,), _Dtype("u1"), False, b"")


class _Array:
    """Stands for ``numpy.ndarray``, whose own pickling takes addresses in memory from the file."""

    __slots__ = ("state",)

    def __init__(self, *_: Any) -> None:
        self.state: tuple[Any, ...] = _NOTHING

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

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
        if dtype.dtype.hasobject:
            raise DataError("it holds single objects, which faces and labels do not need")
        return np.frombuffer(raw, dtype.dtype, 1)[0]


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

# Instructions that arrays, text, numbers, lists, tuples and dictionaries need.
_INSTRUCTIONS = (
    *("PROTO", "FRAME", "MARK", "STOP", "POP", "POP_MARK", "DUP"),
    *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"),
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2"),
    *("LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "LIST"),
    *("APPEND", "APPENDS", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
)


class _Bounded:
    """A file whose reads are compared with what is left before memory is taken for them."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def read(self, count: int) -> bytes:
        if count > self._size - self._file.tell():
            raise DataError("it announces more bytes than it has")
        return self._file.read(count)

    def readline(self) -> bytes:
        return self._file.readline()


class _PlainUnpickler(pickle._Unpickler):
    """The reader that is written in Python: the C one makes arrays as long as the file says."""

    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    dispatch: ClassVar[dict[int, Any]] = {
        getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]]
        for name in _INSTRUCTIONS
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            wanted = f"{module}.{name}"[:80]
            raise DataError(f"it wants to load {wanted}, which plain arrays do not need")
        return _ALLOWED[module, name]

    def load_build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, _Array | _Dtype):  # anything else keeps its attributes
            raise DataError("it changes objects, which plain arrays do not need")
        target.__setstate__(state)

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def load_setitem(self) -> None:
        items = self.stack[-2:]
        del self.stack[-2:]
        self._set(items)

    def load_setitems(self) -> None:
        self._set(self.pop_mark())

    def load_bytearray8(self) -> None:
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(target) + len(items) // 2 > _MOST_KEYS:
            raise DataError(f"it fills something else than a dictionary of {_MOST_KEYS} keys")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Others may be made so that hashing or comparing them takes for ever.
            if not isinstance(key, str | bytes | float | None) and not (
                isinstance(key, int) and key.bit_length() < 64
            ):
                raise DataError(f"it has keys of type {type(key).__name__}; give names of splits")
            target[key] = value


for _name in ("build", "dict", "setitem", "setitems", "bytearray8"):
    _PlainUnpickler.dispatch[getattr(pickle, _name.upper())[0]] = getattr(
        _PlainUnpickler, f"load_{_name}"
    )


class _Plain:
    """Puts arrays in place of what stands for them; what is mentioned again is built once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: dict[int, tuple[Any, Any, int]] = {}  # by identity, which the first part holds

    def of(self, value: Any, depth: int = 0) -> tuple[Any, int]:
        """The plain value, and its bytes if each mention counted."""
        if not isinstance(value, _Array | dict | list | tuple):
            return value, _bytes(value)
        if not isinstance(value, _Array) and not value:  # may be there a million times
            return value, 8
        if id(value) in self._known:
            return self._known[id(value)][1:]
        if depth > _DEEPEST:
            raise DataError(f"its content is nested more than {_DEEPEST} deep")
        found: Any
        if isinstance(value, _Array):
            found, total = self._array(value, depth)
        elif isinstance(value, dict):
            found, total = {}, 0
            for key, item in value.items():
                found[key], size = self.of(item, depth + 1)
                total += size
        else:
            parts = [self.of(item, depth + 1) for item in value]
            found, total = type(value)(part[0] for part in parts), sum(part[1] for part in parts)
        total += 8
        if total > self._limit:
            raise DataError("it repeats its content far more often than a data set does")
        self._known[id(value)] = value, found, total
        return found, total

    def _array(self, value: _Array, depth: int) -> tuple[np.ndarray, int]:
        _, shape, kind, fortran, raw = value.state
        total = len(raw)
        if kind.dtype.hasobject:
            parts = [self.of(item, depth + 1) for item in raw]
            flat, total = np.empty(len(parts), object), sum(part[1] for part in parts)
            flat[:] = [part[0] for part in parts]
        else:
            flat = np.frombuffer(raw, kind.dtype)
        return flat.reshape(shape, order="F" if fortran else "C"), total


def _bytes(value: Any) -> int:
    if isinstance(value, str | bytes | bytearray):
        return len(value) + 1
    return 1 + value.bit_length() // 8 if isinstance(value, int) else 8


def load_plain(file: BinaryIO, size: int) -> Any:
    """The value of a pickle of arrays, text, numbers, lists, tuples and dictionaries.

    Args:
        file: At the pickle's start.
        size: Bytes of the whole file.

    Raises:
        DataError: it names anything else, or wants more memory than its size allows.
        Exception: it is damaged; the kind is that of the instruction that failed.
    """
    content = _PlainUnpickler(_Bounded(file, size)).load()
    return _Plain(_EXPANSION * size + _SPARE).of(content)[0]
