"""Runs start from earlier weights and learn teachers' answers."""

import dataclasses
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from emotion_core.data.faces import BY_HAND, FaceData
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import RunError, TrainingError
from emotion_core.models.checkpoint import load_classifier, read_weights, save_checkpoint
from emotion_core.models.layers import layer_table
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import TrainConfig, listed
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.training.failures import Stopped
from emotion_core.training.loop import train
from emotion_core.training.progress import Progress
from emotion_core.training.warmstart import average_with, mean_weights, start_from, teacher_probs
from tests.samples import write_report

SMALL = TrainConfig(
    model="sequential",
    options={"width": 8},
    epochs=8,
    batch_size=16,
    ema=0.9,
    mixup=0.2,
    device="cpu",
    threads=1,
)


@pytest.fixture(scope="module")
def data() -> FaceData:
    return synthetic_faces(700, seed=3)


@pytest.fixture(scope="module")
def earlier(data, tmp_path_factory) -> Run:
    run = create_run(SMALL, tmp_path_factory.mktemp("earlier"))
    train(run, run.config(), data)
    return run


def val_accuracy(run: Run) -> float:
    return max(row["val_accuracy"] for row in run.metrics())


def test_a_run_starts_from_earlier_weights(earlier, data, tmp_path):
    still = SMALL.replace(epochs=1, lr=1e-6, start_from=str(earlier.path))
    run = create_run(still, tmp_path)
    train(run, run.config(), data)
    # One epoch at a rate of almost nothing: what it knows, it was given.
    assert val_accuracy(earlier) > 0.9  # fresh weights know one in seven
    assert val_accuracy(run) > val_accuracy(earlier) - 0.1


def test_a_run_starts_from_the_mean_of_several(earlier, data, tmp_path):
    other = create_run(SMALL.replace(seed=1), tmp_path)
    train(other, other.config(), data)
    config = SMALL.replace(start_from=f"{earlier.path}, {other.path}")
    model = create_model(config.model, **config.options)
    start_from(model, config, data)
    one, two = read_weights(earlier), read_weights(other)
    for name, value in model.state_dict().items():
        assert torch.allclose(value.double(), (one[name].double() + two[name].double()) / 2)
    config = SMALL.replace(model="resnet18", options={}, start_from=str(earlier.path))
    with pytest.raises(TrainingError, match=f"start_from: run '{earlier.name}' is a sequential"):
        start_from(create_model("resnet18"), config, data)


def test_each_run_that_helps_goes_into_the_mean(earlier, data):
    model = create_model(SMALL.model, **SMALL.options)
    weights = {name: read_weights(earlier) for name in ("good", "bad", "as good")}
    weights["bad"] = {name: torch.full_like(value, 9) for name, value in weights["bad"].items()}
    name = next(key for key, value in weights["good"].items() if value.is_floating_point())
    first = model.state_dict()[name].clone()
    seen = []

    def score(one):
        seen.append(float(one.state_dict()[name].mean()))
        return [0.5, 0.6, 0.1, 0.6][len(seen) - 1]

    assert average_with(model, weights, score) == ["good", "as good"]
    assert torch.allclose(model.state_dict()[name], (first + 2 * weights["good"][name]) / 3)
    assert seen[2] == pytest.approx(float((first + weights["good"][name] + 9).mean() / 3), rel=1e-4)


def test_the_trained_weights_count_in_the_mean_as_they_are_told_to(earlier):
    model = create_model(SMALL.model, **SMALL.options)
    weights = read_weights(earlier)
    name = next(key for key, value in weights.items() if value.is_floating_point())
    first = model.state_dict()[name].clone()
    assert average_with(model, {"one": weights, "two": weights}, lambda _: 1.0, 0.25)
    assert torch.allclose(model.state_dict()[name], 0.25 * first + 0.75 * weights[name])
    model.load_state_dict(mean_weights([weights], 0.25))
    assert torch.equal(model.state_dict()[name], weights[name])


def test_earlier_runs_are_averaged_in_at_the_end_where_validation_gains(earlier, data, tmp_path):
    # From the earlier weights at a rate that ruins them: the mean with them is better.
    config = SMALL.replace(
        epochs=1, lr=0.05, ema=0.0, seed=3, start_from=str(earlier.path), monitor="loss"
    )
    alone = create_run(config, tmp_path)
    train(alone, alone.config(), data)
    run = create_run(config.replace(average_with=str(earlier.path)), tmp_path)
    train(run, run.config(), data)
    assert run.status().averaged_with == earlier.id
    expected = mean_weights([read_weights(alone), read_weights(earlier)])
    for name, value in read_weights(run).items():
        if value.is_floating_point():  # not batch norm's count of batches
            assert torch.allclose(value.double(), expected[name], atol=1e-6)
    assert run.report().val.nll < alone.report().val.nll


def test_runs_that_do_not_fit_are_refused_before_training(earlier, data, tmp_path):
    config = SMALL.replace(options={"width": 16}, average_with=str(earlier.path))
    run = create_run(config, tmp_path)
    with pytest.raises(TrainingError, match=r"average_with: run .*'width': 8.*'width': 16"):
        train(run, run.config(), data)
    assert not run.metrics()


def test_a_finer_lite0_takes_every_weight_of_a_coarser_one(data, tmp_path):
    run = create_run(TrainConfig(model="efficientnet_lite0"), tmp_path)
    lite = create_model("efficientnet_lite0")
    save_checkpoint(
        run, lite, architecture="efficientnet_lite0", options={}, preprocess=Preprocess()
    )
    config = TrainConfig(
        model="efficientnet_lite0", options={"finer": True}, start_from=str(run.path)
    )
    finer = create_model("efficientnet_lite0", finer=True)
    start_from(finer, config, data)
    weights = finer.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in lite.state_dict().items())
    assert len(weights) == len(lite.state_dict())
    sides = [row.output_shape[1:] for row in layer_table(finer) if "1x1" in row.kind]
    assert sides[-1] == (6, 6)


def test_other_architectures_are_refused(earlier, data, tmp_path):
    config = SMALL.replace(options={"width": 16}, start_from=str(earlier.path))
    run = create_run(config, tmp_path)
    with pytest.raises(TrainingError, match=r"start_from: run .*'width': 8.*'width': 16"):
        train(run, run.config(), data)
    assert run.status().state == "failed"


def test_a_missing_run_is_named(data, tmp_path):
    run = create_run(SMALL.replace(teacher="no-such-run"), tmp_path)
    with pytest.raises(RunError, match="no-such-run"):
        train(run, run.config(), data)


def test_teachers_answer_for_face_and_mirror_image(earlier, data):
    config = SMALL.replace(teacher=f"{earlier.path}, {earlier.path}")
    assert len(listed(config.teacher)) == 2
    train_split = np.flatnonzero(data.splits == 0)
    found = teacher_probs(config, data, train_split)
    classifier = load_classifier(earlier)
    faces = data.images[train_split]
    expected = classifier.probs(faces) + classifier.probs(np.ascontiguousarray(faces[:, :, ::-1]))
    assert found.dtype == torch.float32
    assert np.allclose(found.numpy(), expected / 2, atol=1e-5)


def test_a_face_labeled_by_hand_is_taught_by_its_label_alone(earlier, data):
    usage = np.array(["", BY_HAND] + [""] * (len(data) - 2))
    mixed = dataclasses.replace(data, usage=usage)
    found = teacher_probs(SMALL.replace(teacher=str(earlier.path)), mixed, np.arange(3))
    asked = teacher_probs(SMALL.replace(teacher=str(earlier.path)), data, np.arange(3))
    assert torch.equal(found[[0, 2]], asked[[0, 2]])
    assert found[1].tolist() == np.eye(7)[data.labels[1]].tolist()


def test_asking_teachers_shows_its_progress_and_can_be_stopped(earlier, data, tmp_path):
    run = create_run(SMALL.replace(teacher=f"{earlier.path}, {earlier.path}"), tmp_path)
    stop, shares = threading.Event(), []

    def stop_at_the_second(progress: Progress) -> None:
        shares.append(progress.status.teachers_asked)
        if len(shares) == 2:
            stop.set()

    with pytest.raises(Stopped):
        train(run, run.config(), data, stop=stop, on_progress=stop_at_the_second)
    assert shares[0] < shares[1] == 0.5  # one of two teachers
    assert run.status().state == "stopped"
    assert not run.resume_path.exists()
    assert not run.metrics()


def test_a_run_started_again_forgets_how_far_the_teachers_were(
    earlier, data, tmp_path, monkeypatch
):
    run = create_run(SMALL.replace(epochs=1, teacher=str(earlier.path)), tmp_path)
    run.write_status(replace(run.status(), state="stopped", teachers_asked=0.5))
    shares = []

    def load(_: str) -> FaceData:
        shares.append(run.status().teachers_asked)
        return data

    monkeypatch.setattr("emotion_core.training.loop.load_data", load)
    train(run, run.config())
    assert shares == [0.0]


def test_a_resumed_run_knows_its_teachers_answers(earlier, data, tmp_path):
    teacher = shutil.copytree(earlier.path, tmp_path / "teacher")
    config = SMALL.replace(epochs=2, teacher=str(teacher))
    whole, parted = create_run(config, tmp_path), create_run(config, tmp_path)
    train(whole, whole.config(), data)
    stop, steps = threading.Event(), []

    def stop_in_the_first_epoch(progress: Progress) -> None:
        steps.append(progress.status.step)
        if steps[-1] == 3:
            stop.set()

    with pytest.raises(Stopped):
        train(parted, parted.config(), data, stop=stop, on_progress=stop_in_the_first_epoch)
    shutil.rmtree(teacher)
    train(parted, parted.config(), data)
    assert whole.weights_path.read_bytes() == parted.weights_path.read_bytes()


@pytest.mark.parametrize(("share", "learned"), [(1.0, True), (0.0, False)])
def test_a_teacher_teaches_what_wrong_labels_do_not(earlier, data, tmp_path, share, learned):
    labels = data.labels.copy()
    training = data.splits == 0
    labels[training] = (labels[training] + 1) % 7
    config = SMALL.replace(epochs=4, teacher=str(earlier.path), teacher_share=share)
    run = create_run(config, tmp_path)
    train(run, run.config(), replace(data, labels=labels))
    assert (run.report().test.accuracy > 0.5) == learned


def test_a_teacher_of_other_data_is_told(earlier, data, caplog):
    teacher_probs(SMALL.replace(teacher=str(earlier.path)), data, np.arange(4))
    assert "other data" not in caplog.text
    other = replace(data, fingerprint="0" * 16)
    teacher_probs(SMALL.replace(teacher=str(earlier.path)), other, np.arange(4))
    assert "other data" in caplog.text


def test_a_stopped_run_is_known_by_its_data(earlier, data, tmp_path, caplog):
    stopped = shutil.copytree(earlier.path, tmp_path / "stopped")
    (stopped / "report.json").unlink()
    teacher_probs(SMALL.replace(teacher=str(stopped)), data, np.arange(4))
    assert "other data" not in caplog.text
    uncut = replace(data, splits=np.where(data.splits == 1, 0, data.splits))
    with pytest.raises(TrainingError, match=r"Train with --val-fraction 0\.1"):
        teacher_probs(SMALL.replace(teacher=str(stopped), val_fraction=0.3), uncut, np.arange(4))
    teacher_probs(SMALL.replace(teacher=str(stopped), data="elsewhere"), data, np.arange(4))
    assert "other data" in caplog.text


def test_faces_that_an_earlier_run_learned_do_not_validate_this_one(earlier, data, tmp_path):
    config = SMALL.replace(epochs=1, val_fraction=0.3, start_from=str(earlier.path))
    own_split = data.splits.copy()
    own_split[own_split == 1] = 0  # no split of its own: validation is cut from train
    uncut = dataclasses.replace(data, splits=own_split)
    write_report(earlier, {"data.fingerprint": uncut.fingerprint})
    for changed in (config, config.replace(start_from="", teacher=str(earlier.path))):
        run = create_run(changed, tmp_path)
        with pytest.raises(TrainingError, match=r"Train with --val-fraction 0\.1"):
            train(run, run.config(), uncut)
