"""A chosen run is trained once more on training and validation faces together."""

import threading

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.data.splits import split_indices
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import RunError, TrainingError
from emotion_core.evaluation.compare import choose_members, load_results
from emotion_core.evaluation.report import evaluate_run
from emotion_core.models.checkpoint import load_classifier, read_weights
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.markdown import markdown_table
from emotion_core.runs.catalog import best_run, load_run
from emotion_core.runs.create import create_run
from emotion_core.training import jobs
from emotion_core.training.jobs import settled
from emotion_core.training.loop import Stopped, train
from emotion_core.training.refit import refit_config
from emotion_core.training.ship import ship_run

SMALL = TrainConfig(
    model="sequential",
    options={"width": 8},
    data="synthetic:700",
    epochs=4,
    batch_size=16,
    device="cpu",
    threads=1,
)


@pytest.fixture(scope="module")
def data():
    return synthetic_faces(700)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(autouse=True)
def _checkpoints(root, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(root))


@pytest.fixture(scope="module")
def chosen(data, root):
    run = create_run(SMALL, root)
    train(run, data=data)
    return run


@pytest.fixture(scope="module")
def refit(chosen, data, root):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CHECKPOINTS", str(root))
        run = create_run(refit_config(chosen), root)
        train(run, data=data)
    return run


def test_it_learns_the_validation_faces_for_as_many_epochs_as_were_best(chosen, refit, data):
    split = split_indices(data)
    rows = refit.metrics()
    assert len(rows) == chosen.report().best_epoch
    assert rows[0]["images_seen"] == len(split.train) + len(split.val)
    assert not any(name.startswith("val_") for row in rows for name in row)
    assert refit.status().state == "finished"
    # The weights that are kept are those of the last epoch, not of an earlier one.
    assert refit.report().best_epoch == refit.report().epochs == len(rows)
    ours, theirs = read_weights(refit), read_weights(chosen)
    assert any(not np.allclose(ours[name], theirs[name]) for name in ours)


def test_what_is_chosen_on_validation_stays_the_chosen_runs(chosen, refit, data):
    mine, theirs = refit.report(), chosen.report()
    for part in ("val", "temperature", "smoothing", "abstain"):
        assert getattr(mine, part) == getattr(theirs, part)
    assert np.array_equal(refit.predictions()["val_logits"], chosen.predictions()["val_logits"])
    assert not np.array_equal(refit.predictions()["logits"], chosen.predictions()["logits"])
    assert load_classifier(refit).temperature == pytest.approx(theirs.temperature)
    again = evaluate_run(refit, data)  # which never asks the refit about them
    assert again.val == theirs.val
    assert again.test.accuracy == mine.test.accuracy


def test_it_stands_for_the_chosen_run(chosen, refit):
    results, _ = load_results([chosen, refit])
    assert [result.label for result in results] == ["sequential", "sequential-2"]
    assert [result.name for result in choose_members(results)] == [refit.name]
    assert best_run() == refit
    assert best_run(refits=False) == chosen
    assert settled(SMALL.replace(start_from="sequential")).start_from == chosen.id
    table = markdown_table([chosen, refit])
    assert table.count("with the validation faces") == 1
    assert "ensemble" not in table
    (row,) = markdown_table([chosen, refit], best_only=True).splitlines()[2:-2]
    assert "with the validation faces" in row


def test_a_refit_may_go_on_from_a_refit_and_nothing_else_may(chosen, refit, data, root):
    later = SMALL.replace(epochs=1, lr=1e-3, start_from=chosen.id, average_with=chosen.id)
    run = create_run(later, root)
    train(run, data=data)
    config = refit_config(run)
    assert (config.start_from, config.average_with) == (refit.id, refit.id)
    again = create_run(config, root)
    train(again, data=data)
    expected = refit.id if run.status().averaged_with else ""
    assert again.status().averaged_with == expected
    for setting in ("start_from", "teacher", "average_with"):
        leaked = create_run(SMALL.replace(**{setting: refit.name}), root)
        with pytest.raises(TrainingError, match=f"is a refit: .*{chosen.name}"):
            train(leaked, data=data)
        assert not leaked.metrics()


def test_a_refit_goes_on_where_it_stopped(chosen, refit, data, root):
    run = create_run(refit_config(chosen), root)
    stop = threading.Event()

    def stop_late(progress):
        if progress.status.epoch == 1 and progress.status.step == 3:
            stop.set()

    with pytest.raises(Stopped):
        train(run, data=data, stop=stop, on_progress=stop_late)
    train(run, data=data)
    for name, value in read_weights(refit).items():
        assert np.array_equal(value, read_weights(run)[name])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 0.01, "epochs": 9}, "these settings differ: epochs, lr"),
        ({"average_with": "sequential"}, "these settings differ: average_with"),
    ],
)
def test_other_settings_were_not_chosen(chosen, changes, message):
    with pytest.raises(TrainingError, match=message):
        settled(refit_config(chosen).replace(**changes))


def test_the_queue_takes_a_refit(chosen, refit, monkeypatch, capsys):
    monkeypatch.setattr(jobs, "_spawn", lambda run: None)
    assert main(["jobs", "start", "--refit", chosen.name, "--threads", "2"]) == 0
    queued = load_run(capsys.readouterr().out.split()[1].rstrip("."))
    assert queued.config() == refit_config(chosen).replace(threads=2, name=queued.name)
    assert queued.status().queued


def test_runs_that_cannot_be_refit_are_named(chosen, refit, data, root):
    with pytest.raises(TrainingError, match=f"'{refit.name}' is a refit already"):
        refit_config(refit)
    with pytest.raises(TrainingError, match="is queued; only a finished run"):
        refit_config(create_run(SMALL, root))
    other = create_run(refit_config(chosen), root)
    with pytest.raises(TrainingError, match="another data set"):
        train(other, data=synthetic_faces(700, seed=8))
    with pytest.raises(RunError, match="Unknown run 'nobody'"):
        settled(SMALL.replace(refit="nobody"))


def test_it_ships_with_a_card_that_says_what_it_learned(chosen, refit):
    ship_run(refit)
    card = (refit.path / "README.md").read_text()
    assert f"A refit of `{chosen.name}`" in card
    assert "before it was learned too" in card
    assert load_run(refit.name).report().val == chosen.report().val
