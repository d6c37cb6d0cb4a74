"""``reproduce`` trains what is missing, and nothing twice."""

from dataclasses import replace

from emotion_core.cli import main
from emotion_core.runs import create_run, list_runs
from emotion_core.training.reference import reference_config
from tests.samples import write_report


def test_a_finished_run_is_not_trained_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    run = create_run(reference_config("best-sequential", "synthetic:140"))
    run.write_status(replace(run.status(), state="finished"))
    write_report(run, {"test.accuracy": 0.5})
    assert main(["reproduce", "--only", "best-sequential", "--data", "synthetic:140"]) == 0
    assert "best-sequential          not committed, here 50.00%" in capsys.readouterr().out
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
