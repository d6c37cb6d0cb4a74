"""Which split a folder, a file or a column's value means, in the spellings that data sets use."""

import re
from collections.abc import Iterable, Mapping

from emotion_core.data.faces import SPLITS, Note
from emotion_core.errors import DataError

_TRAIN, _VAL, _TEST, _EVAL = 0, 1, 2, 3
_WORDS: dict[str, int] = {
    **dict.fromkeys(("train", "training", "trn"), _TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "validate", "validating"), _VAL),
    **dict.fromkeys(("dev", "devel", "development"), _VAL),
    **dict.fromkeys(("test", "tests", "testing", "tst", "publictest", "privatetest"), _TEST),
    **dict.fromkeys(("eval", "evaluation"), _EVAL),
}
# What may be written to such a word without a gap, as in "trainset".
_ENDINGS = ("set", "data", "dataset", "images", "imgs", "faces", "split")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHOWN = 5


def split_code(name: str) -> int | None:
    """Index into ``SPLITS`` of a name such as ``val``, ``FER2013Test`` or ``train_set``.

    Returns:
        None if no word of the name means a split, or if two words mean different ones.
    """
    code = _code(name)
    return _VAL if code == _EVAL else code


def is_split_word(name: str) -> bool:
    """Whether a name is a word for a split and nothing else, as ``Training`` is."""
    return name.strip().lower() in _WORDS


def split_folder(parts: Iterable[str]) -> str | None:
    """The folder of a path that names the split; None if none does.

    A plain word, such as ``train``, comes before a name that only contains one, such as
    ``test-project``; of equals the innermost counts.
    """
    named = [part for part in parts if _code(part) is not None]
    plain = [part for part in named if is_split_word(part)]
    return next(reversed(plain or named), None)


def read_splits(names: Mapping[str, str | None], source: str, what: str) -> dict[str, int]:
    """The split of each part of a source: a folder, a file, or a value of a column.

    Args:
        names: What may name the split, by part; None where nothing does.
        source: Of the parts, for messages.
        what: What the parts are, such as "folders".

    Returns:
        Index into ``SPLITS`` by part. A single part without a split's name is train. Unknown
        parts are missing where others are train and test.

    Raises:
        DataError: an unknown part may be the test split, so that training on it, or cutting
            another test split, would give figures that are wrong.
    """
    codes = {part: None if name is None else _code(name) for part, name in names.items()}
    present = set(codes.values())
    # "eval" is what the data set does not have otherwise.
    as_test = _VAL in present and _TEST not in present
    found = {
        part: (_TEST if as_test else _VAL) if code == _EVAL else code
        for part, code in codes.items()
        if code is not None
    }
    unknown = [part for part in codes if part not in found]
    if not found and len(unknown) == 1:
        return dict.fromkeys(unknown, _TRAIN)
    if unknown and not {_TRAIN, _TEST} <= set(found.values()):
        shown = ", ".join(f"'{part}'" for part in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise DataError(
            f"{source}: it is not clear which split these {what} are: {shown}{more}. Rename them "
            f"to {', '.join(SPLITS[:-1])} or {SPLITS[-1]}, or give each as a data set of its own."
        )
    return found


def split_notes(
    names: Mapping[str, str | None], found: Mapping[str, int], faces: Mapping[str, int]
) -> list[Note]:
    """What to tell of splits: names that are no plain words, and parts that are left out.

    Args:
        names: As for ``read_splits``.
        found: What it returned.
        faces: Faces by part.
    """
    read = [p for p, name in names.items() if p in found and name and not is_split_word(name)]
    notes = []
    if read:
        told = sorted({f"'{names[part]}' read as {SPLITS[found[part]]}" for part in read})
        count = sum(faces[part] for part in read)
        notes.append(Note("fixed", "splits", ", ".join(told[:_SHOWN]), count))
    return notes + [
        Note("skipped", part, "neither train, val nor test; left out", faces[part])
        for part in names
        if part not in found
    ]


def _code(name: str) -> int | None:
    if is_split_word(name):
        return _WORDS[name.strip().lower()]
    found = {_WORDS.get(_stem(word.lower())) for word in _WORD.findall(name)} - {None}
    return found.pop() if len(found) == 1 else None


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and word.removesuffix(ending) in _WORDS:
            return word.removesuffix(ending)
    return word
