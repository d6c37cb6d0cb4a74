"""The model card says what the run's own files say, the same every time."""

import shutil

import numpy as np
import pytest

from emotion_core.data.faces import FaceData, fingerprint
from emotion_core.errors import RunError
from emotion_core.evaluation.report import evaluate_run
from emotion_core.labels import EMOTIONS
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.card import write_card
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.units import percent, score
from tests.samples import change_report, write_transfer, write_untrained


@pytest.fixture(scope="module")
def data() -> FaceData:
    """Small random pictures, ten per emotion in train and in test."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (140, 48, 48), dtype=np.uint8)
    labels = np.tile(np.arange(7), 20)
    splits = np.repeat(np.array([0, 2], np.uint8), 70)
    digest = fingerprint(images, labels, splits)
    ids = np.array([f"face-{index}" for index in range(140)])
    usage = np.full(140, "")
    return FaceData(images, labels, splits, usage, ids, "noise", "noise", digest, digest, True)


@pytest.fixture(scope="module")
def evaluated(data, tmp_path_factory) -> Run:
    config = TrainConfig(model="sequential", options={"width": 8}, data="synthetic")
    run = create_run(config, tmp_path_factory.mktemp("card"))
    write_untrained(run, 0)
    evaluate_run(run, data)
    return run


def test_card_holds_the_reports_figures(evaluated):
    text = write_card(evaluated).read_text()
    report = evaluated.report()
    assert text.startswith(f"# Model card: {evaluated.name}\n")
    assert f"| {percent(report.test.accuracy)} | " in text
    assert f"temperature {report.temperature:.3f} and smoothing {report.smoothing:.2f}" in text
    assert f"{report.cost.parameters:,} parameters" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for emotion in EMOTIONS:
        (row,) = [line for line in rows if line.startswith(f"| {emotion} ")]
        assert f"| {score(report.test.per_emotion[emotion].recall)} |" in row
    assert "`options={'width': 8}`" in text


def test_card_of_drawn_faces_says_that_it_says_nothing_about_photographs(evaluated):
    text = write_card(evaluated).read_text()
    assert "Trained on synthetic faces." in text
    assert "FER-2013" not in text


@pytest.mark.parametrize(
    ("loss", "text"),
    [(0.0, "0.00"), (-0.00001, "0.00"), (0.002, "\u22120.20"), (-0.002, "+0.20")],
)
def test_card_says_what_fp16_costs(evaluated, tmp_path, loss, text):
    copy = Run(shutil.copytree(evaluated.path, tmp_path / evaluated.name))
    change_report(copy, {"fp16": {"val_changed": 0.01, "val_accuracy_loss": loss}})
    assert (
        f"validation predictions and the accuracy by {text} points." in write_card(copy).read_text()
    )


def test_card_without_weights_names_curves_only_where_there_are_some(evaluated, tmp_path):
    copy = Run(shutil.copytree(evaluated.path, tmp_path / evaluated.name))
    copy.weights_path.unlink()
    assert "its report and predictions are enough" in write_card(copy).read_text()
    copy.append_metrics({"epoch": 0})
    assert "its curves, report and predictions are enough" in write_card(copy).read_text()


def test_card_is_the_same_every_time(evaluated):
    first = write_card(evaluated).read_bytes()
    assert write_card(evaluated).read_bytes() == first


def test_run_without_report_says_how_to_get_one(tmp_path):
    run = create_run(TrainConfig(model="sequential", data="synthetic"), tmp_path)
    with pytest.raises(RunError, match=r"no report\.json.*python -m emotion_core evaluate"):
        write_card(run)


def test_card_has_the_transfer_measure_where_there_is_one(evaluated, tmp_path):
    run = Run(shutil.copytree(evaluated.path, tmp_path / "measured"))
    assert "Other crops" not in write_card(run).read_text()
    write_transfer(run, [0.5, 0.75], measured="the-first")
    text = write_card(run).read_text()
    assert "| framing | 62.5 % | offset and scale to ±25 %, tilt to 30 degrees |" in text
    assert "Transfer 62.5 % (95 % interval 57.5 to 67.5), the mean of the five, on 2 faces" in text
    assert "answers of the-first, which it repeats" in text
