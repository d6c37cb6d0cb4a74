"""Run folders: what is read is what was written, and a broken folder is named, never hidden."""

import datetime
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from emotion_core.errors import RunError
from emotion_core.processes import START_SECONDS
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import best_run, list_runs, load_run, pick_run
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status
from emotion_core.runs.trash import delete_run, deleted_runs, purge_deleted, restore_run
from tests.samples import write_report


@pytest.fixture
def run(tmp_path):
    return create_run(TrainConfig(model="sequential", epochs=3, seed=7), tmp_path)


def ago(seconds: float) -> str:
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    return then.isoformat()


def test_new_run_is_queued_and_called_as_its_model(run):
    assert run.id.endswith("-sequential-s7") and run.name == "sequential"
    assert run.config() == TrainConfig(model="sequential", epochs=3, seed=7, name="sequential")
    assert run.status().state == "queued" and run.status().epochs == 3
    assert run.metrics() == [] and run.log_tail() == []
    assert run.report() is None and run.predictions() is None


def test_runs_made_in_the_same_second_get_different_names(tmp_path):
    names = {create_run(TrainConfig(), tmp_path).name for _ in range(5)}
    assert len(names) == 5 == len(list_runs(tmp_path))


def test_runs_are_listed_newest_first_without_hidden_folders_and_files(tmp_path):
    for folder, made in (
        ("a", "2026-01-02T00:00:00+00:00"),
        ("b", "2026-01-01"),
        (".deleted-x", ""),
    ):
        run = create_run(TrainConfig(name=folder.strip(".")), tmp_path)
        run.write_status(replace(run.status(), created=made))
        run.path.rename(tmp_path / folder)
    (tmp_path / ".gitkeep").touch()
    (tmp_path / "notes.txt").touch()
    assert [run.name for run in list_runs(tmp_path)] == ["a", "b"]
    assert list_runs(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("config.json", None, "config.json is missing"),
        ("config.json", '{"epochs": 3', "config.json cannot be read"),
        ("config.json", '{"epochs": 0}', "config.json is malformed. epochs must be at least 1"),
        ("config.json", '{"epohcs": 3}', "config.json is malformed. Unknown setting 'epohcs'"),
        ("status.json", None, "status.json is missing"),
        ("status.json", "", "status.json cannot be read"),
        ("status.json", "[1]", "status.json must hold a JSON object"),
        ("status.json", '{"state": "flying"}', "Unknown state 'flying'"),
        ("status.json", '{"epoch": "3"}', "status.json is malformed (epoch is '3')"),
        ("status.json", '{"colour": 3}', "status.json is malformed"),
        ("status.json", '{"format": 99}', "has format 99, this version reads up to 1"),
        ("report.json", "{", "report.json cannot be read"),
        ("config.json", b"\xff\xfe", "config.json cannot be read"),
    ],
)
def test_broken_folder_is_listed_with_its_name_and_problem(run, file, text, problem):
    (run.path / file).unlink(missing_ok=True)
    if text is not None:
        (run.path / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    (listed,) = list_runs(run.path.parent)
    assert f"Run '{run.name}'" in listed.problem
    assert problem in listed.problem


def test_run_is_found_by_path_name_or_unique_part(tmp_path):
    first = create_run(TrainConfig(model="resnet18"), tmp_path)
    second = create_run(TrainConfig(model="resnet50"), tmp_path)
    assert load_run(first.path) == load_run(first.name, tmp_path) == first
    assert load_run("resnet50", tmp_path) == load_run("-resnet50-", tmp_path) == second
    assert load_run(second.id, tmp_path) == second
    with pytest.raises(RunError, match=r"'resnet' fits 2 runs: .* Give more of the name"):
        load_run("resnet", tmp_path)
    with pytest.raises(RunError, match="Unknown run 'densenet'"):
        load_run("densenet", tmp_path)
    with pytest.raises(RunError, match="there are no runs in"):
        load_run("resnet", tmp_path / "nowhere")


def test_an_architecture_means_its_best_run_on_validation(tmp_path):
    runs = [create_run(TrainConfig(model="resnet18", name=f"one-{n}"), tmp_path) for n in range(4)]
    other = create_run(TrainConfig(model="resnet50", name="other"), tmp_path)
    for run, accuracy, synthetic in zip(
        [*runs[:3], other], (0.5, 0.6, 0.9, 0.95), (False, False, True, False), strict=True
    ):
        run.weights_path.touch()
        write_report(run, {"val.accuracy": accuracy, "data.synthetic": synthetic})
    assert pick_run("resnet18", tmp_path) == runs[1]
    assert pick_run(runs[0].name, tmp_path) == pick_run(runs[0].path) == runs[0]
    assert best_run(tmp_path) == other
    with pytest.raises(
        RunError, match=r"'resnet' fits 5 runs: other, one-3, one-2, one-1, one-0\. G"
    ):
        pick_run("resnet", tmp_path)
    called = create_run(TrainConfig(model="sequential", name="resnet18"), tmp_path)
    assert pick_run("resnet18", tmp_path) == called, "a name goes before an architecture"
    delete_run(called)
    with pytest.raises(RunError, match="Unknown run 'densenet121'"):
        pick_run("densenet121", tmp_path)
    with pytest.raises(RunError, match="'resnet18' fits 4 runs"):
        load_run("resnet18", tmp_path)
    for run in runs:
        run.weights_path.unlink(missing_ok=True)
    with pytest.raises(RunError, match="No trained resnet18 with weights is on this machine"):
        pick_run("resnet18", tmp_path)


def test_full_name_wins_over_longer_names_that_contain_it(tmp_path):
    first, second = create_run(TrainConfig(), tmp_path), create_run(TrainConfig(), tmp_path)
    assert (first.name, second.name) == ("sequential", "sequential-2")
    assert load_run("sequential", tmp_path) == first


# A trainer, as far as the folder can tell: it holds the lock, says so, and waits.
HOLDER = """
import sys, time
from pathlib import Path
from emotion_core.runs.run import Run
run = Run(Path(sys.argv[1]))
lock = run.lock()
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(run):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run.path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_killed_trainer_is_failed_at_once(run, holder):
    run.write_status(replace(run.status(), state="running", epoch=2, pid=holder.pid))
    assert run.is_locked() and run.status().state == "running"
    holder.kill()
    holder.wait()
    status = run.status()
    assert not run.is_locked()
    assert (status.state, status.epoch, status.pid) == ("failed", 2, 0)
    assert status.error == "The training process ended without a result."


def test_queued_run_whose_process_died_is_failed(run, holder):
    run.write_status(replace(run.status(), pid=holder.pid))
    assert run.status().state == "queued"
    holder.kill()
    holder.wait()
    assert run.status().state == "failed"
    assert run.status().error == "The training process ended while it was queued."


def test_queued_run_whose_process_never_came_up_is_failed_after_a_while(run):
    run.write_status(replace(run.status(), queued=ago(START_SECONDS - 5)))
    assert run.status().state == "queued"
    run.write_status(replace(run.status(), queued=ago(START_SECONDS + 5)))
    assert run.status().state == "queued"  # its process may have been made now, after a long wait
    written = time.time() - START_SECONDS - 5
    os.utime(run.path / "status.json", (written, written))
    assert run.status().state == "failed"


def test_own_error_of_a_dead_trainer_is_kept(run):
    run.write_status(Status(state="running", error="The disk is full."))
    assert run.status().error == "The disk is full."


@pytest.mark.parametrize("state", ["stopped", "finished", "failed"])
def test_state_at_rest_needs_no_process(run, state):
    run.write_status(replace(run.status(), state=state))
    assert run.status().state == state


def test_holder_may_take_its_lock_again_and_sees_it_as_taken(run):
    with run.lock(), run.lock():
        assert run.is_locked()
    assert not run.is_locked()


def test_asking_whether_a_run_is_locked_never_keeps_a_trainer_out(run):
    asking = "import sys; from pathlib import Path; from emotion_core.runs.run import Run\n"
    asking += "while True: Run(Path(sys.argv[1])).is_locked()"
    run.lock().acquire()  # the lock file exists, but is free again
    process = subprocess.Popen([sys.executable, "-c", asking, str(run.path)])
    try:
        time.sleep(0.3)
        for _ in range(100):
            with run.lock():
                pass
    finally:
        process.kill()
        process.wait()


def test_log_tail_is_the_end_of_a_long_log(run):
    run.log_path.write_text("".join(f"line {i}\n" for i in range(50_000)))
    assert run.log_tail(2) == ["line 49998", "line 49999"]
    run.log_path.write_bytes(b"caf\xe9\n")
    assert run.log_tail() == ["caf�"]


def test_predictions_come_back_without_unpickling(run):
    assert run.predictions() is None
    np.savez(run.predictions_path, ids=np.array(["a", "b"]), labels=np.array([1, 2]))
    found = run.predictions()
    assert found["ids"].tolist() == ["a", "b"] and found["labels"].tolist() == [1, 2]
    np.savez(run.predictions_path, ids=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RunError, match=r"predictions.npz cannot be read \(Object arrays"):
        run.predictions()
    run.predictions_path.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(RunError, match=r"predictions\.npz cannot be read"):
        run.predictions()


def test_a_deleted_run_of_another_folder_is_restored_by_its_path(run):
    delete_run(run)
    assert restore_run(str(run.path)) == run


def test_deleted_run_is_gone_and_can_be_restored_whole(run):
    run.append_metrics({"epoch": 1})
    delete_run(run)
    assert list_runs(run.path.parent) == [] and not run.path.exists()
    assert deleted_runs(run.path.parent) == ["sequential"]
    restored = restore_run("sequential", run.path.parent)
    assert restored == run and restored.metrics() == [{"epoch": 1}]
    assert deleted_runs(run.path.parent) == []


def test_purge_removes_old_deletions_for_good(run):
    root = run.path.parent
    other = create_run(TrainConfig(), root)
    delete_run(run)
    delete_run(other)
    old = time.time() - 7200
    os.utime(root / f".deleted-{run.id}", (old, old))
    assert deleted_runs(root) == ["sequential-2", "sequential"]
    assert purge_deleted(root, older_than=3600) == 1
    assert deleted_runs(root) == ["sequential-2"]
    assert purge_deleted(root) == 1
    with pytest.raises(RunError, match="cannot be brought back: it was deleted permanently"):
        restore_run("sequential", root)


def test_only_named_runs_are_purged(run):
    root = run.path.parent
    other = create_run(TrainConfig(), root)
    delete_run(run)
    delete_run(other)
    assert purge_deleted(root, names=["sequential"]) == 1
    assert deleted_runs(root) == ["sequential-2"]


def test_deleting_a_run_never_destroys_an_earlier_one_of_its_name(run):
    root = run.path.parent
    (run.path / "train.log").write_text("the first")
    delete_run(run)
    run.path.mkdir()
    (run.path / "train.log").write_text("of a process that goes on writing")
    delete_run(run)
    assert sorted(deleted_runs(root)) == [run.id, "sequential"]
    assert (restore_run("sequential", root).path / "train.log").read_text() == "the first"


def test_a_part_of_its_name_brings_a_deleted_run_back(run):
    root = run.path.parent
    other = create_run(TrainConfig(model="resnet18"), root)
    delete_run(run)
    delete_run(other)
    with pytest.raises(RunError, match=r"several deleted runs fit\. Deleted runs: .*, "):
        restore_run("-s", root)
    assert restore_run("resnet18", root) == other
    with pytest.raises(RunError, match=r"deleted permanently\. Deleted runs: sequential\."):
        restore_run("resnet18", root)


def test_restoring_never_overwrites(run):
    delete_run(run)
    run.path.mkdir()
    with pytest.raises(RunError, match="is already there"):
        restore_run(run.name, run.path.parent)


def test_run_that_is_being_trained_is_not_deleted(run, holder):
    with pytest.raises(
        RunError, match=r"is being trained, so it cannot be deleted\. Stop it first"
    ):
        delete_run(run)
    assert run.config()


def test_broken_run_can_be_deleted_but_a_foreign_folder_cannot(run, tmp_path):
    (run.path / "config.json").unlink()
    delete_run(run)
    assert deleted_runs(tmp_path) == [run.name]
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "me.jpg").touch()
    with pytest.raises(RunError, match="is not a run folder; nothing was deleted"):
        delete_run(Run(foreign))
    assert (foreign / "me.jpg").exists()
    with pytest.raises(RunError, match="is not there any more"):
        delete_run(run)


def test_run_module_does_not_load_torch():
    code = "import sys, emotion_core.runs.catalog, emotion_core.training.jobs, emotion_core.commands.jobs\n"
    code += "assert 'torch' not in sys.modules and 'streamlit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_report_is_returned_as_written(run):
    written = write_report(run, {"extra": [1, 2]})
    assert run.report() == written


@pytest.mark.parametrize("part", ["data.counts", "val.accuracy", "subsets", "environment"])
def test_a_report_that_lacks_a_part_makes_the_run_a_broken_one(run, part):
    write_report(run, {part: ...})
    with pytest.raises(RunError, match=f"malformed: {part} is missing.*evaluate {run.name}"):
        run.report()
    assert f"{part} is missing" in list_runs(run.path.parent)[0].problem
    with pytest.raises(RunError, match="No trained model"):
        best_run(run.path.parent)


def test_accuracies_on_different_faces_do_not_compete(tmp_path):
    large, small, weightless = (create_run(TrainConfig(name=n), tmp_path) for n in ("a", "b", "c"))
    counts = {"train": {"happy": 900}, "val": {"happy": 100}, "test": {"happy": 100}}
    write_report(large, {"val.accuracy": 0.6, "data.counts": counts})
    write_report(small, {"val.accuracy": 0.9, "data.fingerprint": "few faces"})
    write_report(weightless, {"val.accuracy": 0.7, "data.counts": counts})
    large.weights_path.touch()
    small.weights_path.touch()
    assert best_run(tmp_path) == pick_run("sequential", tmp_path) == large
    assert pick_run("sequential", tmp_path, weights=False) == weightless


def test_a_run_that_someone_else_just_deleted_does_not_replace_it_in_the_trash(run):
    root = run.path.parent
    delete_run(run)
    run.path.mkdir()  # as the lock of a second deletion does
    with pytest.raises(RunError, match="is not there any more"):
        delete_run(run)
    assert deleted_runs(root) == ["sequential"] and not run.path.exists()
    config = TrainConfig(model="sequential", epochs=3, seed=7, name="sequential")
    assert restore_run("sequential", root).config() == config


def test_a_run_that_cannot_be_written_leaves_no_folder(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    for writer in ("create", "run"):
        with monkeypatch.context() as patch:
            patch.setattr(f"emotion_core.runs.{writer}.write_json", full)
            with pytest.raises(OSError, match="No space left"):
                create_run(TrainConfig(), tmp_path)
        assert not [path for path in tmp_path.iterdir() if path.is_dir()]
