"""The diary's store: off until switched on, never half written, and gone when it is deleted."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from emotion_core import access
from emotion_core.access import Role
from emotion_core.errors import AccessError, DiaryError
from emotion_core.paths import PROJECT
from emotion_core.personal import database, diary
from emotion_core.personal.entries import MINUTE_COLUMNS, CheckIn, Minute

NOW = int(time.time())


def a_minute(at: int = NOW, seen: float = 30.0, emotion: int = 3, **parts) -> Minute:
    probs = np.full(7, 0.05)
    probs[emotion] = 0.7
    return Minute(at // 60, 60, seen, tuple(probs), model="some-run", **parts)


def an_entry(**parts) -> CheckIn:
    return CheckIn(**{"at": NOW, "offset": 60, "word": "happy"} | parts)


def stored() -> list[dict]:
    return [dict(zip(MINUTE_COLUMNS, row, strict=True)) for row in diary.minutes_table()]


def test_nothing_is_on_the_disk_before_it_is_switched_on(home):
    assert not diary.write_minutes([a_minute()])
    assert not diary.is_on() and diary.status() == diary.DiaryStatus()
    assert diary.check_ins() == [] and diary.minutes_table() == [] and diary.stamp() == ""
    with pytest.raises(DiaryError, match="The diary is off"):
        diary.check_in(an_entry())
    with pytest.raises(DiaryError, match="The diary is off"):
        diary.set_kept_days(7)
    assert not diary.delete_everything()
    assert not home.exists()


def test_others_on_the_computer_cannot_read_it(home):
    diary.switch_on()
    diary.write_minutes([a_minute()])
    for path in [home / "diary", *(home / "diary").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_minutes_and_check_ins_come_back_as_they_were_written():
    diary.switch_on()
    minute = a_minute(changes=2, light=90.0, size=120.0, tilt=3.0, turn=0.1)
    assert diary.write_minutes([minute])
    entry = an_entry(valence=0.25, arousal=-0.5, note="päuse", place="home", company="alone")
    number = diary.check_in(entry)
    (row,) = stored()
    assert row["minute"] == NOW // 60 and row["seen"] == 30.0 and row["happy"] == 0.7
    assert (row["changes"], row["light"], row["tilt"]) == (2, 90.0, 3.0)
    assert diary.check_ins() == [
        CheckIn(**{**entry.__dict__, "id": number}),
    ]
    status = diary.status()
    assert status.on and (status.minutes, status.check_ins, status.kept_days) == (1, 1, 90)


def test_the_same_minute_is_joined_as_a_mean_weighted_by_time():
    diary.switch_on()
    diary.write_minutes([a_minute(seen=30.0, emotion=3, changes=1)])
    diary.write_minutes([a_minute(seen=10.0, emotion=5, changes=2)])
    diary.write_minutes([a_minute(seen=10.0, profile="mine")])
    rows = sorted(stored(), key=lambda row: row["profile"])
    assert len(rows) == 2 and rows[0]["seen"] == 40.0 and rows[0]["changes"] == 3
    assert rows[0]["happy"] == pytest.approx((30 * 0.7 + 10 * 0.05) / 40)
    assert rows[0]["sad"] == pytest.approx((30 * 0.05 + 10 * 0.7) / 40)
    assert sum(rows[0][name] for name in ("angry", "disgust", "fear", "happy")) < 1


def test_switched_off_nothing_is_written_and_what_is_there_stays():
    diary.switch_on()
    diary.write_minutes([a_minute()])
    diary.switch_off()
    assert not diary.is_on() and not diary.write_minutes([a_minute(NOW - 600)])
    with pytest.raises(DiaryError, match="switched off"):
        diary.check_in(an_entry())
    assert len(stored()) == 1
    diary.switch_on()
    assert diary.write_minutes([a_minute(NOW - 600)])


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"word": ""}, "Choose a place"),
        ({"word": "furious"}, "Unknown word 'furious'"),
        ({"valence": 0.5}, "both its values"),
        ({"valence": 0.5, "arousal": 1.5}, "from -1 to 1, got 1.5"),
        ({"note": "x" * 501}, "note may have 500"),
        ({"place": "x" * 41}, "place may have 40"),
    ],
)
def test_a_check_in_that_cannot_be_is_refused(parts, told):
    diary.switch_on()
    with pytest.raises(DiaryError, match=told):
        diary.check_in(an_entry(**parts))
    assert diary.check_ins() == []


@pytest.mark.parametrize(
    "parts", [{"seen": 0.0}, {"seen": 61.0}, {"probs": (1.0,)}, {"probs": (0.5,) * 7}]
)
def test_a_minute_that_cannot_be_is_refused(parts):
    diary.switch_on()
    with pytest.raises(DiaryError):
        diary.write_minutes([a_minute(), Minute(**{**a_minute().__dict__, **parts})])
    assert stored() == []


def test_entries_beyond_the_retention_limit_are_deleted():
    diary.switch_on()
    day = 86_400
    diary.write_minutes([a_minute(NOW - age * day) for age in (0, 5, 89)])
    diary.check_in(an_entry(at=NOW - 8 * day))
    assert diary.set_kept_days(7) == 2
    assert {row["minute"] for row in stored()} == {NOW // 60, (NOW - 5 * day) // 60}
    assert diary.check_ins() == []
    diary.write_minutes([a_minute(NOW - 30 * day)])  # of a clock that was wrong, say
    assert len(stored()) == 2
    for days in (0, 4000):
        with pytest.raises(DiaryError, match="1 to 3650"):
            diary.set_kept_days(days)


def test_reminders_have_a_limit():
    diary.switch_on()
    assert diary.status().reminders == 0
    diary.set_reminders(3)
    assert diary.status().reminders == 3
    with pytest.raises(DiaryError, match="0 to 4"):
        diary.set_reminders(5)


def bytes_of(folder) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_delete_everything_leaves_no_byte_of_a_note(home, tmp_path):
    diary.switch_on()
    secrets = [f"secret-{number:03d}-in-a-note" for number in range(200)]
    for number, text in enumerate(secrets):
        diary.check_in(an_entry(at=NOW - number, note=text, place="hidden-place"))
    diary.write_minutes([a_minute(NOW - 60 * n, profile="hidden-profile") for n in range(500)])
    # A second name of each file: what it held can be read after the first name is gone.
    kept = tmp_path / "kept"
    kept.mkdir()
    holder = sqlite3.connect(database.diary_path())  # as another process: the log stays
    holder.execute("SELECT count(*) FROM minutes").fetchone()
    for path in (home / "diary").iterdir():
        os.link(path, kept / path.name)
    assert b"secret-042" in bytes_of(kept) and b"hidden-profile" in bytes_of(kept)
    assert diary.delete_everything()
    holder.close()
    assert not (home / "diary").exists()
    for word in (b"secret", b"hidden", b"some-run", b"kept_days"):
        left = bytes_of(kept)
        # The schema's text names columns, nothing else.
        assert word not in left, word
    assert not diary.write_minutes([a_minute()]) and not (home / "diary").exists()


def test_a_deleted_check_in_leaves_no_byte(home):
    diary.switch_on()
    number = diary.check_in(an_entry(note="one-to-forget"))
    diary.check_in(an_entry(note="one-to-keep"))
    assert b"one-to-forget" in bytes_of(home)
    assert diary.delete_check_in(number) and not diary.delete_check_in(number)
    assert b"one-to-forget" not in bytes_of(home) and b"one-to-keep" in bytes_of(home)


def test_a_damaged_diary_says_so_and_can_be_deleted(home):
    diary.switch_on()
    diary.check_in(an_entry(note="readable-still"))
    with sqlite3.connect(database.diary_path()) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    opened.close()
    path = database.diary_path()
    data = bytearray(path.read_bytes())
    data[:100] = b"x" * 100
    path.write_bytes(data)
    with pytest.raises(DiaryError, match="damaged"):
        diary.status()
    os.link(path, home.parent / "kept.bin")
    assert diary.delete_everything()
    assert not path.exists() and b"readable" not in (home.parent / "kept.bin").read_bytes()


def test_an_older_schema_is_brought_up_to_date(monkeypatch):
    diary.switch_on()
    diary.check_in(an_entry(note="from before"))
    later = (*database._MIGRATIONS, "ALTER TABLE check_ins ADD COLUMN weather TEXT DEFAULT 'dry'")
    monkeypatch.setattr(database, "_MIGRATIONS", later)
    with database.open_database() as opened:
        row = opened.execute("SELECT note, weather FROM check_ins").fetchone()
        assert tuple(row) == ("from before", "dry")
        assert opened.execute("PRAGMA user_version").fetchone()[0] == len(later)


def test_a_later_schema_is_refused(monkeypatch):
    diary.switch_on()
    with database.open_database() as opened:
        opened.execute("PRAGMA user_version = 99")
    with pytest.raises(DiaryError, match="version 99, this program reads up to"):
        diary.status()


def test_a_migration_that_fails_changes_nothing(monkeypatch):
    diary.switch_on()
    broken = (*database._MIGRATIONS, "CREATE TABLE extra (x); SELECT * FROM nowhere")
    with monkeypatch.context() as patched:
        patched.setattr(database, "_MIGRATIONS", broken)
        with pytest.raises(DiaryError):
            diary.status()
    assert diary.status().on
    with database.open_database() as opened:
        names = {row[0] for row in opened.execute("SELECT name FROM sqlite_master")}
    assert "extra" not in names


def test_a_visitor_reads_and_changes_nothing():
    diary.switch_on()
    number = diary.check_in(an_entry())
    access.set_resolver(lambda: Role.DEMO)
    try:
        for call in (
            diary.switch_on,
            diary.switch_off,
            diary.status,
            diary.check_ins,
            diary.minutes_table,
            diary.delete_everything,
            diary.apply_limit,
            lambda: diary.check_in(an_entry()),
            lambda: diary.write_minutes([a_minute()]),
            lambda: diary.delete_check_in(number),
            lambda: diary.set_kept_days(1),
            lambda: diary.set_reminders(1),
        ):
            with pytest.raises(AccessError):
                call()
    finally:
        access.set_resolver(lambda: Role.OWNER)
    assert len(diary.check_ins()) == 1


_WRITER = """
import sys, time
from emotion_core.personal import diary
from emotion_core.personal.entries import Minute
start, model, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    diary.write_minutes([Minute(start + number, 0, 30.0, (0.4, *[0.1] * 6), model=model)])
    print(number, flush=True)
"""


def start_writer(model: str, count: int) -> subprocess.Popen:
    command = [sys.executable, "-c", _WRITER, str(NOW // 60 - 50_000), model, str(count)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def test_killed_while_it_writes_it_opens_and_has_every_minute_that_was_told():
    diary.switch_on()
    writer = start_writer("killed", 100_000)
    told = [int(writer.stdout.readline()) for _ in range(40)]
    os.kill(writer.pid, signal.SIGKILL)
    told += [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    writer.stdout.close()
    with database.open_database() as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    numbers = [row["minute"] - (NOW // 60 - 50_000) for row in stored()]
    assert numbers == list(range(len(numbers))) and len(numbers) >= len(told) >= 40
    assert diary.write_minutes([a_minute()])


def test_two_processes_write_at_once():
    diary.switch_on()
    writers = [start_writer(model, 60) for model in ("one", "other")]
    for writer in writers:
        out, _ = writer.communicate(timeout=240)
        assert writer.returncode == 0 and len(out.split()) == 60
    rows = stored()
    assert len(rows) == 120 and {row["model"] for row in rows} == {"one", "other"}
    assert all(row["seen"] == 30.0 for row in rows)


def test_deleted_by_another_process_while_one_writes_it_stays_deleted(home):
    diary.switch_on()
    writer = start_writer("late", 400)
    for _ in range(5):
        writer.stdout.readline()
    assert diary.delete_everything()
    writer.communicate(timeout=240)
    assert not database.diary_path().exists()
