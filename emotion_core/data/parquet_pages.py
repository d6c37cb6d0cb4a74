"""What the pages of a Parquet file announce, read before they are unpacked.

Arrow takes memory for a page, and for each row's copy of a dictionary's value, as the file says.
The headers of pages are read here first (Apache Parquet format 2.10, ``PageHeader`` in Thrift's
compact protocol), so that a file of a kilobyte cannot ask for gigabytes.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from emotion_core.errors import DataError

MAX_VALUE = 64 * 1024**2  # bytes of a value, as of a picture's file
_RATIO, _SPARE = 64, 8 * 1024**2  # a page may unpack to so many times its size, and some more
_ROW, _ROWS_SPARE = 32, 1_024  # a row has so many bytes at least, for its picture; but for some
_VALUES, _VALUES_SPARE = 16, 2**21  # a byte holds so many values at most, in lists of pixels
_TOGETHER, _MOST_ROWS = 32 * 1024**2, 128  # bytes and rows that are unpacked together
_DICTIONARY_PAGE = 2
_DELTA_BYTE_ARRAY = 7  # an encoding whose values repeat the start of the one before them
_PAGE = 8  # bytes that a page has at least, with its header
_DEEPEST, _MOST_FIELDS = 8, 100  # of a page's header; there are 3 levels and 25 fields


@dataclass(frozen=True)
class _Page:
    """A page as its header describes it.

    Attributes:
        packed, unpacked: Bytes.
        values: Of all rows; 0 for a dictionary.
        repeats: Whether one of its values may stand in many rows.
    """

    packed: int
    unpacked: int
    values: int
    repeats: bool


def rows_together(file: BinaryIO, metadata: Any, columns: list[str], name: Path) -> int:
    """How many rows may be unpacked at once.

    Args:
        file: The Parquet file.
        metadata: Its ``pyarrow.parquet.FileMetaData``.
        columns: Names of the columns that will be read.
        name: For messages.

    Raises:
        DataError: the file announces more rows, values or bytes than its size can hold.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if metadata.num_rows > len(data) // _ROW + _ROWS_SPARE:
            raise _refused(name, f"{metadata.num_rows:,} rows in {len(data):,} bytes")
        widest, densest, count = 1, 1.0, 0
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            unpacked = 0
            for chunk in map(group.column, range(group.num_columns)):
                if any(f"{chunk.path_in_schema}.".startswith(f"{column}.") for column in columns):
                    pages = _checked_pages(data, chunk, name)
                    count += len(pages)
                    if count > len(data) // _PAGE:  # the same ones, named again and again
                        raise _refused(name, f"{count:,} pages in {len(data):,} bytes")
                    unpacked += sum(page.unpacked for page in pages)
                    widest = max([widest, *(page.unpacked for page in pages if page.repeats)])
            densest = max(densest, unpacked / max(group.num_rows, 1))
    return max(1, int(min(MAX_VALUE // widest, _TOGETHER // densest, _MOST_ROWS)))


def _checked_pages(data: mmap.mmap, chunk: Any, name: Path) -> list[_Page]:
    """The pages of a column's part, each within bounds."""
    try:
        pages = list(_pages(data, chunk))
    except (LookupError, ValueError) as error:
        raise DataError(
            f"{name} is not a readable Parquet file (a page of '{chunk.path_in_schema[:80]}' has "
            "no header)."
        ) from error
    values = sum(page.values for page in pages)
    if values > len(data) * _VALUES + _VALUES_SPARE:
        raise _refused(name, f"{values:,} values in {len(data):,} bytes")
    for page in pages:
        if page.unpacked > page.packed * _RATIO + _SPARE:
            raise _refused(
                name, f"a page that unpacks from {page.packed:,} to {page.unpacked:,} bytes"
            )
        if page.repeats and page.unpacked > MAX_VALUE:
            raise _refused(name, f"values of {page.unpacked:,} bytes, over {MAX_VALUE:,}")
    return pages


def _refused(name: Path, what: str) -> DataError:
    return DataError(f"{name} is refused: it announces {what}.")


def _pages(data: mmap.mmap, chunk: Any) -> Iterator[_Page]:
    """The pages of a column's part, as Arrow goes through them: until it has all values."""
    at, seen = chunk.data_page_offset, 0
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end = at + chunk.total_compressed_size
    if at < 0 or end > len(data):
        raise ValueError("outside the file")
    while seen < chunk.num_values and at < end:
        thrift = _Thrift(data, at)
        header = thrift.structure()
        packed, unpacked = header[3], header[2]
        body = header.get(5) or header.get(8) or {}
        if packed < 0 or unpacked < 0:
            raise ValueError("negative size")
        is_dictionary = header[1] == _DICTIONARY_PAGE
        encoding = body.get(2 if 5 in header else 4)
        values = 0 if is_dictionary else max(body.get(1, 0), 0)
        yield _Page(packed, unpacked, values, is_dictionary or encoding == _DELTA_BYTE_ARRAY)
        at, seen = thrift.at + packed, seen + values


class _Thrift:
    """Reads Thrift's compact protocol, keeping whole numbers and structures alone."""

    def __init__(self, data: mmap.mmap, at: int) -> None:
        self._data, self.at, self._fields = data, at, 0

    def structure(self, depth: int = 0) -> dict[int, Any]:
        """Numbers and structures by the number of their field.

        Raises:
            IndexError: the data end before the structure does.
            ValueError: it is no structure.
        """
        if depth > _DEEPEST:
            raise ValueError("too deep")
        found: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            field = field + step if step else self._zigzag()
            found[field] = self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            raise ValueError("no header of a page")
        if kind in (1, 2):  # true and false are the kind itself
            return kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind in (7, 8):
            length = 8 if kind == 7 else self._varint()
            self.at += length
            return None
        if kind == 12:
            return self.structure(depth + 1)
        raise ValueError(f"kind {kind}")  # lists and maps: the format has none here

    def _byte(self) -> int:
        byte = self._data[self.at]
        self.at += 1
        return byte

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number without end")

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
