"""The champion's opinion on own faces, as far as it has not learned any."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.collect.answers import answers_to
from emotion_core.collect.outsider import outsider, outsider_probs, stacked
from emotion_core.data.faces import BY_HAND
from emotion_core.data.generated import GENERATED
from emotion_core.data.sources import load_data
from emotion_core.models.checkpoint import load_classifier
from emotion_core.paths import PROJECT, checkpoints_dir
from emotion_core.runs.catalog import load_run
from emotion_core.runs.trash import delete_run

SMALL = ["--model", "sequential", "--options", "width=8", "--epochs", "1"]


def answers(labels, rng, share):
    """Answers that are right for a share of the faces, and sure of it."""
    shown = np.where(rng.random(len(labels)) < share, labels, (labels + 2) % 7)
    probs = np.full((len(labels), 7), 0.04)
    probs[np.arange(len(labels)), shown] = 0.76
    return probs


def test_the_better_opinion_decides_and_two_good_ones_both_count():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 300)
    good, also, chance = (
        answers(labels, rng, 0.9),
        answers(labels, rng, 0.88),
        np.full((300, 7), 1 / 7),
    )
    assert np.abs(stacked(labels, good, chance) - good).max() < 0.05
    assert np.abs(stacked(labels, chance, good) - good).max() < 0.05
    both = stacked(labels, good, also)
    rows = np.arange(300)
    said = [np.log(probs[rows, labels]).mean() for probs in (good, also, both)]
    assert said[2] > max(said[:2]) and np.allclose(both.sum(axis=1), 1)


def test_one_impossible_label_does_not_decide():
    labels = np.zeros(50, np.int64)
    sure, unsure = np.eye(7)[labels].astype(float), np.full((50, 7), 1 / 7)
    sure[0] = np.eye(7)[3]
    assert stacked(labels, unsure, sure)[1:, 0].min() > 0.8


def test_only_a_champion_that_learned_no_own_faces_is_asked_about_them(fill):
    assert outsider(load_data("synthetic:140")) is None
    fill(sessions=2, each=21)
    own = load_data("collection:me")
    assert outsider(own) is None  # there is no run yet
    assert main(["train", "--data", "synthetic:140", "--name", "first", *SMALL]) == 0
    assert outsider(own).name == "first"
    assert outsider(replace(own, source="synthetic:140+collection:me")) is None
    data = "synthetic:140*2+collection:me"
    further = ["--data", data, "--start-from", "first", "--name", "second"]
    assert main(["train", *further, *SMALL]) == 0
    assert main(["promote", "second", "--anyway", "to see"]) == 0
    assert outsider(own).name == "first"
    taught = ["--data", "synthetic:140", "--teacher", "second", "--name", "third"]
    assert main(["train", *taught, *SMALL]) == 0
    assert main(["promote", "third", "--anyway", "to see"]) == 0
    assert outsider(own).name == "first"  # the third was taught by one that has
    damaged = load_run("third").path / "config.json"
    text = damaged.read_text()
    damaged.write_text("{")
    assert outsider(own) is None  # what it has learned cannot be told
    damaged.write_text(text)
    delete_run(load_run("first"))
    assert outsider(own) is None


def test_who_answers_to_which_face(fill):
    """Quick models to all; a champion mends what it may speak to, which no generated face is."""
    fill(sessions=2, each=35)
    assert main(["train", "--data", "synthetic:140", "--name", "first", *SMALL]) == 0
    own = load_data("collection:me")
    made = np.arange(len(own)) < 30
    own = replace(own, usage=np.where(made, GENERATED, BY_HAND))
    even, right = np.full((len(own), 7), 1 / 7), np.eye(7)[own.labels]
    found = answers_to(own, lambda data: even, lambda data, run: right, None)
    assert found.by == "quick models and first" and found.quick_alone == 0
    assert np.array_equal(found.probs[made], even[made])
    assert np.array_equal(found.probs[~made], right[~made])

    other = replace(own, source="synthetic:70")
    alone = answers_to(other, lambda data: even, pytest.fail, None)
    assert alone.by == "quick models" and alone.quick_alone == len(own)
    both = answers_to(other, lambda data: even, pytest.fail, lambda data: right)
    assert both.by == "quick models with networks" and both.quick_alone == 0
    assert np.allclose(both.probs, (even + right) / 2)


def test_only_what_a_person_labeled_is_by_hand(fill):
    fill(sessions=1, each=7)
    fill(sessions=1, each=7, by="import", at=7)
    assert sorted(load_data("collection:me").usage) == [""] * 7 + [BY_HAND] * 7


@pytest.mark.timeout(300)
def test_an_audit_of_own_faces_asks_the_shipped_champion(fill, capsys):
    for name in ("sequential", "catalog.toml"):
        shipped = PROJECT / "checkpoints" / name
        copy = shutil.copytree if shipped.is_dir() else shutil.copy
        copy(shipped, checkpoints_dir() / name)
    fill(sessions=2, each=35)
    own = load_data("collection:me")
    run = outsider(own)
    shares = []
    probs = outsider_probs(run, own.images, shares.append)
    assert shares[-1] == 1.0
    assert np.array_equal(probs.argmax(1), load_classifier(run).probs(own.images).argmax(1))
    capsys.readouterr()
    assert main(["audit", "collection:me"]) == 0
    assert "scored by quick models and sequential" in capsys.readouterr().out
