"""Detectors on known ground: faces of the validation split pasted into photographs.

Each face lies in its photograph as FER-2013 cut it, so the best crop is known: how often a face
is found, how the crop's framing decides the accuracy, what turning tilted faces upright brings,
and what the whole way from frame to emotion loses against the ready-made crops.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.command import Figures, measure

if TYPE_CHECKING:
    from emotion_core.live.detect import Detection, FaceDetector
    from emotion_core.models.checkpoint import Classifier

HELP = "share of pasted faces found, false boxes, and accuracy against the crop's framing"

SIZES = (96, 128, 168, 240)
MARGINS = (0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3)
LOWER = (-0.06, -0.03, 0.0, 0.03, 0.06)
TILTS = (0, 15, 30)  # degrees, to either side
LEVELS = (0.0, 5.0, 10.0, 15.0)
_BACKGROUNDS = ("coffee", "chelsea", "rocket")
_FACELESS = (*_BACKGROUNDS, "brick", "grass", "gravel", "coins", "moon", "clock", "hubble_deep_field")  # fmt: skip
_WIDTH, _HEIGHT = 640, 480


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run and data, how many faces."""
    parser.add_argument("--run", metavar="RUN", help="trained run (default: the best)")
    parser.add_argument("--data", default="fer2013", help="data set (default: fer2013)")
    parser.add_argument("--faces", type=int, default=800, help="faces pasted (default: 800)")
    parser.add_argument("--detector", choices=("haar", "yunet"), help="only this one")


@dataclass(frozen=True)
class Pasted:
    """A photograph with a face: BGR ``(480, 640, 3)``, the face's left top corner and side."""

    frame: np.ndarray
    place: tuple[int, int]
    size: int
    label: int

    def gray(self) -> "Pasted":
        """The same with a gray frame, which is what is cropped and takes a third of the memory."""
        import cv2

        return replace(self, frame=cv2.cvtColor(self.frame, cv2.COLOR_BGR2GRAY))

    def holds(self, box: np.ndarray) -> bool:
        """Whether a box is around the face's middle and not just around a part of it."""
        centre = (box[:2] + box[2:]) / 2 - np.array(self.place) - self.size / 2
        return bool(np.all(np.abs(centre) < self.size / 3)) and box[2] - box[0] > self.size / 4


@dataclass
class _Known:
    """A detector that has looked already, so that a frame is not searched twice."""

    kind: str
    boxes: "list[Detection]"

    def detect(self, frame: np.ndarray) -> "list[Detection]":
        return self.boxes


def run(args: argparse.Namespace) -> Figures:
    """Paste, find, crop, classify."""
    from emotion_core.data.sources import load_data
    from emotion_core.data.splits import split_indices
    from emotion_core.errors import ConfigError
    from emotion_core.live import detect
    from emotion_core.live.yunet_file import yunet_path
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.runs.catalog import best_run, pick_run

    if args.faces < len(SIZES):  # one of each
        raise ConfigError(f"--faces must be {len(SIZES)} or more, got {args.faces}.")
    found = pick_run(args.run, final=False) if args.run else best_run(final=False)
    if found.config().final:
        raise ConfigError(
            f"{found.name} has learned the validation faces that this pastes into photographs. "
            f"Take the run that it repeats: --run {found.config().chosen_by}"
        )
    classifier = load_classifier(found)
    data = load_data(args.data)
    val = split_indices(data).val
    chosen = np.random.default_rng(0).choice(val, min(args.faces, len(val)), replace=False)
    images, labels = np.array(data.images[chosen]), data.labels[chosen]
    right = classifier.probs(images).argmax(1) == labels
    print(f"{found.name}, {len(chosen)} validation faces of {data.name}")
    kinds = [args.detector] if args.detector else ["haar"] + ["yunet"] * bool(yunet_path())
    detectors = {
        kind: _measure(detect.create_detector(kind), classifier, images, labels, right)
        for kind in kinds
    }
    return {"run": found.name, "faces": len(chosen), "detectors": detectors}


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("detection", HELP, add_arguments, run, argv)


def _measure(
    detector: "FaceDetector",
    classifier: "Classifier",
    images: np.ndarray,
    labels: np.ndarray,
    right: np.ndarray,
) -> Figures:
    """Everything about one detector; ``right``: which ready-made crops are named rightly."""
    from emotion_core.errors import LiveError
    from emotion_core.live.crop import FRAMING, crop_face
    from emotion_core.live.pipeline import LivePipeline

    kind, present = detector.kind, FRAMING[detector.kind]
    pairs: list[tuple[Pasted, Detection]] = []
    hits, named = np.zeros(len(images), bool), np.zeros(len(images), bool)
    beside = 0
    for index, scene in enumerate(_scenes(images, labels)):
        boxes = detector.detect(scene.frame)
        near = [item for item in boxes if scene.holds(item.box_xyxy)]
        beside += len(boxes) - bool(near)
        if near:
            hits[index] = True
            pairs.append((scene.gray(), max(near, key=lambda item: item.score)))
        # The same frame through the pipeline as the live page makes it; twice, because a face
        # found with a low score is shown from the second time on.
        pipeline = LivePipeline(_Known(kind, boxes), classifier)
        pipeline(scene.frame, 0.0)
        faces = pipeline(scene.frame, 0.3).faces
        named[index] = any(
            scene.holds(face.box_xyxy) and int(face.raw_probs.argmax()) == scene.label
            for face in faces
        )

    if not pairs:
        raise LiveError(f"{kind} found none of {len(images)} faces. Try more of them: --faces.")

    def accuracy(**changes: float) -> float:
        framing = replace(present, **changes)
        crops = [crop_face(scene.frame, item, kind, framing=framing) for scene, item in pairs]
        truth = np.array([scene.label for scene, _ in pairs])
        return float((classifier.probs(np.stack(crops)).argmax(1) == truth).mean())

    sides = np.array([s.size / np.sqrt(np.prod(d.box_xyxy[2:] - d.box_xyxy[:2])) for s, d in pairs])
    drops = [(s.place[1] + s.size / 2 - d.box_xyxy[[1, 3]].mean()) / s.size for s, d in pairs]
    sizes = np.array([SIZES[index % len(SIZES)] for index in range(len(images))])
    empty = [len(detector.detect(photo)) for photo in _faceless()]
    row: Figures = {
        "found": float(hits.mean()),
        "found_by_size": {size: float(hits[sizes == size].mean()) for size in SIZES},
        "false_boxes_beside_a_face": beside / len(images),
        "false_boxes_a_faceless_photo": float(np.mean(empty)),
        "faceless_photos": len(empty),
        "framing": {"margin": present.margin, "lower": present.lower},
        "geometric_margin": float(np.median(sides)),
        "geometric_margin_spread": float(np.std(sides)),
        "geometric_lower": float(np.median(drops)),
        "accuracy_ready_made": float(right[hits].mean()),
        "accuracy_pipeline": float(named[hits].mean()),
        "found_and_right": float(named.mean()),
        "accuracy_by_margin": {margin: accuracy(margin=margin) for margin in MARGINS},
        "accuracy_by_lower": {lower: accuracy(lower=lower) for lower in LOWER},
    }
    if any(item.landmarks is not None for _, item in pairs):
        row["accuracy_by_tilt"] = _tilted(detector, classifier, images, labels)
    _print(kind, row)
    return row


def _tilted(
    detector: "FaceDetector", classifier: "Classifier", images: np.ndarray, labels: np.ndarray
) -> dict[int, dict[str, float]]:
    """Accuracy on tilted faces, by the tilt from which faces are turned upright."""
    from emotion_core.live.crop import FRAMING, crop_face

    table: dict[int, dict[str, float]] = {}
    for tilt in TILTS:
        pairs = []
        for scene in _scenes(images[::2], labels[::2], tilt=tilt):
            near = [item for item in detector.detect(scene.frame) if scene.holds(item.box_xyxy)]
            pairs += [(scene.gray(), item) for item in near[:1]]
        truth = np.array([scene.label for scene, _ in pairs])
        table[tilt] = {}
        for level in (*LEVELS, 90.0):
            framing = replace(FRAMING[detector.kind], level_from=level)
            crops = [crop_face(s.frame, item, detector.kind, framing=framing) for s, item in pairs]
            name = "never" if level == 90 else f"{level:g}"
            share = (classifier.probs(np.stack(crops)).argmax(1) == truth).mean()
            table[tilt][name] = float(share)
    return table


def _scenes(images: np.ndarray, labels: np.ndarray, *, tilt: int = 0) -> Iterator[Pasted]:
    """Each face in a photograph, sizes and photographs in turn, places drawn."""
    photos, rng = [_photograph(name) for name in _BACKGROUNDS], np.random.default_rng(1)
    for index, (face, label) in enumerate(zip(images, labels, strict=True)):
        photo, size = photos[index % len(photos)], SIZES[index % len(SIZES)]
        yield _paste(face, int(label), photo, size, tilt * (-1) ** index, rng)


def _paste(
    face: np.ndarray,
    label: int,
    photo: np.ndarray,
    size: int,
    tilt: float,
    rng: np.random.Generator,
) -> Pasted:
    """A face in a photograph, turned by ``tilt`` degrees around its middle.

    Its edge is continued by an eighth of its size, and fades there: the face itself stays whole.
    """
    import cv2

    pad = size // 8
    whole = size + 2 * pad
    soft = np.zeros((whole, whole), np.float32)
    soft[pad // 2 : -pad // 2, pad // 2 : -pad // 2] = 1
    soft[:] = cv2.GaussianBlur(soft, (0, 0), pad / 5)
    large = cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
    large = cv2.copyMakeBorder(large, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    room = pad + (whole // 5 if tilt else 0)  # for the corners of a tilted face
    left = int(rng.integers(room, _WIDTH - size - room))
    top = int(rng.integers(room, _HEIGHT - size - room))
    turn = cv2.getRotationMatrix2D((whole / 2, whole / 2), tilt, 1.0) + np.array(
        [[0, 0, left - pad], [0, 0, top - pad]]
    )
    mask = cv2.warpAffine(soft, turn, (_WIDTH, _HEIGHT))[..., None]
    layer = cv2.warpAffine(large, turn, (_WIDTH, _HEIGHT))[..., None]
    frame = (mask * layer + (1 - mask) * photo).astype(np.uint8)
    return Pasted(frame, (left, top), size, label)


def _photograph(name: str) -> np.ndarray:
    import cv2

    from emotion_core.errors import LiveError

    try:
        import skimage.data
    except ImportError as error:
        raise LiveError(
            "This benchmark uses photographs from scikit-image. Install requirements-dev.txt."
        ) from error
    image = getattr(skimage.data, name)()
    code = cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR
    photo: np.ndarray = cv2.resize(cv2.cvtColor(image, code), (_WIDTH, _HEIGHT))
    return photo


def _faceless() -> list[np.ndarray]:
    """Photographs without a person, also mirrored and their quarters enlarged."""
    import cv2

    found = []
    for photo in map(_photograph, _FACELESS):
        found += [photo, cv2.flip(photo, 1)]
        for top in (0, _HEIGHT // 2):
            for left in (0, _WIDTH // 2):
                quarter = photo[top : top + _HEIGHT // 2, left : left + _WIDTH // 2]
                found.append(cv2.resize(quarter, (_WIDTH, _HEIGHT)))
    return found


def _print(kind: str, row: Figures) -> None:
    def shares(values: dict[Any, float]) -> str:
        return ", ".join(f"{key}: {value:.1%}" for key, value in values.items())

    print(f"{kind}: found {row['found']:.1%} ({shares(row['found_by_size'])})")
    print(f"  false boxes: {row['false_boxes_beside_a_face']:.3f} beside a face, {row['false_boxes_a_faceless_photo']:.3f} a faceless photograph ({row['faceless_photos']})")  # fmt: skip
    print(f"  accuracy on found faces: ready-made crops {row['accuracy_ready_made']:.1%}, through the pipeline {row['accuracy_pipeline']:.1%}; found and right {row['found_and_right']:.1%}")  # fmt: skip
    print(f"  FER-2013's square by geometry: margin {row['geometric_margin']:.3f} (spread {row['geometric_margin_spread']:.3f}), lower {row['geometric_lower']:+.3f}; in use {row['framing']}")  # fmt: skip
    print(f"  accuracy by margin: {shares(row['accuracy_by_margin'])}")
    print(f"  accuracy by lower: {shares(row['accuracy_by_lower'])}", flush=True)
    for tilt, values in row.get("accuracy_by_tilt", {}).items():
        print(f"  tilted by {tilt}, levelled from: {shares(values)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
