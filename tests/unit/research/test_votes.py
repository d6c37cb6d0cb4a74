"""The paired test of the second head: pairs of runs that differ in it alone, and an honest interval."""

import numpy as np
import pytest

from emotion_core.data.ferplus import keep_votes
from emotion_core.data.sources import load_data
from emotion_core.runs.catalog import list_runs
from research.votes import Pair, main, summary


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "runs"))


def test_a_pair_is_trained_and_compared(capsys):
    data = load_data("synthetic:300")
    votes = np.zeros((len(data), 10), np.int32)
    votes[np.arange(len(data)), data.labels % 8] = 10
    keep_votes(votes, data)
    words = ["--data", "synthetic:300", "--epochs", "1", "--seeds", "1", "--width", "4"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "seed 0: accuracy" in said and "with votes:" in said
    runs = {run.config().votes: run.config() for run in list_runs()}
    assert sorted(runs) == [0.0, 0.5]
    assert runs[0.0].difference(runs[0.5]) == ["votes"]
    before = len(list_runs())
    assert main(words) == 0 and len(list_runs()) == before  # what is finished is not trained again


def test_the_interval_is_of_the_mean_over_the_seeds():
    rng = np.random.default_rng(0)
    correct = rng.random((2, 400)) < 0.5
    same = Pair(np.stack([correct[0], correct[0]]), rng.random((1, 400)).repeat(2, axis=0))
    assert "+0.00 points" in summary([same, same])[-1] or " 0.00 points" in summary([same])[-1]
    better = Pair(correct, np.stack([np.full(400, 1.0), np.full(400, 0.9)]))
    assert "NLL −0.1000 (−0.1000 to −0.1000), 1 seed, 400 faces" in summary([better])[-1]
