"""The command line as a whole: one-line errors, exit codes, flags from the config."""

import os
import subprocess
import sys

import pytest

from emotion_core import __version__, cli
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig


def run_cli(*args: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "emotion_core", *args],
        cwd=PROJECT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown or f"    {name}\n" in shown for name in cli.command_names())


@pytest.mark.parametrize("name", cli.command_names())
def test_every_command_prints_its_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0
    assert f"emotion_core {name}" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.strip() == __version__


def test_an_unknown_command_is_refused_with_the_choices(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["trian"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert "trian" in error and "train" in error


def test_an_error_of_the_user_is_one_line_and_code_2(tmp_path):
    done = run_cli("evaluate", "nothing", EMOTION_CHECKPOINTS=str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: No run 'nothing': there are no runs in {tmp_path} yet.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "resnet81"],
        ["--model", "a/b"],
        ["--options", "width=0"],
        ["--data", "/nowhere"],
        ["--data", "~nobody/faces"],
        ["--clip-norm", "inf"],
        ["--seed", "20000000000000000"],
        ["--model", "resnet18", "--options", "stem=foo"],
        ["--data", "/etc/hosts"],
        ["--teacher", "nope"],
        ["--start-from", "nope"],
        ["--resume", ""],
    ],
)
def test_a_mistyped_training_leaves_no_run(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    assert cli.main(["train", *arguments]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert cli.main(["data", "synthetic", "--out", str(tmp_path / "file" / "faces")]) == 2
    said = capsys.readouterr().err
    assert said.endswith(f"error: {tmp_path / 'file'}: File exists\n")


@pytest.mark.parametrize(
    ("variable", "command"),
    [("EMOTION_CACHE", ["data", "fetch", "fer2013"]), ("EMOTION_CHECKPOINTS", ["train"])],
)
def test_a_place_that_a_variable_moves_is_told_with_it(
    tmp_path, monkeypatch, capsys, variable, command
):
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, str(tmp_path / "file" / "inside"))
    assert cli.main(command) == 2
    assert f"name another folder in {variable}." in capsys.readouterr().err


def test_where_stderr_is_no_terminal_no_bar_is_drawn(tmp_path):
    done = run_cli("data", "info", "synthetic:70", EMOTION_CACHE=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "70 faces" in done.stdout


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_path_may_keep_the_quotes_it_was_copied_with(tmp_path, capsys, quote):
    assert cli.main(["data", "synthetic", "--out", str(tmp_path / "my faces"), "-n", "70"]) == 0
    assert cli.main(["data", "info", f"{quote}{tmp_path / 'my faces'}{quote}"]) == 0
    assert "my faces: 70 faces" in capsys.readouterr().out


def test_a_setting_out_of_range_names_the_rule(capsys):
    assert cli.main(["train", "--epochs", "0"]) == 2
    assert capsys.readouterr().err == "error: epochs must be at least 1, got 0.\n"


def test_a_misspelt_model_is_answered_with_the_nearest(capsys):
    assert cli.main(["models", "resnet81"]) == 2
    assert "Unknown model 'resnet81'. Did you mean 'resnet18'?" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error(tmp_path):
    command = f"{sys.executable} -m emotion_core models | true"
    done = subprocess.run(command, shell=True, cwd=PROJECT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_train_has_a_flag_for_every_setting():
    parser = cli.build_parser()
    train = next(a for a in parser._actions if a.dest == "command").choices["train"]
    flags = {flag for action in train._actions for flag in action.option_strings}
    assert {item.flag for item in TrainConfig.settings()} <= flags


def test_names_from_files_neither_colour_the_terminal_nor_forge_lines(tmp_path):
    folder = tmp_path / "faces\x1b]0;title\x07\nerror: forged"
    for emotion in ("happy", "sad"):
        (folder / emotion).mkdir(parents=True)
    done = run_cli("data", "info", str(folder), EMOTION_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "\x1b" not in done.stderr and len(done.stderr.splitlines()) == 1
    assert r"\x1b]0;title\x07\nerror: forged" in done.stderr


def test_a_terminal_without_the_letters_of_a_name_ends_no_command(tmp_path):
    path = str(tmp_path / "é")
    done = run_cli("data", "info", path, PYTHONIOENCODING="ascii", EMOTION_CACHE=str(tmp_path))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    listed = run_cli("jobs", EMOTION_CHECKPOINTS=path, PYTHONIOENCODING="ascii")
    assert listed.returncode == 0, listed.stderr


def test_progress_bars_are_for_terminals_alone(tmp_path):
    done = run_cli("data", "info", "synthetic:70", EMOTION_CACHE=str(tmp_path))
    assert done.returncode == 0 and done.stderr == ""
