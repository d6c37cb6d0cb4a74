"""``research.reproduce`` trains what is missing, and nothing twice."""

from dataclasses import replace

import pytest

from emotion_core.errors import ConfigError, DataError
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from research import experiments
from research.experiments import experiment_config
from research.reproduce import main
from tests.samples import write_report

DATA = "synthetic:140"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))


def test_a_finished_run_is_not_trained_again(capsys):
    run = create_run(experiment_config("sequential-first", DATA))
    run.write_status(replace(run.status(), state="finished"))
    write_report(run, {"test.accuracy": 0.5})
    assert main(["--only", "sequential-first", "--data", DATA]) == 0
    assert "was 67.75%, here 50.00%, -17.75%" in capsys.readouterr().out
    assert list_runs() == [run]


def test_a_run_that_another_command_trains_is_left_out(capsys):
    run = create_run(experiment_config("sequential-first", DATA))
    with run.lock():
        assert main(["--only", "sequential-first", "--data", DATA]) == 0
    assert f"{run.name} is being trained by another process; left out" in capsys.readouterr().out


def test_names_and_data_are_checked_before_anything_is_trained():
    names = ["--only", "sequential-first", "--only", "sequentiel"]
    with pytest.raises(ConfigError, match="Unknown run 'sequentiel'"):
        main([*names, "--data", DATA])
    with pytest.raises(DataError, match="No file or folder at"):
        main(["--only", "sequential-first", "--data", "nowhere"])
    assert not list_runs()


def test_runs_that_came_without_weights_are_trained_first(monkeypatch, tmp_path, capsys):
    small = {"options": {"width": 8}, "epochs": 1, "batch_size": 32}
    common = {"model": "sequential", "recipe": "ours", "test": 0.5}
    lines = [
        {"name": "first", "parents": {}, "differs": small},
        {
            "name": "second",
            "parents": {"start_from": ["first"], "average_with": ["first"]},
            "differs": small | {"seed": 1},
        },
    ]
    known = {line["name"]: line | common for line in lines}
    monkeypatch.setattr(experiments, "experiments", lambda: known)
    monkeypatch.setattr("research.reproduce.experiments", lambda: known)
    assert main(["--only", "second", "--data", DATA]) == 0
    assert "was 50.00%, here" in capsys.readouterr().out
    new, ancestor = list_runs()
    assert not ancestor.config().difference(experiment_config("first", DATA))
    config = new.config()
    assert config.start_from == config.average_with == ancestor.id
    assert main(["--only", "first", "--only", "second", "--data", DATA]) == 0
    assert len(list_runs()) == 2  # nothing twice
