"""Detectors on known ground: faces of the validation split pasted into photographs.

Also fits the crop: the margin at which the classifier is most often right, and what the whole way
from frame to emotion loses against the ready-made crops.
"""

import argparse
from typing import Any

import numpy as np

HELP = "share of pasted faces found, false boxes, and accuracy against the crop's margin"

SIZES = (96, 128, 168, 240)
MARGINS = (0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)
SHIFTS = (-0.06, -0.03, 0.0, 0.03, 0.06)
_PHOTOS = ("coffee", "chelsea", "rocket")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run and data, how many faces."""
    parser.add_argument("--run", metavar="RUN", help="trained run (default: the best)")
    parser.add_argument("--data", default="fer2013", help="data set (default: fer2013)")
    parser.add_argument("--faces", type=int, default=600, help="faces pasted (default: 600)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Paste, find, crop, classify."""
    import cv2

    from emotion_core.data.sources import load_data
    from emotion_core.data.splits import split_indices
    from emotion_core.live import detect
    from emotion_core.live.pipeline import best_run
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.runs import load_run

    found = load_run(args.run) if args.run else best_run()
    classifier = load_classifier(found)
    data = load_data(args.data)
    rng = np.random.default_rng(0)
    val = split_indices(data).val
    chosen = rng.choice(val, min(args.faces, len(val)), replace=False)
    labels = data.labels[chosen]
    ready = classifier.probs(np.array(data.images[chosen])).argmax(1) == labels
    photos = _photographs()
    kinds = ["haar"] + (["yunet"] if detect.yunet_path() else [])
    result: dict[str, Any] = {"run": found.name, "faces": len(chosen), "detectors": {}}
    for kind in kinds:
        detector = detect.create_detector(kind, side=640)
        crops: dict[tuple[float, float], list[np.ndarray]] = {}
        hits = np.zeros(len(chosen), bool)
        sizes = np.array([SIZES[i % len(SIZES)] for i in range(len(chosen))])
        extra = 0
        for position, index in enumerate(chosen):
            size = int(sizes[position])
            frame, place = _paste(
                np.array(data.images[index]), photos[position % len(photos)], size, rng
            )
            boxes = detector.detect(frame)
            near = [item for item in boxes if _inside(item.box_xyxy, place, size)]
            extra += len(boxes) - len(near[:1])
            if not near:
                continue
            hits[position] = True
            gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            for margin in MARGINS:
                for shift in SHIFTS:
                    moved = _framed(near[0], margin, shift, kind)
                    crops.setdefault((margin, shift), []).append(
                        detect.crop_face(gray, moved, kind)
                    )
        right = {
            key: float((classifier.probs(np.stack(faces)).argmax(1) == labels[hits]).mean())
            for key, faces in crops.items()
        }
        false = [len(detector.detect(photo)) for photo in photos]
        best = max(right, key=lambda key: right[key])
        row = {
            "found": float(hits.mean()),
            "found_by_size": {int(s): float(hits[sizes == s].mean()) for s in SIZES},
            "false_boxes_beside_a_face": extra / len(chosen),
            "false_boxes_a_faceless_photo": float(np.mean(false)),
            "accuracy_ready_made": float(ready[hits].mean()),
            "accuracy_present": right[(1.0, 0.0)],
            "accuracy_by_margin": {str(m): right[(m, 0.0)] for m in MARGINS},
            "best_margin_shift": list(best),
            "best_accuracy": right[best],
        }
        result["detectors"][kind] = row
        print(f"{kind}: found {row['found']:.1%}, by size {row['found_by_size']}")
        print(f"  false boxes: {row['false_boxes_beside_a_face']:.3f} beside a face, {row['false_boxes_a_faceless_photo']:.2f} a faceless photograph")  # fmt: skip
        print(f"  accuracy: ready-made crops {row['accuracy_ready_made']:.1%}, through the pipeline {row['accuracy_present']:.1%}, best {row['best_accuracy']:.1%} at margin x{best[0]}, shift {best[1]:+}")  # fmt: skip
        print("  margin relative to the present one: " + ", ".join(f"x{m} {right[(m, 0.0)]:.1%}" for m in MARGINS))  # fmt: skip
    return result


def _photographs() -> list[np.ndarray]:
    import cv2

    from emotion_core.errors import LiveError

    try:
        import skimage.data
    except ImportError as error:
        raise LiveError(
            "This benchmark uses photographs from scikit-image. Install requirements-dev.txt."
        ) from error
    return [
        cv2.resize(cv2.cvtColor(getattr(skimage.data, name)(), cv2.COLOR_RGB2BGR), (640, 480))
        for name in _PHOTOS
    ]


def _paste(
    face: np.ndarray, photo: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[int, int]]:
    """A face in a photograph with soft edges; returns the frame and the left top corner."""
    import cv2

    frame = photo.copy()
    large = cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
    left = int(rng.integers(0, frame.shape[1] - size))
    top = int(rng.integers(0, frame.shape[0] - size))
    soft = np.zeros((size, size), np.float32)
    edge = max(2, size // 16)
    soft[edge:-edge, edge:-edge] = 1
    blend = cv2.GaussianBlur(soft, (0, 0), edge / 2)[..., None]
    area = frame[top : top + size, left : left + size]
    area[:] = (blend * large[..., None] + (1 - blend) * area).astype(np.uint8)
    return frame, (left, top)


def _inside(box: np.ndarray, place: tuple[int, int], size: int) -> bool:
    centre = (box[:2] + box[2:]) / 2 - np.array(place) - size / 2
    return bool(np.all(np.abs(centre) < size / 3)) and float(box[2] - box[0]) > size / 4


def _framed(detection: Any, margin: float, shift: float, kind: str) -> Any:
    """The detection with a box that is larger and lower by shares of its present crop."""
    from dataclasses import replace

    box = detection.box_xyxy
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    side = float(np.sqrt(np.prod(2 * half)))
    centre = centre + np.array([0, shift * side], np.float32)
    return replace(
        detection, box_xyxy=np.concatenate([centre - half * margin, centre + half * margin])
    )
