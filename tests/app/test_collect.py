import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emotion_core import access
from emotion_core.collect.faces import NewFace, add_faces, start_session
from emotion_core.collect.quality import quality_of
from emotion_core.collect.store import create, delete, list_collections
from emotion_core.data.ferplus import keep_votes
from emotion_core.data.sources import load_data
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.labels import EMOTIONS
from emotion_core.paths import PROJECT
from pages._ui.access import session_role


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def open_page(tab: str = "") -> AppTest:
    page = AppTest.from_file(PROJECT / "app.py", default_timeout=300)
    if tab:
        page.session_state["collect-tab"] = tab
    page.switch_page("pages/collect.py").run()
    assert not page.exception
    return page


def fill(count: int = 14) -> None:
    create("me")
    data = synthetic_faces(140, seed=5)
    images = np.array(data.images[:count])
    faces = [
        NewFace(
            face, None, "photo", f"{at}.jpg", quality, label=EMOTIONS[label], by="person", who="x"
        )
        for at, (face, quality, label) in enumerate(
            zip(images, quality_of(images), data.labels, strict=False)
        )
    ]
    add_faces(start_session("me", "photos"), faces)


def test_a_first_visit_says_what_the_page_is_for_and_makes_a_collection(home):
    page = open_page()
    assert "stay on this computer" in page.info[0].value
    assert not home.exists()  # nothing is written by looking
    page.text_input[0].set_value("my-face")
    next(button for button in page.button if button.label == "Make collection").click().run()
    assert [item.name for item in list_collections()] == ["my-face"]
    assert page.selectbox(key="collect-name").value == "my-face"


def test_the_dataset_page_shows_a_collection_and_training_takes_it():
    fill()
    page = AppTest.from_file(PROJECT / "app.py", default_timeout=300).run()
    page.switch_page("pages/dataset.py").run()
    page.segmented_control(key="data-kind").set_value("Collection").run()
    assert not page.exception and not page.error
    assert page.selectbox(key="data-collection").value == "me"
    assert {item.label: item.value for item in page.metric}["Faces"] == "14"
    page.switch_page("pages/training.py").run()
    assert page.selectbox(key="train-data").value == "collection:me"


def test_each_tab_opens_on_a_filled_collection():
    fill()
    for tab, said in (
        ("Faces", "14 of 14 labeled by a person"),
        ("Add", "Nothing"),
        ("Audit", "an audit needs 20"),
        ("Improve", "There is no run|No trained|improving needs"),
    ):
        page = open_page(tab)
        text = " ".join(
            [item.value for item in (*page.info, *page.caption, *page.error, *page.markdown)]
            + [item.proto.text for item in page.get("progress")]
        )
        if tab != "Add":
            assert any(part in text for part in said.split("|")), (tab, text)


def test_an_audit_answers_without_training_and_offers_networks():
    fill(42)
    page = open_page("Audit")
    said = " ".join(item.value for item in (*page.info, *page.markdown, *page.caption))
    assert "answered by quick models" in said and not page.error
    assert any(button.label == "Train the folds" for button in page.button)


def test_the_votes_stand_under_suspect_faces_where_they_are_here(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    fill(42)
    data = load_data("collection:me")
    keep_votes(np.full((len(data), 10), 1, np.int32), data)
    page = open_page("Audit")
    assert any("then the FER+ votes" in item.value for item in page.caption) and not page.error


def test_the_review_queue_has_a_filter_of_its_own_and_says_what_it_is_worth():
    fill()
    page = open_page("Faces")
    page.selectbox(key="collect-order").set_value("what to label next").run()
    assert not page.exception
    assert any("no better than random" in item.value for item in page.caption)
    assert page.selectbox(key="collect-state").disabled
    assert any("No face fits" in item.value for item in page.markdown)  # all are labelled
    page.selectbox(key="collect-order").set_value("newest").run()
    assert not page.selectbox(key="collect-state").disabled and not page.exception


def test_more_like_this_without_a_model_is_told_and_left():
    fill()
    page = AppTest.from_file(PROJECT / "app.py", default_timeout=300)
    page.session_state["collect-tab"], page.session_state["collect-like"] = "Faces", 3
    page.switch_page("pages/collect.py").run()
    assert not page.exception and page.error
    assert "collect-like" not in page.session_state


def test_nothing_can_be_added_before_consent():
    fill()
    page = open_page("Add")
    add = next(button for button in page.button if button.label == "Add the faces")
    assert add.disabled and "until you delete them" in page.checkbox[0].label


def test_a_deleted_collection_can_be_brought_back_on_the_page():
    fill()
    delete("me")
    page = open_page()
    next(button for button in page.button if button.label == "Undo").click().run()
    assert [item.name for item in list_collections()] == ["me"]


def test_own_faces_are_not_shown_to_visitors(monkeypatch):
    fill()
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    # As the server does when it starts.
    monkeypatch.setattr(access, "current_role", session_role)
    page = open_page("Faces")
    assert not page.selectbox
    assert any("Sign in to see" in item.value for item in page.markdown)
