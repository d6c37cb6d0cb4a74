"""The forms that a data set comes in, recognised by what the path holds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emotion_core.data.face_arrays import read_npz
from emotion_core.data.fer2013 import data_files_in
from emotion_core.data.folder import holds_pictures, read_folder
from emotion_core.data.numpy_dict import read_numpy_dict
from emotion_core.data.parquet import parquet_files, read_parquet
from emotion_core.data.parsed import Parsed, Progress
from emotion_core.data.table import read_csv
from emotion_core.data.zips import read_zip
from emotion_core.errors import DataError
from emotion_core.files import open_regular
from emotion_core.labels import EMOTIONS


@dataclass(frozen=True)
class Form:
    """One form a data set comes in."""

    fits: Callable[[Path], bool]
    read: Callable[[Path, Progress | None], Parsed]


FORMS = (
    Form(lambda path: _is_zip(path) and path.suffix.lower() == ".npz", read_npz),
    Form(lambda path: _is_zip(path), read_zip),
    Form(lambda path: path.is_file() and _starts(path, b"\x93NUMPY"), read_numpy_dict),
    Form(lambda path: path.is_file() and path.suffix.lower() in (".csv", ".tsv"), read_csv),
    Form(lambda path: path.is_dir() and holds_pictures(path), read_folder),
    Form(lambda path: bool(_parquet(path)), read_parquet),
)


# Files that people take for data sets, by their first bytes.
_OTHER_FILES = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras saves weights, and no data set"),
    (b"\x1f\x8b", "a gzip archive: unpack it and give the path of what it holds"),
    (b"BZh", "a bzip2 archive: unpack it and give the path of what it holds"),
    (b"\xfd7zXZ", "an xz archive: unpack it and give the path of what it holds"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it and give the path of what it holds"),
    (b"Rar!", "a RAR archive: unpack it and give the path of what it holds"),
    (b"\x80", "a pickle, which could run code: save its arrays with numpy.savez"),
)


def recognise(path: Path) -> Form:
    """The form of a data set on disk.

    Raises:
        DataError: the path does not exist or holds no known form.
    """
    if not path.exists():
        raise DataError(f"No file or folder at {path}. Check the path, or give 'synthetic'.")
    for form in FORMS:
        if form.fits(path):
            return form
    if path.is_file():
        for start, what in _OTHER_FILES:
            if _starts(path, start):
                raise DataError(f"{path} is {what}.")
    elif files := data_files_in(path):
        shown = ", ".join(file.name for file in files[:5])
        raise DataError(f"{path} holds several files of data: {shown}. Give the path of one.")
    raise DataError(
        f"No data set recognized in {path}. Expected a folder train/<emotion>/*.jpg, a zip "
        "of one, a CSV with emotion and pixels, a .npy dictionary, or Parquet files; emotions: "
        f"{', '.join(EMOTIONS)}."
    )


def _is_zip(path: Path) -> bool:
    return path.is_file() and _starts(path, b"PK\x03\x04")


def _starts(path: Path, magic: bytes) -> bool:
    with open_regular(path) as file:
        return file.read(len(magic)) == magic


def _parquet(path: Path) -> list[Path]:
    return [file for file in parquet_files(path) if file.is_file() and _starts(file, b"PAR1")]
