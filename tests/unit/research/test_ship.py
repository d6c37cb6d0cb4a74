"""A shipped run is small, complete, and classifies as before."""

import pytest

from emotion_core.cli import main
from emotion_core.errors import RunError
from emotion_core.models.checkpoint import load_classifier
from emotion_core.probabilities import softmax
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.card import write_card
from emotion_core.reporting.markdown import markdown_table
from emotion_core.reporting.words import how_trained
from emotion_core.runs.create import create_run
from emotion_core.runs.report import Environment
from emotion_core.runs.run import Run
from emotion_core.training.loop import train
from emotion_core.units import percent
from research.ship import ship_run
from tests.samples import change_report


@pytest.fixture
def finished(tmp_path, monkeypatch) -> Run:
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    config = TrainConfig(
        options={"width": 8}, data="synthetic:140", epochs=1, batch_size=16, threads=1, device="cpu"
    )
    run = create_run(config, tmp_path / "checkpoints")
    train(run, run.config())
    return run


def test_shipping_halves_the_weights_and_keeps_what_compares(finished):
    (finished.path / "tsne.npz").write_bytes(b"can be made again")
    before = finished.weights_path.stat().st_size
    assert ship_run(finished) < 0.2
    assert (finished.path / "README.md").exists()
    assert finished.weights_path.stat().st_size < 0.6 * before
    assert {path.name for path in finished.path.iterdir()} == {
        "config.json",
        "status.json",
        "metrics.jsonl",
        "report.json",
        "predictions.npz",
        "model.safetensors",
        "model.json",
        "README.md",
    }
    assert finished.report().fp16.val_accuracy_loss <= 0.002
    assert load_classifier(finished).architecture == "sequential"
    table = markdown_table([finished])
    assert f"| {finished.name}, our recipe · 1 epoch (synthetic) | " in table
    assert f"| {percent(finished.report().test.accuracy)} | " in table


def test_shipping_again_keeps_what_the_first_time_measured(finished):
    ship_run(finished)
    change_report(finished, {"fp16.val_changed": 0.125})
    report = finished.report()
    assert ship_run(finished) == 0.125
    assert finished.report() == report


def test_another_evaluation_keeps_what_shipping_measured_and_renews_the_card(finished):
    ship_run(finished)
    report, card = finished.report(), finished.path / "README.md"
    assert report.trained_on.cores == 1  # its threads
    trained_on = {"cpu": "Abacus", "cores": 3, "cpu_capability": "AVX2", "gpu": ""}
    change_report(finished, {"trained_on": trained_on})
    card.write_text("old")
    assert main(["evaluate", str(finished.path), "--device", "cpu"]) == 0
    assert finished.report().fp16 == report.fp16
    assert finished.report().trained_on == Environment(**trained_on)
    assert "stored as fp16" in card.read_text()
    assert "faces/s on 3 cores of Abacus, AVX2; evaluated on" in card.read_text()
    assert " min | 3 x AVX2 |" in markdown_table([finished])


def test_the_table_ends_with_the_ensemble_of_our_networks(finished, tmp_path):
    other = create_run(finished.config().replace(seed=1, name=""), tmp_path / "checkpoints")
    train(other, other.config())
    runs = [finished, other]
    first, second = (run.predictions() for run in runs)
    calibrations = [run.report().calibration for run in runs]
    mean = sum(
        softmax(arrays["logits"].astype(float), *calibration)
        for arrays, calibration in zip((first, second), calibrations, strict=True)
    )
    right = mean.argmax(1) == first["labels"]
    assert (first["subset_leak_free"] == second["subset_leak_free"]).all()
    lines = [line.strip("| ").split(" | ") for line in markdown_table(runs).splitlines()]
    cells = dict(zip(lines[0], lines[4], strict=False))  # what it cost to train is left empty
    assert cells["Model"] == "ensemble of our 2 networks"
    assert cells["Accuracy"] == percent(right.mean())
    assert cells["Leak-free"] == percent(right[first["subset_leak_free"]].mean())
    both = sum(
        softmax(arrays[kind].astype(float), *calibration)
        for arrays, calibration in zip((first, second), calibrations, strict=True)
        for kind in ("logits", "flip_logits")
    )
    assert cells["With mirroring"] == percent((both.argmax(1) == first["labels"]).mean())
    assert "ensemble" not in markdown_table([finished])


@pytest.mark.parametrize(
    ("model", "weights"), [("emotion_net", "face recognition"), ("resnet18", "ImageNet")]
)
def test_the_table_tells_what_a_run_started_from(finished, tmp_path, model, weights):
    config = TrainConfig(model=model, options={"pretrained": True}, start_from="a")
    how = how_trained(create_run(config, tmp_path / "other"), finished.report())
    assert how == f"Our recipe · fine-tuned 1 epoch from a · from {weights} weights"


def test_a_run_can_be_shipped_without_weights(finished):
    ship_run(finished, weights=False)
    assert not finished.weights_path.exists()
    assert finished.predictions() is not None


def test_what_cannot_be_shipped_keeps_all_its_files(finished):
    (finished.path / "notes.txt").write_text("mine")
    change_report(finished, {"test.weighted_f1": ...})
    with pytest.raises(RunError, match="weighted_f1"):
        ship_run(finished, weights=False)
    assert finished.weights_path.exists() and finished.model_path.exists()
    assert (finished.path / "notes.txt").read_text() == "mine"


def test_the_card_of_a_run_on_own_faces_says_nothing_of_fer2013(finished):
    change_report(finished, {"data.name": "my faces", "data.synthetic": False})
    card = write_card(finished).read_text()
    assert "FER-2013" not in card and "The photographs of my faces are not included" in card


def test_only_finished_runs_are_shipped(tmp_path):
    run = create_run(TrainConfig(), tmp_path)
    with pytest.raises(RunError, match="only a finished run can be shipped"):
        ship_run(run)
    assert "No trained checkpoints" in markdown_table([])
