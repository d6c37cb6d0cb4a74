"""Out-of-sample answers in minutes: kernel ridge regression on gradients and patches.

Nothing that is used here has learned a label of anybody's: histograms of oriented gradients at two
scales, kinds of patches at two sizes, mirrored faces, and one linear system. For a few thousand faces
this ranks wrong labels about as well as a small network that is trained from nothing on each fold, in
a fraction of its time (docs/collections.md). Each face is answered as if its photograph had been
left out alone, which ridge regression gives at once (Cook and Weisberg 1982). With many faces five folds
are left out in turn, and the kernel is approximated by ``LANDMARKS`` of them (Nystroem method; Williams
and Seeger 2001).
"""

from collections.abc import Callable

import cv2
import numpy as np

from emotion_core.collect.folds import FOLDS
from emotion_core.collect.patches import Patches
from emotion_core.data.combined import fold_of
from emotion_core.data.duplicates import grouped
from emotion_core.data.faces import FaceData
from emotion_core.errors import DataError
from emotion_core.labels import NUM_CLASSES
from emotion_core.probabilities import softmax

View = Callable[[np.ndarray], np.ndarray]  # faces (n, 48, 48) to features (n, D)
LEAST_FACES = 20
LANDMARKS = 2_000
_EXACT = 5_000  # faces up to which all are landmarks
_CELLS = (8, 4)  # pixels; 900 and 4,356 numbers per face
_SHRINKS = (1, 2)  # the side of the faces is divided by it before patches are cut
_PATCHES = 2.0  # weight of each size of patches' distance, that of each scale of gradients is 1
_WIDTH = 2.0  # the kernel's exponent per median squared distance
_RIDGE = 0.3
_CONSTANT = 1.0  # added to the kernel: how common each emotion is, is learned as well
_SHARPNESS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)  # factors from answers to logits
_KERNEL_SHARE = 0.8  # of the time goes into comparing faces, the rest into fitting
_SAMPLE = 500  # faces for the median distance
_BLOCK = 1_024


def quick_probs(data: FaceData, progress: Callable[[float], object] | None = None) -> np.ndarray:
    """Answers ``(n, 7)`` to all faces of a data set, each by a model that has not learned it.

    The model has not learned near duplicates of the face either: a twin with the same label would give
    the label away.

    Args:
        data: The data set.
        progress: Told the share done (0..1).

    Raises:
        DataError: there are too few faces to learn from.
    """
    if len(data) < LEAST_FACES:
        raise DataError(
            f"'{data.name}' has {len(data)} labeled faces; an audit needs {LEAST_FACES}. Label more."
        )
    return kernel_probs(data.images, data.labels, grouped(data), progress)


def kernel_probs(
    images: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    progress: Callable[[float], object] | None = None,
) -> np.ndarray:
    """Answers to each face of a model that was fitted without its group.

    Args:
        images: ``(n, 48, 48)`` uint8.
        labels: ``(n,)`` int64, as they are given.
        groups: ``(n,)`` int64, one number per photograph.
        progress: Told the share done (0..1).

    Returns:
        float64 ``(n, 7)``, rows sum to 1.
    """
    chosen = np.arange(len(images))
    if len(chosen) > _EXACT:
        chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:LANDMARKS])
    tell = progress or (lambda share: None)
    kernel = _kernel(images, chosen, lambda share: tell(_KERNEL_SHARE * share))
    truth = np.eye(NUM_CLASSES)[labels]
    if len(chosen) == len(images):
        out = _left_out(kernel, truth, groups)
    else:
        out = np.zeros((len(images), NUM_CLASSES))
        fold = fold_of(groups, labels, FOLDS)
        for number in np.unique(fold):
            asked = fold == number
            out[asked] = _fitted(kernel, chosen, truth, ~asked)[asked]
    tell(1.0)
    return _as_probs(out, labels)


def _left_out(kernel: np.ndarray, truth: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Answers to each face of a ridge regression on the faces of all other groups.

    What a group's own residuals would be without it follows from the inverse's block of the group.
    """
    offset = 1.0 / NUM_CLASSES  # no mean of the labels, which would know the face's own
    full = ((kernel + kernel.T) / 2 + _CONSTANT).astype(np.float64)
    inverse = np.linalg.inv(full + _RIDGE * np.eye(len(full)))
    weights = inverse @ (truth - offset)
    found = np.empty_like(truth)
    order = np.argsort(groups, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        left = np.linalg.solve(inverse[np.ix_(group, group)], weights[group])
        found[group] = truth[group] - left
    return found


def _fitted(
    kernel: np.ndarray, chosen: np.ndarray, truth: np.ndarray, learned: np.ndarray
) -> np.ndarray:
    """Answers to all faces of a ridge regression on the learned ones."""
    mean = truth[learned].mean(axis=0)
    near = kernel[:, learned[chosen]]  # to those landmarks that may be learned from
    between = near[chosen[learned[chosen]]]
    rows = near[learned]
    weights = np.linalg.solve(
        rows.T @ rows + _RIDGE * between + 1e-3 * np.eye(len(between), dtype=np.float32),
        rows.T @ (truth[learned] - mean).astype(np.float32),
    )
    found: np.ndarray = mean + near @ weights
    return found


def _kernel(
    images: np.ndarray, chosen: np.ndarray, progress: Callable[[float], object]
) -> np.ndarray:
    """Similarity float32 ``(n, m)`` of each face with the chosen ones and their mirror images."""
    views = [(_gradients_of(cell), 1.0) for cell in _CELLS]
    views += [(_patches_of(images, shrink), _PATCHES) for shrink in _SHRINKS]
    total = sum(weight for _, weight in views)
    straight = np.zeros((len(images), len(chosen)), np.float32)
    mirrored = np.zeros_like(straight)
    for done, (view, weight) in enumerate(views, start=1):
        marks = view(images[chosen])
        turned = view(images[chosen][:, :, ::-1])
        sample = marks[:: max(1, len(marks) // _SAMPLE)]
        scale = total / weight * max(float(np.median(_distances(sample, sample))), 1e-6)
        for start in range(0, len(images), _BLOCK):
            part = slice(start, start + _BLOCK)
            features = marks[part] if len(chosen) == len(images) else view(images[part])
            straight[part] += _distances(features, marks) / scale
            mirrored[part] += _distances(features, turned) / scale
            progress((done - 1 + min(1.0, part.stop / len(images))) / len(views))
    found: np.ndarray = np.exp(-_WIDTH * straight) + np.exp(-_WIDTH * mirrored)
    return found


def _gradients_of(cell: int) -> View:
    hog = cv2.HOGDescriptor((48, 48), (2 * cell, 2 * cell), (cell, cell), (cell, cell), 9)

    def gradients(faces: np.ndarray) -> np.ndarray:
        rows = [hog.compute(np.ascontiguousarray(face)) for face in faces]
        return np.array(rows, np.float32).reshape(len(faces), -1)

    return gradients


def _patches_of(images: np.ndarray, shrink: int) -> View:
    """Counts of kinds of patches, each as far from its mean as it usually is."""
    patches = Patches(images, shrink)
    some = patches(images[:: max(1, len(images) // _SAMPLE)])
    mean, deviation = some.mean(axis=0), some.std(axis=0) + 1e-3
    return lambda faces: (patches(faces) - mean) / deviation


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances ``(len(a), len(b))``."""
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    found: np.ndarray = np.maximum(squares, 0)
    return found


def _as_probs(out: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Answers as probabilities: as sharp as fits the given labels best."""

    def loss(factor: float) -> float:
        probs = softmax(factor * out)[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(probs, 1e-12)).mean())

    return np.asarray(softmax(min(_SHARPNESS, key=loss) * out), np.float64)
