"""The Predictions page on real run folders: a small trained-like model, real data, real uploads."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from emotion_core.data.ferplus import NAMES, keep_votes
from emotion_core.data.sources import load_data
from emotion_core.evaluation import features
from emotion_core.evaluation.report import evaluate_run
from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status
from tests.samples import change_report

DATA = "synthetic:300"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two evaluated runs of untrained weights: many mistakes, and they disagree."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        data, root = load_data(DATA), tmp_path_factory.mktemp("written")
        for seed in (0, 1):
            torch.manual_seed(seed)
            run = create_run(TrainConfig(data=DATA, seed=seed), root=root)
            save_checkpoint(
                run,
                create_model("sequential", width=8),
                architecture="sequential",
                options={"width": 8},
                preprocess=Preprocess(),
            )
            evaluate_run(run, data, device="cpu")
            run.write_status(Status(state="finished"))
        yield root


@pytest.fixture
def root(written, tmp_path, monkeypatch):
    """A copy that a test may spoil."""
    folder = tmp_path / "checkpoints"
    shutil.copytree(written, folder)
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(folder))
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EMOTION_YUNET", raising=False)
    return folder


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120)
    page.run()
    page.switch_page("pages/predictions.py")
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def face_keys(page: AppTest) -> list[str]:
    return [item.key for item in page.button if (item.key or "").startswith("face-")]


def texts(page: AppTest) -> str:
    found = [page.caption, page.markdown, page.info, page.error, page.warning]
    return "\n".join(item.value for group in found for item in group)


def newest(root: Path) -> Run:
    return Run(max(path for path in root.iterdir() if path.is_dir()))


def test_without_runs_the_page_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    page = open_page()
    assert "There is no finished run yet" in texts(page)
    assert not face_keys(page)


def test_opens_on_the_most_confident_mistakes(root):
    page = open_page()
    keys = face_keys(page)
    assert page.selectbox(key="order").value == "Most confident mistakes"
    assert len(keys) == 24 and all(key.startswith("face-wrong-") for key in keys)
    arrays = newest(root).predictions()
    total = len(arrays["labels"])
    share = 100 * (arrays["labels"] == arrays["probs"].argmax(axis=1)).mean()
    assert f"Showing 24 of {total:,} faces, {share:.1f} % correct." in texts(page)


def test_votes_stand_under_each_face_where_they_are_here(root):
    assert "FER+" not in texts(open_page())
    data = load_data(DATA)
    votes = np.zeros((len(data), 10), np.int32)
    votes[:, NAMES.index("contempt")] = 7
    votes[:, NAMES.index("sad")] = 3
    keep_votes(votes, data)
    page = open_page()
    assert "that most people chose (FER+ votes)" in texts(page)
    faces = [item for item in page.button if (item.key or "").startswith("face-")]
    said = "contempt\u00a07, sad\u00a03"
    assert faces and all(item.label.endswith(f" ({said})") for item in faces)
    assert set(page.dataframe[0].value["FER+ votes"]) == {said}


def test_a_frequent_confusion_is_a_filter(root):
    page = open_page()
    assert len(page.pills(key="confusion").options) == 5
    chip = page.pills(key="confusion").options[0]
    page.pills(key="confusion").set_value(chip).run()
    pair, _, count = chip.partition(" · ")
    actual, _, predicted = pair.partition(" → ")
    assert page.selectbox(key="actual").value == actual
    assert page.selectbox(key="predicted").value == predicted
    assert len(face_keys(page)) == min(24, int(count))
    page.pills(key="confusion").set_value(None).run()
    assert page.selectbox(key="actual").value == "Any" and not page.exception


def test_random_faces_are_shown_with_their_answer(root):
    page = open_page(order="Random")
    keys = face_keys(page)
    assert len(keys) == 24
    arrays = newest(root).predictions()
    right = arrays["labels"] == arrays["probs"].argmax(axis=1)
    for key in keys:
        _, outcome, row = key.split("-")
        assert outcome == ("right" if right[int(row)] else "wrong")
    wrong = next(item for item in page.button if item.key.startswith("face-wrong-"))
    assert ":material/close:" in wrong.label and "→" in wrong.label


def test_shuffle_draws_others_and_a_filter_holds(root):
    page = open_page(order="Random")
    first = face_keys(page)
    page.button(key="shuffle-button").click().run()
    second = face_keys(page)
    assert second != first and len(second) == 24
    assert face_keys(open_page(order="Random", shuffle="1")) == second  # a link shows the same
    assert face_keys(open_page(order="Random", shuffle="x")) == first
    page.selectbox(key="outcome").set_value("Correct").run()
    assert all(key.startswith("face-right-") for key in face_keys(page))
    page.slider(key="confidence").set_value((99, 100)).run()
    assert "No test face fits these filters" in texts(page)
    assert not page.exception


@pytest.mark.parametrize("order", ["Most confident mistakes", "Least certain", "Most typical"])
def test_galleries_are_ordered(root, order):
    page = open_page(order=order)
    assert page.selectbox(key="order").value == order
    arrays = newest(root).predictions()
    probs = np.sort(arrays["probs"].astype(np.float32), axis=1)
    value = probs[:, -1] - probs[:, -2] if order == "Least certain" else -probs[:, -1]
    rows = [int(key.split("-")[2]) for key in face_keys(page)]
    assert rows and np.all(np.diff(value[rows]) >= 0)


def test_two_runs_disagree(root):
    page = open_page(order="Most disagreed")
    buttons = [item for item in page.button if (item.key or "").startswith("face-")]
    assert buttons and all("(sequential: " in item.label for item in buttons)


def test_a_click_explains_a_face(root):
    page = open_page()
    key = face_keys(page)[0]
    page.button(key=key).click().run()
    assert not page.exception
    found = texts(page)
    assert f"Test face {key.split('-')[2]}: " in found and "what speaks for" in found
    explain = next(item for item in page.selectbox if item.label == "Explain")
    explain.set_value("surprise")
    page.button(key=key).click().run()  # a test runs the whole page, which closes the dialog
    assert "what speaks for surprise" in texts(page) and not page.exception


def test_faces_that_are_not_here_leave_the_table(root):
    run = newest(root)
    change_report(run, {"data.test_fingerprint": "0123456789abcdef", "data.name": "Elsewhere"})
    page = open_page(run=run.name)
    assert "The Elsewhere images are not on this machine" in texts(page)
    assert "0123456789ab" not in texts(page), "no fingerprint is shown"
    assert not [item for item in page.button if item.key == "get-fer2013"]
    assert not face_keys(page) and len(page.dataframe[0].value) == 24
    titles = json.loads(page.dataframe[0].proto.columns)
    assert [titles[name]["label"] for name in ("row", "id", "actual", "happy")] == [
        *("Number", "Image", "Actual", "Happy")
    ]


def test_fer2013_is_offered_in_place_where_it_is_missing(root):
    run = newest(root)
    change_report(run, {"data.test_fingerprint": "0123456789abcdef", "data.name": "FER-2013"})
    page = open_page(run=run.name)
    assert "The FER-2013 images are not on this machine" in texts(page)
    assert page.button(key="get-fer2013").label == "Get FER-2013 (60 MB)"


def test_missing_predictions_are_named(root):
    run = newest(root)
    run.predictions_path.unlink()
    assert f"Run '{run.name}' has no predictions.npz" in texts(open_page(run=run.name))


def test_missing_weights_are_named(root):
    run = newest(root)
    run.weights_path.unlink()
    page = open_page(run=run.name, view="Feature map")
    assert f"Run '{run.name}' has no weights" in texts(page)


def test_a_broken_run_is_named_and_the_others_are_shown(root):
    broken = root / "20260101-000000-sequential-s9"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    page = open_page()
    assert "20260101-000000-sequential-s9" in texts(page) and len(face_keys(page)) == 24


def test_the_feature_map_is_drawn_when_asked(root):
    page = open_page(view="Feature map")
    draw = next(item for item in page.button if item.label == "Draw the map")
    draw.click().run()
    assert not page.exception
    page.run()
    assert "The nearest neighbor on the map" in texts(page)
    assert features.load_features(newest(root)) is not None
    page.segmented_control(key="map").set_value("t-SNE").run()
    assert any(item.label == "Compute t-SNE" for item in page.button)
    features.compute_tsne(newest(root))
    page.run()
    assert "t-SNE keeps neighbors together" in texts(page) and not page.exception


def test_opens_on_the_run_that_is_best_on_validation(root):
    newest, other = list_runs(root)
    for run, accuracy in ((newest, 0.3), (other, 0.9)):
        change_report(run, {"val.accuracy": accuracy})
    assert open_page().selectbox(key="run").value == other.name
