"""What reads each kind of input, and what must hold of whatever it gives."""

import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.fuzz.runs import use_runs
from emotion_core.data.forms import recognise
from emotion_core.data.pictures import decode_image
from emotion_core.data.sources import load_data
from emotion_core.errors import EmotionError
from emotion_core.labels import NUM_CLASSES
from emotion_core.live.photo_file import read_image
from emotion_core.live.results import FrameResult
from emotion_core.live.videos import analyse_video

_LONGEST_MESSAGE = 2_000  # characters, and the path may be in it


def check_message(error: EmotionError) -> None:
    """An error for the user is one text of bearable length that can be encoded."""
    text = str(error)
    assert text and len(text) <= _LONGEST_MESSAGE, f"a message of {len(text)} characters"
    text.encode()


def read_data_set(path: Path) -> None:
    """A data set: first its reader alone, whose unforeseen errors ``load_data`` would wrap."""
    with contextlib.suppress(OSError):  # load_data makes one line of it
        recognise(path).read(path, None)
    data = load_data(path)
    count = len(data.labels)
    assert data.images.shape == (count, 48, 48) and data.images.dtype == np.uint8
    assert data.labels.min() >= 0 and data.labels.max() < NUM_CLASSES
    assert data.splits.max() < 3
    assert len(set(data.ids)) == count, "ids are not unique"
    for text in (*data.ids, data.name, *(f"{n.thing}: {n.message}" for n in data.notes)):
        assert len(text) < 1_100
        text.encode()


def read_picture(path: Path) -> None:
    """A picture, as a photo and as a face of a data set."""
    data = path.read_bytes()
    problems = []
    try:
        image = read_image(data, path.name)
        assert image.ndim == 3 and image.dtype == np.uint8
    except EmotionError as error:
        problems.append(error)
    try:
        face = decode_image(data, Counter())
        assert face.shape == (48, 48) and face.dtype == np.uint8
    except EmotionError as error:
        problems.append(error)
    for problem in problems:
        check_message(problem)


def read_video(path: Path) -> None:
    """A video, with its annotated copy."""

    def pipeline(frame: np.ndarray, time: float) -> FrameResult:
        return FrameResult([], {}, False, (frame.shape[1], frame.shape[0]), 0.0)

    analyse_video(path, pipeline, fps=25.0, annotate=True, name=path.name)


TARGETS: dict[str, Callable[[Path], None]] = {
    "table": read_data_set,
    "arrays": read_data_set,
    "parquet": read_data_set,
    "zip": read_data_set,
    "tree": read_data_set,
    "picture": read_picture,
    "video": read_video,
    "runs": use_runs,
}
