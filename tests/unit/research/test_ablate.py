"""``ablate`` trains each change once and sets it beside the recipe."""

import pytest

from emotion_core.errors import ConfigError
from emotion_core.runs.catalog import list_runs
from research.ablate import ABLATIONS, ablation_config, main


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))


def test_every_change_changes_the_recipe():
    configs = [ablation_config(change, epochs=2, seed=0) for change in ABLATIONS]
    assert len({str(config.to_dict()) for config in configs}) == len(ABLATIONS)


def test_runs_are_trained_once_and_compared(capsys):
    arguments = ["--data", "synthetic:140", "--epochs", "1", "--only", "no mixup"]
    assert main(arguments) == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [row.split("|")[1].strip() for row in table[2:]] == ["our recipe", "no mixup"]
    runs = {run.config().mixup: run for run in list_runs()}
    assert len(runs) == 2
    scores = {mixup: run.metrics()[0]["val_accuracy"] for mixup, run in runs.items()}
    assert table[2].split("|")[2].strip() == f"{scores[0.1]:.2%}"
    assert table[3].split("|")[3].strip() == f"{100 * (scores[0.0] - scores[0.1]):+.1f}"
    assert main(arguments) == 0
    assert len(list_runs()) == 2


def test_an_unknown_change_is_named():
    with pytest.raises(ConfigError, match="no mixup"):
        main(["--only", "no mixpu"])


def test_no_seed_is_no_table():
    with pytest.raises(ConfigError, match="--seeds must be at least 1"):
        main(["--seeds", "0"])
