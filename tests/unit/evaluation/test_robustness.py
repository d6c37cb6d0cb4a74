"""Corruptions spoil more with strength, and a measurement can be started, followed and lost."""

import time

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.errors import CheckpointError, RunError
from emotion_core.evaluation import corruptions, robustness
from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import recipe_config
from emotion_core.runs.create import create_run
from emotion_core.tasks import TaskState
from tests.samples import write_report


@pytest.fixture(scope="module")
def smooth_faces():
    """Soft blobs with pixels away from black and white, as photographs have."""
    rng = np.random.default_rng(0)
    grid = np.linspace(-1, 1, 48)
    centres = rng.uniform(-0.5, 0.5, (24, 2))
    distance = (grid[None, :, None] - centres[:, :1, None]) ** 2
    distance = distance + (grid[None, None, :] - centres[:, 1:, None]) ** 2
    detail = rng.normal(0, 12, (24, 48, 48))
    return np.clip(70 + 110 * np.exp(-4 * distance) + detail, 0, 255).astype(np.uint8)


@pytest.fixture
def trained(tmp_path):
    run = create_run(recipe_config("best", "sequential", options={"width": 4}), tmp_path)
    model = create_model("sequential", width=4)
    options = {"architecture": "sequential", "options": {"width": 4}}
    save_checkpoint(run, model, preprocess=Preprocess(), **options)
    return run


@pytest.mark.parametrize("name", corruptions.CORRUPTIONS)
def test_more_strength_changes_more_and_the_input_stays(smooth_faces, name):
    before = smooth_faces.copy()
    change = []
    for strength in corruptions.STRENGTHS:
        degraded = corruptions.corrupt(smooth_faces, name, strength)
        assert degraded.shape == before.shape
        assert degraded.dtype == np.uint8
        change.append(np.abs(degraded.astype(float) - before).mean())
    assert change == sorted(change)
    assert change[0] > 0.5
    np.testing.assert_array_equal(smooth_faces, before)


@pytest.mark.parametrize("name", corruptions.CORRUPTIONS)
def test_equal_seeds_spoil_equally(smooth_faces, name):
    first, again = (corruptions.corrupt(smooth_faces, name, 3, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert corruptions.corrupt(smooth_faces[:0], name, 3).shape == (0, 48, 48)


def test_measurement_covers_every_corruption_and_is_kept(trained, faces):
    steps = []
    found, not_kept = robustness.measure_robustness(
        trained, faces, images=40, progress=lambda done, total: steps.append((done, total))
    )
    assert steps == [(done, 46) for done in range(1, 47)]
    assert list(found.corruptions) == list(corruptions.CORRUPTIONS)
    assert found.images == 40
    values = np.array(list(found.corruptions.values()))
    assert values.shape == (9, 5)
    assert found.mean == pytest.approx(values.mean())
    assert not_kept == ""
    assert robustness.load_robustness(trained) == found
    assert robustness.robustness_task(trained).state() == TaskState("none")


def test_a_measurement_on_other_faces_is_told_but_not_kept(trained, faces, capsys):
    own, not_kept = robustness.measure_robustness(trained, faces, images=20)
    assert not_kept == ""
    write_report(trained, {"data.test_fingerprint": faces.test_fingerprint})
    assert robustness.load_robustness(trained) == own
    assert main(["robustness", str(trained.path), "--data", "synthetic:700", "--images", "10"]) == 0
    said = capsys.readouterr().out
    assert "clean" in said and f"Not kept: '{trained.name}' was tested on other faces" in said
    assert robustness.load_robustness(trained) == own
    write_report(trained, {"data.test_fingerprint": "another"})
    assert robustness.load_robustness(trained) is None


def test_a_measurement_on_more_faces_is_not_replaced(trained, capsys):
    args = ["robustness", str(trained.path), "--data", "synthetic:200", "--images"]
    assert main([*args, "20"]) == 0
    before = robustness.load_robustness(trained)
    capsys.readouterr()
    assert main([*args, "10"]) == 0
    said = capsys.readouterr().out
    assert "on 10 faces" in said
    assert f"Not kept: '{trained.name}' has a measurement on 20 faces." in said
    assert robustness.load_robustness(trained) == before
    assert main([*args, "21"]) == 0
    assert "Not kept" not in capsys.readouterr().out
    assert robustness.load_robustness(trained).images == 21


def test_a_started_process_ends_in_a_result(trained, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    task = robustness.robustness_task(trained)
    robustness.start_robustness(trained, data="synthetic:200", images=10)
    assert task.state().kind == "running"
    with pytest.raises(RunError, match="is being measured already"):
        robustness.start_robustness(trained)
    until, shares = time.monotonic() + 120, []
    while (state := task.state()).kind == "running" and time.monotonic() < until:
        shares.append(state.share)
        time.sleep(0.1)
    assert state == TaskState("none"), task.log_path.read_text()
    assert shares == sorted(shares)
    assert robustness.load_robustness(trained).images == 10


def test_one_measurement_a_run_at_a_time(trained, faces):
    task = robustness.robustness_task(trained)
    with task.hold():
        task.tell(0.25)
        assert task.state() == TaskState("running", share=0.25)
        with pytest.raises(RunError, match="is being measured already"):
            robustness.measure_robustness(trained, faces, images=5)
    assert task.state() == TaskState("none")


def test_a_run_without_weights_cannot_be_measured(trained, faces):
    trained.weights_path.unlink()
    with pytest.raises(RunError, match="has no weights"):
        robustness.start_robustness(trained)
    with pytest.raises(CheckpointError, match="has no weights"):
        robustness.measure_robustness(trained, faces, images=5)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}', '{"format": 1, "corruptions": {}}'])
def test_a_half_written_result_counts_as_none(trained, text):
    (trained.path / "robustness.json").write_text(text)
    assert robustness.load_robustness(trained) is None
