"""The report is what the weights do: predicted once, calibrated on validation, reproducible."""

import dataclasses
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from emotion_core.cli import main
from emotion_core.data.faces import SPLITS
from emotion_core.data.sources import load_data
from emotion_core.data.splits import split_indices
from emotion_core.errors import CheckpointError, DataError, RunError
from emotion_core.evaluation import measure, report, scores
from emotion_core.evaluation.calibrate import fit_calibration
from emotion_core.evaluation.ensemble import ensemble_probs
from emotion_core.evaluation.results import load_results
from emotion_core.files import write_json
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import load_classifier, save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.probabilities import softmax
from emotion_core.recipes import recipe_config
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.units import percent, score


@pytest.fixture(scope="module")
def some_faces(faces):
    usage = np.where(faces.splits == SPLITS.index("test"), "PublicTest", "Training").astype("U12")
    usage[np.flatnonzero(usage == "PublicTest")[::2]] = "PrivateTest"
    images = faces.images.copy()
    images[faces.indices("test")[:5]] = images[faces.indices("train")[:5]]
    return dataclasses.replace(faces, usage=usage, images=images, fingerprint="with-twins")


@pytest.fixture(scope="module")
def evaluated(some_faces, tmp_path_factory):
    torch.manual_seed(0)
    run = create_run(
        recipe_config("best", "sequential", options={"width": 4}), tmp_path_factory.mktemp("runs")
    )
    for epoch, accuracy in enumerate((0.2, 0.5, 0.5, 0.4), start=1):
        run.append_metrics({"epoch": epoch, "val_accuracy": accuracy, "images_per_second": 10.0})
    model = create_model("sequential", width=4)
    # Larger outputs than a fresh network's, so that calibration has something to mend.
    torch.nn.init.normal_(model[-1].weight, std=9.0)
    options = {"architecture": "sequential", "options": {"width": 4}}
    save_checkpoint(run, model, preprocess=Preprocess(), **options)
    return run, report.evaluate_run(run, some_faces, device="cpu")


def test_report_on_disk_has_the_documented_fields(evaluated):
    run, found = evaluated
    assert run.report() == found
    assert set(found.to_json()) == {
        *("format", "run", "model", "options", "recipe", "epochs", "best_epoch", "date", "data"),
        "refit",
        *("val", "test", "subsets", "flip_tta", "test_uncalibrated", "abstain"),
        *("temperature", "smoothing", "cost", "environment", "trained_on"),
    }
    assert set(found.test.to_json()) == {
        *("n", "accuracy", "accuracy_ci95", "macro_f1", "macro_f1_ci95", "weighted_f1"),
        *("ece", "nll", "brier", "per_emotion", "confusion"),
    }
    assert list(found.test.per_emotion) == list(EMOTIONS)
    assert (found.epochs, found.best_epoch) == (4, 2)
    weights = load_classifier(run).model.parameters()
    assert found.cost.parameters == sum(item.numel() for item in weights)
    assert found.cost.macs > 0
    assert found.cost.latency_ms > 0
    assert found.environment.torch == torch.__version__


def test_stored_predictions_are_those_of_the_loaded_classifier(evaluated, some_faces):
    run, found = evaluated
    arrays, split = run.predictions(), split_indices(some_faces)
    assert arrays["ids"].tolist() == some_faces.ids[split.test].tolist()
    assert arrays["val_labels"].tolist() == some_faces.labels[split.val].tolist()
    probs = load_classifier(run, backend="torch").probs(some_faces.images[split.test])
    assert arrays["probs"].dtype == np.float16
    np.testing.assert_allclose(arrays["probs"], probs, atol=2e-3)
    np.testing.assert_array_equal(arrays["probs"].argmax(axis=1), probs.argmax(axis=1))
    accuracy = (probs.argmax(axis=1) == some_faces.labels[split.test]).mean()
    assert found.test.accuracy == pytest.approx(accuracy)


def test_every_figure_follows_from_stored_logits_and_calibration(evaluated):
    run, found = evaluated
    arrays = run.predictions()
    for name, prefix in (("test", ""), ("val", "val_")):
        probs = softmax(arrays[f"{prefix}logits"], found.temperature, found.smoothing)
        again = scores.classification_metrics(arrays[f"{prefix}labels"], probs)
        assert again == getattr(found, name)


def test_calibration_is_fitted_on_validation_and_stored_with_the_weights(evaluated):
    run, found = evaluated
    classifier, arrays = load_classifier(run), run.predictions()
    fitted = fit_calibration(arrays["val_logits"], arrays["val_labels"])
    assert (classifier.temperature, classifier.smoothing) == fitted
    assert (found.temperature, found.smoothing) == fitted
    assert fitted.temperature > 1
    assert found.test.nll < found.test_uncalibrated.nll


def test_subsets_split_the_test_set_and_leave_out_twins(evaluated):
    _, found = evaluated
    sizes = {name: item.n for name, item in vars(found.subsets).items()}
    assert sizes["private_test"] + sizes["public_test"] == found.test.n == 300
    assert sizes["leak_free"] == 295


def test_flip_averaging_uses_the_mirrored_faces(evaluated, some_faces):
    run, found = evaluated
    images = some_faces.images[split_indices(some_faces).test]
    classifier = load_classifier(run, backend="torch")
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    mean = (classifier.probs(images) + classifier.probs(mirrored)) / 2
    accuracy = (mean.argmax(axis=1) == run.predictions()["labels"]).mean()
    assert found.flip_tta.test.accuracy == pytest.approx(accuracy, abs=1 / 300)


def test_rounding_to_half_keeps_the_winner():
    values = np.array([[1.0, 1.00001, 0, 0, 0, 0, 0], [0.3, 0.2, 0.5, 0, 0, 0, 0]])
    half = measure.to_half(values)
    assert half.argmax(axis=1).tolist() == [1, 2]
    np.testing.assert_allclose(half, values, atol=2e-3)


def test_other_data_is_measured_and_the_report_stays(evaluated, some_faces, tmp_path, capsys):
    run, _ = evaluated
    labels = some_faces.labels.tolist()
    for number in range(60):
        folder = tmp_path / "own" / EMOTIONS[labels[number]]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.png"), some_faces.images[number])
    before = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    data = load_data(str(tmp_path / "own"))
    measured = measure.measure_on([run], data, "all", device="cpu")
    probs = load_classifier(run, backend="torch").probs(data.images)
    assert measured.n == 60
    assert measured.accuracy == pytest.approx((probs.argmax(axis=1) == data.labels).mean())

    assert main(["evaluate", str(run.path), "--data", data.source, "--split", "all"]) == 0
    said = capsys.readouterr().out
    assert f" {percent(measured.accuracy)} " in said
    assert re.search(rf"^sad .* {score(measured.per_emotion['sad'].recall)} ", said, re.MULTILINE)
    assert "95 % interval of recall" in said and "No faces of" not in said
    assert {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()} == before


def test_own_faces_of_few_emotions_say_which_have_none(evaluated, some_faces, tmp_path, capsys):
    run, _ = evaluated
    for number in np.flatnonzero(np.isin(some_faces.labels, [3, 5])):
        folder = tmp_path / "own" / EMOTIONS[some_faces.labels[number]]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.png"), some_faces.images[number])
    own = str(tmp_path / "own")
    measured = measure.measure_on([run], load_data(own), "all", device="cpu")
    present = [measured.per_emotion[name].f1 for name in ("happy", "sad")]
    assert measured.macro_f1 == pytest.approx(np.mean(present))
    assert main(["evaluate", str(run.path), "--data", own, "--split", "all"]) == 0
    said = capsys.readouterr().out
    assert "No faces of angry, disgust, fear, neutral and surprise: macro-F1 is the mean" in said
    assert re.search(r"^fear +0 +no faces", said, re.MULTILINE)


def test_an_ensemble_is_measured_on_other_data(evaluated, some_faces, tmp_path, capsys):
    run, _ = evaluated
    second = Run(shutil.copytree(run.path, tmp_path / "second"))
    model = create_model("sequential", width=4)
    torch.nn.init.normal_(model[-1].weight, std=9.0)
    options = {"architecture": "sequential", "options": {"width": 4}}
    save_checkpoint(second, model, preprocess=Preprocess(), **options)
    report.evaluate_run(second, some_faces, device="cpu")
    # Its own test faces, as if they came from elsewhere: what the stored answers give comes out.
    results, _ = load_results([run, second])
    again = measure.measure_on([run, second], some_faces, device="cpu")
    stored = scores.classification_metrics(results[0].labels, ensemble_probs(results))
    assert again.confusion == stored.confusion
    assert again.nll == pytest.approx(stored.nll, abs=1e-6)

    data = load_data("synthetic:700")
    answers = [load_classifier(item, backend="torch").probs(data.images) for item in (run, second)]
    predicted = np.mean(answers, axis=0).argmax(axis=1)
    others = ["--ensemble", str(second.path), "--data", "synthetic:700", "--split", "all"]
    assert main(["evaluate", str(run.path), *others, "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    accuracy = percent((predicted == data.labels).mean())
    assert re.search(
        rf"^ensemble of 2 runs on synthetic, all +\d+ +{accuracy} ", said, re.MULTILINE
    )
    namesake = Run(shutil.copytree(run.path, tmp_path / "copy" / run.name))
    with pytest.raises(DataError, match=r"make no ensemble\. Two runs are called"):
        measure.measure_on([run, namesake], data, device="cpu")


def test_other_data_never_becomes_the_report_of_a_run_without_one(evaluated, tmp_path, capsys):
    made = shutil.copytree(evaluated[0].path, tmp_path / evaluated[0].name)
    (made / "report.json").unlink()
    for split in ("test", "all"):
        assert main(["evaluate", str(made), "--data", "synthetic:700", "--split", split]) == 0
        assert f"on synthetic, {split}" in capsys.readouterr().out
    assert not (made / "report.json").exists()


def test_a_device_that_is_not_there_is_named(evaluated, capsys):
    for device in ("cuda:99", "gpu"):
        assert main(["evaluate", str(evaluated[0].path), "--data", "synthetic", "--device", device])
        assert f"evice '{device}'" in capsys.readouterr().err


def test_all_faces_of_the_runs_own_data_are_refused(evaluated, some_faces, monkeypatch, capsys):
    run, _ = evaluated
    monkeypatch.setattr("emotion_core.data.sources.load_data", lambda spec: some_faces)
    assert main(["evaluate", str(run.path), "--split", "all"]) == 2
    assert "--split all would count training faces" in capsys.readouterr().err


def test_a_run_without_weights_cannot_be_evaluated(some_faces, tmp_path):
    run = create_run(recipe_config("best", "sequential"), tmp_path)
    with pytest.raises(CheckpointError, match="no weights"):
        report.evaluate_run(run, some_faces)
    assert run.report() is None


def test_data_without_test_images_is_refused(some_faces, tmp_path):
    splits = np.where(some_faces.splits == SPLITS.index("test"), 0, some_faces.splits)
    data = dataclasses.replace(some_faces, splits=splits.astype(np.uint8))
    run = create_run(recipe_config("best", "sequential"), tmp_path)
    with pytest.raises(DataError, match=r"'random' \(random\) has no test images"):
        report.evaluate_run(run, data)


# A trainer, as far as the folder can tell.
HOLDER = """
import filelock, sys, time
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_run_in_training_is_not_evaluated(evaluated, some_faces, tmp_path):
    run = Run(shutil.copytree(evaluated[0].path, tmp_path / "run"))
    before = (run.path / "report.json").read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run.path / "run.lock")], stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        try:
            with pytest.raises(RunError, match="is being trained, so it cannot be evaluated"):
                report.evaluate_run(run, some_faces, device="cpu")
        finally:
            holder.kill()
    assert (run.path / "report.json").read_bytes() == before


def test_a_damaged_report_is_written_again(evaluated, some_faces, tmp_path):
    run = Run(shutil.copytree(evaluated[0].path, tmp_path / "run"))
    (run.path / "report.json").write_text('{"format": 1, "te')
    assert not report.belongs_to(run, some_faces)  # trained on another source, by its config
    found = report.evaluate_run(run, some_faces, device="cpu")
    assert run.report() == found and found.test == evaluated[1].test


def test_scores_beyond_float16_stay_finite_and_in_order():
    for row in ([1e6, 5e5, 0, 0, 0, 0, -1e9], [7e4, 9e4, 0, 0, 0, 0, 0]):
        half = measure.to_half(np.array([row]))
        assert np.isfinite(half).all() and half.argmax() == np.argmax(row)


def test_an_ensemble_names_the_run_that_cannot_be_part_of_it(evaluated, tmp_path, capsys):
    path = str(evaluated[0].path)
    bare = shutil.copytree(evaluated[0].path, tmp_path / "bare")
    (bare / "predictions.npz").unlink()
    for data in ([], ["--data", "synthetic:700"]):
        assert main(["evaluate", path, "--ensemble", path, *data]) == 2
        assert f"only names {evaluated[0].name}" in capsys.readouterr().err
        assert main(["evaluate", path, "--ensemble", str(bare), *data]) == 2
        assert "no ensemble. Run 'sequential' has no predictions.npz" in capsys.readouterr().err


def test_all_faces_that_an_earlier_run_learned_are_refused(evaluated, tmp_path, capsys):
    def grown(name, **config):
        run = Run(shutil.copytree(evaluated[0].path, tmp_path / name))
        write_json(run.path / "config.json", run.config().to_dict() | config)
        return run

    grown("first", data="synthetic:700")
    grown("second", average_with="first, gone")
    last = grown("last", start_from="second")
    command = ["evaluate", str(last.path), "--split", "all", "--data"]
    (tmp_path / "first" / "report.json").unlink()
    assert main([*command, "synthetic:700"]) == 2
    assert (
        "sequential, an earlier run behind it, was trained on synthetic" in capsys.readouterr().err
    )
    assert main([*command, "synthetic:710"]) == 0


@pytest.mark.parametrize("extra", [["--split", "all"], ["--device", "cpu"]])
def test_an_ensemble_of_stored_predictions_refuses_what_it_would_ignore(evaluated, extra, capsys):
    path = str(evaluated[0].path)
    assert main(["evaluate", path, *extra, "--ensemble", path]) == 2
    assert "--ensemble reads stored predictions" in capsys.readouterr().err
