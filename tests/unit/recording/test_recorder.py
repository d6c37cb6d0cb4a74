"""What is recorded is on the disk, whole or up to the last moment, and nothing else is."""

import os
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from emotion_core.errors import AccessError, RecordingError
from emotion_core.paths import PROJECT
from emotion_core.recording import store
from emotion_core.recording.facts import LINES, VIDEO, Mark, Notes, Span
from emotion_core.recording.recorder import FPS, About, Recorder
from emotion_core.recording.rows import columns, read_rows
from tests.unit.recording.conftest import feed, make_recorder, record

# The film's clock, not the machine's: how much is lost must not depend on how busy it is.
_WRITER = """
from emotion_core.live.demo import DemoStream
from emotion_core.live.detect import HaarDetector
from emotion_core.live.pipeline import LivePipeline
from emotion_core.recording.recorder import FPS, About, Recorder
from tests.unit.live.conftest import make_classifier

demo, recorder = DemoStream(), Recorder(lambda: About(("a",), ("A",), "drawn faces"))
recorder.patient = True
pipeline = LivePipeline(HaarDetector(), make_classifier(0))
for index in range(100_000):
    now = index / FPS
    frame = demo(now)
    recorder.take(frame, pipeline(frame, now), now)
    print(round(now, 3), flush=True)
"""


def video_times(path) -> list[float]:
    with av.open(str(path)) as video:
        return [round(float(frame.time), 3) for frame in video.decode(video=0)]


def row_times(recording) -> list[float]:
    return list(dict.fromkeys(read_rows(recording.rows)["time"].to_pylist()))


def test_each_frame_of_the_video_has_its_rows(demo_frames, demo_results):
    recording = record(demo_frames, demo_results)
    assert video_times(recording.video) == row_times(recording)
    assert recording.facts.frames == len(demo_frames) and recording.facts.whole
    assert recording.facts.seconds == pytest.approx(44 / FPS, abs=0.01)
    assert recording.facts.models == ("a", "b") and not recording.facts.cut
    assert not (recording.path / LINES).exists()
    assert recording.path.parent.stat().st_mode & 0o077 == 0


def test_rows_hold_what_both_models_said(demo_frames, demo_results):
    recording = record(demo_frames, demo_results)
    table = read_rows(recording.rows)
    assert tuple(table.column_names) == columns()
    expected = [face for result in demo_results for face in result.faces]
    rows = [row for row in table.to_pylist() if row["face"]]
    assert len(rows) == len(expected) > 40
    for row, face in zip(rows, expected, strict=True):
        assert row["face"] == face.track_id and row["emotion"] == face.emotion
        assert row["second_emotion"] == face.second.emotion
        assert row["happy"] == pytest.approx(face.probs[3], abs=1e-4)
        assert row["second_happy"] == pytest.approx(face.second.probs[3], abs=1e-4)
        assert row["x1"] == pytest.approx(face.box_xyxy[0], abs=0.1)


def test_the_recorded_picture_has_no_boxes(demo_frames, demo_results):
    recording = record(demo_frames, demo_results)
    with av.open(str(recording.video)) as video:
        first = next(video.decode(video=0)).to_ndarray(format="bgr24")
    assert np.abs(first.astype(int) - demo_frames[0]).mean() < 4


def test_another_size_midway_keeps_video_and_boxes_together(demo_frames, demo_results):
    from dataclasses import replace

    half = demo_frames[20][::2, ::2]
    faces = [replace(f, box_xyxy=f.box_xyxy / 2) for f in demo_results[20].faces]
    small = replace(demo_results[20], size_wh=(320, 240), faces=faces)
    recording = record([demo_frames[0], half], [demo_results[0], small])
    last = [row for row in read_rows(recording.rows).to_pylist() if row["time"] > 0]
    assert last and recording.facts.width == 640
    boxes = [face.box_xyxy[0] for face in demo_results[20].faces]
    assert [row["x1"] for row in last] == pytest.approx(boxes, abs=0.2)


def test_each_session_is_a_recording_of_its_own(demo_frames, demo_results):
    recorder = make_recorder()
    for _ in range(2):
        record(demo_frames[:3], demo_results[:3], recorder)
    assert len(store.list_recordings()) == 2 + len(shipped())


def test_another_model_begins_another_recording(demo_frames, demo_results):
    model = ["a"]
    recorder = Recorder(lambda: About((model[0],), (model[0],), "camera"))
    for index in range(20):
        model[0] = "a" if index < 10 else "b"
        feed(recorder, demo_frames[index], demo_results[index], index / FPS)
    recorder.wait()
    deadline = time.monotonic() + 20
    while len(found := [x for x in store.list_recordings() if not x.shipped]) < 2:
        assert time.monotonic() < deadline
    assert {item.facts.models: item.facts.frames for item in found} == {("a",): 10, ("b",): 10}


def shipped():
    return [item for item in store.list_recordings() if item.shipped]


def test_a_faster_camera_is_thinned_out(demo_frames, demo_results):
    recorder = make_recorder()
    for index in range(60):
        feed(recorder, demo_frames[index % 45], demo_results[index % 45], index / 30)
    recorder.wait()
    assert 28 <= store.list_recordings()[0].facts.frames <= 32


def test_a_busy_writer_lets_frames_go_and_never_waits(demo_frames, demo_results):
    recorder = make_recorder()
    before = time.monotonic()
    for index in range(200):
        recorder.take(demo_frames[index % 45], demo_results[index % 45], index / FPS)
    assert time.monotonic() - before < 1.0
    recorder.wait()
    recording = store.list_recordings()[0]
    assert recorder.left_out > 100
    assert recording.facts.frames + recorder.left_out == 200
    assert video_times(recording.video) == row_times(recording)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("after", [2.5, 5.2])
def test_after_kill_9_the_file_plays_to_the_last_second_and_rows_match(home, after):
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        told = 0.0
        for line in process.stdout:
            told = float(line)
            if told > after:
                break
        assert store.list_recordings() == shipped()  # it is being made
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
        told = float(rest[-1]) if rest and rest[-1].replace(".", "").isdigit() else told
    recording = store.list_recordings()[0]
    assert recording.facts.cut and recording.facts.whole
    times = video_times(recording.video)
    assert times == row_times(recording)
    assert told - times[-1] < 1.0
    with av.open(str(recording.video)) as video:  # with an index again, so that one can jump
        assert video.duration == pytest.approx(times[-1] * 1e6, abs=2e5)
    assert store.list_recordings()[0].facts == recording.facts


def test_killed_before_its_first_frame_leaves_nothing(home):
    folder = store.new_folder()
    store.list_recordings()
    assert folder.exists()  # another process may be about to write
    os.utime(folder, (0, 0))
    store.list_recordings()
    assert not folder.exists()


def test_a_disk_that_takes_nothing_stops_the_recording_and_says_so(
    demo_frames, demo_results, home, monkeypatch
):
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    recorder = make_recorder()
    recorder.take(demo_frames[0], demo_results[0], 0.0)
    for index in range(1, 10):
        time.sleep(0.02)
        recorder.take(demo_frames[index], demo_results[index], index / FPS)
    recorder.wait()
    assert "cannot be written" in recorder.problem and "EMOTION_HOME" in recorder.problem


def test_marks_made_while_it_records_are_kept(demo_frames, demo_results):
    recorder = make_recorder()
    for index in range(20):
        feed(recorder, demo_frames[index], demo_results[index], 50 + index / FPS)
        if index == 10:
            recorder.marked(0, 49.0, "before it began")
            recorder.marked(1, 50.6, "")
            recorder.marked(1, 50.6, "smiled")
    recorder.wait()
    assert store.list_recordings()[0].notes().marks == (Mark(0.6, "smiled"),)


def test_delete_is_undone_within_the_hour_and_real_after_it(demo_frames, demo_results, home):
    recording = record(demo_frames[:3], demo_results[:3])
    store.delete(recording)
    assert store.list_recordings() == shipped() and store.deleted() == [recording.name]
    store.restore(recording.name)
    assert store.list_recordings()[0].name == recording.name
    store.delete(recording)
    assert store.purge(older_than=store.UNDO_SECONDS) == 0
    assert store.purge() == 1 and store.deleted() == []
    assert list((home / "recordings").iterdir()) == []
    with pytest.raises(RecordingError, match="not there any more"):
        store.restore(recording.name)


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "/etc"])
def test_no_other_folder_can_be_brought_back(name):
    with pytest.raises(RecordingError, match="not a recording's name"):
        store.restore(name)


def test_a_visitor_sees_only_what_is_shipped_and_changes_nothing(
    demo_frames, demo_results, monkeypatch
):
    from emotion_core import access

    recording = record(demo_frames[:3], demo_results[:3])
    monkeypatch.setattr(access, "_role", lambda: access.Role.DEMO)
    assert all(item.shipped for item in store.list_recordings()) and store.deleted() == []
    with pytest.raises(AccessError):
        store.delete(recording)
    with pytest.raises(AccessError):
        recording.save_notes(Notes())
    with pytest.raises(AccessError):
        make_recorder()


def test_a_damaged_table_is_named(demo_frames, demo_results):
    recording = record(demo_frames[:3], demo_results[:3])
    pq.write_table(read_rows(recording.rows).select(["time", "face"]), recording.rows)
    with pytest.raises(RecordingError, match="damaged"):
        read_rows(recording.rows)
    recording.rows.write_bytes(b"no table")
    with pytest.raises(RecordingError, match="damaged"):
        read_rows(recording.rows)


def test_excluded_parts_are_joined():
    notes = Notes().with_excluded(Span(5, 3)).with_excluded(Span(8, 9)).with_excluded(Span(4, 6))
    assert notes.excluded == (Span(3, 6), Span(8, 9))
    assert notes.leaves_out(5.5) and not notes.leaves_out(7)
    assert notes.with_excluded(Span(0, 20)).excluded == (Span(0, 20),)


def test_notes_survive_and_a_damaged_file_is_named(demo_frames, demo_results):
    recording = record(demo_frames[:3], demo_results[:3])
    notes = Notes().with_mark(Mark(2.0)).with_mark(Mark(1.0, "first")).with_excluded(Span(0, 1))
    recording.save_notes(notes)
    assert recording.notes() == notes and notes.marks[0].note == "first"
    (recording.path / "notes.json").write_text('{"marks": [{"time": -1}]}')
    with pytest.raises(RecordingError, match=r"notes.json is damaged .*time"):
        recording.notes()


def test_a_torn_video_without_a_frame_is_swept(demo_frames, demo_results):
    recording = record(demo_frames[:3], demo_results[:3])
    facts = recording.path / "recording.json"
    facts.write_text(facts.read_text().replace('"whole": true', '"whole": false'))
    (recording.path / VIDEO).write_bytes(b"")
    assert store.list_recordings() == shipped() and not recording.path.exists()
