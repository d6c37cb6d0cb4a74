"""Keeping faces on the Live page: off at first, the owner's alone, and nothing before consent."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emotion_core import access
from emotion_core.collect.capture import CONSENT
from emotion_core.collect.query import list_faces
from emotion_core.collect.store import create, list_collections
from emotion_core.live.keeper import LiveKeeper, as_new_faces
from emotion_core.paths import PROJECT
from pages._ui.access import session_role
from tests.app.test_live_page import astronaut, folder, open_live, play, texts, trained
from tests.walk import type_option

__all__ = ["folder", "trained"]  # fixtures
ON = "live-keep"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def turn_on(name: str = ""):
    page = open_live()
    page.toggle(key=ON).set_value(True).run()
    if name:
        type_option(name)(page.selectbox(key="live-collection"))
        page.run()
    assert not page.exception
    return page


def agree(page):
    next(box for box in page.checkbox if CONSENT in box.label).check().run()
    assert not page.exception
    return page


def test_it_is_off_at_first_and_the_page_says_that_no_picture_is_saved(folder):
    page = open_live()
    assert page.toggle(key=ON).value is False
    assert page.session_state["live-stream"].keeper is None
    assert "No picture is saved unless you download it or record it." in texts(page)


def test_a_visitor_is_not_offered_it(folder, monkeypatch):
    create("me")
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    monkeypatch.setattr(access, "current_role", session_role)  # as the server does
    page = open_live()
    assert ON not in [item.key for item in page.toggle]
    assert page.session_state["live-stream"].keeper is None


def test_drawn_faces_are_not_kept(folder):
    page = turn_on("me")
    page.segmented_control(key="live-source").set_value("Drawn faces").run()
    assert ON not in [item.key for item in page.toggle]
    assert page.session_state["live-stream"].keeper is None


def test_nothing_is_written_before_consent(folder, home):
    page = turn_on("me")
    stream = page.session_state["live-stream"]
    stream.keeper.hold("happy")
    play(stream, astronaut())
    assert not home.exists()
    assert "No picture is saved unless you download it or record it." in texts(page)
    assert "Nothing is kept before you agree." in texts(page)


def test_with_consent_the_collection_is_made_and_the_page_says_what_is_kept(folder):
    page = agree(turn_on("me"))
    assert [item.name for item in list_collections()] == ["me"]
    assert "Faces that you correct are kept in the collection **me**" in texts(page)
    assert "No picture is saved" not in texts(page)
    page.toggle(key=ON).set_value(False).run()
    assert "No picture is saved unless you download it or record it." in texts(page)
    assert page.session_state["live-stream"].keeper is None


def test_consent_is_for_one_collection(folder):
    create("other")
    page = agree(turn_on("me"))
    page.selectbox(key="live-collection").set_value("other").run()
    keeper = page.session_state["live-stream"].keeper
    assert keeper.capture.collection == "other" and not keeper.capture.consent
    assert "No picture is saved unless you download it or record it." in texts(page)


def test_consent_can_be_taken_back(folder):
    page = agree(turn_on("me"))
    keeper = page.session_state["live-stream"].keeper
    next(box for box in page.checkbox if CONSENT in box.label).uncheck().run()
    assert not keeper.capture.consent
    assert "Nothing is kept before you agree." in texts(page)


def test_a_name_that_breaks_the_rule_is_told_and_nothing_is_made(folder, home):
    page = agree(turn_on("My Face!"))
    assert "lower-case letters" in page.error[0].value
    assert not (home / "collections").exists()


def kept(keeper: LiveKeeper, stream) -> int | None:
    play(stream, astronaut())
    result = stream.state().result
    (face,) = as_new_faces(result, result.faces[:1], source="live", origin="a test")
    return keeper.keep(face, "fear")


def test_the_counter_and_the_bin_with_undo(folder, home):
    page = agree(turn_on("me"))
    stream = page.session_state["live-stream"]
    assert kept(stream.keeper, stream)
    assert kept(stream.keeper, stream) is None
    page.run()
    assert "**1 face kept**, 1 refused: 1 nearly the same as another one" in texts(page)
    page.button(key="live-bin-all").click().run()
    assert "**0 faces kept**" in texts(page) and list_faces("me")[1] == 0
    page.button(key="live-bin-undo").click().run()
    assert "**1 face kept**" in texts(page) and list_faces("me")[1] == 1
    assert "live-bin-undo" not in [item.key for item in page.button]
    assert len(list(Path(home).rglob("*.png"))) == 2


def test_rules_are_set_and_keep_a_suggestion(folder):
    page = agree(turn_on("me"))
    stream = page.session_state["live-stream"]
    assert stream.keeper.chooser is None
    page.toggle(key="live-rules").set_value(True).run()
    page.slider(key="live-rule-below").set_value(100).run()
    page.number_input(key="live-rule-minute").set_value(1).run()
    rules = stream.keeper.chooser.rules
    assert (rules.below, rules.per_minute, rules.per_day) == (1.0, 1, 100)
    assert "and those that your rules choose" in texts(page)
    play(stream, astronaut())
    while stream.keeper._writing:
        pass
    play(stream, np.ascontiguousarray(astronaut()[:, ::-1]))
    (item,), _ = list_faces("me")
    assert item.by == "model" and item.origin.startswith("rule: ")
    page.run()
    assert "1 in the last minute (at most 1), 1 in 24 hours" in texts(page)


def open_camera(agreed: bool):
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=90).run()
    page.session_state["collect-kind"] = "Camera"
    page.session_state["collect-consent-me"] = agreed
    page.switch_page("pages/collect.py").run()
    assert not page.exception
    return page


def test_the_camera_of_collect_records_only_after_consent(folder, home):
    create("me")
    stream = open_camera(False).session_state["live-stream"]
    stream.keeper.hold("happy")
    play(stream, astronaut())
    assert list_faces("me")[1] == 0 and not list(home.rglob("*.png"))

    stream = open_camera(True).session_state["live-stream"]
    stream.keeper.hold("happy")
    play(stream, astronaut())
    while stream.keeper._writing:
        pass
    (item,), _ = list_faces("me")
    assert (item.label, item.by, item.source) == ("happy", "person", "camera")
    assert stream.watcher is None  # made expressions are no entry of a diary


def test_the_camera_of_collect_asks_for_a_model(tmp_path, monkeypatch):
    create("me")
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "empty"))
    assert "No trained model is on this machine yet." in texts(open_camera(True))
