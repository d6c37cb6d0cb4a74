"""Finished sessions in memory: found by their key alone, and let go."""

import pytest

from emotion_core.live import kept
from emotion_core.live.kept import MOST, SessionShelf
from emotion_core.live.session import SessionRecorder


@pytest.fixture
def session():
    return SessionRecorder().session()


def test_a_session_is_found_by_its_key_alone(session):
    shelf = SessionShelf()
    key = shelf.keep(session, ("A",))
    assert len(key) >= 20 and shelf.find(key).session is session
    assert shelf.find("") is None and shelf.find(key[:-1]) is None
    shelf.forget(key)
    assert shelf.find(key) is None


def test_it_is_let_go_after_hours_and_the_oldest_for_a_new_one(session, monkeypatch):
    shelf, now = SessionShelf(), [1000.0]
    monkeypatch.setattr(kept.time, "time", lambda: now[0])
    keys = [shelf.keep(session, ()) for _ in range(MOST + 1)]
    assert shelf.find(keys[0]) is None and shelf.find(keys[1])
    now[0] += kept.KEPT_SECONDS + 1
    assert shelf.find(keys[-1]) is None


def test_a_session_of_many_rows_is_not_kept(session, monkeypatch):
    monkeypatch.setattr(kept, "_MOST_ROWS", -1)
    assert SessionShelf().keep(session, ()) == ""
