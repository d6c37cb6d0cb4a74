"""The experiment on balance: every way is trained, kept, measured, and told as it is."""

import argparse

import numpy as np
import pytest
import torch

from benchmarks import balance
from emotion_core.collect.store import list_collections
from emotion_core.data.sources import load_data
from emotion_core.data.splits import split_indices
from emotion_core.errors import DataError, RunError
from emotion_core.files import read_json, write_json
from emotion_core.generate.experiment import METRICS, Experiment, load_experiment
from emotion_core.generate.folder import create_generator_run
from emotion_core.generate.networks import create_generator
from emotion_core.generate.sample import save_generator
from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import recipe_config
from emotion_core.reporting.card import card_text
from emotion_core.reporting.words import generated_words
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from tests.unit.generate.conftest import TINY

FLAGS = "--generator tiny --data synthetic:140 --width 8 --epochs 1 --seeds 2 --judge judge"


def test_all_ways_are_trained_once_measured_and_published(home, tmp_path, monkeypatch, capsys):
    run = create_generator_run("tiny", TINY)
    torch.manual_seed(0)
    network = create_generator(TINY)
    for module in network.modules():
        if isinstance(module, torch.nn.ConvTranspose2d | torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, std=0.4)
    save_generator(run, network, 1)
    _make_judge()
    document = tmp_path / "generated.md"
    document.write_text("before\n<!-- result -->\nold\n<!-- end of result -->\nafter\n")
    monkeypatch.setattr(balance, "DOCUMENT", document)
    result_file = tmp_path / "balance.json"
    monkeypatch.setattr("emotion_core.generate.experiment.RESULT", result_file)
    monkeypatch.setattr("emotion_core.generate.keep.wanted_to_fill", _few)

    file = tmp_path / "figures.json"
    assert balance.main([*FLAGS.split(), "--publish", "--json", str(file)]) == 0
    names = {item.name for item in list_runs()} - {"judge"}
    assert len(names) == 7 * 2
    result = load_experiment(result_file)
    assert result == Experiment.from_json(read_json(file)["experiment"])
    ways = {way.name: way for way in result.ways}
    assert next(iter(ways)) == "plain"
    assert ways["plain"].generated == 0
    assert 0 < ways["generated-25"].generated < ways["generated-100"].generated
    assert ways["both"].generated > 0
    for way in result.ways:
        assert set(way.figures) == set(METRICS)
        for figure in way.figures.values():
            assert figure.interval[0] <= figure.interval[1]
            assert (figure.p_value is None) == (way.name == "plain")
    validation = {way.name: way.validation for way in result.ways}
    assert result.chosen == max(validation, key=validation.__getitem__)
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "sequential (width=8) from fresh weights, 1 epoch, 2 seeds per way, on 14 test" in text
    assert text.count("\n| ") == 9  # a head, a line and seven ways
    assert {item.name for item in list_collections()} == {"tiny-25", "tiny-50", "tiny-100"}

    # A run that learned generated faces says so; one that did not says nothing.
    runs = {item.name: item for item in list_runs() if item.name in names}
    made, plain = runs["balance-generated-100-e1-s0"], runs["balance-plain-e1-s0"]
    share = 100 * ways["generated-100"].generated
    told = generated_words(made.require_report())
    assert told == f"{share:.1f} % of its training faces are generated."
    assert told in card_text(made)
    assert not generated_words(plain.require_report())
    assert "generated" not in card_text(plain)

    # The same validation faces for all: those that the generator's data set holds out.
    data = load_data("synthetic:140")
    held = set(np.asarray(data.ids)[split_indices(data).val].astype(str))
    assert set(made.predictions()["val_ids"]) == set(plain.predictions()["val_ids"]) == held

    # A second call trains nothing.
    before = {
        item.name: item.metrics_path.stat().st_mtime_ns
        for item in list_runs()
        if item.name in names
    }
    capsys.readouterr()
    assert balance.main(FLAGS.split()) == 0
    assert {
        item.name: item.metrics_path.stat().st_mtime_ns
        for item in list_runs()
        if item.name in names
    } == before
    assert "As it is" in capsys.readouterr().out


def test_a_run_of_the_same_name_with_other_settings_is_refused(home):
    create_run(recipe_config("ours", "sequential", name="balance-plain-e1-s0", epochs=5))
    args = argparse.Namespace(
        generator="tiny", data="synthetic:140", model="sequential", width=8, epochs=1, seeds=1
    )
    with pytest.raises(RunError, match="other settings"):
        balance._runs("plain", balance.PLANS["plain"], args)


def test_there_is_no_result_before_the_experiment_and_a_damaged_one_is_told(tmp_path):
    assert load_experiment(tmp_path / "none.json") is None
    write_json(tmp_path / "bad.json", {"date": "now"})
    with pytest.raises(DataError, match="balance again"):
        load_experiment(tmp_path / "bad.json")


def _few(data, share):
    """A handful for two classes: the untrained judge agrees with few samples."""
    return {"angry": round(8 * share), "sad": round(8 * share)}


def _make_judge():
    run = create_run(
        recipe_config("ours", "sequential", name="judge", data="synthetic:140", epochs=1)
    )
    torch.manual_seed(1)
    model = create_model("sequential", width=8)
    last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
    torch.nn.init.normal_(last.weight)
    save_checkpoint(
        run, model, architecture="sequential", options={"width": 8}, preprocess=Preprocess()
    )
