"""Which columns of a Parquet file hold pictures, labels and splits, by their names and types."""

from pathlib import Path
from typing import Any

from emotion_core.data.table import LABEL_COLUMNS, split_column
from emotion_core.errors import DataError

_IMAGES = ("image", "img", "face", "pixels")


def face_columns(file: Path, schema: Any) -> tuple[str, str, str]:
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


def picture_column(file: Path, schema: Any, name: str) -> str:
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


def plain_column(file: Path, schema: Any, name: str) -> str:
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
