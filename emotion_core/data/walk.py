"""Walk through folders in a fixed order, and write faces as one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from emotion_core.data.faces import BY_HAND, SPLITS, FaceData
from emotion_core.labels import EMOTIONS


def write_folder(data: FaceData, root: Path) -> None:
    """Write faces as the tree that ``read_folder`` reads; see ``picture_files``.

    Raises:
        OSError: a file cannot be written.
    """
    for name, picture in picture_files(data):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)


def picture_files(data: FaceData) -> Iterator[tuple[str, bytes]]:
    """Each face as ``<split>/<emotion>/<usage or face>_<position>.png`` and the file's bytes."""
    for position, image in enumerate(data.images):
        place = f"{SPLITS[data.splits[position]]}/{EMOTIONS[data.labels[position]]}"
        usage = data.usage[position].replace(BY_HAND, "") or "face"
        yield f"{place}/{usage}_{position}.png", cv2.imencode(".png", image)[1].tobytes()


def walk(
    root: Path, on_error: Callable[[OSError], object] | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """``os.walk`` in the order of names that follows links, and visits each folder once.

    Args:
        root: Where to start.
        on_error: Told of a folder that cannot be listed; by default it counts as empty.
    """
    # With a list of its own, because os.walk calls itself for each level until Python 3.12.
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            facts = folder.stat()
            with os.scandir(folder) as entries:
                found = sorted((entry.name, _is_folder(entry)) for entry in entries)
        except OSError as error:
            if on_error:
                on_error(error)
            continue
        identity = facts.st_dev, facts.st_ino
        if identity in seen:
            continue
        seen.add(identity)
        folders = [name for name, is_folder in found if is_folder]
        yield folder, folders, [name for name, is_folder in found if not is_folder]
        waiting += [folder / name for name in reversed(folders)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False
