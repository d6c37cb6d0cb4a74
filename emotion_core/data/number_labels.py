"""Number labels of a source: what they mean is known, named by the user, or refused."""

from collections import Counter

from emotion_core.data.faces import Note
from emotion_core.data.label_tables import (
    CHOICES,
    FER2013_TABLE,
    LabelTable,
    label_table,
    parse_number,
)
from emotion_core.data.parsed import Parsed
from emotion_core.errors import DataError
from emotion_core.labels import NUM_CLASSES, parse_emotion

_LONGEST = 200  # characters of a label; a file may repeat one of megabytes
_NUMBER = 1_000  # in ``Parsed.labels``, a source's number n is n + _NUMBER until it is resolved
_MISFIT = 0.01  # share of unlisted numbers from which a table is another data set's
# Faces numbered 1 and their ratio to those numbered 3 from which 1 is not FER-2013's disgust: it
# is the rarest emotion of every known data set. In FER+ 1 is happy, and so it is in AffectNet.
_DISGUST, _HAPPY, _ENOUGH, _SKEWED = 1, 3, 50, 1.5


def label_value(value: object) -> int | None:
    """A source's label for ``Parsed.add``: of an emotion's name or a number; None if it is neither."""
    text = str(value)
    if len(text) > _LONGEST:
        return None
    number = parse_number(text)
    return parse_emotion(text) if number is None else _NUMBER + number


def is_number(label: int) -> bool:
    """Whether a label in ``Parsed.labels`` is a number of the source."""
    return label >= _NUMBER


def resolve_numbers(parsed: Parsed, source: str, labels: str) -> None:
    """Turn the numbers among a source's labels into emotions; faces of other classes are left out.

    Args:
        parsed: What a reader found; changed in place.
        source: For messages.
        labels: The table that the user named; empty to detect it.

    Raises:
        DataError: it is not known what the numbers mean, or the named table is another data set's.
    """
    numbers = Counter(label - _NUMBER for label in parsed.labels if is_number(label))
    named = label_table(labels) if labels else None
    if not numbers:
        if named and parsed.labels:
            told = f"are names already; the table {named.name} was not needed"
            parsed.notes.append(Note("warning", "labels", told, len(parsed.labels)))
        return
    table = _fitting(parsed, source, numbers, named)
    columns = sorted(table.emotions) if parsed.one_hot else []
    if columns and parsed.one_hot != len(columns):
        raise DataError(
            f"{source}: its labels have {parsed.one_hot} columns, and the table {table.name} has "
            f"{len(columns)} numbers. Choose another: {CHOICES}."
        )
    emotion = dict(table.emotions)
    if columns:
        emotion = {place: table.emotions[number] for place, number in enumerate(columns)}
    found = [emotion.get(y - _NUMBER) if is_number(y) else y for y in parsed.labels]
    for number in sorted(numbers):
        if emotion.get(number) is None:
            told = f"none of the seven emotions in the table {table.name}; left out"
            parsed.notes.append(Note("skipped", f"label {number}", told, numbers[number]))
    parsed.relabel(found)
    kind, told = "fixed", f"numbers read by the table {table.name}: {table}"
    if named is None:
        kind, told = "warning", f"numbers read as FER-2013's: {table}; --labels names another table"
    parsed.notes.append(Note(kind, "labels", told, len(parsed.labels)))


def _fitting(
    parsed: Parsed, source: str, numbers: Counter[int], named: LabelTable | None
) -> LabelTable:
    """The table that the user named, or FER-2013's where the source has its layout and it fits."""
    shown = _listed(numbers)
    if named:
        unlisted = [n for n in numbers if n not in named.emotions] if not parsed.one_hot else []
        if sum(numbers[number] for number in unlisted) > _MISFIT * numbers.total():
            raise DataError(
                f"{source}: its labels are the numbers {shown}, and the table {named.name} has no "
                f"{_listed(unlisted)}. Choose another: {CHOICES}."
            )
        return named
    if not parsed.fer2013_layout:
        why = "have no order that is known here"
    elif 0 not in numbers or max(numbers) >= NUM_CLASSES:
        others = [f"{n}: {numbers[n]:,}" for n in sorted(numbers) if n >= NUM_CLASSES][:5]
        faces = f"; faces of {', '.join(others)}" if others else ""
        why = f"are not FER-2013's 0 to {NUM_CLASSES - 1}{faces}"
    elif numbers[_DISGUST] >= max(_ENOUGH, _SKEWED * numbers[_HAPPY]):
        why = (
            f"in FER-2013's order would mean {numbers[_DISGUST]:,} disgusted faces to "
            f"{numbers[_HAPPY]:,} happy ones"
        )
    else:
        return label_table(FER2013_TABLE)
    raise DataError(
        f"{source}: its labels are the numbers {shown}, which {why}.{_likely(numbers)} Say what "
        f"they mean, by --labels or on the Dataset page: {CHOICES}."
    )


def _likely(numbers: Counter[int]) -> str:
    if set(numbers) == set(range(1, 8)):
        return " RAF-DB has 1 to 7."
    if set(numbers) >= set(range(8)):
        return " FER+ and AffectNet have 7 for contempt."
    return ""


def _listed(numbers: Counter[int] | list[int]) -> str:
    shown = sorted(numbers)
    more = ", ..." if len(shown) > 12 else ""
    return ", ".join(map(str, shown[:12])) + more
