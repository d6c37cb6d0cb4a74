"""The presentation's faces: of the test set where it is on this machine, else drawn ones."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.evaluation import gallery
from emotion_core.evaluation.gallery import Guesses, guesses_of
from emotion_core.labels import EMOTIONS
from emotion_core.runs.run import Run
from pages._ui.cache import classifier, find_test_data, predictions_of, report_of, test_faces

_SIZE = 96  # pixels of a drawn face
_SHOWN = ("happy", "surprise", "sad")


@dataclass(frozen=True)
class Shown:
    """Faces to show.

    Attributes:
        faces: ``(n, H, W)`` uint8.
        actual: Emotion of each.
        probs: ``(n, 7)`` of the model; empty where it was not asked.
        source: Name of the data set; empty for drawn faces.
    """

    faces: np.ndarray
    actual: tuple[str, ...]
    probs: np.ndarray
    source: str = ""

    @property
    def drawn(self) -> bool:
        """Whether code drew them."""
        return not self.source


def seven_faces(run: Run) -> Shown:
    """A face of each emotion: the one that the model is surest of, and correct."""
    found = _test_set(run)
    if found is None:
        return Shown(_drawn(EMOTIONS, _SIZE), EMOTIONS, np.zeros((0, len(EMOTIONS))))
    images, guesses, source = found
    rows = [_surest(guesses, emotion) for emotion in EMOTIONS]
    return Shown(images[rows], EMOTIONS, guesses.probs[rows], source)


def three_faces(run: Run) -> Shown:
    """Three faces with the model's probabilities: two that it knows, one that it does not."""
    found = _test_set(run)
    if found is None:
        probs = np.zeros((0, len(EMOTIONS)))
        if run.weights_path.exists():
            probs = classifier(run).probs(_drawn(_SHOWN, 48))
        return Shown(_drawn(_SHOWN, _SIZE), _SHOWN, probs)
    images, guesses, source = found
    mistake = int(gallery.confident_mistakes(guesses, np.arange(len(guesses)), 1)[0])
    rows = [_surest(guesses, emotion) for emotion in _SHOWN[:2]] + [mistake]
    actual = tuple(EMOTIONS[label] for label in guesses.labels[rows])
    return Shown(images[rows], actual, guesses.probs[rows], source)


def _surest(guesses: Guesses, emotion: str) -> int:
    own = gallery.select(guesses, actual=emotion)
    return int((gallery.most_typical(guesses, own, 1) if len(own) else np.arange(1)).tolist()[0])


def _test_set(run: Run) -> tuple[np.ndarray, Guesses, str] | None:
    """Test faces, answers and name of the data set; None where they are not all here."""
    report, data = report_of(run), find_test_data([run])
    if report is None or report.data.synthetic or data is None:
        return None
    try:
        guesses = guesses_of(predictions_of(run), run.name)
    except EmotionError:
        return None
    images, labels = test_faces(data)
    return (images, guesses, report.data.name) if np.array_equal(labels, guesses.labels) else None


@st.cache_data(show_spinner=False, max_entries=4)
def _drawn(emotions: tuple[str, ...], size: int) -> np.ndarray:
    from emotion_core.data.synthetic import draw_face

    return np.stack([draw_face(emotion, 7, size=size, clean=True) for emotion in emotions])
