"""Why a model is wrong for one face: what can be measured of the takes, and what to change."""

from dataclasses import dataclass

import cv2
import numpy as np

from emotion_core.labels import EMOTIONS
from emotion_core.personal.takes import Takes
from emotion_core.units import percent

# Limits of 48-pixel faces: beyond each lies about one in fifty of FER-2013's training faces (3,589 of
# them were measured).
DARK, BRIGHT = 67.0, 202.0  # mean gray level of the middle, 0..255
FLAT = 28.0  # standard deviation of the gray levels
UNEVEN = 86.0  # difference of the mean gray levels of the middle's left and right half
BLURRED = 0.5  # deviation of the Laplacian as a share of that of the pixels
SMALL = 48.0  # side of the box in pixels
TILTED = 15.0  # degrees
TURNED = 0.3  # see ``entries.Minute.turn``
_SWALLOWED = 0.5  # share of an expression's frames that another one takes


@dataclass(frozen=True)
class View:
    """How the takes' faces were seen, as medians.

    Attributes:
        size: Side of the box in pixels; 0 where nobody knows.
        tilt: In degrees; 0 where nobody knows.
        turn: As ``entries.Minute.turn``; 0 where nobody knows.
    """

    size: float = 0.0
    tilt: float = 0.0
    turn: float = 0.0


@dataclass(frozen=True)
class Finding:
    """One thing that can be measured.

    Attributes:
        name: What it is.
        measured: Its value, in words with a unit.
        problem: What is wrong with it; empty if nothing.
        change: What to do about it; empty if nothing.
    """

    name: str
    measured: str
    problem: str = ""
    change: str = ""


def diagnose_view(takes: Takes, view: View | None = None) -> list[Finding]:
    """Light, contrast, side light, blur, size, tilt and pose; problems first.

    Glasses, masks and hair are not measured: no shipped model tells them apart.

    Args:
        takes: uint8 faces ``(n, 48, 48)``.
        view: What the camera knew beyond the faces.
    """
    faces = np.concatenate(list(takes.values())).astype(np.float32)
    middle = faces[:, 8:40, 8:40]  # without hair and background
    light, spread = float(np.median(middle.mean(axis=(1, 2)))), float(np.median(faces.std((1, 2))))
    sides = np.median(middle[:, :, :16].mean(axis=(1, 2)) - middle[:, :, 16:].mean(axis=(1, 2)))
    edges = [cv2.Laplacian(face, cv2.CV_32F).std() / max(face.std(), 1e-6) for face in faces]
    sharp = float(np.median(edges))
    found = [
        _finding("light", f"{light:.0f} of 255", light < DARK, "dark", "Put a lamp before you."),
        _finding(
            "contrast", f"{spread:.0f}", spread < FLAT, "flat", "Avoid light from behind you."
        ),
        _finding(
            *("side light", f"{abs(sides):.0f} levels", abs(sides) > UNEVEN),
            *("one half of the face is much darker", "Turn towards the window or lamp."),
        ),
        _finding(
            *("sharpness", f"{sharp:.2f}", sharp < BLURRED),
            *("blurred", "Clean the lens, hold still, and add light."),
        ),
    ]
    if light > BRIGHT:
        found[0] = _finding("light", f"{light:.0f} of 255", True, "too bright", "Dim the lamp.")
    if view and view.size:
        found.append(
            _finding(
                *("size", f"{view.size:.0f} pixels", view.size < SMALL),
                *("small", "Come closer to the camera."),
            )
        )
    if view:
        found += [
            _finding(
                *("tilt", f"{view.tilt:.0f}°", view.tilt > TILTED),
                *("tilted", "Hold the head upright, or level the camera."),
            ),
            _finding(
                *("pose", f"{view.turn:.2f}", view.turn > TURNED),
                *("turned aside", "Look straight into the camera, at the height of your eyes."),
            ),
        ]
    return sorted(found, key=lambda item: not item.problem)


def diagnose_answers(labels: np.ndarray, answered: np.ndarray) -> list[Finding]:
    """Which expression swallows which, the worst first.

    Args:
        labels: ``(n,)`` expressions of the frames.
        answered: ``(n,)`` what the model answered.
    """
    found = []
    for label in np.unique(labels):
        counts = np.bincount(answered[labels == label], minlength=len(EMOTIONS))
        share = counts / counts.sum()
        other = int(np.argmax(np.where(np.arange(len(share)) == label, -1, share)))
        measured = f"{percent(share[label], 0)} correct"
        name, into = EMOTIONS[label], EMOTIONS[other]
        if share[other] < _SWALLOWED:
            found.append((share[label], Finding(name, measured)))
            continue
        change = (
            "A resting face that looks so to the model: a profile with a neutral take corrects it."
            if name == "neutral"
            else f"Show {name} more strongly, or let a profile learn how you show it."
        )
        problem = f"{percent(share[other], 0)} classified as {into}"
        found.append((share[label], Finding(name, measured, problem, change)))
    return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def _finding(name: str, measured: str, wrong: bool, problem: str, change: str) -> Finding:
    return Finding(name, measured, problem, change) if wrong else Finding(name, measured)
