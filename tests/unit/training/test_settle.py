"""Flags become the same config for ``train`` and for ``jobs start``."""

import argparse

import pytest

from emotion_core.cli import build_parser
from emotion_core.errors import ConfigError, ModelError, RunError
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.training.settle import requested

SMALL = TrainConfig(
    options={"width": 8},
    data="faces.csv",
    epochs=4,
    lr=0.02,
    note="a note",
    precision="bf16",
    threads=7,
)


@pytest.fixture
def earlier(tmp_path, monkeypatch) -> Run:
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    run = create_run(SMALL.replace(name="earlier"))
    run.weights_path.touch()
    return run


def parse(*words: str) -> argparse.Namespace:
    return build_parser().parse_args(words)


@pytest.mark.parametrize("command", [("train",), ("jobs", "start")])
def test_a_start_from_a_run_takes_its_architecture(earlier, command):
    (config,) = requested(parse(*command, "--start-from", "earlier", "--data", "synthetic:70"))
    assert (config.model, config.options) == ("sequential", {"width": 8})
    assert config.epochs == TrainConfig().epochs
    (other,) = requested(parse(*command, "--start-from", "earlier", "--model", "resnet18"))
    assert (other.model, other.options) == ("resnet18", {})


@pytest.mark.parametrize("command", [("train",), ("jobs", "start")])
def test_like_takes_all_settings_that_no_flag_gives(earlier, command):
    (config,) = requested(parse(*command, "--like", "earlier", "--epochs", "9"))
    # It is not that run, so not called like it, and this may be another machine.
    usual = {name: getattr(TrainConfig(), name) for name in ("device", "threads", "precision")}
    assert config == SMALL.replace(epochs=9, note="", **usual)
    (final,) = requested(parse(*command, "--like", "earlier", "--train-on", "train+val"))
    assert (final.train_on, final.chosen_by) == ("train+val", earlier.id)
    (labelled,) = requested(parse(*command, "--like", "earlier", "--labels", "raf-db"))
    assert labelled.data == "faces.csv#labels=raf-db"
    with pytest.raises(ConfigError, match="--like takes the recipe of that run"):
        requested(parse(*command, "--like", "earlier", "--recipe", "study"))
    with pytest.raises(RunError, match="Unknown run 'earler'"):
        requested(parse(*command, "--like", "earler"))


def test_several_models_make_several_configs_and_train_takes_one(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    args = parse("jobs", "start", "--model", "sequential, block_cnn", "--recipe", "study")
    assert requested(args) == [recipe_config("study", name) for name in ("sequential", "block_cnn")]
    args = parse("train", "--model", "sequential,block_cnn")
    with pytest.raises(ConfigError, match="train takes one model"):
        args.run_command(args)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [("train",), ("jobs", "start")])
def test_a_model_that_cannot_be_built_is_refused_before_anything_starts(
    tmp_path, monkeypatch, command
):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    args = parse(*command, "--model", "resnet18", "--options", "stem=large")
    with pytest.raises(ModelError, match="Unknown stem 'large'"):
        args.run_command(args)
    assert not list(tmp_path.iterdir())


def test_resuming_takes_no_other_settings(earlier):
    for flags in (("--epochs", "3"), ("--labels", "raf-db"), ("--like", "earlier")):
        args = parse("train", "--resume", "earlier", *flags)
        with pytest.raises(ConfigError, match="--resume takes the run's own settings; leave out"):
            args.run_command(args)
