"""Tab Generate of the Collect page: what it says before there is a generator, and with one."""

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emotion_core import access
from emotion_core.collect.store import create
from emotion_core.files import write_bytes, write_json
from emotion_core.generate.experiment import METRICS, load_experiment
from emotion_core.generate.folder import create_generator_run, list_generators
from emotion_core.generate.results import KeptFaces, Nearness, Quality
from emotion_core.generate.settings import GanSettings
from emotion_core.generate.words import experiment_words
from emotion_core.paths import PROJECT
from emotion_core.text import plain
from pages._ui.access import session_role

SETTINGS = GanSettings(data="synthetic:140", epochs=2, batch_size=16, width=4, latent=8)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    create("me")
    return tmp_path / "home"


def open_tab() -> AppTest:
    page = AppTest.from_file(PROJECT / "app.py", default_timeout=300)
    page.session_state["collect-tab"] = "Generate"
    page.switch_page("pages/collect.py").run()
    assert not page.exception
    return page


def labels(page):
    return [button.label for button in page.button]


def test_before_there_is_a_generator_it_says_what_it_is_for_and_how_long_it_takes():
    page = open_tab()
    assert "90 minutes" in page.info[0].value and "experiment" in page.info[0].value
    assert "Train a generator" in labels(page)
    # The shipped experiment: one figure per metric, and what was trained.
    assert len(page.get("plotly_chart")) == len(METRICS)
    told = plain(experiment_words(load_experiment()), "markdown")
    assert told in [item.value for item in page.caption]


def test_without_a_result_it_says_how_to_come_by_one(monkeypatch):
    monkeypatch.setattr("pages._ui.collect.generated.load_experiment", lambda: None)
    page = open_tab()
    assert not page.get("plotly_chart")
    assert any("has no result yet" in item.value for item in page.caption)
    assert not list_generators()  # nothing is written by looking


def test_a_wrong_data_set_or_name_is_told_and_nothing_is_left():
    page = open_tab()
    next(item for item in page.text_input if item.label == "Data set").set_value("/nowhere/at/all")
    next(button for button in page.button if button.label == "Train a generator").click().run()
    assert not page.exception
    assert page.error and "/nowhere" in page.error[0].value
    assert not list_generators()


def test_a_stopped_generator_shows_its_samples_figures_and_what_was_kept(home):
    run = create_generator_run("faces", SETTINGS)
    run.write_status(type(run.status())(state="stopped", epoch=2, epochs=2))
    sheet = np.zeros((348, 498), np.uint8)
    for epoch in (1, 2):
        write_bytes(run.sheet_path(epoch), cv2.imencode(".png", sheet)[1].tobytes())
    run.weights_path.write_bytes(b"weights")
    near = Nearness(samples=0.7, unseen=0.8, nearer=0.2, p_value=0.9)
    quality = Quality(
        date="now", epoch=2, judge="judge", faces=100, reference=50, fid=40.0, fid_real=8.0,
        kid=(0.02, 0.001), kid_real=(0.0, 0.001), agreement=0.61, agreement_real=0.7,
        per_class={"disgust": 0.4}, pixels=near, features=near, twins=0.0, twins_real=0.01,
    )  # fmt: skip
    write_json(run.quality_path, quality.to_json())
    kept = KeptFaces("faces-me", ("disgust: 5 of 5 kept, 5 of them now.",))
    write_json(run.kept_path, kept.to_json())
    page = open_tab()
    assert not page.error
    assert {"Resume", "Delete generator", "Measure again", "Keep samples"} <= set(labels(page))
    assert "Stop" not in labels(page)
    figures = {item.label: item.value for item in page.metric}
    assert figures["FID (champion)"] == "40.0"
    assert figures["Agreement"] == "61.0 %"
    said = " ".join(item.value for item in (*page.markdown, *page.caption))
    assert "samples are not nearer" in said
    assert "collection:faces-me" in said and "disgust: 5 of 5 kept" in said
    assert "generated; these are of epoch" not in said and "of epoch 2" in said
    page.select_slider(key="generate-epoch-2").set_value(1).run()
    assert any("of epoch 1" in item.value for item in page.caption)
    next(button for button in page.button if button.label == "Delete generator").click().run()
    assert not page.exception and not list_generators()


def test_a_damaged_generator_is_told(home):
    run = create_generator_run("faces", SETTINGS)
    (run.path / "settings.json").write_text('{"epochs": "many"}')
    page = open_tab()
    assert page.error and "settings.json cannot be read" in page.error[0].value


def test_visitors_of_a_demo_see_nothing_of_it(monkeypatch):
    create_generator_run("faces", SETTINGS)
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    monkeypatch.setattr(access, "current_role", session_role)  # as the server does
    page = open_tab()
    said = " ".join(item.value for item in (*page.markdown, *page.caption, *page.info))
    assert "kept here" in said
    assert "Generator" not in said and not page.metric
