"""Runs written for other tools are read back with those tools."""

import sys

import pytest

from emotion_core.errors import ModelError, RunError
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.tracking import write_mlflow, write_tensorboard


def test_tensorboard_reads_the_curves_and_results_back(runs, tmp_path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    run = runs[0]
    folder = write_tensorboard(run, tmp_path / "logs")
    events = event_accumulator.EventAccumulator(str(folder)).Reload()
    for key in ("train_loss", "val_accuracy", "lr"):
        found = events.Scalars(key)
        assert [item.step for item in found] == [row["epoch"] for row in run.metrics()]
        assert [item.value for item in found] == pytest.approx([r[key] for r in run.metrics()])
        assert [item.wall_time for item in found] == sorted(item.wall_time for item in found)
    test = run.report().test
    assert events.Scalars("test/accuracy")[0].value == pytest.approx(test.accuracy)
    f1 = {emotion: events.Scalars(f"test_f1/{emotion}")[0].value for emotion in EMOTIONS}
    assert f1 == pytest.approx({e: test.per_emotion[e].f1 for e in EMOTIONS})
    assert (
        b"| model | resnet18 |"
        in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0]
    )
    with pytest.raises(RunError, match="holds events already"):
        write_tensorboard(run, tmp_path / "logs")


@pytest.mark.filterwarnings("ignore")
def test_mlflow_reads_parameters_curves_and_files_back(runs, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    # A file store opens at once; a new SQLite store migrates its tables for twenty seconds.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    run, uri = runs[0], (tmp_path / "mlruns").as_uri()
    identity = write_mlflow(run, uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_run(identity)
    assert found.info.run_name == run.name
    assert found.info.status == "FINISHED"
    assert found.data.params["model"] == "resnet18"
    assert found.data.params["test_fingerprint"] == run.report().data.test_fingerprint
    history = client.get_metric_history(identity, "val_accuracy")
    assert [m.value for m in history] == pytest.approx([r["val_accuracy"] for r in run.metrics()])
    accuracy = run.report().test.accuracy
    assert found.data.metrics["test/accuracy"] == pytest.approx(accuracy)
    files = {item.path for item in client.list_artifacts(identity)}
    assert {"config.json", "report.json", "metrics.jsonl"} <= files
    assert write_mlflow(run, uri) != identity


@pytest.mark.parametrize("name", ["tensorboardX", "mlflow"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    runs, tmp_path, monkeypatch, name
):
    monkeypatch.setitem(sys.modules, name, None)
    write = write_tensorboard if name == "tensorboardX" else write_mlflow
    with pytest.raises(ModelError, match=f"{name} needs a package .* pip install {name}"):
        write(runs[0], tmp_path if name == "tensorboardX" else f"sqlite:///{tmp_path}/x.db")


def test_a_run_without_an_epoch_is_refused(runs, tmp_path):
    runs[0].metrics_path.unlink()
    with pytest.raises(RunError, match="has no finished epoch"):
        write_tensorboard(runs[0], tmp_path / "logs")
