"""Augmented twins: training images that are a test image mirrored, turned or zoomed.

The leak-free figures leave out identical and near-identical images (``duplicates``). A data set that
was augmented before it was split holds further copies, which pixel by pixel are not alike.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from emotion_core.data.duplicates import cache_path, grouped, kept_array
from emotion_core.data.faces import FACE_SIZE, SPLITS, FaceData
from emotion_core.data.parsed import Progress

# Correlation of fine structure, after alignment, from which two FER-2013 faces were, on viewing,
# always the same photograph; between 0.5 and 0.7 about half were. Plain pixels do not separate:
# two people in the same pose and light reach 0.94, copies with a watermark fall to 0.80.
SAME_PHOTO = 0.75
_FINE = 1.5  # pixels: what a Gaussian blur as wide as this takes away is fine structure
MOST_DEGREES, MOST_ZOOM = 12.0, 1.13  # what is looked for is 10 degrees and 10 %; alignment errs

_ANGLES = (-10.0, -5.0, 0.0, 5.0, 10.0)
_ZOOMS = (0.9, 1.0, 1.1)
_CELLS, _CELL = 16, FACE_SIZE // 16
_RADIUS = 21.0  # pixels around the centre that every such change keeps in the picture
_COMPONENTS = 64
_CANDIDATE = 0.8  # cosine of reduced images from which a pair is aligned and compared
_MOST_STRETCH, _MOST_SHIFT = 1.1, 3.0  # ratio of the axes, pixels of the centre
_BLOCK = 1024
_CENTRE = (FACE_SIZE - 1) / 2
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)


@dataclass(frozen=True)
class Twin:
    """A test image and its copy.

    Attributes:
        test: Position of the test image in the data set.
        other: Position of the training or validation image.
        mirrored: Whether it is the mirror image.
        degrees: How far it is turned, counterclockwise.
        zoom: How much larger it is.
        likeness: Correlation of fine structure after alignment, ``SAME_PHOTO`` to 1.
    """

    test: int
    other: int
    mirrored: bool
    degrees: float
    zoom: float
    likeness: float


_FIELDS = len(dataclasses.fields(Twin))


def augmented_twins(data: FaceData, progress: Progress | None = None) -> list[Twin]:
    """``find_twins`` of a data set, computed once and cached by its content.

    FER-2013 takes about 50 s of one core the first time.
    """

    def find() -> np.ndarray:
        rows = [dataclasses.astuple(twin) for twin in find_twins(data, progress)]
        return np.array(rows, np.float64).reshape(-1, _FIELDS)

    rows = kept_array(cache_path(data, "-twins"), lambda rows: _are_twins(rows, data), find)
    return [_from_row(row) for row in rows.tolist()]


def _are_twins(rows: np.ndarray, data: FaceData) -> bool:
    """Whether an array holds rows of ``augmented_twins`` of this data set."""
    if rows.dtype != np.float64 or rows.ndim != 2 or rows.shape[1] != _FIELDS:
        return False
    positions = rows[:, :2]
    return bool(
        np.isfinite(rows).all()
        and ((positions >= 0) & (positions < len(data)) & (positions % 1 == 0)).all()
    )


def _from_row(row: Sequence[float]) -> Twin:
    test, other, mirrored, degrees, zoom, likeness = row
    return Twin(int(test), int(other), bool(mirrored), degrees, zoom, likeness)


def find_twins(data: FaceData, progress: Progress | None = None) -> list[Twin]:
    """Test images with a mirrored, turned or zoomed copy among the others, the most alike first.

    Reduced images, turned by each of some angles and zooms and mirrored, find the candidates;
    alignment by the enhanced correlation coefficient (Evangelidis and Psarakis 2008) decides. Pairs
    that ``near_duplicate_groups`` joins are identical or nearly so, and are left out.

    Faces drawn by code share their shapes, so a few of them pass for twins.

    Args:
        data: Of any source.
        progress: Told the share done.
    """
    test = data.splits == SPLITS.index("test")
    queries, keys = np.flatnonzero(test), np.flatnonzero(~test)
    groups = grouped(data)
    found = []
    candidates = _candidates(np.asarray(data.images), queries, keys, progress)
    for (query, key), (_, mirrored, degrees, zoom) in candidates.items():
        if groups[query] == groups[key]:
            continue
        twin = _aligned(data.images, query, key, mirrored, degrees, zoom)
        if twin:
            found.append(twin)
    return sorted(found, key=lambda twin: -twin.likeness)


def _candidates(
    images: np.ndarray, queries: np.ndarray, keys: np.ndarray, progress: Progress | None
) -> dict[tuple[int, int], tuple[float, bool, float, float]]:
    """Pairs of positions whose reduced images are alike, with cosine and the change that made it."""
    best: dict[tuple[int, int], tuple[float, bool, float, float]] = {}
    if not len(queries) or not len(keys):
        return best
    reduce = _reduction(images[keys])
    known = reduce(images[keys])
    variants = [(m, a, z) for m in (False, True) for a in _ANGLES for z in _ZOOMS]
    for done, (mirrored, degrees, zoom) in enumerate(variants):
        changed = reduce(np.stack([_changed(images[q], mirrored, degrees, zoom) for q in queries]))
        for start in range(0, len(queries), _BLOCK):
            likeness = changed[start : start + _BLOCK] @ known.T
            rows, columns = np.nonzero(likeness > _CANDIDATE)
            for row, column in zip(rows, columns, strict=True):
                pair = int(queries[start + row]), int(keys[column])
                score = float(likeness[row, column])
                if score > best.get(pair, (0.0,))[0]:
                    best[pair] = score, mirrored, degrees, zoom
        if progress:
            progress("Comparing mirrored, turned and zoomed faces", (done + 1) / len(variants))
    return best


def _changed(image: np.ndarray, mirrored: bool, degrees: float, zoom: float) -> np.ndarray:
    """An image ``(48, 48)`` mirrored, then turned and zoomed around its centre."""
    matrix = cv2.getRotationMatrix2D((_CENTRE, _CENTRE), degrees, zoom)
    image = np.ascontiguousarray(image[:, ::-1]) if mirrored else image
    if degrees == 0 and zoom == 1:
        return image
    changed = cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(changed)


def _reduction(images: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What makes of images unit rows, of which the dot product tells whether two are alike.

    Principal components of the mean gray of cells within a disc, each scaled to the same variance:
    what all faces have in common counts for little.
    """
    sample = _cells(images[:: max(1, len(images) // 4000)])
    mean = sample.mean(0)
    variances, axes = np.linalg.eigh(np.cov((sample - mean).T))
    variances, axes = variances[-_COMPONENTS:], axes[:, -_COMPONENTS:]
    scaled = axes / np.sqrt(variances + 0.01 * variances.mean() + 1e-12)

    def reduce(images: np.ndarray) -> np.ndarray:
        rows = (_cells(images) - mean) @ scaled
        unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        return unit.astype(np.float32)

    return reduce


def _cells(images: np.ndarray) -> np.ndarray:
    """Mean gray of the cells within the disc, each image's contrast made equal."""
    shape = (len(images), _CELLS, _CELL, _CELLS, _CELL)
    cells = images.reshape(shape).mean((2, 4), dtype=np.float32)[:, _disc(_CELLS)]
    cells -= cells.mean(axis=1, keepdims=True)
    scaled: np.ndarray = cells / np.maximum(cells.std(axis=1, keepdims=True), 1.0)
    return scaled


def _disc(size: int) -> np.ndarray:
    """Bool ``(size, size)``: which pixels or cells lie within ``_RADIUS`` of the centre."""
    place = (np.arange(size) + 0.5) * FACE_SIZE / size - FACE_SIZE / 2
    return np.hypot(place[:, None], place[None]) <= _RADIUS


def _aligned(
    images: np.ndarray, test: int, other: int, mirrored: bool, degrees: float, zoom: float
) -> Twin | None:
    """The pair as a twin, if after alignment it shows the same photograph."""
    face, copy = np.ascontiguousarray(images[test]), np.ascontiguousarray(images[other])
    if mirrored:
        face = np.ascontiguousarray(face[:, ::-1])
    start = cv2.getRotationMatrix2D((_CENTRE, _CENTRE), degrees, zoom)
    matrix: np.ndarray = start.astype(np.float32)
    disc = _disc(FACE_SIZE)
    try:
        _, matrix = cv2.findTransformECC(
            face, copy, matrix, cv2.MOTION_AFFINE, _STEPS, disc.astype(np.uint8) * 255, 5
        )
    except cv2.error:  # no alignment was found
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(copy, matrix, face.shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    likeness = float(np.corrcoef(_fine(face)[disc], _fine(moved)[disc])[0, 1])
    # A turn by an angle with a zoom is [[c, s], [-s, c]] * zoom.
    (a, b), (c, d) = matrix[:, :2].tolist()
    zoom, degrees = math.sqrt(max(a * d - b * c, 0.0)), math.degrees(math.atan2(b - c, a + d))
    long, short = np.linalg.svd(matrix[:, :2], compute_uv=False)
    shift = np.abs(matrix @ (_CENTRE, _CENTRE, 1.0) - _CENTRE).max()
    plain = long <= _MOST_STRETCH * short and shift <= _MOST_SHIFT and abs(degrees) <= MOST_DEGREES
    # Written so that nan, the likeness of blank images, is refused.
    if not likeness >= SAME_PHOTO or not plain or not 1 / MOST_ZOOM <= zoom <= MOST_ZOOM:
        return None
    return Twin(test, other, mirrored, degrees, zoom, likeness)


def _fine(image: np.ndarray) -> np.ndarray:
    """An image without what is left of it when it is blurred: edges, wrinkles, hair."""
    pixels = image.astype(np.float32)
    fine: np.ndarray = pixels - cv2.GaussianBlur(pixels, (0, 0), _FINE)
    return fine
