"""Aliases on the Live page: offered, followed while a stream plays, told in one line."""

import pytest

from emotion_core.runs import registry
from emotion_core.runs.catalog import list_runs
from emotion_core.text import plain
from pages._ui.widgets import run_label
from tests.app.test_live_page import astronaut, folder, open_live, play, run_after, texts, trained
from tests.samples import write_report

__all__ = ["folder", "trained"]  # fixtures


@pytest.fixture
def runs(folder, tmp_path, monkeypatch):
    """Two runs, the first of them champion."""
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    found = list_runs(folder)
    for run, accuracy in zip(found, (0.7, 0.6), strict=True):
        write_report(run, {"val.accuracy": accuracy})
    return list_runs(folder)


def model(page) -> str:
    return page.session_state["live-stream"].pipeline.classifier.name


def named(run) -> str:
    """A run as the page's text names it."""
    return plain(run_label(run), "markdown")


def test_a_first_visit_runs_the_champion_and_the_names_can_be_chosen(runs):
    page = open_live()
    picker = page.selectbox(key="live-model")
    assert picker.value == "@champion" and model(page) == runs[0].name
    assert picker.options[0] == "@champion" and len(picker.options) == 3
    assert f"**@champion** is {named(runs[0])}." in texts(page)
    assert " · 100.0 % · " in named(runs[0])
    assert len(page.selectbox(key="live-second").options) == 2  # not the champion under its name
    picker.set_value(runs[1].name).run()
    assert model(page) == runs[1].name


def test_a_promotion_elsewhere_changes_the_model_of_the_running_stream(runs, monkeypatch):
    page = open_live()
    stream = page.session_state["live-stream"]
    play(stream, astronaut())
    registry.promote(runs[1], runs[0])
    run_after(lambda: None, page, monkeypatch, fragments=True)  # as the panel does each second
    page.run()
    assert page.session_state["live-stream"] is stream and model(page) == runs[1].name
    assert page.selectbox(key="live-model").value == "@champion"
    told = f"{named(runs[1])} now, and the stream uses it. It was {named(runs[0])}."
    assert f"**@champion** is {told}" in texts(page)
    play(stream, astronaut())
    assert stream.state().result.model == runs[1].name and stream.state().failed == 0
    registry.rollback()
    page.run()
    assert model(page) == runs[0].name
    assert f"It was {named(runs[1])}." in texts(page)


def test_a_model_that_was_chosen_by_name_stays_whoever_is_promoted(runs):
    page = open_live()
    page.selectbox(key="live-model").set_value(runs[0].name).run()
    registry.promote(runs[1], runs[0])
    page.run()
    assert page.selectbox(key="live-model").value == runs[0].name == model(page)
    assert "now, and the stream uses it" not in texts(page)


def test_previous_runs_beside_the_champion(runs):
    registry.promote(runs[1], runs[0])
    page = open_live()
    page.selectbox(key="live-second").set_value("@previous").run()
    pipeline = page.session_state["live-stream"].pipeline
    assert (pipeline.classifier.name, pipeline.second.name) == (runs[1].name, runs[0].name)


def test_an_alias_that_is_removed_leaves_the_stream_its_model(runs):
    registry.set_alias("@mine", runs[1])
    page = open_live()
    page.selectbox(key="live-model").set_value("@mine").run()
    registry.set_alias("@mine", None)
    page.run()
    assert page.selectbox(key="live-model").value == runs[1].name == model(page)


def test_a_link_may_name_an_alias_and_the_choice_lasts_over_pages(runs):
    registry.promote(runs[1], runs[0])
    page = open_live()
    page.selectbox(key="live-model").set_value("@previous").run()
    page.switch_page("pages/dataset.py").run()
    page.switch_page("pages/live.py").run()
    assert page.selectbox(key="live-model").value == "@previous" and model(page) == runs[0].name


def test_a_damaged_registry_is_told_and_the_names_still_work(runs, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "registry.json").write_text("nothing")
    page = open_live()
    assert "cannot be read" in page.error[0].value
    assert page.selectbox(key="live-model").value in {run.name for run in runs}
