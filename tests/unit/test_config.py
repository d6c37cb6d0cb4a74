"""One definition of each setting serves checks, JSON, command-line flags and forms."""

import argparse
import json
from dataclasses import dataclass
from typing import Any

import pytest

from emotion_core.config import Config, setting
from emotion_core.errors import ConfigError
from emotion_core.recipes import TrainConfig, recipe_config


def parse(*words: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    TrainConfig.add_arguments(parser)
    return TrainConfig.given(parser.parse_args(words))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, r"epochs must be at least 1, got 0\."),
        ({"batch_size": 1}, r"batch_size must be at least 2, got 1\."),
        ({"lr": 11.0}, r"lr must be at most 10, got 11\."),
        ({"lr": float("nan")}, r"lr must be a number, got nan\."),
        ({"epochs": "30"}, r"epochs must be of type int, got '30'\."),
        ({"epochs": True}, r"epochs must be of type int, got True\."),
        ({"epochs": 1.5}, r"epochs must be of type int, got 1\.5\."),
        ({"optimizer": "adma"}, r"Unknown optimizer 'adma'\. Did you mean 'adam'\?"),
        ({"epoch": 3}, r"Unknown setting 'epoch'\. Did you mean 'epochs'\?"),
        ({"device": "gpu"}, r"device must be auto, cpu, cuda or cuda:N, got 'gpu'\."),
        ({"device": "cuda:x"}, r"device must be .* got 'cuda:x'\."),
        ({"device": "cpu:1"}, r"device must be .* got 'cpu:1'\."),
    ],
)
def test_bad_value_is_refused_with_its_rule(values, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig.from_dict(values)


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_device_names_are_accepted(name):
    assert TrainConfig(device=name).device == name


def test_limits_are_inclusive_and_defaults_obey_them():
    assert TrainConfig(epochs=1, momentum=0, mixup=10).mixup == 10
    for item in TrainConfig.settings():
        assert TrainConfig.from_dict({item.name: item.default})
        assert item.help and item.group


def test_whole_number_given_for_a_float_becomes_a_float():
    assert type(TrainConfig(lr=1).lr) is float


def test_config_survives_json_unchanged():
    config = TrainConfig(model="resnet18", options={"stem": "small", "pretrained": True}, lr=0.01)
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_setting_of_an_earlier_version_is_ignored_in_a_run_folder_and_no_flag_sets_it(capsys):
    assert TrainConfig.from_dict({"small_faces": 0.7, "epochs": 3}) == TrainConfig(epochs=3)
    with pytest.raises(SystemExit):
        parse("--small-faces", "0.7")
    assert "unrecognized arguments: --small-faces" in capsys.readouterr().err


def test_two_configs_share_no_options():
    first, second = TrainConfig(), TrainConfig()
    first.options["stem"] = "small"
    assert second.options == {}


def test_replace_checks_again():
    config = TrainConfig()
    assert config.replace(epochs=3).epochs == 3
    assert config.epochs == TrainConfig().epochs
    with pytest.raises(ConfigError, match="epochs must be at least 1"):
        config.replace(epochs=-1)


def test_only_flags_that_were_given_are_returned():
    assert parse() == {}
    assert parse("--epochs", "3", "--label-smoothing", "0") == {"epochs": 3, "label_smoothing": 0.0}


def test_every_setting_has_a_flag_that_gives_its_default_back():
    words = []
    for item in TrainConfig.settings():
        if item.type is bool:
            words.append(item.flag if item.default else item.flag.replace("--", "--no-", 1))
        elif item.type is not dict:
            words += [item.flag, str(item.default)]
    values = parse(*words)
    assert len(values) == len(TrainConfig.settings()) - 1  # options has no single value
    assert TrainConfig.from_dict(values) == TrainConfig()


def test_options_flag_collects_pairs_and_converts_values():
    given = parse(
        "--options", "stem=small", "--options", "pretrained=true", "--options", "width=2",
        "--options", "drop=0.5", "--options", "path=a=b",
    )  # fmt: skip
    assert given["options"] == {
        "stem": "small", "pretrained": True, "width": 2, "drop": 0.5, "path": "a=b",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["stem", "=small"])
def test_options_flag_refuses_what_is_no_pair(text, capsys):
    with pytest.raises(SystemExit):
        parse("--options", text)
    assert f"--options takes KEY=VALUE, got '{text}'" in capsys.readouterr().err


def test_help_shows_every_flag_with_its_default(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    shown = capsys.readouterr().out
    for item in TrainConfig.settings():
        assert item.flag in shown
    assert "(default: 0.999)" in shown


def test_study_recipe_is_the_published_one():
    config = recipe_config("study", "resnet18")
    assert (config.optimizer, config.lr, config.batch_size, config.epochs) == ("adam", 1e-4, 32, 30)
    assert config.plain_copy and config.class_weights == "none"
    assert config.ema == config.mixup == config.label_smoothing == config.warmup_epochs == 0
    assert recipe_config("study", "block_cnn").class_weights == "balanced"


def test_own_settings_win_over_the_recipe():
    assert recipe_config("study", "block_cnn", class_weights="none").class_weights == "none"
    assert recipe_config("study", "resnet18", epochs=2).epochs == 2
    assert recipe_config("best", "resnet18") == TrainConfig(model="resnet18")


def test_unknown_recipe_is_refused():
    with pytest.raises(ConfigError, match="Unknown recipe 'beste'"):
        recipe_config("beste", "resnet18")


@pytest.mark.parametrize("name", [item.name for item in TrainConfig.settings()])
def test_null_is_no_value(name):
    with pytest.raises(ConfigError, match=f"{name} must be of type .*, got None"):
        TrainConfig.from_dict({name: None})


def test_a_config_of_another_job_works_the_same():
    @dataclass(frozen=True, kw_only=True)
    class Small(Config):
        size: int = setting(3, "how large", low=1, group="advanced")

    (item,) = Small.settings()
    assert (item.flag, item.label, item.type, item.low) == ("--size", "Size", int, 1)
    with pytest.raises(ConfigError, match="size must be at least 1, got 0"):
        Small(size=0)


def test_every_number_has_limits():
    for item in TrainConfig.settings():
        if item.type in (int, float):
            assert item.low is not None and item.high is not None, item.name
