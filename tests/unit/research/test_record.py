"""The shipped recording can be made again."""

from emotion_core.paths import PROJECT
from emotion_core.recording.store import list_recordings
from research import record


def test_drawn_faces_are_recorded_with_two_models(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path))
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(PROJECT / "checkpoints"))
    assert record.main(["--seconds", "1", "--size", "240", "180"]) == 0
    found = list_recordings()[0]
    assert capsys.readouterr().out.strip() == str(found.path)
    assert (found.facts.source, found.facts.titles) == (
        "drawn faces",
        ("mobilenet_v1", "sequential"),
    )
    assert (found.facts.width, found.facts.height, found.facts.frames) == (240, 180, record.FPS)
