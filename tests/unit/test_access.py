"""Roles: who counts as the owner, what a demo may not do, and how passwords are kept."""

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from emotion_core import access
from emotion_core.access import Action, Attempts, Connection, Role, is_local
from emotion_core.data.fer2013 import source_path
from emotion_core.data.fetch import fetch_fer2013
from emotion_core.data.label_tables import with_labels
from emotion_core.data.recent import recent_paths, remember_path
from emotion_core.data.repeats import count_repeats
from emotion_core.data.sources import load_data
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.data.uploads import UploadSession
from emotion_core.errors import AccessError, DataError
from emotion_core.live.fetch import BackgroundFetch, fetch_yunet
from emotion_core.models.latency import measure_latency
from emotion_core.passwords import hash_password, stored_password, verify_password
from emotion_core.paths import is_readable
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run, rename_run
from emotion_core.runs.run import Run
from emotion_core.runs.trash import delete_run, purge_deleted, restore_run
from emotion_core.tasks import Task
from emotion_core.training import jobs

OWN = ("localhost", "127.0.0.1")
HEADERS = {"host": "127.0.0.1:8501", "origin": "http://127.0.0.1:8501"}


@pytest.fixture(scope="module")
def line():
    return hash_password("correct horse")


@pytest.fixture
def role():
    """Sets the role of the caller; the owner's again afterwards."""

    def become(role: Role) -> None:
        access.set_resolver(lambda: role)

    yield become
    access.set_resolver(lambda: Role.OWNER)


def test_the_browser_of_this_computer_is_local():
    assert is_local(Connection("127.0.0.1", OWN, HEADERS))
    named = {"host": "localhost:8501", "origin": "http://localhost:8501"}
    assert is_local(Connection("localhost", OWN, named, "127.0.0.1"))
    six = {"host": "[::1]:8501", "origin": "http://[::1]:8501"}
    assert is_local(Connection("::1", (*OWN, "::1"), six, "::1"))


@pytest.mark.parametrize(
    "connection",
    [
        pytest.param(Connection("", OWN, HEADERS), id="listens on all addresses"),
        pytest.param(Connection("0.0.0.0", OWN, HEADERS), id="listens on 0.0.0.0"),
        pytest.param(Connection("127.0.0.1", (), HEADERS), id="accepts any host name"),
        pytest.param(Connection("127.0.0.1", (*OWN, "faces.example"), HEADERS), id="public name"),
        pytest.param(Connection("127.0.0.1", ("*",), HEADERS), id="wildcard"),
        pytest.param(Connection("127.0.0.1", OWN, HEADERS, "192.0.2.7"), id="remote address"),
        pytest.param(
            Connection("127.0.0.1", OWN, HEADERS | {"host": "evil.example:8501"}), id="foreign host"
        ),
        pytest.param(
            Connection("127.0.0.1", OWN, HEADERS | {"origin": "https://evil.example"}),
            id="foreign origin",
        ),
        pytest.param(Connection("127.0.0.1", OWN, {"host": "127.0.0.1"}), id="no origin"),
        *(
            pytest.param(Connection("127.0.0.1", OWN, HEADERS | {name: "192.0.2.7"}), id=name)
            for name in ("x-forwarded-for", "x-real-ip", "forwarded", "via", "x-forwarded-host")
        ),
    ],
)
def test_every_other_connection_is_remote(connection):
    assert not is_local(connection)


def test_the_library_and_the_command_line_run_as_owner():
    code = "from emotion_core.access import current_role; print(current_role())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "owner"


@pytest.mark.parametrize("action", list(Action))
def test_a_demo_is_refused_with_the_reason_and_the_way_out(action, role):
    access.require(action)
    role(Role.DEMO)
    assert not access.allowed(action)
    with pytest.raises(AccessError, match=f"Only the owner may {action.value}.*sign in"):
        access.require(action)


def test_a_demo_changes_nothing_on_disk(role, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    run = create_run(TrainConfig(name="kept"))
    run.write_status(replace(run.status(), state="stopped"))
    gone = create_run(TrainConfig(name="gone"))
    gone.write_status(replace(gone.status(), state="stopped"))
    delete_run(gone)
    role(Role.DEMO)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for change in (
        lambda: create_run(TrainConfig()),
        lambda: rename_run(run, "other"),
        lambda: jobs.start(TrainConfig()),
        lambda: jobs.resume(run),
        lambda: jobs.stop(run),
        lambda: jobs.delete(run),
        lambda: delete_run(run),
        lambda: restore_run("gone"),
        lambda: purge_deleted(),
        lambda: Task(run, "robustness", "busy").start("robustness", "kept"),
        lambda: fetch_yunet(),
        lambda: fetch_fer2013(),
        lambda: UploadSession().keep("faces.zip", b"x"),
    ):
        with pytest.raises(AccessError, match="Only the owner may"):
            change()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_password_is_recognised_and_others_are_not(line):
    assert verify_password("correct horse", line)
    assert not verify_password("correct horsf", line)
    assert not verify_password("", line)
    assert "correct" not in line
    assert hash_password("correct horse") != line, "each hash has a salt of its own"


def test_a_short_password_is_refused():
    with pytest.raises(AccessError, match="9 characters; it needs at least 10"):
        hash_password("too short")


@pytest.mark.parametrize(
    "stored",
    ["", "secret", "scrypt$1$2$3", "md5$16$8$1$AAAA$AAAA", "scrypt$99999999999$8$1$AAAA$AAAA", "scrypt$2$8$99999999$AAAA$AAAA",
     "scrypt$16384$8$1$AAAA$", "scrypt$x$8$1$AAAA$AAAA"],
)  # fmt: skip
def test_a_malformed_hash_is_refused_and_never_matches(stored):
    with pytest.raises(AccessError, match="malformed"):
        verify_password("correct horse", stored)


def test_the_hash_is_read_from_the_file_that_is_named(tmp_path, monkeypatch, line):
    monkeypatch.delenv("EMOTION_PASSWORD_FILE", raising=False)
    assert stored_password() == ""
    place = tmp_path / "owner"
    monkeypatch.setenv("EMOTION_PASSWORD_FILE", str(place))
    with pytest.raises(AccessError, match="cannot be read"):
        stored_password()
    place.write_text("\n")
    with pytest.raises(AccessError, match="is empty"):
        stored_password()
    place.write_text(line + "\n")
    assert verify_password("correct horse", stored_password())


def test_guessing_gets_slower_and_a_correct_password_ends_that():
    now = [0.0]
    attempts = Attempts(free=3, clock=lambda: now[0])
    for _ in range(3):
        assert not attempts.attempt(lambda: False)
    waits = []
    for _ in range(10):
        waits.append(attempts.wait())
        with pytest.raises(AccessError, match="Try again in"):
            attempts.attempt(lambda: pytest.fail("a password was checked during the wait"))
        now[0] += attempts.wait()
        assert not attempts.attempt(lambda: False)
    assert waits == sorted(waits)
    assert waits[0] == 2
    assert attempts.wait() == 300
    now[0] += 300
    assert attempts.attempt(lambda: True)
    assert attempts.wait() == 0


def test_the_command_prints_a_line_that_the_dashboard_accepts(monkeypatch, capsys):
    from emotion_core.cli import main

    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["password"]) == 0
    assert verify_password("correct horse", capsys.readouterr().out)
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["password"]) == 2


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A shared folder, one of the user's and a private one, with the same table in each."""
    for variable, name in (("EMOTION_CACHE", "cache"), ("EMOTION_HOME", "home")):
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("EMOTION_DATA_ROOTS", str(tmp_path / "shared"))
    for name in ("cache", "home", "shared", "private"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "table.json").write_text('["sad"]')
    (tmp_path / "shared" / "link").symlink_to(tmp_path / "private")
    yield tmp_path
    access.set_resolver(lambda: Role.OWNER)


@pytest.mark.parametrize(
    ("role", "at_computer", "opened"),
    [
        (Role.OWNER, True, {"cache", "home", "shared", "private", "shared/link"}),
        (Role.OWNER, False, {"cache", "home", "shared"}),
        (Role.DEMO, True, {"shared"}),
        (Role.DEMO, False, {"shared"}),
    ],
)
def test_paths_are_read_below_chosen_folders_alone_from_elsewhere(
    places, role, at_computer, opened
):
    access.set_resolver(lambda: role, lambda: at_computer)
    for name in ("cache", "home", "shared", "private", "shared/link", "shared/../private"):
        path = f"{places}/{name}/table.json"
        if name in opened or (role is Role.OWNER and at_computer):
            assert source_path(path) == Path(path).resolve()
            assert with_labels("faces.csv", path) == "faces.csv#labels=0:sad"
        else:
            for read in (source_path, load_data, lambda path: with_labels("faces.csv", path)):
                with pytest.raises(AccessError, match="not below a folder that may be opened"):
                    read(path)


def test_a_refusal_does_not_tell_whether_there_is_something(places):
    access.set_resolver(lambda: Role.OWNER, lambda: False)
    messages = set()
    for name in ("table.json", "nothing.json", "a" * 300):
        with pytest.raises(AccessError) as refusal:
            load_data(places / "private" / name)
        messages.add(str(refusal.value))
    assert len(messages) == 1
    (places / "secret:1").mkdir()
    with pytest.raises(DataError) as there:
        with_labels("faces.csv", f"{places}/secret:1")
    with pytest.raises(DataError) as not_there:
        with_labels("faces.csv", f"{places}/absent:1")
    assert str(there.value).replace("secret", "absent") == str(not_there.value)


def test_no_named_folder_opens_nothing(places, monkeypatch):
    monkeypatch.delenv("EMOTION_DATA_ROOTS")
    access.set_resolver(lambda: Role.DEMO, lambda: False)
    for name in ("cache", "home", "shared"):
        assert not is_readable(places / name)
    monkeypatch.setenv("EMOTION_DATA_ROOTS", os.pathsep.join(["", str(places / "home"), " "]))
    assert is_readable(places / "home") and not is_readable(places / "shared")


def test_recent_paths_are_offered_where_they_may_be_opened(places):
    remember_path(str(places / "private"))
    remember_path(str(places / "shared"))
    assert len(recent_paths()) == 2
    access.set_resolver(lambda: Role.OWNER, lambda: False)
    assert recent_paths() == [str(places / "shared")]


def test_a_download_in_the_background_asks_for_the_role_before_it_begins(role):
    role(Role.DEMO)
    better = BackgroundFetch()
    with pytest.raises(AccessError, match="start downloads"):
        better.start()
    assert not better.message


def test_a_demo_neither_ends_a_measurement_nor_starts_one(role, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    task = Task(Run(tmp_path), "robustness", "busy")
    (tmp_path / "robustness-progress.json").write_text('{"pid": 1}')
    role(Role.DEMO)
    for change in (
        task.stop,
        lambda: measure_latency(tmp_path),
        lambda: count_repeats(synthetic_faces(70)),
    ):
        with pytest.raises(AccessError, match="start measurements"):
            change()
    assert (tmp_path / "robustness-progress.json").exists()
    assert not (tmp_path / "cache").exists()
