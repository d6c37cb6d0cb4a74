"""What runs are called, which were shipped, and that one bad folder harms no other."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from emotion_core.cli import main
from emotion_core.errors import ConfigError, RunError
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import best_run, known_as, list_runs, load_run, pick_run
from emotion_core.runs.create import create_run, rename_run
from emotion_core.runs.run import Run
from emotion_core.runs.shipped import is_shipped, read_catalog
from emotion_core.runs.trash import delete_run, restore_run
from tests.samples import write_report


def finished(root: Path, **settings) -> Run:
    """A run with a report and weights, as far as its folder can tell."""
    run = create_run(TrainConfig(**settings), root)
    write_report(run, {})
    run.weights_path.touch()
    run.write_status(replace(run.status(), state="finished"))
    return run


def test_a_new_run_gets_its_models_name_or_the_next_that_is_free(tmp_path):
    given = create_run(TrainConfig(name="sequential-2", note="The second, first."), tmp_path)
    names = [create_run(TrainConfig(), tmp_path).name for _ in range(3)]
    assert names == ["sequential", "sequential-3", "sequential-4"]
    assert given.config().note == "The second, first."


def test_a_deleted_runs_name_is_kept_for_its_return(tmp_path):
    run = create_run(TrainConfig(), tmp_path)
    delete_run(run)
    assert create_run(TrainConfig(), tmp_path).name == "sequential-2"
    assert restore_run("sequential", tmp_path).name == "sequential"


def test_a_name_is_given_once(tmp_path):
    first = create_run(TrainConfig(name="mine"), tmp_path)
    for taken in ("mine", first.id):
        with pytest.raises(RunError, match=rf"is called '{taken}' already.*'{taken}-2' is free"):
            create_run(TrainConfig(name=taken), tmp_path)
    assert list_runs(tmp_path) == [first]


@pytest.mark.parametrize("name", ["Mine", "a b", "../a", "-x", "ä", "a" * 61, "a\n"])
def test_a_name_that_is_no_slug_is_refused(name):
    with pytest.raises(ConfigError, match=r"name must begin with a letter or digit .* such as"):
        TrainConfig(name=name)


@pytest.mark.parametrize("note", ["two\nlines", "\x1b[31m", "a" * 201])
def test_a_note_is_one_line(note):
    with pytest.raises(ConfigError, match="note must be one line of at most 200 letters"):
        TrainConfig(note=note)


def test_name_and_note_make_no_other_experiment():
    assert TrainConfig(name="a", note="b").difference(TrainConfig()) == []


def test_a_run_is_called_otherwise_and_its_references_stay(tmp_path):
    run = finished(tmp_path, options={"width": 8})
    before = run.config()
    rename_run(run, "mine")
    assert run.name == "mine" and run.config() == before.replace(name="mine")
    assert load_run("mine", tmp_path) == load_run(run.id, tmp_path) == run
    assert known_as(run.id, tmp_path) == "mine" and known_as("gone", tmp_path) == "gone"
    rename_run(run, "mine")
    other = finished(tmp_path)
    assert other.name == "sequential", "the former name is free again"
    with pytest.raises(RunError, match="is called 'mine' already"):
        rename_run(other, "mine")
    with pytest.raises(ConfigError, match="name must begin"):
        rename_run(run, "")


def test_a_run_at_work_is_not_renamed(tmp_path):
    run = create_run(TrainConfig(), tmp_path)
    with pytest.raises(RunError, match="is queued, so it cannot be renamed"):
        rename_run(run, "mine")
    run.write_status(replace(run.status(), state="stopped"))
    rename_run(run, "mine")


def test_runs_made_at_once_by_several_processes_have_different_names(tmp_path):
    code = (
        "import sys; from pathlib import Path; from emotion_core.recipes import TrainConfig\n"
        "from emotion_core.runs.create import create_run\n"
        "for _ in range(5): create_run(TrainConfig(), Path(sys.argv[1]))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert len({run.name for run in list_runs(tmp_path)}) == 15


def test_what_a_killed_process_left_unfinished_is_neither_listed_nor_kept(tmp_path):
    half = tmp_path / ".new-abc"
    half.mkdir()
    (half / "config.json").write_text("{}")
    assert list_runs(tmp_path) == []
    run = create_run(TrainConfig(), tmp_path)
    assert list_runs(tmp_path) == [run] and not half.exists()
    assert run.path.stat().st_mode & 0o777 == tmp_path.stat().st_mode & 0o777


def test_two_folders_of_one_name_are_told_apart(tmp_path):
    run = create_run(TrainConfig(name="mine"), tmp_path)
    run.write_status(replace(run.status(), state="stopped"))
    shutil.copytree(run.path, tmp_path / "copy")
    copy = load_run("copy", tmp_path)
    assert load_run("mine", tmp_path) in (run, copy)
    (problem,) = [item.problem for item in list_runs(tmp_path) if item.problem]
    assert "is called 'mine', as" in problem and "jobs rename" in problem
    broken = next(item for item in list_runs(tmp_path) if item.problem)
    rename_run(broken, "other")
    assert {item.name for item in list_runs(tmp_path)} == {"mine", "other"}
    assert not any(item.problem for item in list_runs(tmp_path))


CATALOG = """
shown = ["one"]
ensemble = ["one", "two"]
[groups]
"Our recipe" = ["one"]
"Study recipe" = ["two"]
[former]
"best-one" = "one"
"""


def test_the_catalogue_says_what_was_shipped_and_what_it_was_called(tmp_path):
    runs = {}
    for name in ("one", "two", "three"):
        run = create_run(TrainConfig(name=name), tmp_path)
        runs[name] = Run(run.path.rename(tmp_path / name))
    assert read_catalog(tmp_path).shipped == ()
    (tmp_path / "catalog.toml").write_text(CATALOG)
    catalog = read_catalog(tmp_path)
    assert (catalog.shipped, catalog.shown) == (("one", "two"), ("one",))
    assert [is_shipped(run) for run in runs.values()] == [True, True, False]
    assert load_run("best-one", tmp_path) == pick_run("best-one", tmp_path) == runs["one"]
    with pytest.raises(RunError, match="is called 'best-one' already, or was"):
        create_run(TrainConfig(name="best-one"), tmp_path)


@pytest.mark.parametrize("text", ["[", "groups = 3", "shown = 1", "[groups]\na = 3", "\x00"])
def test_a_broken_catalogue_makes_no_run_a_shipped_one(tmp_path, text, caplog):
    run = create_run(TrainConfig(), tmp_path)
    (tmp_path / "catalog.toml").write_text(text)
    assert not is_shipped(run) and list_runs(tmp_path) == [run]
    assert "catalog.toml cannot be read" in caplog.text


def test_train_like_takes_a_runs_settings_but_not_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr("emotion_core.training.terminal.train_in_terminal", lambda *_: True)
    first = create_run(
        TrainConfig(data="synthetic:140", lr=0.01, name="mine", note="One."), tmp_path
    )
    assert main(["train", "--like", "mine", "--epochs", "3", "--note", "Again."]) == 0
    (new,) = [run for run in list_runs(tmp_path) if run != first]
    assert new.config() == first.config().replace(name="sequential", note="Again.", epochs=3)
    assert main(["train", "--like", "mien"]) == 2
    assert "Did you mean 'mine'?" in capsys.readouterr().err


def test_an_unknown_name_gets_at_most_five_near_ones(tmp_path):
    for number in range(12):
        create_run(TrainConfig(name=f"resnet18-{number}"), tmp_path)
    with pytest.raises(RunError) as told:
        load_run("resnet19-1", tmp_path)
    message = str(told.value)
    assert "Did you mean 'resnet18-1" in message and message.count("resnet18-") == 5
    with pytest.raises(RunError, match=r"There are 12: .* and others"):
        load_run("zzz", tmp_path)


@pytest.mark.parametrize("name", ["x" * 5000, "a\x00b", "", "../..", "~"])
def test_a_name_that_no_run_can_have_is_refused_in_words(tmp_path, name):
    create_run(TrainConfig(), tmp_path)
    create_run(TrainConfig(), tmp_path)
    with pytest.raises(RunError):
        load_run(name, tmp_path)


DEEP = '{"a":' * 5000 + "1" + "}" * 5000
HUGE = "1" + "0" * 400


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 * 2**30)


def changed(key: str, value: str):
    def change(path: Path) -> None:
        values = json.loads(path.read_text()) | {key: "@"}
        path.write_text(json.dumps(values).replace('"@"', value))

    return change


ATTACKS = {
    f"{name} {what}": (name, spoil)
    for name in ("config.json", "status.json", "report.json")
    for what, spoil in {
        "deep": lambda path: path.write_text(DEEP),
        "pipe": fifo,
        "device": endless,
        "folder": folder,
        "sparse": sparse,
        "not text": lambda path: path.write_bytes(b"\xff\xfe{"),
        "list": lambda path: path.write_text("[]"),
    }.items()
} | {
    "huge rate": ("config.json", changed("lr", HUGE)),
    "huge epochs": ("config.json", changed("epochs", HUGE)),
    "huge time": ("status.json", changed("train_seconds", HUGE)),
    "huge epoch": ("status.json", changed("epoch", HUGE)),
    "not a number": ("status.json", changed("train_loss", "NaN")),
    "infinite": ("status.json", changed("seconds_left", "Infinity")),
    "name with control letters": ("config.json", changed("name", '"\\u001b[31m"')),
    "surrogate in a name": ("config.json", changed("name", '"\\ud800"')),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_bad_file_is_named_and_harms_no_other_run(tmp_path, attack):
    good, bad = finished(tmp_path, name="good"), finished(tmp_path, name="bad")
    name, spoil = ATTACKS[attack]
    spoil(bad.path / name)
    runs = {run.path: run for run in list_runs(tmp_path)}
    assert runs[good.path].problem == ""
    assert name in runs[bad.path].problem
    runs[bad.path].problem.encode()
    assert (
        best_run(tmp_path) == pick_run("sequential", tmp_path) == load_run("good", tmp_path) == good
    )


def test_a_folder_whose_name_is_not_utf8_is_listed_by_a_name_that_can_be_shown(tmp_path):
    run = create_run(TrainConfig(name="x"), tmp_path)
    (run.path / "config.json").write_text("{}")
    os.rename(run.path, os.fsencode(tmp_path) + b"/20260101-000000-\xff-s1")  # noqa: PTH104
    (listed,) = list_runs(tmp_path)
    assert listed.problem == "" and listed.name == "20260101-000000-\\xff-s1"
    assert load_run("20260101", tmp_path) == listed
    delete_run(listed)
    assert list_runs(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_an_unreadable_folder_of_another_account_harms_no_other_run():
    code = (
        "import os, sys; from pathlib import Path\n"
        "from emotion_core.runs.catalog import best_run, list_runs\n"
        "os.setuid(65534); root = Path(sys.argv[1])\n"
        "print([bool(run.problem) for run in list_runs(root)], best_run(root).name)"
    )
    with tempfile.TemporaryDirectory() as place:  # pytest's own are closed to other accounts
        root = Path(place)
        root.chmod(0o755)
        finished(root, name="good")
        finished(root, name="bad").path.chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", code, place], capture_output=True, text=True, check=False
        )
    assert done.stdout.split() == ["[True,", "False]", "good"], done.stderr


def test_a_dead_run_on_a_read_only_file_system_is_told_as_such(tmp_path):
    run = finished(tmp_path, name="dead")
    run.write_status(replace(run.status(), state="running"))
    (run.path / "run.lock").touch()
    code = (
        "import sys; from pathlib import Path; from emotion_core.runs.catalog import list_runs\n"
        "(run,) = list_runs(Path(sys.argv[1])); print(run.status().state, run.status().error)"
    )
    read_only = (
        f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path} && exec "
    )
    command = ["unshare", "-rm", "sh", "-c", read_only + '"$@"', "sh"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], check=False).returncode
    ):
        pytest.skip("no mounts of one's own here")
    done = subprocess.run(
        [*command, sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("failed The training process ended without a result.")
    assert "read-only" in done.stdout


def test_a_removed_folder_does_not_come_back(tmp_path):
    run = create_run(TrainConfig(), tmp_path)
    status = run.status()
    shutil.rmtree(run.path)
    for write in (
        lambda: run.write_status(status),
        lambda: run.append_metrics({"epoch": 1}),
        lambda: run.lock().acquire(),
    ):
        with pytest.raises((FileNotFoundError, RunError)):
            write()
    assert not run.path.exists()


def test_a_scan_of_unchanged_runs_opens_no_file(tmp_path):
    for _ in range(3):
        run = finished(tmp_path)
        for path in run.path.iterdir():
            os.utime(path, (1, 1))
    expected = list_runs(tmp_path)
    opened = []

    def hook(event, args):
        if event == "open" and opened is not None and str(args[0]).startswith(str(tmp_path)):
            opened.append(args[0])

    sys.addaudithook(hook)
    assert list_runs(tmp_path) == expected and best_run(tmp_path) in expected
    found, opened = opened, None
    assert found == []
