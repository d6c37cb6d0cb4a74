"""Data sets that are made of others: joined, corrected, with one fold held out (see ``specs``)."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from emotion_core.data.collected import load_collection, overlay_labels
from emotion_core.data.collection_file import LATEST
from emotion_core.data.duplicates import grouped
from emotion_core.data.faces import SPLITS, FaceData, Note, digests, fingerprint
from emotion_core.data.generated import is_generated
from emotion_core.data.specs import parse_spec
from emotion_core.data.splits import split_indices
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS

_TRAIN, _VAL, _TEST = (SPLITS.index(name) for name in ("train", "val", "test"))
Load = Callable[[str], FaceData]


def load_made(text: str, load: Load) -> FaceData:
    """A data set that is made of others.

    Args:
        text: A spec for which ``is_made`` is true.
        load: Loads its parts.

    Raises:
        CollectionError, DataError: a part cannot be loaded, or the parts do not fit together.
    """
    spec = parse_spec(text)
    if spec.kind == "collection":
        return load_collection(spec.name, spec.event)
    parts = [load(part) for part in spec.parts]
    if spec.kind == "overlay":
        return replace(corrected(parts[0], spec.name, spec.event), source=text)
    if spec.kind == "fold":
        return replace(with_fold(parts[0], *spec.fold), source=text)
    return replace(joined(parts, spec.times, spec.repeats), source=text)


def joined(
    parts: list[FaceData], times: tuple[int, ...] = (), repeats: tuple[int, ...] = ()
) -> FaceData:
    """Several data sets as one.

    Test is that of the first part that has one, whole: so a run on FER-2013 and own faces is
    measured on FER-2013's test faces, as all others are. The other parts' test faces are left out,
    and never learned. That first part also keeps the validation faces that it has alone, so that
    none of them is learned; the other parts add theirs where they have some.

    Args:
        parts: At least two.
        times: Of each part, how many training faces it may give per training face of the others;
            0 for all. Which ones is drawn with a fixed seed.
        repeats: Of each part, how often its training faces are in the result: few own faces among
            many earlier ones.

    Raises:
        DataError: the first part that has test faces has too few others to validate on.
    """
    times, repeats = times or (0,) * len(parts), repeats or (1,) * len(parts)
    tested = (at for at, part in enumerate(parts) if (part.splits == _TEST).any())
    measured = next(tested, 0)
    splits = [_with_val(part) if at == measured else part.splits for at, part in enumerate(parts)]
    sizes = [int((c == _TRAIN).sum()) * n for c, n in zip(splits, repeats, strict=True)]
    kept, notes = [], list[Note]()
    for at, (part, codes, most, often) in enumerate(
        zip(parts, splits, times, repeats, strict=True)
    ):
        chosen = codes != _TEST if at != measured else np.ones(len(codes), bool)
        if (left := int((~chosen).sum())) and at != measured:
            notes.append(Note("skipped", part.name, "test faces, held out and not learned", left))
        if most:
            others = sum(sizes) - sizes[at]
            chosen &= _sample(codes, most * others // often)
            told = f"training faces, {most} per face of the others; the rest is left out"
            notes.append(Note("skipped", part.name, told, int((codes == _TRAIN).sum())))
        again = np.flatnonzero(chosen & (codes == _TRAIN))
        kept.append(np.concatenate([np.flatnonzero(chosen), np.tile(again, max(often, 1) - 1)]))
        notes += [replace(note, thing=f"{part.name}: {note.thing}") for note in part.notes]
    return _built(
        images=np.concatenate([part.images[rows] for part, rows in zip(parts, kept, strict=True)]),
        labels=np.concatenate([part.labels[rows] for part, rows in zip(parts, kept, strict=True)]),
        splits=np.concatenate([codes[rows] for codes, rows in zip(splits, kept, strict=True)]),
        usage=np.concatenate([part.usage[rows] for part, rows in zip(parts, kept, strict=True)]),
        ids=np.concatenate(
            [
                np.array([f"{part.name}: {name}" if at else str(name) for name in part.ids[rows]])
                for at, (part, rows) in enumerate(zip(parts, kept, strict=True))
            ]
        ),
        name=" + ".join(part.name for part in parts),
        synthetic=any(part.synthetic for part in parts),
        notes=tuple(notes),
    )


def corrected(data: FaceData, overlay: str, event: int = LATEST) -> FaceData:
    """A data set with an overlay's corrections, except in its test split.

    Faces that were found to be none, or unsure, are left out of training and validation.

    Raises:
        CollectionError: there is no such overlay.
    """
    found = overlay_labels(overlay, event)
    labels, keep = data.labels.copy(), np.ones(len(data), bool)
    changed = 0
    free = np.flatnonzero(data.splits != _TEST)
    for position, digest in zip(free, digests(data.images[free]), strict=True):
        label = found.get(digest)
        if label in EMOTIONS:
            changed += int(labels[position] != EMOTIONS.index(label))
            labels[position] = EMOTIONS.index(label)
        elif label:
            keep[position] = False
    notes = (
        Note("fixed", overlay, "labels corrected outside test", changed),
        Note("skipped", overlay, "unsure or no face, left out", int((~keep).sum())),
    )
    return _built(
        images=data.images if keep.all() else data.images[keep],
        labels=labels[keep],
        splits=data.splits[keep],
        usage=data.usage[keep],
        ids=data.ids[keep],
        name=f"{data.name} @ {overlay}",
        synthetic=data.synthetic,
        notes=(*data.notes, *(note for note in notes if note.count)),
    )


def with_fold(data: FaceData, fold: int, folds: int) -> FaceData:
    """The training faces alone, with one fold as test: for out-of-sample answers to them.

    Near duplicates are in one fold: a twin with the same label would give the label away. Generated
    faces are learned in every fold and held out in none.

    Raises:
        DataError: a fold has no face.
    """
    train = np.flatnonzero(data.splits == _TRAIN)
    test = fold_of(grouped(data)[train], data.labels[train], folds) == fold - 1
    test &= ~is_generated(data)[train]
    if not test.any() or test.all():
        raise DataError(f"'{data.name}' has too few training faces for {folds} folds.")
    return _built(
        images=data.images[train],
        labels=data.labels[train],
        splits=np.where(test, _TEST, _TRAIN).astype(np.uint8),
        usage=data.usage[train],
        ids=data.ids[train],
        name=f"{data.name}, fold {fold} of {folds}",
        synthetic=data.synthetic,
        notes=data.notes,
    )


def fold_of(groups: np.ndarray, labels: np.ndarray, folds: int) -> np.ndarray:
    """The fold of each face, from 0: whole groups, dealt out by the label of their first face.

    Args:
        groups: ``(n,)`` int64, faces that stay together.
        labels: ``(n,)`` int64.
        folds: How many.
    """
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(first))
    order = order[np.argsort(labels[first[order]], kind="stable")]
    dealt = np.empty(len(first), np.int64)
    dealt[order] = np.arange(len(first)) % folds
    found: np.ndarray = dealt[inverse]
    return found


def _with_val(data: FaceData) -> np.ndarray:
    """Split codes of a data set, with the validation faces that it has alone."""
    codes = data.splits.copy()
    codes[split_indices(data).val] = _VAL
    return codes


def _sample(codes: np.ndarray, most: int) -> np.ndarray:
    """Which faces stay where training has ``most`` at the most; drawn with a fixed seed."""
    train = np.flatnonzero(codes == _TRAIN)
    dropped = np.random.default_rng(0).permutation(train)[most:]
    keep = np.ones(len(codes), bool)
    keep[dropped] = False
    return keep


def _built(
    *,
    images: np.ndarray,
    labels: np.ndarray,
    splits: np.ndarray,
    usage: np.ndarray,
    ids: np.ndarray,
    name: str,
    synthetic: bool,
    notes: tuple[Note, ...],
) -> FaceData:
    """The data set with its fingerprints; whoever loads it names its source."""
    test = splits == _TEST
    return FaceData(
        images=images,
        labels=labels,
        splits=splits,
        usage=usage,
        ids=ids,
        name=name,
        source="",
        fingerprint=fingerprint(images, labels, splits),
        test_fingerprint=fingerprint(images[test], labels[test], splits[test]),
        synthetic=synthetic,
        notes=notes,
    )
