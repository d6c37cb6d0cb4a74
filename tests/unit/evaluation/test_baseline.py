"""The classical baseline is fitted on train, chosen on validation, and compared like any run."""

import dataclasses

import numpy as np
import pytest
import skimage.feature

from emotion_core.data.faces import SPLITS
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import DataError
from emotion_core.evaluation.baseline import MODEL, hog_features, train_baseline
from emotion_core.probabilities import softmax
from emotion_core.reporting.card import write_card


def test_hog_sees_directions_as_scikit_image_does():
    """Both bin gradients by direction; they differ in interpolation and normalisation."""
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))
    for face in (ramp, ramp.T):
        ours = hog_features(face[None])[0].reshape(-1, 9).sum(0)
        theirs = skimage.feature.hog(
            face, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2)
        )
        theirs = theirs.reshape(-1, 9).sum(0)
        # The same direction holds the most; scikit-image counts bins from another axis.
        assert ours.max() > 0.4 * ours.sum() and theirs.max() > 0.4 * theirs.sum()
    across, along = (hog_features(face[None])[0].reshape(-1, 9).sum(0) for face in (ramp, ramp.T))
    assert across.argmax() != along.argmax()


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces(500)


def test_baseline_learns_and_is_reported_like_a_run(faces, tmp_path):
    run = train_baseline(faces, source="synthetic", root=tmp_path)
    report, arrays = run.report(), run.predictions()
    assert report.model == MODEL and report.epochs == 0
    assert report.test.accuracy > 0.5  # chance is 0.14
    assert run.status().state == "finished" and not run.weights_path.exists()
    again = softmax(arrays["logits"], report.temperature).argmax(1)
    assert (again == arrays["labels"]).mean() == pytest.approx(report.test.accuracy)
    assert report.cost.latency_ms > 0
    card = write_card(run).read_text()
    assert "Classical baseline" in card and "Shipped without weights" in card


def test_a_missing_emotion_is_named(faces, tmp_path):
    keep = (faces.labels != 1) | (faces.splits == SPLITS.index("test"))
    some = dataclasses.replace(
        faces,
        images=faces.images[keep],
        labels=faces.labels[keep],
        splits=faces.splits[keep],
        ids=np.asarray(faces.ids)[keep],
        usage=np.asarray(faces.usage)[keep],
        fingerprint="without-disgust",
    )
    with pytest.raises(DataError, match="disgust"):
        train_baseline(some, source="synthetic", root=tmp_path)
    assert not list(tmp_path.iterdir())
