import numpy as np
import pytest

from emotion_core.collect.faces import digest_of
from emotion_core.collect.labels import correct
from emotion_core.collect.store import create
from emotion_core.data.collected import overlay_labels
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import DataError
from emotion_core.evaluation.corrected import _figures, apply_corrections, both_figures
from emotion_core.labels import EMOTIONS


class Answered:
    """What ``both_figures`` reads of a result."""

    def __init__(self, labels, predicted):
        self.label, self.labels, self.predicted = "a model", labels, predicted


def test_figures_stand_as_published_and_with_corrections(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path))
    data = synthetic_faces(70, seed=1)
    faces, labels = data.images[:40], data.labels[:40]
    predicted = labels.copy()
    predicted[:8] = (predicted[:8] + 1) % 7  # the model disagrees with eight labels
    create("fixes", "overlay")
    said = {digest_of(faces[at]): EMOTIONS[predicted[at]] for at in range(4)}
    said |= {digest_of(faces[4]): "unsure", digest_of(faces[20]): EMOTIONS[labels[20]]}
    correct("fixes", said)
    found = apply_corrections(faces, labels, overlay_labels("fixes"))
    assert found.changed == 4 and found.kept.sum() == 39
    (both,) = both_figures([Answered(labels, predicted)], found)
    assert both.accuracy == pytest.approx(32 / 40)
    assert both.corrected_accuracy == pytest.approx(36 / 39)
    assert both.corrected_macro_f1 > both.macro_f1
    assert np.array_equal(labels, data.labels[:40])  # what was published is not changed
    with pytest.raises(DataError, match="nothing can be measured"):
        apply_corrections(faces[4:5], labels[4:5], overlay_labels("fixes"))


def test_macro_f1_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 7, 200), rng.integers(0, 7, 200)
    assert _figures(labels, predicted)[1] == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )
