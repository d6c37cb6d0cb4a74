import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve
from sklearn.model_selection import cross_val_predict
from sklearn.svm import SVC

from emotion_core.cli import main
from emotion_core.collect import kernel
from emotion_core.collect.answers import read_probs
from emotion_core.collect.audit import audit
from emotion_core.collect.folds import (
    fold_probs,
    fold_state,
    remove_folds,
    start_folds,
    wait_for_folds,
)
from emotion_core.collect.issues import find_issues
from emotion_core.data.sources import load_data
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import CollectionError, DataError
from emotion_core.evaluation.baseline import hog_features
from emotion_core.labels import EMOTIONS
from emotion_core.probabilities import softmax
from emotion_core.runs.catalog import list_runs


@pytest.fixture(scope="module")
def flipped():
    """Drawn faces, 5 % of whose labels were flipped at random, and a real model's answers to them."""
    data = synthetic_faces(1050, seed=11)
    rng = np.random.default_rng(0)
    labels = data.labels.copy()
    wrong = rng.choice(len(labels), len(labels) // 20, replace=False)
    labels[wrong] = (labels[wrong] + rng.integers(1, 7, len(wrong))) % 7
    model = SVC(C=3, gamma="scale")
    features = hog_features(data.images)
    scores = cross_val_predict(model, features, labels, cv=4, method="decision_function")
    return data, labels, np.isin(np.arange(len(labels)), wrong), softmax(2 * scores)


def test_flipped_labels_come_first(flipped):
    data, labels, wrong, probs = flipped
    issues = find_issues(labels, probs)
    precision, recall, _ = precision_recall_curve(wrong, issues.scores)
    assert precision[recall >= 0.9].max() >= 0.8
    assert issues.likely[wrong].mean() > 0.8 and issues.likely[~wrong].mean() < 0.02
    assert (issues.suggested[wrong] == data.labels[wrong]).mean() > 0.9


def test_classes_that_are_missing_are_no_problem(flipped):
    _, labels, _, probs = flipped
    some = np.isin(labels, [1, 3])
    issues = find_issues(labels[some], probs[some])
    assert len(issues.scores) == some.sum() and np.isfinite(issues.scores).all()
    only = labels == 3
    assert np.isfinite(find_issues(labels[only], probs[only]).scores).all()
    with pytest.raises(DataError, match="probabilities"):
        find_issues(labels[:0], probs[:0])


def test_the_audit_finds_twins_leaks_bad_faces_and_rare_classes(tmp_path):
    data = load_data("synthetic:140")
    images, splits, labels = data.images.copy(), data.splits.copy(), data.labels.copy()
    test, train = np.flatnonzero(splits == 2), np.flatnonzero(splits == 0)
    images[test[0]] = images[train[0]]
    images[train[1]] = 7
    images[train[2]] = images[train[2]] // 16
    labels[labels == 1] = 0
    rows = np.array([f"face {at}" for at in range(len(labels))])
    changed = type(data)(
        **(vars(data) | {"images": images, "labels": labels, "ids": rows, "fingerprint": "changed"})
    )
    found = audit(changed, np.full((140, 7), 1 / 7), "nobody")
    assert list(found.leaks) == [test[0]]
    assert found.leak_free == pytest.approx(1 - 1 / len(test))
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [f"face {train[0]}", f"face {test[0]}"] in [
        sorted(group, key=lambda name: int(name[5:]) == test[0])
        for group in document["duplicates"]["exact"]
    ]
    problems = {item["id"]: item["problems"] for item in document["quality"]}
    assert problems[f"face {train[1]}"] == ["blank", "too dark"]
    assert "too dark" in problems[f"face {train[2]}"]
    assert document["classes"]["disgust"]["faces"] == 0 and document["classes"]["disgust"]["rare"]
    assert document["leaks"] == {
        "test_ids": [f"face {test[0]}"],
        "leak_free": pytest.approx(found.leak_free, abs=1e-5),
    }


def test_the_command_writes_every_scored_face_with_the_most_suspect_first(tmp_path, capsys):
    data = load_data("synthetic:140")
    probs = np.eye(7)[data.labels] * 0.9 + 0.1 / 7
    probs[5] = np.eye(7)[(data.labels[5] + 1) % 7] * 0.9 + 0.1 / 7
    np.save(tmp_path / "probs.npy", probs)
    out = tmp_path / "audit.json"
    assert (
        main(["audit", "synthetic:140", "--probs", str(tmp_path / "probs.npy"), "--json", str(out)])
        == 0
    )
    document = json.loads(out.read_text())
    assert set(document) >= {"label_issues", "duplicates", "leaks", "quality", "classes"}
    issues = document["label_issues"]
    assert len(issues) == 140 and {"id", "label", "suggested", "score"} <= set(issues[0])
    assert issues[0]["id"] == str(data.ids[5])
    assert issues[0]["suggested"] == EMOTIONS[(data.labels[5] + 1) % 7]
    scores = [issue["score"] for issue in issues]
    assert scores == sorted(scores, reverse=True)
    assert "140 labels scored by probs.npy" in capsys.readouterr().out


def test_probabilities_are_read_by_row_and_by_id(tmp_path):
    data = load_data("synthetic:140")
    probs = np.random.default_rng(0).dirichlet(np.ones(7), 140)
    np.savez(tmp_path / "p.npz", probs=probs[::-1][:50], ids=data.ids[::-1][:50])
    read = read_probs(tmp_path / "p.npz", data)
    assert np.allclose(read[90:], probs[90:]) and np.isnan(read[:90]).all()
    lines = [",".join(["id", *EMOTIONS])]
    lines += [f"{data.ids[at]},{','.join(map(str, probs[at]))}" for at in range(140)]
    (tmp_path / "p.csv").write_text("\n".join(lines))
    assert np.allclose(read_probs(tmp_path / "p.csv", data), probs)
    for content, reason in (
        (probs[:5], "5 rows"),
        (probs * 2, "sum to 1"),
        (probs[:, :3], "must be numbers"),
        (np.array([{}], object), "no probabilities that can be read"),
    ):
        np.save(tmp_path / "bad.npy", content, allow_pickle=True)
        with pytest.raises(DataError, match=reason):
            read_probs(tmp_path / "bad.npy", data)


def test_folds_are_jobs_that_answer_to_faces_they_have_not_learned():
    data = load_data("synthetic:140")
    with pytest.raises(CollectionError, match="not finished"):
        fold_probs(data, 2)
    start_folds(data, 2, 1)
    start_folds(data, 2, 1)  # none is started twice
    assert len(list_runs()) == 2
    wait_for_folds(data, 2)
    assert fold_state(data, 2).share == 1.0
    probs = fold_probs(data, 2)
    assert probs.shape == (140, 7) and np.allclose(probs.sum(axis=1), 1, atol=1e-3)
    assert {run.config().data for run in list_runs()} == {"synthetic:140%1/2", "synthetic:140%2/2"}
    remove_folds(data, 2)
    assert list_runs() == []


def test_quick_models_of_the_other_faces_find_flipped_labels(flipped, monkeypatch):
    data, labels, wrong, _ = flipped
    photographs = np.arange(len(labels))
    for exact in (5_000, 100):  # all faces as landmarks, then some of them
        monkeypatch.setattr(kernel, "_EXACT", exact)
        monkeypatch.setattr(kernel, "LANDMARKS", 600)
        shares = []
        probs = kernel.kernel_probs(data.images, labels, photographs, shares.append)
        assert np.allclose(probs.sum(axis=1), 1) and shares[-1] == 1.0
        precision, recall, _ = precision_recall_curve(wrong, find_issues(labels, probs).scores)
        assert precision[recall >= 0.9].max() >= 0.8


def test_a_quick_answer_knows_neither_the_label_of_its_face_nor_of_its_twin(flipped, monkeypatch):
    monkeypatch.setattr(kernel, "_SHARPNESS", (3.0,))  # one for all faces, by all labels
    data, labels, _, _ = flipped
    some = np.arange(0, len(labels), 5)
    images, given = data.images[some], labels[some]
    photographs = np.arange(len(some))
    photographs[1] = 0  # the second face shows the same photograph as the first
    before = kernel.kernel_probs(images, given, photographs)
    changed = given.copy()
    changed[:2] = (changed[:2] + 1) % 7
    after = kernel.kernel_probs(images, changed, photographs)
    assert np.allclose(before[:2], after[:2], atol=1e-6)
    assert np.abs(before[2:] - after[2:]).max() > 1e-3


def test_leaving_a_photograph_out_is_fitting_without_it(flipped):
    data, labels, _, _ = flipped
    images, given = data.images[::15], labels[::15]
    photographs = np.arange(len(images)) // 2
    similar = kernel._kernel(images, np.arange(len(images)), lambda share: None)
    similar = (similar + similar.T) / 2 + kernel._CONSTANT
    truth = np.eye(7)[given]
    found = kernel._left_out(similar - kernel._CONSTANT, truth, photographs)
    for photograph in (0, 7):
        out = photographs == photograph
        ridge = kernel._RIDGE * np.eye((~out).sum())
        weights = np.linalg.solve(similar[~out][:, ~out] + ridge, truth[~out] - 1 / 7)
        assert np.allclose(found[out], 1 / 7 + similar[out][:, ~out] @ weights, atol=1e-4)


def test_too_few_faces_are_refused(flipped):
    data, *_ = flipped
    few = replace(data, images=data.images[:19], labels=data.labels[:19])
    few = replace(few, splits=few.splits[:19], usage=few.usage[:19], ids=few.ids[:19])
    with pytest.raises(DataError, match="has 19 labeled faces; an audit needs 20"):
        kernel.quick_probs(few)


def test_the_command_needs_no_training(tmp_path, capsys):
    assert main(["audit", "synthetic:140", "--json", str(tmp_path / "audit.json")]) == 0
    assert "140 labels scored by quick models" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "audit.json").read_text())["label_issues"]) == 140
    assert list_runs() == []
