"""``reproduce`` trains what is missing, and nothing twice."""

from dataclasses import replace

from emotion_core.cli import main
from emotion_core.files import write_json
from emotion_core.runs import create_run, list_runs
from emotion_core.training.reference import reference_config


def test_a_finished_run_is_not_trained_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    run = create_run(reference_config("best-sequential", "synthetic:140"))
    run.write_status(replace(run.status(), state="finished"))
    write_json(run.path / "report.json", {"test": {"accuracy": 0.5}})
    assert main(["reproduce", "--only", "best-sequential", "--data", "synthetic:140"]) == 0
    assert "best-sequential          not committed, here 50.00%" in capsys.readouterr().out
    assert list_runs() == [run]
