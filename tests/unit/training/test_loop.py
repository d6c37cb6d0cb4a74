"""The loop learns, stops early, resumes and refuses what it cannot do."""

import threading
from dataclasses import replace

import filelock
import numpy as np
import pytest
import torch

from emotion_core.data.faces import FaceData, fingerprint
from emotion_core.errors import ConfigError, DataError, RunError, TrainingError
from emotion_core.machine import resolve_device
from emotion_core.models.checkpoint import load_classifier, read_weights
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.training import loop
from emotion_core.training.batches import Batches, fit_preprocess
from emotion_core.training.failures import Stopped, is_out_of_memory
from emotion_core.training.loop import create_state, epoch_row, train
from emotion_core.training.validate import Validation


def striped_faces(each: int = 30) -> FaceData:
    """Seven easy classes: stripes of seven directions, with noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48]
    images, labels = [], []
    for label in range(7):
        angle = np.pi * label / 7
        for _ in range(each):
            wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) / 3 + rng.uniform(0, 6))
            images.append(128 + 60 * wave + rng.normal(0, 12, (48, 48)))
            labels.append(label)
    pixels = np.clip(np.stack(images), 0, 255).astype(np.uint8)
    truth = np.array(labels, np.int64)
    splits = np.tile(np.array([0, 0, 0, 1, 2], np.uint8), len(truth) // 5)
    ids = np.array([f"face-{i}" for i in range(len(truth))])
    digest = fingerprint(pixels, truth, splits)
    return FaceData(
        pixels, truth, splits, np.full(len(truth), ""), ids, "stripes", "stripes", digest, digest
    )


@pytest.fixture(scope="module")
def data() -> FaceData:
    return striped_faces()


SMALL = TrainConfig(
    model="sequential",
    options={"width": 8},
    epochs=3,
    batch_size=16,
    lr=0.05,
    ema=0.9,
    rotation=0.0,
    flip=0.0,
    mixup=0.0,
    device="cpu",
    threads=1,
)


@pytest.fixture
def make_run(tmp_path):
    def make(**changes: object) -> Run:
        return create_run(SMALL.replace(**changes), tmp_path)

    return make


def training_batches(data: FaceData, **changes: object) -> Batches:
    train_faces = data.splits == 0
    config = SMALL.replace(**changes)
    return Batches(data.images[train_faces], data.labels[train_faces], config, torch.device("cpu"))


def train_until_evaluation(run: Run, data: FaceData) -> None:
    """Train as a process does that is killed before it evaluates."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(loop, "evaluate_run", killed)
        train(run, run.config(), data)


def test_training_learns_and_leaves_a_complete_run(make_run, data):
    run = make_run(epochs=8)
    seen = []
    train(
        run,
        run.config(),
        data,
        on_progress=lambda progress: progress.row and seen.append(progress.row),
    )
    assert run.status().state == "finished"
    assert [row["epoch"] for row in run.metrics()] == list(range(1, 9))
    assert seen == run.metrics()
    report = run.report()
    assert report.test.accuracy > 0.8
    assert report.test.n == 42
    assert not run.resume_path.exists()
    probs = load_classifier(run).probs(data.images[data.indices("test")])
    assert probs.shape == (42, 7)
    assert np.allclose(probs.sum(1), 1, atol=1e-5)
    stored = run.predictions()
    assert (stored["probs"].argmax(1) == probs.argmax(1)).mean() > 0.95


def test_one_batch_can_be_learnt_by_heart(make_run, data):
    few = np.concatenate(
        [np.flatnonzero((data.labels == k) & (data.splits == 0))[:2] for k in range(7)]
    )
    keep = np.concatenate([few, np.flatnonzero(data.splits > 0)])
    tiny = replace(
        data,
        images=data.images[keep],
        labels=data.labels[keep],
        splits=data.splits[keep],
        usage=data.usage[keep],
        ids=data.ids[keep],
    )
    run = make_run(
        epochs=60,
        batch_size=14,
        label_smoothing=0.0,
        translation=0.0,
        scale=0.0,
        erasing=0.0,
        brightness=0.0,
        contrast=0.0,
        warmup_epochs=5.0,
    )
    train(run, run.config(), tiny)
    assert run.metrics()[-1]["train_accuracy"] == 1.0
    assert run.metrics()[-1]["train_loss"] < 0.1


def test_stopping_mid_epoch_and_resuming_gives_the_same_weights_bit_for_bit(make_run, data):
    whole, parted = make_run(mixup=0.2), make_run(mixup=0.2)
    train(whole, whole.config(), data)

    stop, steps = threading.Event(), []

    def stop_at_step_eleven(progress) -> None:
        steps.append(progress)
        if len(steps) == 11:
            stop.set()

    with pytest.raises(Stopped):
        train(parted, parted.config(), data, stop=stop, on_progress=stop_at_step_eleven)
    assert parted.status().state == "stopped"
    assert parted.resume_path.exists()
    train(parted, parted.config(), data)

    assert whole.weights_path.read_bytes() == parted.weights_path.read_bytes()
    drop = ("seconds", "images_per_second")
    rows = [
        [{k: v for k, v in row.items() if k not in drop} for row in run.metrics()]
        for run in (whole, parted)
    ]
    assert rows[0] == rows[1]


def test_the_seed_alone_decides_the_weights(make_run, data):
    first, again, other = make_run(epochs=1), make_run(epochs=1), make_run(epochs=1, seed=1)
    for run in (first, again, other):
        train(run, run.config(), data)
    assert first.weights_path.read_bytes() == again.weights_path.read_bytes()
    assert first.weights_path.read_bytes() != other.weights_path.read_bytes()


def test_a_loss_that_is_no_number_stops_and_names_the_step(make_run, data):
    run = make_run(
        lr=10.0,
        clip_norm=0.0,
        ema=0.0,
        warmup_epochs=0.0,
        momentum=0.999,
        model="plain_cnn",
        options={},
    )
    with pytest.raises(TrainingError, match=r"not a number at epoch \d+, step \d+.*Lower lr"):
        train(run, run.config(), data)
    status = run.status()
    assert status.state == "failed"
    assert "not a number" in status.error


@pytest.mark.filterwarnings("ignore:.*script_method.*:DeprecationWarning")  # torch's own
def test_a_missing_compiler_is_named(make_run, data, monkeypatch, tmp_path):
    from torch._inductor import config

    monkeypatch.setattr(config, "force_disable_caches", True)
    monkeypatch.setattr(config.cpp, "cxx", (str(tmp_path / "no-compiler"),))
    run = make_run(compile=True)
    with pytest.raises(TrainingError, match=r"could not compile.*C\+\+ compiler.*compile off"):
        train(run, run.config(), data)
    assert run.status().state == "failed"


def test_early_stopping_ends_before_the_last_epoch(make_run, data):
    run = make_run(epochs=50, lr=1e-7, ema=0.0, early_stopping=2)
    train(run, run.config(), data)
    assert run.status().state == "finished"
    assert len(run.metrics()) < 50


def test_a_run_that_stopped_early_does_not_go_on_when_resumed(make_run, data):
    run = make_run(epochs=50, lr=1e-7, ema=0.0, early_stopping=2)
    train_until_evaluation(run, data)
    rows = run.metrics()
    train(run, run.config(), data)
    assert run.metrics() == rows


def test_a_run_that_lost_its_state_starts_again_with_fresh_curves(make_run, data):
    run = make_run(epochs=1)
    train_until_evaluation(run, data)
    run.resume_path.unlink()
    train(run, run.config(), data)
    assert [row["epoch"] for row in run.metrics()] == [1]


@pytest.mark.parametrize("batch_size", [25, 31, 125])  # of 126: one is left, two are, one is
def test_no_batch_holds_a_single_image(data, batch_size):
    batches = training_batches(data, batch_size=batch_size)
    found = batches.of_epoch(0)
    assert sorted(torch.cat(found).tolist()) == list(range(126))
    assert min(map(len, found)) > 1
    assert len(found) == batches.steps


def test_data_without_test_images_is_refused_before_training(make_run, data):
    run = make_run()
    untested = replace(data, splits=np.minimum(data.splits, 1))
    with pytest.raises(DataError, match=r"'stripes' \(stripes\) has no test images"):
        train(run, run.config(), untested)
    assert run.metrics() == []


def test_a_run_in_training_is_refused(make_run, data):
    run = make_run()
    # A second handle on the file stands for another process.
    with filelock.FileLock(run.path / "run.lock"), pytest.raises(RunError, match="another process"):
        train(run, run.config(), data)


def test_a_damaged_resume_file_is_named(make_run, data):
    run = make_run()
    run.resume_path.write_bytes(b"not a torch file")
    with pytest.raises(RunError, match=r"resume\.pt does not fit"):
        train(run, run.config(), data)
    assert run.status().state == "failed"


def test_missing_cuda_is_told():
    if torch.cuda.device_count() > 7:
        pytest.skip("this machine has eight CUDA devices")
    with pytest.raises(ConfigError, match=r"CUDA devices\. Use auto or cpu"):
        resolve_device("cuda:7")
    with pytest.raises(ConfigError, match=r"Unknown device 'gpu'\. Use auto, cpu or cuda:N"):
        resolve_device("gpu")


@pytest.mark.parametrize("sampling", ["balanced", "over", "under"])
@pytest.mark.parametrize("plain_copy", [False, True])
def test_every_sampling_trains(make_run, data, sampling, plain_copy):
    run = make_run(
        epochs=1, sampling=sampling, plain_copy=plain_copy, class_weights="sqrt", ema=0.0
    )
    train(run, run.config(), data)
    row = run.metrics()[0]
    assert row["images_seen"] == (2 if plain_copy else 1) * 7 * 18


def test_dataset_normalisation_is_measured_on_the_training_faces(data):
    faces = data.images[data.splits == 0]
    found = fit_preprocess("dataset", faces)
    assert found.mean == pytest.approx((faces / 255).mean())
    assert found.std == pytest.approx((faces / 255).std())
    standard = found.apply(torch.from_numpy(faces))
    assert abs(float(standard.mean())) < 1e-4


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_both_kinds_of_arithmetic_learn(make_run, data, precision):
    run = make_run(epochs=6, precision=precision)
    train(run, run.config(), data)
    assert max(row["val_accuracy"] for row in run.metrics()) > 0.8
    assert read_weights(run)["0.weight"].dtype == torch.float32


def test_answers_that_are_no_numbers_end_training_with_a_reason(data, tmp_path):
    device, held_out = torch.device("cpu"), data.splits == 1
    state = create_state(create_run(SMALL, tmp_path), SMALL, data, device)
    batches = training_batches(data)
    validation = Validation(
        data.images[held_out], data.labels[held_out], batches.preprocess, SMALL, device
    )
    with torch.no_grad():
        state.best_model[-1].weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"are not numbers after epoch 1\. Lower lr"):
        epoch_row(state, batches, validation, SMALL)


def test_what_was_measured_of_earlier_weights_goes_with_them(data, tmp_path):
    run = create_run(SMALL.replace(epochs=1), tmp_path)
    files = [run.path / name for name in ("report.json", "predictions.npz", "robustness.json")]
    for file in files:
        file.touch()
    train_until_evaluation(run, data)
    assert not any(file.exists() for file in files)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda values: values.pop("epoch"), "'epoch'"),
        (lambda values: values.pop("format"), "it has format 1, this version reads 2"),
        (lambda values: values["model"].popitem(), "Missing key"),
    ],
)
def test_a_resume_state_that_does_not_fit_is_named(data, tmp_path, change, reason):
    run = create_run(SMALL, tmp_path)
    create_state(run, SMALL, data, torch.device("cpu")).save(run)
    values = torch.load(run.resume_path, weights_only=True)
    change(values)
    torch.save(values, run.resume_path)
    with pytest.raises(RunError, match=rf"resume\.pt does not fit this run \((.|\n)*{reason}"):
        train(run, SMALL, data)
    assert "Delete the file to train from the start." in run.status().error


def test_a_file_of_something_else_is_no_resume_state(make_run, data):
    run = make_run()
    torch.save([1, 2], run.resume_path)
    with pytest.raises(RunError, match=r"resume\.pt does not fit this run"):
        train(run, run.config(), data)


def test_a_resumed_run_does_not_show_how_far_its_life_before_was(data, tmp_path):
    run = create_run(SMALL.replace(epochs=1), tmp_path)
    run.write_status(replace(run.status(), step=9, steps=40, images_per_second=120, seconds_left=9))
    seen = []
    train(run, run.config(), data, on_progress=lambda progress: seen.append(progress.status))
    assert (seen[0].step, seen[0].steps) == (1, seen[-1].steps) != (9, 40)


def test_words_for_no_memory_on_a_cpu_are_understood():
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
