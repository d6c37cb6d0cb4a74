"""Pictures of a profile's takes, which are kept only where the person ticked it."""

import shutil
from pathlib import Path

import cv2

from emotion_core.files import write_bytes
from emotion_core.labels import EMOTIONS
from emotion_core.personal.takes import Takes


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a profile, in order; none where none were kept."""
    return sorted(folder.glob("*/*.png"))


def write_pictures(folder: Path, takes: Takes) -> None:
    """Keep the faces, named as ``profile fit FOLDER --whole`` reads them.

    Args:
        folder: Of the profile's pictures.
        takes: uint8 faces ``(n, 48, 48)``.

    Raises:
        OSError: they cannot be written; then none is kept.
    """
    try:
        for inside in (folder.parent, folder):
            inside.mkdir(mode=0o700, parents=True, exist_ok=True)
        for (label, take), faces in takes.items():
            for number, face in enumerate(faces, start=1):
                data = cv2.imencode(".png", face)[1].tobytes()
                path = folder / f"{EMOTIONS[label]}_{take}" / f"{number:02d}.png"
                write_bytes(path, data, parents=True)
    except OSError:
        delete_pictures(folder)
        raise


def delete_pictures(folder: Path) -> None:
    """Remove a profile's pictures.

    Raises:
        OSError: one cannot be removed.
    """
    if folder.exists():
        shutil.rmtree(folder)
    if folder.parent.exists() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()
