"""``reproduce`` trains what is missing, and nothing twice."""

from dataclasses import replace

from emotion_core.cli import main
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.training import reference
from emotion_core.training.reference import reference_config
from tests.samples import write_catalog, write_report


def test_a_finished_run_is_not_trained_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    run = create_run(reference_config("best-sequential", "synthetic:140"))
    run.write_status(replace(run.status(), state="finished"))
    write_report(run, {"test.accuracy": 0.5})
    assert main(["reproduce", "--only", "best-sequential", "--data", "synthetic:140"]) == 0
    words = capsys.readouterr().out.split()
    assert words == ["best-sequential", "not", "committed,", "here", "50.00%"]
    assert list_runs() == [run]


def test_a_run_that_another_command_trains_is_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    run = create_run(reference_config("best-sequential", "synthetic:140"))
    with run.lock():
        assert main(["reproduce", "--only", "best-sequential", "--data", "synthetic:140"]) == 0
    assert f"{run.name} is being trained by another process; left out" in capsys.readouterr().out


def test_names_and_data_are_checked_before_anything_is_trained(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    names = ["--only", "best-sequential", "--only", "best-sequentiel"]
    assert main(["reproduce", *names, "--data", "synthetic:140"]) == 2
    assert main(["reproduce", "--only", "best-sequential", "--data", "nowhere"]) == 2
    said = capsys.readouterr().err
    assert "Unknown reference run 'best-sequentiel'" in said and "There is nothing at" in said
    assert not list_runs()


def test_runs_that_came_without_weights_are_trained_first(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    data = "synthetic:140"
    small = {"model": "sequential", "options": {"width": 8}, "epochs": 1, "batch_size": 32}
    first = TrainConfig(**small, data=data)
    shipped = create_run(first)
    write_catalog(shipped)
    write_report(shipped, {"test.accuracy": 0.5})
    second = first.replace(seed=1, start_from=shipped.id, average_with=shipped.id)
    configs = {"first": first, "second": second}
    monkeypatch.setattr(reference, "reference_configs", lambda data="": configs)

    assert main(["reproduce", "--only", "second", "--data", data]) == 0
    assert "second not committed, here" in capsys.readouterr().out
    new, ancestor = [run for run in list_runs() if run != shipped]
    assert not ancestor.config().difference(first)
    expected = second.replace(start_from=ancestor.id, average_with=ancestor.id)
    assert not new.config().difference(expected)
    assert main(["reproduce", "--data", data]) == 0
    assert "first  committed 50.00%, here" in capsys.readouterr().out
    assert len(list_runs()) == 3  # nothing twice
