"""How good a generator's samples are, measured without people looking: ``quality.json``.

The distances are FID and KID on the champion's features, not on Inception's as in the papers: they
compare generators with one another and with real faces, and with no published figure. Beside each
figure stands the same of real faces that were held out, which is the best that can be reached.
"""

from collections.abc import Callable

import cv2
import numpy as np

from emotion_core.access import Action, require
from emotion_core.data.duplicates import SAME_PHOTO, unit_pixels
from emotion_core.data.faces import FaceData
from emotion_core.data.sources import load_data
from emotion_core.data.splits import split_indices
from emotion_core.errors import DataError
from emotion_core.evaluation.features import penultimate
from emotion_core.files import write_bytes, write_json
from emotion_core.generate.distances import copying, frechet_distance, kernel_distance, nearest
from emotion_core.generate.draws import learned_faces
from emotion_core.generate.folder import GanRun
from emotion_core.generate.results import Nearness, Quality
from emotion_core.generate.sample import draw_faces, load_generator
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import Classifier
from emotion_core.runs.status import now

FACES, REFERENCE = 2_000, 10_000
_SEED = 20_201  # of the samples and draws: the same for every generator
_LEAST = 8


def measure_quality(
    run: GanRun,
    judge: Classifier,
    *,
    data: FaceData | None = None,
    faces: int = FACES,
    reference: int = REFERENCE,
    progress: Callable[[float], object] | None = None,
) -> Quality:
    """Measure a generator and write ``quality.json`` and ``neighbors.png`` beside it.

    Args:
        run: The generator.
        judge: A classifier with the backend ``torch``.
        data: The generator's data set, if loaded already.
        faces: Samples, and held-out faces; fewer where fewer are held out.
        reference: Training faces whose features are compared.
        progress: Told the share done (0..1).

    Raises:
        RunError: the generator has no weights yet.
        DataError: too few faces are held out, or the data set is not there any more.
    """
    require(Action.MEASURE)
    generator, epoch = load_generator(run)
    data = load_data(run.settings().data) if data is None else data
    rng = np.random.default_rng(_SEED)
    train, val = learned_faces(data), split_indices(data).val
    if min(len(val), len(train)) < _LEAST:
        raise DataError(
            f"'{data.name}' has too few faces to measure a generator; {_LEAST} must be held out."
        )
    held = rng.permutation(val)[: min(faces, len(val))]
    compared = rng.permutation(train)[: min(reference, len(train))]
    labels = data.labels[held]
    samples, unseen = draw_faces(generator, labels, _SEED), np.asarray(data.images[held])
    sets = (samples, unseen, np.asarray(data.images[compared]))
    total, done = sum(map(len, sets)), 0
    features = []
    for images in sets:

        def tell(share: float, before: int = done, size: int = len(images)) -> None:
            if progress:
                progress(0.9 * (before + share * size) / total)

        features.append(penultimate(judge, images, tell))
        done += len(images)
    answers = [judge.probs(images).argmax(1) for images in (samples, unseen)]
    learned = np.asarray(data.images[train])
    known = unit_pixels(learned)
    by_pixels = [_nearest_pixels(images, known) for images in (samples, unseen)]
    units = [_unit(rows) for rows in features]
    by_features = [nearest(rows, units[2]) for rows in units[:2]]
    _write_neighbours(run, samples, learned[by_pixels[0][0]], sets[2][by_features[0][0]], labels)
    agreed = answers[0] == labels
    found = Quality(
        date=now(),
        epoch=epoch,
        judge=judge.name,
        faces=len(samples),
        reference=len(compared),
        fid=frechet_distance(features[0], features[2]),
        fid_real=frechet_distance(features[1], features[2]),
        kid=kernel_distance(features[0], features[2]),
        kid_real=kernel_distance(features[1], features[2]),
        agreement=float(agreed.mean()),
        agreement_real=float((answers[1] == labels).mean()),
        per_class={
            emotion: float(agreed[labels == at].mean())
            for at, emotion in enumerate(EMOTIONS)
            if (labels == at).any()
        },
        pixels=_nearness(by_pixels[0][1], by_pixels[1][1]),
        features=_nearness(by_features[0][1], by_features[1][1]),
        twins=float((by_pixels[0][1] > SAME_PHOTO).mean()),
        twins_real=float((by_pixels[1][1] > SAME_PHOTO).mean()),
    )
    write_json(run.quality_path, found.to_json())
    return found


def _nearest_pixels(images: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest training face of each image or, if that is nearer, of its mirror image."""
    plain, mirrored = (nearest(unit_pixels(i), known) for i in (images, images[:, :, ::-1]))
    better = mirrored[1] > plain[1]
    return np.where(better, mirrored[0], plain[0]), np.maximum(plain[1], mirrored[1])


def _nearness(samples: np.ndarray, unseen: np.ndarray) -> Nearness:
    test = copying(samples, unseen)
    return Nearness(float(np.median(samples)), float(np.median(unseen)), test.nearer, test.p_value)


def _unit(rows: np.ndarray) -> np.ndarray:
    unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _write_neighbours(
    run: GanRun, samples: np.ndarray, pixels: np.ndarray, features: np.ndarray, labels: np.ndarray
) -> None:
    """A sample per class in the first row; below each its nearest training face, both ways."""
    rows = np.concatenate([np.flatnonzero(labels == at)[:1] for at in range(len(EMOTIONS))])
    lines = [np.hstack(list(images[rows])) for images in (samples, pixels, features)]
    _, png = cv2.imencode(".png", np.vstack(lines))
    write_bytes(run.neighbours_path, png.tobytes())
