"""Features and their maps on a real, untrained model, and the t-SNE job as a real process."""

import time

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from emotion_core.cli import main
from emotion_core.data.sources import load_data
from emotion_core.errors import DataError, RunError
from emotion_core.evaluation import features
from emotion_core.models.checkpoint import load_classifier
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.tasks import TaskState
from tests.samples import write_report, write_untrained

DATA = "synthetic:400"


@pytest.fixture(scope="module")
def data():
    return load_data(DATA)


@pytest.fixture
def run(tmp_path):
    made = create_run(TrainConfig(data=DATA), root=tmp_path)
    write_untrained(made, seed=0)
    return made


def test_features_are_what_the_last_layer_turns_into_logits(run, data):
    told: list[float] = []
    found = features.compute_features(run, data, faces=30, progress=told.append)
    assert found.values.shape == (30, 64) and told[-1] == 1.0
    classifier = load_classifier(run, backend="torch")
    last = classifier.model[-1]
    faces = data.images[data.indices("test")[found.rows]]
    with torch.no_grad():
        logits = last(torch.from_numpy(found.values)).numpy()
    np.testing.assert_allclose(logits, classifier.logits(faces), atol=1e-5)


def test_features_are_kept_until_the_weights_change(run, data):
    assert features.load_features(run) is None
    found = features.compute_features(run, data, faces=20)
    stored = features.load_features(run)
    np.testing.assert_array_equal(stored.rows, found.rows)
    np.testing.assert_allclose(stored.values, found.values, rtol=1e-3, atol=1e-3)
    write_untrained(run, seed=1)
    assert features.load_features(run) is None


def test_faces_of_another_test_set_are_refused(run, data):
    found = features.compute_features(run, data, faces=10)
    write_report(run, {"data.test_fingerprint": data.test_fingerprint})
    assert len(features.load_features(run).rows) == len(found.rows)
    write_report(run, {"data.name": "FER-2013", "data.test_fingerprint": "another"})
    with pytest.raises(DataError, match=r"are not those that run .* was tested on, of 'FER-2013'"):
        features.compute_features(run, data)
    assert features.load_features(run) is None


def test_a_damaged_store_counts_as_none(run, data):
    features.compute_features(run, data, faces=20)
    (run.path / "features.npz").write_bytes(b"PK\x03\x04 torn")
    assert features.load_features(run) is None


def test_pca_equals_scikit_learn():
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(50, 12)) * np.arange(1, 13)).astype(np.float32)
    positions, share = features.pca(values)
    reference = PCA(2, svd_solver="full").fit(values)
    np.testing.assert_allclose(share, reference.explained_variance_ratio_, rtol=1e-5)
    np.testing.assert_allclose(np.abs(positions), np.abs(reference.transform(values)), atol=1e-3)


def test_pca_of_equal_features_is_a_point():
    positions, share = features.pca(np.full((6, 4), 3.0, np.float32))
    assert not positions.any() and not share.any()


def test_a_map_needs_features_first(run):
    with pytest.raises(RunError, match="has no features yet"):
        features.compute_tsne(run)


def test_the_command_writes_features_and_map(run, capsys):
    assert main(["features", str(run.path), "--faces", "40", "--tsne"]) == 0
    assert "40 faces, 64 features" in capsys.readouterr().out
    found = features.load_features(run)
    positions = features.load_tsne(run, found)
    assert positions.shape == (40, 2) and np.isfinite(positions).all()
    other = features.Features(found.rows + 1, found.values)
    assert features.load_tsne(run, other) is None
    assert main(["features", str(run.path), "--faces", "2"]) == 2


def test_a_plain_call_keeps_the_number_of_faces_and_data_is_never_ignored(run, capsys, tmp_path):
    command = ["features", str(run.path)]
    assert main([*command, "--faces", "12"]) == 0
    assert main(command) == 0
    assert capsys.readouterr().out.count("12 faces") == 2
    assert main([*command, "--tsne", "--data", str(tmp_path / "gone")]) == 2
    assert "No file or folder at" in capsys.readouterr().err


def test_the_job_tells_its_progress(run, data):
    count = len(features.compute_features(run, data).rows)
    assert features.tsne_state(run) == TaskState("none")
    features.start_tsne(run)
    assert features.tsne_state(run).kind == "running"
    with pytest.raises(RunError, match="being computed already"):
        features.start_tsne(run)
    shares = []
    until = time.monotonic() + 120
    while (state := features.tsne_state(run)).kind == "running" and time.monotonic() < until:
        shares.append(state.share)
        time.sleep(0.01)  # on a fast machine all of it takes a few tenths of a second
    assert state == TaskState("none"), (run.path / "tsne.log").read_text()
    assert shares == sorted(shares) and max(shares) > 0
    assert features.load_tsne(run, features.load_features(run)).shape == (count, 2)
