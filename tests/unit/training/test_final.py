"""A chosen run is trained once more on training and validation faces together."""

import threading

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.data.splits import split_indices
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import ConfigError, RunError, TrainingError
from emotion_core.evaluation.ensemble import choose_members
from emotion_core.evaluation.report import evaluate_run
from emotion_core.evaluation.results import load_results
from emotion_core.models.checkpoint import load_classifier, read_weights
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.card import write_card
from emotion_core.reporting.markdown import markdown_table
from emotion_core.runs.catalog import best_run, load_run
from emotion_core.runs.create import create_run
from emotion_core.training import jobs
from emotion_core.training.failures import Stopped
from emotion_core.training.final import final_config
from emotion_core.training.loop import train
from emotion_core.training.settle import settled
from research.ship import ship_run

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
    train(run, run.config(), data)
    return run


@pytest.fixture(scope="module")
def final(chosen, data, root):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CHECKPOINTS", str(root))
        run = create_run(final_config(chosen), root)
        train(run, run.config(), data)
    return run


def test_it_learns_the_validation_faces_for_as_many_epochs_as_were_best(chosen, final, data):
    split = split_indices(data)
    rows = final.metrics()
    assert len(rows) == chosen.report().best_epoch
    assert rows[0]["images_seen"] == len(split.train) + len(split.val)
    assert not any(name.startswith("val_") for row in rows for name in row)
    assert final.status().state == "finished"
    # The weights that are kept are those of the last epoch, not of an earlier one.
    assert final.report().best_epoch == final.report().epochs == len(rows)
    ours, theirs = read_weights(final), read_weights(chosen)
    assert any(not np.allclose(ours[name], theirs[name]) for name in ours)


def test_what_is_chosen_on_validation_stays_the_chosen_runs(chosen, final, data):
    mine, theirs = final.report(), chosen.report()
    for part in ("val", "temperature", "smoothing", "abstain"):
        assert getattr(mine, part) == getattr(theirs, part)
    assert np.array_equal(final.predictions()["val_logits"], chosen.predictions()["val_logits"])
    assert not np.array_equal(final.predictions()["logits"], chosen.predictions()["logits"])
    assert load_classifier(final).temperature == pytest.approx(theirs.temperature)
    again = evaluate_run(final, data)  # which never asks this run about them
    assert again.val == theirs.val
    assert again.test.accuracy == mine.test.accuracy


def test_it_stands_for_the_chosen_run(chosen, final):
    results, _ = load_results([chosen, final])
    assert [result.label for result in results] == [
        f"Sequential ({run.name})" for run in (chosen, final)
    ]
    assert [result.name for result in choose_members(results)] == [final.name]
    assert best_run() == final
    assert best_run(final=False) == chosen
    assert settled(SMALL.replace(start_from="sequential")).start_from == chosen.id
    table = markdown_table([chosen, final])
    assert table.count("retrained on training + validation") == 1
    assert "ensemble" not in table


def test_only_a_final_training_may_go_on_from_another_one(chosen, final, data, root):
    later = SMALL.replace(epochs=1, lr=1e-3, start_from=chosen.id, average_with=chosen.id)
    run = create_run(later, root)
    train(run, run.config(), data)
    config = final_config(run).replace(start_from=final.id, average_with=final.id)
    again = create_run(config, root)
    train(again, again.config(), data)
    expected = final.id if run.status().averaged_with else ""
    assert again.status().averaged_with == expected
    for setting in ("start_from", "teacher", "average_with"):
        leaked = create_run(SMALL.replace(**{setting: final.name}), root)
        with pytest.raises(
            TrainingError, match=f"has learned the faces that would validate.*{chosen.id}"
        ):
            train(leaked, leaked.config(), data)
        assert not leaked.metrics()


def test_it_goes_on_where_it_stopped(chosen, final, data, root):
    run = create_run(final_config(chosen), root)
    stop = threading.Event()

    def stop_late(progress):
        if progress.status.epoch == 1 and progress.status.step == 3:
            stop.set()

    with pytest.raises(Stopped):
        train(run, run.config(), data, stop=stop, on_progress=stop_late)
    train(run, run.config(), data)
    for name, value in read_weights(final).items():
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
        settled(final_config(chosen).replace(**changes))


def test_the_queue_takes_one(chosen, final, monkeypatch, capsys):
    monkeypatch.setattr(jobs, "_spawn", lambda run: None)
    assert (
        main(["jobs", "start", "--like", chosen.name, "--train-on", "train+val", "--threads", "2"])
        == 0
    )
    queued = load_run(capsys.readouterr().out.split()[1].rstrip("."))
    again = final_config(chosen).for_another_run()  # on this machine as it suits it
    assert queued.config() == again.replace(threads=2, name=queued.name)
    assert queued.status().queued


def test_a_run_that_chose_nothing_is_named(chosen, final, data, root):
    with pytest.raises(TrainingError, match=f"'{final.name}' has no validation of its own"):
        settled(final_config(final))
    with pytest.raises(RunError, match=r"has no report\.json"):
        settled(final_config(create_run(SMALL, root)))
    other = create_run(final_config(chosen), root)
    with pytest.raises(TrainingError, match="another data set"):
        train(other, other.config(), synthetic_faces(700, seed=8))
    with pytest.raises(RunError, match="Unknown run 'nobody'"):
        settled(SMALL.replace(train_on="train+val", chosen_by="nobody"))


def test_it_ships_with_a_card_that_says_what_it_learned(chosen, final):
    ship_run(final)
    card = write_card(final).read_text()
    assert f"A final training of `{chosen.name}`" in card
    assert "before it was learned too" in card
    assert load_run(final.name).report().val == chosen.report().val


@pytest.mark.parametrize("changes", [{"train_on": "train+val"}, {"chosen_by": "somebody"}])
def test_the_splits_and_the_run_that_chose_go_together(changes):
    with pytest.raises(ConfigError, match=r"Give both, or take them from a run: --like RUN\."):
        SMALL.replace(**changes)


def test_the_setting_of_earlier_versions_is_understood():
    values = SMALL.to_dict()
    del values["train_on"], values["chosen_by"]
    assert TrainConfig.from_dict(values | {"refit": ""}) == SMALL
    found = TrainConfig.from_dict(values | {"refit": "somebody"})
    assert found == SMALL.replace(train_on="train+val", chosen_by="somebody")
