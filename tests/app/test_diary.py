"""The Diary page: off at first, entries and figures once it is on, nothing for visitors."""

import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.access import Role
from emotion_core.paths import PROJECT
from emotion_core.personal import diary
from emotion_core.personal.database import diary_path
from emotion_core.personal.entries import CheckIn, Minute
from pages._ui.access import session_role


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def open_page() -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120)
    page = page.switch_page("pages/diary.py").run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.info, *page.subheader, *page.header]
    return "\n".join(item.value for item in shown)


def keys(page: AppTest) -> set[str]:
    return {item.key for item in page.button}


def fill(days: int = 12) -> None:
    diary.switch_on()
    now = int(time.time())
    rng = np.random.default_rng(0)
    minutes = [
        Minute(
            (now - 86_400 * day) // 60 - n, 0, 50.0, tuple(rng.dirichlet(np.ones(7))), 2, model="m"
        )
        for day in range(days)
        for n in range(20)
    ]
    diary.write_minutes(minutes)
    for day in range(days):
        word = ("happy", "sad", "neutral")[day % 3]
        diary.check_in(CheckIn(now - 86_400 * day, 0, 0.5 - day / 12, 0.0, word, place="home"))


def test_it_is_off_at_first_and_says_what_would_be_kept_and_where(home):
    page = open_page()
    assert "The diary is off" in texts(page) and "never pictures" in texts(page)
    assert str(diary_path()) in texts(page)
    assert not home.exists()


def test_one_click_switches_it_on_and_a_check_in_is_two_taps():
    page = open_page().button(key="diary-on").click().run()
    assert not page.exception and diary.is_on()
    assert page.button(key="diary-save").disabled
    page.button_group(key="diary-word").set_value("sad").run()
    page.button(key="diary-save").click().run()
    assert not page.exception
    (entry,) = diary.check_ins()
    assert entry.word == "sad" and entry.valence is None and abs(entry.at - time.time()) < 120
    page.button(key="diary-undo").click().run()
    assert diary.check_ins() == []


def test_the_grid_can_be_used_by_keyboard():
    diary.switch_on()
    page = open_page()
    page.slider(key="diary-valence").set_value(0.5).run()
    page.button(key="diary-save").click().run()
    (entry,) = diary.check_ins()
    assert (entry.valence, entry.arousal, entry.word) == (0.5, 0.0, "")


def test_a_filled_diary_shows_its_figures():
    fill()
    page = open_page()
    labels = {item.label: item.value for item in page.metric}
    assert labels["Time seen"] == "3.3 h" and labels["Check-ins"] == "12"
    assert labels["Changes per hour"] == "144"
    assert "needs" in texts(page) or "against" in texts(page)
    assert "Durán" in texts(page) and "not feelings" in texts(page)


def test_deleting_asks_first():
    fill(2)
    page = open_page().button(key="diary-delete").click().run()
    assert diary_path().exists()
    page.button(key="diary-delete-sure").click().run()
    assert not diary_path().exists() and "The diary is off" in texts(open_page())


def test_a_shorter_limit_asks_first():
    fill(12)
    page = open_page()
    page.selectbox(key="diary-kept-90").set_value(7).run()
    assert diary.status().check_ins == 12
    page.button(key="diary-kept-less").click().run()
    assert diary.status().kept_days == 7 and diary.status().check_ins in (7, 8)


def test_drawn_data_are_marked_and_written_nowhere(home):
    page = open_page().button(key="diary-demo-on").click().run()
    assert not page.exception and "drawn by code" in texts(page)
    assert len(page.metric) >= 7 and not home.exists()
    page.button(key="diary-demo-off").click().run()
    assert "The diary is off" in texts(page) and not page.metric and not home.exists()


def test_a_visitor_sees_and_changes_nothing_of_the_owner(monkeypatch):
    fill(3)
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    monkeypatch.setattr("emotion_core.access._role", session_role)  # as the server installs it
    page = open_page()
    assert "Visitors cannot see it" in texts(page)
    assert not page.metric and keys(page) <= {"diary-demo-on"}
    page.button(key="diary-demo-on").click().run()
    assert not page.exception and "drawn by code" in texts(page)
    assert keys(page) <= {"diary-demo-off"}
    monkeypatch.setattr("emotion_core.access._role", lambda: Role.OWNER)
    assert diary.status().check_ins == 3
