"""``research.reproduce`` trains what is missing, and nothing twice."""

import shutil
from dataclasses import replace

import pytest
import torch

from emotion_core.errors import ConfigError, DataError
from emotion_core.paths import PROJECT
from emotion_core.runs.catalog import list_runs, load_run
from emotion_core.runs.create import create_run
from emotion_core.runs.shipped import read_catalog
from research import experiments
from research.experiments import experiment_config
from research.gpu import plans
from research.reproduce import main
from tests.samples import write_report

DATA = "synthetic:140"
SHIPPED = PROJECT / "checkpoints"
STUDY_MODELS = ("plain_cnn", "block_cnn", "resnet18", "resnet50", "densenet121")


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


def test_the_long_plans_are_tried_by_one_step_and_leave_nothing(tmp_path, capsys):
    for name in ("mobilenet_v1", "efficientnet_lite0", "sequential"):
        shutil.copytree(SHIPPED / name, tmp_path / name)
    before = sorted(tmp_path.glob("[!.]*"))
    assert main(["--gpu", "--trial", "--only", "plain_cnn-gpu"]) == 0
    printed = capsys.readouterr().out
    assert "plain_cnn-gpu: one step" in printed and printed.count("epoch ") == 1
    assert sorted(tmp_path.glob("[!.]*")) == before


def test_each_plan_starts_from_shipped_runs_that_left_validation_alone():
    catalog = read_catalog(SHIPPED)
    assert {f"{model}-gpu" for model in STUDY_MODELS} < set(plans())
    for name, line in plans().items():
        config = experiment_config(name, known=plans())
        for parent in config.needed():
            assert parent in catalog.shipped and (SHIPPED / parent / "model.safetensors").exists()
            assert load_run(str(SHIPPED / parent)).config().train_on == "train"
        assert 0.6 < line["aim"] < 0.8 and config.name == name


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_the_long_plans_are_refused_without_a_gpu():
    with pytest.raises(ConfigError, match="needs a GPU"):
        main(["--gpu"])
    with pytest.raises(ConfigError, match="Unknown run 'resnet50'"):
        main(["--gpu", "--only", "resnet50"])
