"""Imports torchvision, also where its wheel was built for CUDA and PyTorch was not."""

import importlib
import sys
import threading
from types import ModuleType
from typing import Any

import torch

from emotion_core.versions import patch_fits

TORCHVISION = ">=0.28,<0.29"
_lock = threading.Lock()
# The schemas live only as long as the library object that defined them.
_libraries: list[Any] = []


def import_torchvision() -> ModuleType:
    """The ``torchvision`` module, imported on first use because that takes about a second.

    Beside a CPU build of PyTorch, torchvision's CUDA wheel cannot load its compiled operators and
    fails at its own declaration of two of them, ``nms`` and ``qnms``. Only that error is handled:
    both schemas are defined, and the import runs again. No network here calls either operator.
    Report: pytorch/vision#9085.

    Raises:
        RuntimeError: another error of torchvision, or this one with a version that the repair was
            not written for.
    """
    with _lock:
        try:
            return importlib.import_module("torchvision")
        except RuntimeError as error:
            if "operator torchvision::nms does not exist" not in str(error):
                raise
            if not patch_fits(
                "torchvision", TORCHVISION, "Install builds of torch and torchvision that match."
            ):
                raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _libraries.append(library)
        return importlib.import_module("torchvision")
