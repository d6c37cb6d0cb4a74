"""The queue: real processes wait, start in order, die and are stopped; no torch, no data needed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from emotion_core.cli import main
from emotion_core.errors import ConfigError, DataError, RunError
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status
from emotion_core.runs.trash import deleted_runs
from emotion_core.training import jobs, queue, turn
from emotion_core.training.settle import settled
from tests.samples import write_report

# What `train --run DIR --queue` does, with a training that lasts until it is told to stop.
WAITER = """
import signal, sys, threading, time
from dataclasses import replace
from pathlib import Path
from emotion_core.runs.run import Run
from emotion_core.training.turn import wait_for_turn

run, stop = Run(Path(sys.argv[1])), threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
if not wait_for_turn(run, stop):
    sys.exit(3)
run.write_status(replace(run.status(), state="running"))
while not stop.is_set():
    time.sleep(0.02)
run.write_status(replace(run.status(), state="stopped"))
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def spawn(root) -> Iterator[Callable[[Run], subprocess.Popen]]:
    """Start the waiter above for a run, the way jobs start trainers."""
    started = []

    def start(run: Run) -> subprocess.Popen:
        command = [sys.executable, "-c", WAITER, str(run.path)]
        started.append(subprocess.Popen(command, process_group=0, stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def start(monkeypatch, spawn) -> Callable[..., Run]:
    """``jobs.start`` with the waiter in the trainer's place."""
    monkeypatch.setattr(jobs, "_spawn", spawn)
    return lambda **settings: jobs.start(TrainConfig(**{"device": "cpu"} | settings))


def wait_until(what: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def states(root: Path) -> dict[str, tuple[str, int]]:
    return {job.run.name: (job.status.state, job.position) for job in jobs.list_jobs(root)}


def test_jobs_of_one_device_run_one_at_a_time_in_the_order_they_were_started(root, start):
    # Started so fast that names and whole seconds could not keep them apart.
    runs = [start(model=model) for model in ("sequential", "resnet18", "block_cnn")]
    wait_until(lambda: runs[0].status().state == "running")
    assert [job.run.name for job in jobs.list_jobs(root)] == [run.name for run in runs]
    for first, run in enumerate(runs):
        wait_until(lambda run=run: run.status().state == "running")
        waiting = {other.name: ("queued", n) for n, other in enumerate(runs[first + 1 :], start=1)}
        assert states(root).items() >= waiting.items()
        jobs.stop(run)
        wait_until(lambda run=run: run.status().state == "stopped")


def test_a_look_at_the_queue_reads_of_resting_runs_the_status_alone(root):
    resting = json.dumps(asdict(Status(state="finished")))
    for number in range(300):
        folder = root / f"20260101-{number:06d}-sequential-s0"
        folder.mkdir()
        (folder / "status.json").write_text(resting)  # a look at its settings would fail
    queued = []
    for _ in range(12):
        run = create_run(TrainConfig(device="cpu"), root)
        run.write_status(replace(run.status(), queued=jobs._precise_now()))
        queued.append(run)
    started = time.process_time()
    assert [turn._is_first(run, ("cpu",)) for run in queued] == [True] + [False] * 11
    assert (time.process_time() - started) / 12 < 0.3  # two looks make a hand-over


def test_a_full_queue_takes_no_more(root, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_QUEUED", 2)
    monkeypatch.setattr(jobs, "_spawn", lambda run: None)
    jobs.start(TrainConfig())
    jobs.start(TrainConfig())
    with pytest.raises(RunError, match=r"2 jobs are queued already, which is the limit"):
        jobs.start(TrainConfig())
    assert len(list_runs(root)) == 2


def test_only_the_front_of_a_queue_has_processes_and_the_rest_follow_in_order(root, monkeypatch):
    spawned: list[str] = []
    monkeypatch.setattr(jobs, "MOST_WAITING", 2)
    monkeypatch.setattr(jobs, "_spawn", lambda run: spawned.append(run.name))
    runs = [jobs.start(TrainConfig(device="cpu")) for _ in range(6)]
    names = [run.name for run in runs]
    assert spawned == names[:2]
    # An hour later those without a process wait still, and nothing counts as failed.
    for run in runs[2:]:
        os.utime(run.path / "status.json", (0, 0))
        run.write_status(replace(run.status(), queued="2026-01-01T00:00:0" + run.name[-1]))
    assert [job.status.state for job in jobs.list_jobs(root)] == ["queued"] * 6
    jobs.stop(runs[3])
    assert runs[3].status().state == "stopped"
    for run in runs[:2]:
        run.write_status(replace(run.status(), state="finished"))
    jobs.wake(root)
    jobs.wake(root)
    assert spawned[2:] == [names[2], names[4]]
    assert runs[2].status().state == "queued"  # its process comes up
    jobs.resume(runs[3])
    assert len(spawned) == 4


def test_jobs_of_two_devices_do_not_wait_for_each_other(root, start):
    runs = [start(device=device) for device in ("cpu", "cuda:0", "cuda:1")]
    wait_until(lambda: all(run.status().state == "running" for run in runs))
    assert {job.queues for job in jobs.list_jobs(root)} == {("cpu",), ("cuda-0",), ("cuda-1",)}


def test_killed_job_is_failed_and_the_next_one_starts(root, start):
    first, second = start(), start()
    wait_until(lambda: first.status().state == "running")
    wait_until(lambda: second.status().pid != 0)
    os.kill(first.status().pid, signal.SIGKILL)
    wait_until(lambda: first.status().state == "failed", seconds=5)
    wait_until(lambda: second.status().state == "running")


def test_queued_job_that_is_killed_is_failed_and_holds_up_nobody(root, start):
    first, second, third = start(), start(), start()
    wait_until(lambda: first.status().state == "running" and second.status().pid != 0)
    os.kill(second.status().pid, signal.SIGKILL)
    wait_until(lambda: second.status().state == "failed", seconds=5)
    assert states(root)[third.name] == ("queued", 1)
    jobs.stop(first)
    wait_until(lambda: third.status().state == "running")


def test_stopping_a_queued_job_takes_it_out_of_the_queue(root, start):
    first, second = start(), start()
    wait_until(lambda: first.status().state == "running" and second.status().pid != 0)
    jobs.stop(second)
    wait_until(lambda: second.status().state == "stopped")
    assert first.status().state == "running"
    with pytest.raises(RunError, match="is stopped; only a queued or running one can be stopped"):
        jobs.stop(second)


def test_job_stopped_before_its_process_came_up_is_not_trained(root, spawn):
    run = create_run(TrainConfig(), root)
    jobs.stop(run)
    assert run.status().state == "stopped"
    assert spawn(run).wait(20) == 3
    assert run.status().state == "stopped"


def test_second_process_for_one_run_is_refused(root, start):
    run = start()
    wait_until(lambda: run.status().state == "running")
    with pytest.raises(RunError, match="is being trained by another process"):
        turn.wait_for_turn(run, threading.Event())
    assert run.status().state == "running"


def test_forced_stop_kills(root, start):
    run = start()
    wait_until(lambda: run.status().state == "running")
    jobs.stop(run, force=True)
    wait_until(lambda: run.status().state == "failed", seconds=5)


def test_stop_never_signals_a_process_that_took_over_the_number(root, start, monkeypatch):
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        run = start()
        wait_until(lambda: run.status().state == "running")
        run.write_status(replace(run.status(), pid=bystander.pid))
        monkeypatch.setattr(jobs, "FIND_SECONDS", 0.1)
        with pytest.raises(RunError, match="its process is not on this machine"):
            jobs.stop(run)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_resumed_job_goes_to_the_end_of_the_queue(root, start):
    first, second = start(), start()
    wait_until(lambda: first.status().state == "running" and second.status().pid != 0)
    jobs.stop(first)
    wait_until(lambda: second.status().state == "running")
    third = start()
    jobs.resume(first)
    assert (states(root)[third.name], states(root)[first.name]) == (("queued", 1), ("queued", 2))


@pytest.mark.parametrize("state", ["finished", "queued"])
def test_only_stopped_and_failed_runs_are_resumed(root, state):
    run = create_run(TrainConfig(), root)
    run.write_status(replace(run.status(), state=state))
    with pytest.raises(RunError, match=f"is {state}; there is nothing to resume"):
        jobs.resume(run)


def test_running_job_is_not_deleted_and_a_stopped_one_is(root, start):
    run = start()
    wait_until(lambda: run.status().state == "running")
    with pytest.raises(RunError, match=r"is running\. Stop it first\."):
        jobs.delete(run)
    jobs.stop(run)
    wait_until(lambda: not run.is_locked())
    jobs.delete(run)
    assert list_runs(root) == [] and deleted_runs(root) == ["sequential"]


def test_a_run_that_a_job_needs_is_not_deleted(root, start):
    teacher = create_run(TrainConfig(), root)
    teacher.write_status(replace(teacher.status(), state="finished"))
    teacher.weights_path.touch()
    student = start(teacher=teacher.name)
    with pytest.raises(RunError, match=f"needed by '{student.name}'"):
        jobs.delete(teacher)
    jobs.stop(student)
    wait_until(lambda: not student.is_locked())
    jobs.delete(teacher)


@pytest.mark.parametrize("spec", ["synthetic:abc", "synthetic:10", "synthetic:²"])
def test_start_refuses_a_number_of_drawn_faces_that_cannot_be(root, spec):
    with pytest.raises(DataError, match="from 70 to 200000"):
        jobs.start(TrainConfig(data=spec))
    assert list_runs(root) == []


def test_start_refuses_data_that_is_not_there(root):
    with pytest.raises(DataError, match=r"No file or folder at /nowhere/fer2013\. Check the path"):
        jobs.start(TrainConfig(data="/nowhere/fer2013"))
    assert list_runs(root) == []


def test_start_keeps_the_whole_path_of_the_data(root, start, monkeypatch):
    (root / "faces" / "happy").mkdir(parents=True)
    (root / "faces" / "happy" / "one.png").touch()
    monkeypatch.chdir(root)
    assert start(data="faces").config().data == str(root / "faces")
    assert start(data="synthetic:700").config().data == "synthetic:700"


def test_start_purges_what_was_deleted_long_ago(root, start):
    old = root / ".deleted-20250101-000000-a-s0"
    old.mkdir()
    os.utime(old, (0, 0))
    new = root / ".deleted-20250101-000001-a-s0"
    new.mkdir()
    start()
    assert deleted_runs(root) == ["20250101-000001-a-s0"]


def test_broken_run_is_listed_as_failed_with_its_reason_and_can_be_deleted(root):
    run = create_run(TrainConfig(), root)
    (run.path / "config.json").write_text("{")
    (job,) = jobs.list_jobs(root)
    assert job.status.state == "failed" and "config.json cannot be read" in job.status.error
    jobs.delete(job.run)
    assert jobs.list_jobs(root) == []


def test_resting_jobs_are_listed_newest_first_after_the_active(root, start):
    for day in (1, 3, 2):
        run = create_run(TrainConfig(), root)
        run.write_status(
            replace(run.status(), state="finished", created=f"2026-01-0{day}T00:00:00+00:00")
        )
    active = start()
    found = jobs.list_jobs(root)
    assert found[0].run == active and found[0].active
    assert [job.status.created[:10] for job in found[1:]] == [
        "2026-01-03",
        "2026-01-02",
        "2026-01-01",
    ]


def test_auto_device_without_a_gpu_shares_the_cpu_queue(monkeypatch):
    machine = queue.this_machine()
    monkeypatch.setattr(queue, "this_machine", lambda: replace(machine, device="cpu"))
    auto, cpu, cuda = (TrainConfig(device=name) for name in ("auto", "cpu", "cuda"))
    assert queue.queue_names(auto) == queue.queue_names(cpu) == ("cpu",)
    monkeypatch.setattr(queue, "this_machine", lambda: replace(machine, device="cuda"))
    assert queue.queue_names(auto) == queue.queue_names(cuda) == ("cuda-0",)


def test_trainer_is_nice_and_ignores_a_closing_terminal(root, monkeypatch):
    # The real way of starting, up to the command, which shows how it was started.
    report = root / "report.txt"
    fake = root / "python"
    fake.write_text(
        "#!/bin/sh\n"
        f'echo "$(nice) $(cut -d" " -f5 /proc/$$/stat) $$ $(trap "" 0; kill -HUP $$; echo up)"'
        f' > {report}.tmp\necho "to the log"\necho "$@"\nmv {report}.tmp {report}\n'
    )
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    run = jobs.start(TrainConfig())
    wait_until(report.exists)
    niceness, group, pid, alive = report.read_text().split()
    assert int(niceness) == os.nice(0) + 10
    assert group == pid != str(os.getpgid(0))
    assert alive == "up"
    assert run.log_tail() == ["to the log", f"-m emotion_core train --run {run.path} --queue"]


def test_commands_list_start_stop_resume_delete_and_restore(root, start, capsys):
    assert main(["jobs"]) == 0
    assert "No runs yet" in capsys.readouterr().out
    assert main(["jobs", "start", "--model", "sequential,resnet18", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.count("Queued ") == 2
    wait_until(lambda: jobs.list_jobs()[0].status.state == "running")
    assert main(["jobs", "list"]) == 0
    shown = capsys.readouterr().out
    assert "sequential  running, epoch 0 of 40" in shown
    assert "resnet18  queued, number 1 for cpu" in shown
    assert main(["jobs", "delete", "resnet18"]) == 2
    assert "is queued. Stop it first." in capsys.readouterr().err
    assert main(["jobs", "stop", "resnet18"]) == 0
    (second,) = (job.run for job in jobs.list_jobs() if "resnet18" in job.run.name)
    wait_until(lambda: second.status().state == "stopped" and not second.is_locked())
    assert main(["jobs", "resume", "resnet18"]) == 0
    wait_until(lambda: second.status().pid != 0)
    assert main(["jobs", "stop", "resnet18"]) == 0
    wait_until(lambda: second.status().state == "stopped" and not second.is_locked())
    assert main(["jobs", "delete", "resnet18"]) == 0
    assert "Undo: python -m emotion_core jobs restore resnet18" in capsys.readouterr().out
    assert main(["jobs", "list", "--json"]) == 0
    (left,) = json.loads(capsys.readouterr().out)
    assert left["run"] == "sequential" and left["state"] == "running"
    assert main(["jobs", "restore", second.name]) == 0
    assert main(["jobs", "delete", "resnet18", "--purge"]) == 0
    assert "1 removed permanently" in capsys.readouterr().out
    assert main(["jobs", "restore", second.name]) == 2


def test_purge_reaches_the_folder_of_the_run_that_it_deletes(root, tmp_path, capsys):
    run = create_run(TrainConfig(), tmp_path / "elsewhere")
    run.write_status(replace(run.status(), state="finished"))
    assert main(["jobs", "delete", str(run.path), "--purge"]) == 0
    assert "1 removed permanently" in capsys.readouterr().out
    assert not [path for path in run.path.parent.iterdir() if path.is_dir()]


def test_start_command_names_the_wrong_model_and_queues_nothing(root, capsys):
    assert main(["jobs", "start", "--model", "sequential,resnet81"]) == 2
    assert "Unknown model 'resnet81'. Did you mean 'resnet18'?" in capsys.readouterr().err
    assert list_runs(root) == []


def test_delete_command_wants_a_name(root, capsys):
    assert main(["jobs", "delete"]) == 2
    assert "needs the name of a run, or --purge" in capsys.readouterr().err


def test_config_error_reaches_the_starter(root):
    with pytest.raises(ConfigError, match="epochs must be at least 1"):
        jobs.start(TrainConfig().replace(epochs=0))


def test_earlier_runs_are_found_before_a_run_starts_and_kept_by_their_full_names(root):
    earlier = create_run(TrainConfig(model="resnet18"))
    earlier.weights_path.touch()
    write_report(earlier, {})
    weightless = create_run(TrainConfig(model="block_cnn"))
    config = TrainConfig(
        start_from="resnet18", teacher=f" resnet18,{earlier.id[:24]} ", average_with="resnet18"
    )
    found = settled(config)
    assert found.start_from == found.average_with == earlier.id
    assert found.teacher == f"{earlier.id}, {earlier.id}"
    with pytest.raises(RunError, match=r"no-such-run"):
        jobs.start(config.replace(teacher="no-such-run"))
    with pytest.raises(RunError, match=f"'{weightless.name}' has no weights"):
        jobs.start(config.replace(start_from="block_cnn"))
    assert len(list_runs()) == 2
