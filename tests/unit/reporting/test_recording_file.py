"""A recording and a session as HTML and CSV: whole, safe, and with nothing loaded from elsewhere."""

import base64
import csv
import io
import json
import re

import numpy as np
import pytest

from emotion_core.live.session import SessionRecorder
from emotion_core.recording import store
from emotion_core.recording.facts import Mark, Notes, Span
from emotion_core.recording.lanes import Bar, Lane, faces_of, recording_lanes, told
from emotion_core.recording.rows import read_rows
from emotion_core.reporting.recording import (
    agreement_reading,
    csv_parts,
    recording_html,
    session_html,
)
from tests.unit.live.test_session import face, result

HOSTILE = "</script><script>alert(1)</script> <b>&"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    (found,) = (item for item in store.list_recordings() if item.name == "drawn-faces")
    return found


def test_what_is_shipped_is_small_whole_and_of_drawn_faces(shipped):
    table = read_rows(shipped.rows)
    assert shipped.size_bytes() < 300_000 and shipped.facts.whole
    assert shipped.facts.source == "drawn faces" and len(shipped.facts.titles) == 2
    assert len(faces_of(table)) == 3
    assert len(set(table["time"].to_pylist())) == shipped.facts.frames


def test_the_html_holds_film_lanes_and_figures_and_loads_nothing(shipped):
    table, notes = read_rows(shipped.rows), Notes((Mark(2.0, HOSTILE),), (Span(0, 1),))
    lanes = recording_lanes(table, shipped.facts.titles, {faces_of(table)[0][0]})
    text = recording_html(shipped, lanes, notes, shipped.facts.titles)
    film = re.search(r'id="video">([^<]*)<', text).group(1)
    assert base64.b64decode(film) == shipped.video.read_bytes()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))
    assert [lane["title"] for lane in data["lanes"]] == [*shipped.facts.titles, "models differ"]
    assert data["marks"] == [[2.0, HOSTILE]] and data["excluded"] == [[0, 1]]
    assert "alert(1)</script>" not in text and not data["editable"]
    assert not re.search(r"""(?:src|href)=["']""", text)


def test_a_session_is_a_file_without_a_picture():
    recorder = SessionRecorder()
    for index in range(50):
        recorder.add(result(face("happy" if index < 30 else "sad")), index / 10)
    recorder.mark()
    recorder.note(0, HOSTILE)
    text = session_html(recorder.session(), ("mobilenet_v1",))
    assert "<td>happy</td><td>3.0 s</td>" in text and "Session of 4.9 s" in text
    assert "<video" not in text and "alert(1)</script>" not in text


def test_the_agreement_of_two_models_is_told():
    lanes = (
        Lane("A", (Bar(0, 6, "happy"), Bar(6, 8, "sad"))),
        Lane("B", (Bar(0, 8, "happy"),)),
        Lane("models differ", (Bar(6, 8, "differ"),)),
    )
    said = "Both models name an expression in 8.0 s, and they agree in 75 % of that time."
    assert agreement_reading(told(lanes, Notes())) == said
    assert agreement_reading(told(lanes[:1], Notes())) == ""


def test_a_session_without_a_face_is_a_file_too():
    recorder = SessionRecorder()
    recorder.add(result(), 0.0)
    assert "no face was seen" in session_html(recorder.session(), ())


def test_csv_has_all_rows_and_says_what_is_left_out(shipped):
    table = read_rows(shipped.rows)
    text = "".join(csv_parts(table, Notes(excluded=(Span(0, 1),))))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == table.num_rows
    assert all((float(row["time"]) <= 1) == (row["excluded"] == "1") for row in rows)
    np.testing.assert_allclose(
        [float(row["second_happy"] or "nan") for row in rows],
        np.array(table["second_happy"].to_pylist(), float),
        atol=1e-4,
    )
    face = faces_of(table)[0][0]
    own = list(csv.DictReader(io.StringIO("".join(csv_parts(table, Notes(), {face})))))
    assert {row["face"] for row in own} == {str(face)} and len(own) < len(rows)
