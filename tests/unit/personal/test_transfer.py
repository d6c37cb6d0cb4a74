"""The diary as CSV, JSON and iCalendar, read again by plain parsers."""

import csv
import io
import json
import time
import zipfile

import numpy as np
import pytest

from emotion_core.errors import DiaryError
from emotion_core.personal import diary
from emotion_core.personal.entries import CheckIn, Minute
from emotion_core.personal.transfer import export_diary

NOW = 60 * int(time.time() // 60)
NOTE = 'one, two; "three"\nfour \\ ' + "ü" * 60


@pytest.fixture
def kept():
    diary.switch_on()
    probs = tuple(np.where(np.arange(7) == 3, 0.7, 0.05))
    diary.write_minutes([Minute(NOW // 60 - n, -210, 60.0, probs, model="=run") for n in range(9)])
    diary.check_in(CheckIn(NOW, -210, 0.5, -0.25, "sad", NOTE, "a,b", "", "=1+1"))


def test_csv_is_two_tables(kept):
    archive = zipfile.ZipFile(io.BytesIO(export_diary("csv")))
    assert archive.namelist() == ["diary-minutes.csv", "diary-check-ins.csv"]
    rows, own = (
        list(csv.DictReader(io.StringIO(archive.read(name).decode())))
        for name in archive.namelist()
    )
    assert len(rows) == 9 and rows[0]["happy"] == "0.7" and rows[0]["seen"] == "60.0"
    assert rows[0]["time"].endswith("-03:30") and rows[0]["model"] == "'=run"
    assert own[0]["word"] == "sad" and own[0]["valence"] == "0.5" and own[0]["activity"] == "'=1+1"


def test_json_says_what_the_figures_are_not(kept):
    read = json.loads(export_diary("json"))
    assert "not feelings" in read["notice"]
    assert len(read["minutes"]) == 9 and read["check_ins"][0]["note"] == NOTE


def test_icalendar_can_be_read_line_by_line(kept):
    data = export_diary("ics")
    lines = data.split(b"\r\n")
    assert max(map(len, lines)) <= 75 and b"\n" not in data.replace(b"\r\n", b"")
    text = data.decode().replace("\r\n ", "")
    properties = [line.split(":", 1) for line in text.splitlines()]
    assert properties[0] == ["BEGIN", "VCALENDAR"] and properties[-1] == ["END", "VCALENDAR"]
    found = {key: value for key, value in reversed(properties)}
    assert found["SUMMARY"] == "Check-in: sad\\, pleasant +0.50\\, activated −0.25"
    assert found["CATEGORIES"] == "a\\,b,=1+1"
    note = found["DESCRIPTION"].replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";")
    assert note.replace("\\\\", "\\") == NOTE
    days = [value for key, value in properties if key == "SUMMARY" and "Expressions" in value]
    minutes = sum(int(day.split("happy ")[1].split(" min")[0]) for day in days)
    assert minutes in (6, 7)  # nine minutes, seven tenths of them; midnight may cut them


def test_without_a_diary_there_is_nothing_to_export(home):
    with pytest.raises(DiaryError, match="nothing to export"):
        export_diary("json")
    with pytest.raises(DiaryError, match="Unknown format"):
        export_diary("pdf")
    assert not home.exists()
