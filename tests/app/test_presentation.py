"""The presentation on runs of photographs, of drawn faces, and without runs."""

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.paths import PROJECT
from pages._ui.present.steps import STEPS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    root = tmp_path / "checkpoints"
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(root))
    return root


def present(**query: str) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120)
    for key, value in ({"present": "1"} | query).items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def test_it_starts_from_the_overview_with_one_click_and_is_left_again(folder):
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120).run()
    assert page.title[0].value == "Overview"
    page.button(key="present-start").click().run()
    assert page.title[0].value == "The task"
    assert not page.sidebar.get("page_link"), "there is no menu"
    page.button(key="stage-leave").click().run()
    assert page.title[0].value == "Overview" and "present" not in page.query_params


def test_six_steps_by_keys(folder):
    write_random_run(folder, random_faces(60), epochs=1)
    page = present()
    titles = [page.title[0].value]
    assert page.button(key="stage-back").disabled
    while not page.button(key="stage-next").disabled:
        assert page.button(key="stage-next").proto.shortcut == "right"
        page.button(key="stage-next").click().run()
        assert not page.exception
        titles.append(page.title[0].value)
    assert titles == [step.title for step in STEPS] and len(titles) == 6
    page.button(key="stage-back").click().run()
    assert page.title[0].value == titles[-2] and page.query_params["step"] == "5"


@pytest.mark.parametrize("step", range(1, 7))
def test_shipped_runs_are_presented_offline_and_drawn_faces_are_marked(step, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(PROJECT / "checkpoints"))
    page = present(step=str(step))
    assert page.markdown[0].value == f"{step} / 6" and not page.error
    figures = [*page.get("plotly_chart"), *(h for h in page.get("html") if "<img" in h.proto.body)]
    assert figures, "a step has a figure"
    drawn = any("These faces are drawn" in item.value for item in page.caption)
    assert drawn == (step in (1, 6))


@pytest.mark.parametrize("step", ["0", "7", "x", "-1"])
def test_an_address_with_a_step_that_is_not_there_shows_one_that_is(folder, step):
    assert present(step=step).title[0].value in (STEPS[0].title, STEPS[-1].title)


def test_without_runs_it_says_so(folder):
    assert any("no finished run to present" in item.value for item in present().markdown)
