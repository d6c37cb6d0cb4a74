"""Sweeps: what is varied, who is pruned, how a search goes on; the runs are real jobs without torch."""

import argparse
import contextlib
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from emotion_core.cli import main
from emotion_core.errors import ConfigError, RunError
from emotion_core.files import write_json
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from emotion_core.training import jobs, searcher
from emotion_core.training import search as searching
from emotion_core.training.ranges import parse_range, with_values
from emotion_core.training.search import run_sweep
from emotion_core.training.searcher import create_sweep
from emotion_core.training.settle import as_flags
from emotion_core.training.studies import load_sweep, trial_rows
from emotion_core.training.sweep import Sweep, free_name, read_sweep, start_repeats, trial_of
from emotion_core.training.sweep_state import sweep_states

optuna = pytest.importorskip("optuna", reason="Optuna is not installed")

# A training of five epochs that is the better the nearer its lr is to 0.05, and can be stopped; the
# slowest ones, of rates under 0.001, leave the time to stop or kill them.
TRAINER = """
import math, signal, sys, threading, time
from dataclasses import replace
from pathlib import Path
from emotion_core.runs.run import Run
from emotion_core.training.turn import wait_for_turn

run, stop = Run(Path(sys.argv[1])), threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
if not wait_for_turn(run, stop):
    sys.exit(3)
run.write_status(replace(run.status(), state="running"))
kept = len(run.metrics())
config = run.config()
good = max(0.2, 0.9 - abs(math.log10(config.lr / 0.05))) + 0.001 * config.seed
for epoch in range(kept + 1, 6):
    time.sleep(0.01 if good > 0.5 else 1.0 if config.lr < 0.001 else 0.3)
    if stop.is_set():
        run.write_status(replace(run.status(), state="stopped"))
        sys.exit(3)
    run.append_metrics({"epoch": epoch, "val_accuracy": good * epoch / 5, "val_loss": 1.0})
run.write_status(replace(run.status(), state="finished"))
"""
# `python -m emotion_core`, whose jobs are such trainings.
SEARCHER = """
import subprocess, sys
from emotion_core.cli import main
from emotion_core.training import jobs, search
def spawn(run):
    subprocess.Popen([sys.executable, "-c", {trainer!r}, str(run.path)], stdout=subprocess.DEVNULL)
jobs._spawn, search._POLL_SECONDS = spawn, 0.05
sys.exit(main(sys.argv[1:]))
"""
BASE = TrainConfig(data="synthetic:70", epochs=5, device="cpu")


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "runs"))
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(searching, "_POLL_SECONDS", 0.05)
    started = []

    def spawn(run: Run) -> None:
        command = [sys.executable, "-c", TRAINER, str(run.path)]
        started.append(subprocess.Popen(command, process_group=0, stdout=subprocess.DEVNULL))

    def spawn_searcher(arguments, log, *, append):
        command = [sys.executable, "-c", SEARCHER.format(trainer=TRAINER), *arguments]
        with log.open("ab") as output:
            started.append(subprocess.Popen(command, process_group=0, stdout=output, stderr=output))
        return started[-1].pid

    monkeypatch.setattr(jobs, "_spawn", spawn)
    monkeypatch.setattr(searcher.processes, "spawn", spawn_searcher)
    yield
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def search(**changes: object) -> Sweep:
    settings = {"ranges": (parse_range("lr=0.0005..5"),), "trials": 8, "at_once": 2} | changes
    return Sweep("find", BASE, **settings)


def test_a_search_prunes_poor_trials_and_finds_the_good_ones():
    create_sweep(search(trials=12))
    told = []
    assert run_sweep("find", threading.Event(), told.append)
    study = load_sweep("find")[1]
    states = [trial.state.name for trial in study.trials]
    assert len(states) == 12 and {"COMPLETE", "PRUNED"} == set(states)
    assert study.best_value > 0.7 and 0.005 < study.best_params["lr"] < 0.5
    runs = {run.name: run.status().state for run in list_runs()}
    for trial in study.trials:
        expected = "stopped" if trial.state.name == "PRUNED" else "finished"
        assert runs[f"find-{trial.number:03d}-s0"] == expected
    assert any("pruned" in line for line in told)


def test_a_search_that_was_left_goes_on_with_the_same_runs():
    create_sweep(search(trials=5, seeds=2))
    stop = threading.Event()

    def leave_after_the_third(line: str) -> None:
        if line.startswith("trial 2"):
            stop.set()

    assert not run_sweep("find", stop, leave_after_the_third)
    before = {run.name: run.id for run in list_runs()}
    assert run_sweep("find", threading.Event(), lambda _: None)
    after = {run.name: run.id for run in list_runs()}
    assert before.items() <= after.items()
    study = load_sweep("find")[1]
    assert [trial.number for trial in study.trials] == list(range(5))
    for trial in study.trials:
        names = {f"find-{trial.number:03d}-s{seed}" for seed in (0, 1)}
        assert names <= after.keys() or trial.state.name == "PRUNED"
    done = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    good = max(0.2, 0.9 - abs(math.log10(done[0].params["lr"] / 0.05)))
    assert done[0].value == pytest.approx(good + 0.0005)


def test_two_processes_do_not_ask_for_the_same_sweep():
    create_sweep(search())
    with searcher.alone("find"), pytest.raises(RunError, match="running in another process"):
        run_sweep("find", threading.Event(), print)


def test_repeats_are_runs_that_differ_by_the_seed_and_are_started_once():
    repeats = Sweep("again", BASE.replace(seed=7), seeds=3)
    first = start_repeats(repeats)
    assert [run.name for run in first] == ["again-000-s7", "again-000-s8", "again-000-s9"]
    assert [run.config().seed for run in first] == [7, 8, 9]
    assert start_repeats(repeats) == first


def test_each_combination_of_a_few_choices_is_tried_once():
    few = (parse_range("lr=0.04,0.06"), parse_range("mixup=0,0.2,0.4"))
    create_sweep(search(ranges=few, trials=50, prune=False))
    assert read_sweep("find").trials == 6
    assert run_sweep("find", threading.Event(), lambda _: None)
    rows = trial_rows("find")
    assert {row.state for row in rows} == {"complete"}
    tried = {(row.values["lr"], row.values["mixup"]) for row in rows}
    assert len(rows) == 6 and tried == {
        (lr, mixup) for lr in (0.04, 0.06) for mixup in (0, 0.2, 0.4)
    }


def test_without_pruning_every_trial_is_trained_to_its_end():
    ranges = (parse_range("lr=0.05..0.5"),)
    create_sweep(search(ranges=ranges, trials=7, prune=False))
    assert run_sweep("find", threading.Event(), lambda _: None)
    assert [row.state for row in trial_rows("find")] == ["complete"] * 7


def test_a_run_that_a_power_cut_ended_goes_on_with_its_search():
    create_sweep(
        search(ranges=(parse_range("lr=0.0005,0.0006"),), trials=2, at_once=1, prune=False)
    )
    stop = threading.Event()
    killed = []

    def kill_the_first(line: str) -> None:
        if not killed:
            killed.append(line)
            threading.Thread(target=end_first, daemon=True).start()

    def end_first() -> None:
        run = wait_for(lambda: next(iter(list_runs()), None))
        wait_for(lambda: run.status().state == "running")
        stop.set()
        while searcher.is_at_work("find"):
            time.sleep(0.02)
        os.kill(run.status().pid, signal.SIGKILL)
        wait_for(lambda: run.status().state == "failed")
        killed.append(run.name)

    assert not run_sweep("find", stop, kill_the_first)
    wait_for(lambda: len(killed) == 2)
    assert run_sweep("find", threading.Event(), lambda _: None)
    assert [row.state for row in trial_rows("find")] == ["complete", "complete"]
    assert all(run.status().state == "finished" for run in list_runs())


def wait_for(what, seconds: float = 60):
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


def test_a_sweep_is_stopped_as_a_whole_and_goes_on_in_the_background():
    searcher.begin(search(ranges=(parse_range("lr=0.0005,0.0006"),), trials=2, prune=False))
    wait_for(lambda: any(run.status().state == "running" for run in list_runs()))
    (state,) = sweep_states(jobs.list_jobs())
    assert (state.state, state.ended) == ("running", 0)
    with pytest.raises(RunError, match="running in another process"):
        searcher.resume("find")
    searcher.stop("find")
    assert not searcher.is_at_work("find")
    wait_for(lambda: not any(job.active for job in jobs.list_jobs()))
    (state,) = sweep_states(jobs.list_jobs())
    assert (state.state, state.problem) == ("stopped", "")
    searcher.resume("find")
    wait_for(lambda: searcher.has_ended("find"), 120)
    wait_for(lambda: not searcher.is_at_work("find"))
    (state,) = sweep_states(jobs.list_jobs())
    assert (state.state, state.ended) == ("finished", 2)
    assert [row.state for row in trial_rows("find")] == ["complete", "complete"]


def test_repeats_that_were_stopped_or_never_started_go_on():
    first, second = start_repeats(Sweep("again", BASE.replace(lr=0.0005), seeds=2))
    searcher.stop("again")
    wait_for(lambda: not any(job.active for job in jobs.list_jobs()))
    shutil.rmtree(second.path)
    (state,) = sweep_states(jobs.list_jobs())
    assert state.state == "stopped"
    searcher.resume("again")
    wait_for(lambda: all(run.status().state == "finished" for run in list_runs()), 120)
    names = [run.name for run in list_runs()]
    assert sorted(names) == ["again-000-s0", "again-000-s1"] and first.name in names
    (state,) = sweep_states(jobs.list_jobs())
    assert (state.state, state.ended) == ("finished", 1)


def test_a_search_that_is_slow_to_come_up_counts_as_at_work():
    code = [sys.executable, "-c", "import time; time.sleep(60)", "sweep", "resume", "find"]
    process = subprocess.Popen(code)
    try:
        state = {"pid": process.pid, "asked": time.time() - 500}
        write_json(searcher.sweep_file("find", "state"), state, parents=True)
        assert searcher.is_at_work("find")
    finally:
        process.kill()
        process.wait()
    assert not searcher.is_at_work("find")


def test_why_a_search_ended_early_is_kept():
    create_sweep(search())
    searcher.sweep_file("find", "log").write_text("trial 0: lr 0.1\nerror: The disk is full.\n")
    (state,) = sweep_states([])
    assert (state.state, state.problem) == ("stopped", "The disk is full.")


def test_a_sweep_gets_a_name_that_is_free():
    assert free_name("find") == "find"
    create_sweep(search())
    assert free_name("find", ["find-2-000-s0", "other"]) == "find-3"
    assert trial_of("find-2-014-s7") == ("find-2", 14, 7)
    assert trial_of("20261130-101010-sequential-s0") is None


def test_a_damaged_sweep_is_named_and_harms_no_other():
    create_sweep(search())
    start_repeats(Sweep("again", BASE, seeds=2))
    searcher.sweep_file("find").write_text('{"base": {"lr": "high"}}')
    with pytest.raises(RunError, match=r"find\.json cannot be read"):
        read_sweep("find")
    assert [one.sweep.name for one in sweep_states(jobs.list_jobs())] == ["again"]


def test_a_name_is_used_once_and_an_unknown_one_is_told():
    create_sweep(search())
    with pytest.raises(RunError, match=r"There is a sweep 'find'\. Go on with it"):
        create_sweep(search())
    with pytest.raises(RunError, match=r"no sweep 'fond'\. Known: find"):
        load_sweep("fond")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lr", "takes SETTING=LOW..HIGH"),
        ("rl=0.1..0.2", "Unknown setting to vary 'rl'"),
        ("lr=0.2..0.1", "not an interval from a low to a high"),
        ("lr=1..20", "lr must be at most 10"),
        ("optimizer=sgd..adam", "list its values"),
        ("optimizer=sgd,adagrad", "Unknown optimizer 'adagrad'"),
        ("mixup=0.1", "needs two values or an interval"),
        ("seed=1,2", "Unknown setting to vary 'seed'"),
    ],
)
def test_what_cannot_be_varied_is_named(text, reason):
    with pytest.raises(ConfigError, match=reason):
        parse_range(text)


def test_ranges_are_read_and_written_alike():
    for text in ("lr=0.01..0.1", "batch_size=32..128", "optimizer=sgd,adam", "options.width=8,16"):
        assert parse_range(text).text == text
    assert parse_range("lr=0.01..0.1").logarithmic
    assert not parse_range("lr=0.01..0.09").logarithmic
    assert parse_range("batch-size=32..128").whole
    found = with_values(BASE, {"options.width": 16, "lr": 0.02})
    assert (found.options, found.lr) == ({"width": 16}, 0.02)


def test_the_flags_of_settings_ask_for_them_again():
    config = BASE.replace(
        recipe="study", model="block_cnn", plain_copy=False, lr=0.0123456, options={"dropout": 0.1}
    )
    parser = argparse.ArgumentParser()
    TrainConfig.add_arguments(parser)
    given = TrainConfig.given(parser.parse_args(as_flags(config)))
    assert recipe_config(given.pop("recipe"), given.pop("model"), **given) == config


def test_the_command_searches_and_goes_on(capsys):
    flags = ["--data", "synthetic:70", "--epochs", "5", "--device", "cpu"]
    assert (
        main(["sweep", "start", "by-hand", *flags, "--vary", "lr=0.04,0.06", "--trials", "2"]) == 0
    )
    shown = capsys.readouterr().out
    assert "trial 1: " in shown and "No finished run yet" in shown  # these trainers write no report
    assert main(["sweep", "list"]) == 0
    assert capsys.readouterr().out == "by-hand\n"
    assert main(["sweep", "resume", "by-hand"]) == 0
    assert main(["sweep", "start", "seeds", *flags, "--seeds", "2"]) == 0
    assert "Queued seeds-000-s0, seeds-000-s1." in capsys.readouterr().out
