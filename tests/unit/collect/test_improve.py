"""The loop, with real training: a champion meets own faces, goes on, and is judged."""

import numpy as np
import pytest
import torch

from emotion_core.cli import main
from emotion_core.collect import gate as gates
from emotion_core.collect.improve import improve_config, promote, repeats_of
from emotion_core.data.specs import is_made
from emotion_core.errors import CollectionError
from emotion_core.models.checkpoint import read_weights
from emotion_core.runs import registry
from emotion_core.runs.catalog import champion, load_run
from emotion_core.runs.run import best_epoch, validation_score


def side(old_right, new_right, n, seed=0):
    labels = np.arange(n) % 7
    wrong = (labels + 1) % 7
    old = np.where(np.arange(n) < old_right, labels, wrong)
    new = np.where(np.arange(n) < new_right, labels, wrong)
    return gates.compare("some faces", labels, old, new)


def test_the_gate_excludes_a_loss_of_half_a_point_and_wants_own_faces_better():
    good = gates.Gate("old", "new", side(5000, 5010, 7178), side(50, 70, 100), wanted_own=True)
    assert good.passed and "+20.0 points" in good.words()[0] and gates.BIASED in good.words()
    assert good.own.p_value < 0.001 and good.own.only_new == 20
    lost = gates.Gate("old", "new", side(5000, 4960, 7178), side(50, 70, 100), wanted_own=True)
    assert not lost.passed and "cannot be excluded" in lost.refusals[0]
    same = gates.Gate("old", "new", side(5000, 5010, 7178), side(50, 50, 100), wanted_own=True)
    assert "no better" in same.refusals[0]
    none = gates.Gate("old", "new", side(5000, 5010, 7178), None, wanted_own=True)
    assert "second session" in none.refusals[0]
    other = gates.Gate("old", "new", side(5000, 5010, 7178), None, wanted_own=False)
    assert other.passed


@pytest.mark.timeout(600)
def test_a_champion_is_improved_judged_promoted_and_rolled_back(fill, capsys):
    base = ["--model", "sequential", "--options", "width=8", "--epochs", "1"]
    assert main(["train", "--data", "synthetic:140", "--name", "first", *base]) == 0
    with pytest.raises(CollectionError, match="There is no collection"):
        improve_config("me")
    fill(sessions=2, each=21)
    config = improve_config("me", epochs=1)
    assert config.monitor == "last"
    assert config.data == "synthetic:140*20+collection:me^6" and is_made(config.data)
    code = main(["improve", "me", "--epochs", "1", "--wait"])
    assert code in (0, 3)
    new = load_run("sequential")
    assert (
        new.config().data == "synthetic:140*20+collection:me#42^6"
    )  # its labels can be named later
    assert new.config().start_from == champion().id == load_run("first").id
    old, changed = (read_weights(load_run(name)) for name in ("first", "sequential"))
    same = {name for name, value in old.items() if torch.equal(value, changed[name])}
    assert {name for name in old if "running" in name} <= same != set(old)  # frozen_norm
    judged = gates.check(champion(), new)
    assert judged.own.n == 21 and judged.test.n == load_run("first").report().test.n
    if not judged.passed:
        with pytest.raises(CollectionError, match="is not promoted"):
            promote(new)
    capsys.readouterr()
    assert main(["promote", "sequential", "--why", "a test", "--anyway", "to see"]) == 0
    assert "sequential is @champion now, first is @previous" in capsys.readouterr().out
    (entry,) = registry.read_registry().history
    assert entry.gate["own"]["n"] == 21 and entry.why == "a test"
    assert bool(entry.forced) is not judged.passed
    assert main(["rollback"]) == 0 and champion().name == "first"


def test_a_run_that_goes_on_keeps_its_last_epoch():
    rows = [{"epoch": 1, "val_accuracy": 0.7}, {"epoch": 2, "val_accuracy": 0.6}]
    assert best_epoch(rows, "accuracy") == 1 and best_epoch(rows, "last") == 2
    assert validation_score(rows[1], "last") > validation_score(rows[0], "last")


def test_settings_of_another_machine_and_optimizer_are_not_taken_over(fill):
    base = ["--model", "sequential", "--options", "width=8", "--epochs", "1"]
    other = [
        "--optimizer",
        "adamw",
        "--weight-decay",
        "0.05",
        "--lr",
        "0.001",
        "--threads",
        "1",
        "--tag",
        "a",
    ]
    assert main(["train", "--data", "synthetic:140", "--name", "first", *base, *other]) == 0
    fill(sessions=1, each=28)
    config = improve_config("me")
    assert (config.weight_decay, config.precision, config.threads) == (5e-4, "auto", 0)
    assert config.tag == ""
    assert config.start_from == config.average_with == load_run("first").id


def test_many_own_faces_come_less_often():
    assert [repeats_of(n) for n in (20, 200, 500, 50_000)] == [6, 6, 2, 1]


def test_too_few_faces_are_refused_with_what_to_do(fill):
    fill(sessions=1, each=10)
    with pytest.raises(CollectionError, match="improving needs 20"):
        improve_config("me")
