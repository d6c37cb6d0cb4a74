"""``diary`` on the command line."""

import json
import zipfile

import pytest

from emotion_core.cli import main
from emotion_core.personal import diary


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_from_on_to_deleted(home, tmp_path, capsys):
    assert main(["diary"]) == 0 and "off, and nothing is on the disk" in capsys.readouterr().out
    assert main(["diary", "check-in", "--word", "sad"]) == 2
    assert "The diary is off" in capsys.readouterr().err and not home.exists()
    assert main(["diary", "on", "--days", "30"]) == 0 and diary.status().kept_days == 30
    words = ["--word", "sad", "--valence", "-0.5", "--arousal", "0", "--note", "n", "--place", "x"]
    assert main(["diary", "check-in", *words]) == 0
    (entry,) = diary.check_ins()
    assert (entry.word, entry.valence, entry.note, entry.place) == ("sad", -0.5, "n", "x")
    for name in ("d.zip", "d.json", "d.ics"):
        assert main(["diary", "export", str(tmp_path / name)]) == 0
    assert json.loads((tmp_path / "d.json").read_text())["check_ins"][0]["word"] == "sad"
    assert len(zipfile.ZipFile(tmp_path / "d.zip").namelist()) == 2
    assert (tmp_path / "d.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    assert main(["diary", "off"]) == 0 and not diary.is_on()
    capsys.readouterr()
    assert main(["diary", "status"]) == 0
    assert "check-ins: 1," in capsys.readouterr().out
    assert main(["diary", "delete", "--yes"]) == 0 and not (home / "diary").exists()
    assert main(["diary", "delete", "--yes"]) == 0 and "no diary" in capsys.readouterr().out


def test_what_cannot_be_is_refused_in_one_line(tmp_path, capsys, monkeypatch):
    for arguments, told in (
        (["on", "--days", "0"], "--days must be 1 to 3650"),
        (["export", str(tmp_path / "d.pdf")], "must end in .zip, .json, .ics"),
        (["export", str(tmp_path / "d.json")], "nothing to export"),
        (["off"], "The diary is off"),
    ):
        assert main(["diary", *arguments]) == 2
        assert told in capsys.readouterr().err
    assert not diary.status().exists
    diary.switch_on()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["diary", "delete"]) == 2 and "--yes" in capsys.readouterr().err
    assert diary.status().exists
