"""The Training page's sweeps: started by the form, one row each, opened, stopped, resumed, deleted."""

import math
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.dashboard import MOST_SCANS, page_reads
from benchmarks.samples import random_faces, write_random_run
from emotion_core.files import read_json, write_json
from emotion_core.paths import home_dir
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from emotion_core.training import jobs, searcher
from emotion_core.training.ranges import parse_range
from emotion_core.training.studies import distribution, load_sweep
from emotion_core.training.sweep import Sweep, keep_sweep, read_sweep, sweep_names
from tests.app.test_training import click, open_training, texts
from tests.walk import disk, walk

BASE = TrainConfig(data="synthetic:140", epochs=5, device="cpu")


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """No training begins: only what is queued is looked at."""
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "runs"))
    monkeypatch.setattr(jobs, "_spawn", lambda run: None)
    return tmp_path / "runs"


@pytest.fixture
def searches(monkeypatch):
    """Searches that are started in the background, instead of their processes."""
    started: list[list[str]] = []

    def spawn(arguments, log, *, append):
        started.append(list(arguments))
        return 0

    monkeypatch.setattr(searcher.processes, "spawn", spawn)
    return started


@pytest.fixture(scope="module")
def faces():
    return random_faces(300)


def trained(root, faces, name: str, seed: int, skill: float, **settings) -> Run:
    """A finished run of a sweep."""
    run = write_random_run(root, faces, seed=seed, skill=skill)
    values = read_json(run.path / "config.json") | settings | {"name": f"{name}-s{seed}"}
    write_json(run.path / "config.json", values)
    return run


def searched(root, faces, skills=(3.0, 6.0, 4.0), seeds: int = 2) -> Sweep:
    """A finished search, as its process leaves it: told to Optuna, with the runs of each trial."""
    ranges = (parse_range("lr=0.01..0.2"), parse_range("optimizer=sgd,adamw"))
    sweep = keep_sweep(Sweep("find", BASE, ranges, seeds=seeds, trials=len(skills)))
    study = load_sweep("find")[1]
    for skill in skills:
        trial = study.ask({one.name: distribution(one) for one in ranges})
        name = f"find-{trial.number:03d}"
        runs = [trained(root, faces, name, seed, skill, **trial.params) for seed in range(seeds)]
        study.tell(trial.number, max(row["val_accuracy"] for row in runs[0].metrics()))
    searcher.end("find")
    return sweep


def repeated(root, faces, name: str = "again", skill: float = 5.0, seeds: int = 3) -> Sweep:
    sweep = keep_sweep(Sweep(name, BASE, seeds=seeds))
    for seed in range(seeds):
        trained(root, faces, f"{name}-000", seed, skill)
    return sweep


def rows(page: AppTest) -> list[str]:
    names = [f"sweep-{name}" for name in sweep_names()]
    return [box.label for box in page.expander if any(name in box.proto.id for name in names)]


def opened(name: str) -> AppTest:
    page = open_training()
    page.session_state[f"sweep-{name}"] = True
    page.run()
    assert not page.exception
    return page


def test_seeds_of_the_form_become_one_row(root):
    page = open_training()
    page.number_input(key="train-seeds").set_value(3).run()
    assert page.button(key="train-start").label == "Start 3 runs"
    click(page, "train-start")
    assert sorted(run.name for run in list_runs(root)) == [
        f"sequential-seeds-000-s{seed}" for seed in range(3)
    ]
    (row,) = [box.label for box in page.expander if "sequential-seeds" in box.label]
    assert "**running**" in row and "0 of 3 seeds" in row
    page.button(key="train-start").click().run()  # the same once more is another one
    assert "sequential-seeds-2" in sweep_names()


def test_several_architectures_with_seeds_make_a_row_each(root):
    page = open_training()
    page.multiselect(key="train-models").set_value(["sequential", "block_cnn"])
    page.number_input(key="train-seeds").set_value(2).run()
    click(page, "train-start")
    assert sorted(sweep_names()) == ["block-cnn-seeds", "sequential-seeds"]
    assert len(list_runs(root)) == 4


def test_a_search_of_the_form_is_handed_to_the_background(root, searches):
    page = open_training()
    page.multiselect(key="train-vary").set_value(["lr", "mixup"]).run()
    assert page.text_input(key="train-range-ours-lr").value == "0.01..0.25"
    page.text_input(key="train-range-ours-mixup").set_value("0, 0.3")
    page.number_input(key="train-trials").set_value(12)
    page.toggle(key="train-prune").set_value(False).run()
    assert not page.exception
    assert page.button(key="train-start").label == "Start search"
    click(page, "train-start")
    assert searches == [["sweep", "resume", "sequential-search"]]
    sweep = read_sweep("sequential-search")
    assert [one.text for one in sweep.ranges] == ["lr=0.01..0.25", "mixup=0.0,0.3"]
    assert (sweep.trials, sweep.prune, sweep.at_once) == (12, False, 1)
    assert list_runs(root) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [("0.2..0.1", "not an interval from a low to a high"), ("fast", "lr"), ("1..20", "at most 10")],
)
def test_a_range_that_cannot_be_read_is_explained_and_not_started(text, reason):
    page = open_training()
    page.multiselect(key="train-vary").set_value(["lr"]).run()
    page.text_input(key="train-range-ours-lr").set_value(text).run()
    assert not page.exception
    assert reason in texts(page)
    assert page.button(key="train-start").disabled


def test_a_finished_search_is_one_row_with_its_best_trial(root, faces):
    searched(root, faces)
    page = open_training()
    (row,) = [box.label for box in page.expander if "find" in box.label]
    assert "3 of 3 trials, 2 seeds each" in row and "best validation" in row and "±" in row
    assert not [box for box in page.expander if "find-0" in box.label]  # its runs have no rows


def test_an_open_search_shows_trials_figure_test_and_tables(root, faces):
    searched(root, faces)
    repeated(root, faces)
    page = opened("find")
    (frame,) = [item.value for item in page.dataframe]
    assert frame["Trial"].iloc[0] == 1 and len(frame) == 3  # the best on validation first
    assert {"Learning rate", "Optimizer", "Test accuracy (%)", "±", "State"} <= set(frame.columns)
    assert frame["Seeds"].tolist() == [2, 2, 2]
    assert page.get("plotly_chart")
    markdown, latex = [item.value for item in page.code][:2]
    assert markdown.startswith("| Group | Learning rate | Optimizer | Runs |")
    assert latex.startswith("\\begin{tabular}{lrrrrrrl}") and "$\\pm$" in latex
    assert "find-001 against find-002, 2 common seeds: +" in texts(page)
    page.selectbox(key="sweep-b-find").set_value("again-000").run()
    assert not page.exception
    assert "find-001 against again-000, 2 common seeds: " in texts(page)


def test_the_best_trial_goes_to_the_form(root, faces):
    searched(root, faces)
    page = opened("find")
    best = next(run for run in list_runs(root) if run.name == "find-001-s0").config()
    click(page, "sweep-form-find")
    recipe = page.button_group(key="train-recipe").value
    assert page.number_input(key=f"train-{recipe}-lr").value == pytest.approx(best.lr)
    assert page.selectbox(key=f"train-{recipe}-optimizer").value == best.optimizer
    assert page.text_input(key=f"train-{recipe}-name").value == ""
    assert page.number_input(key=f"train-{recipe}-seed").value == BASE.seed


def test_a_search_that_was_left_is_resumed_from_its_row(root, faces, searches):
    searched(root, faces)
    searcher.sweep_file("find", "state").unlink()  # as a kill leaves it
    searcher.sweep_file("find", "log").write_text("trial 2\nerror: The disk is full.\n")
    page = opened("find")
    assert "The disk is full." in texts(page)
    (row,) = [box.label for box in page.expander if "find" in box.label]
    assert row.startswith("**stopped**")
    click(page, "sweep-resume-find")
    assert searches == [["sweep", "resume", "find"]]


def test_repeats_are_stopped_resumed_and_deleted_as_one(root, faces):
    page = open_training()
    page.number_input(key="train-seeds").set_value(2).run()
    click(page, "train-start")
    page.session_state["sweep-sequential-seeds"] = True
    page.run()
    click(page, "sweep-stop-sequential-seeds")
    assert {run.status().state for run in list_runs(root)} == {"stopped"}
    click(page, "sweep-resume-sequential-seeds")
    assert {run.status().state for run in list_runs(root)} == {"queued"}
    click(page, "sweep-stop-sequential-seeds")
    click(page, "sweep-delete-sequential-seeds")
    assert list_runs(root) == []
    assert not [box for box in page.expander if "sequential-seeds" in box.label]
    assert "Deleted 2 runs sequential-seeds-…" in texts(page)
    click(page, "undo-sequential-seeds-")
    assert len(list_runs(root)) == 2
    assert [box for box in page.expander if "sequential-seeds" in box.label]


def test_a_running_search_is_shown_as_running_and_stopped(root, faces):
    searched(root, faces)
    searcher.sweep_file("find", "state").unlink()
    code = (
        "import sys, threading\nfrom emotion_core.training import searcher\n"
        "from emotion_core.processes import stop_on_signals\nstop = stop_on_signals()\n"
        "with searcher.alone('find'):\n    print('held', flush=True)\n"
        "    while not stop.is_set(): threading.Event().wait(0.05)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        page = opened("find")
        (row,) = [box.label for box in page.expander if "find" in box.label]
        assert row.startswith("**running**")
        click(page, "sweep-stop-find")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
    assert "sweep-resume-find" in [button.key for button in page.run().button]


@pytest.mark.timeout(600)
def test_a_demo_sees_the_rows_and_their_tables_but_changes_nothing(root, faces, monkeypatch):
    searched(root, faces)
    repeated(root, faces)
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    page = opened("find")
    before = disk(home_dir(), root)
    owners = ("sweep-form-", "sweep-delete-", "sweep-resume-", "sweep-stop-", "train-")
    assert not [button.key for button in page.button if button.key.startswith(owners)]
    assert page.dataframe and page.code
    assert walk(page, lambda: disk(home_dir(), root), {})
    assert disk(home_dir(), root) == before


def test_a_page_run_with_sweeps_looks_through_the_runs_once(root, faces, monkeypatch):
    searched(root, faces)
    repeated(root, faces)
    monkeypatch.setattr("benchmarks.dashboard.PAGES", ("pages/training.py",))
    assert page_reads(root)["pages/training.py"]["scans"] <= MOST_SCANS


def test_a_cluster_that_is_named_can_be_left_out(root, monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_RAY_ADDRESS", "http://127.0.0.1:9")
    monkeypatch.setenv("EMOTION_RAY_STORAGE", str(tmp_path))
    page = open_training()
    click(page, "train-start")
    assert "cannot be reached" in texts(page) and list_runs(root) == []
    page.button_group(key="train-here").set_value(True).run()
    click(page, "train-start")
    (run,) = list_runs(root)
    assert not (run.path / "ray.json").exists() and jobs.list_jobs()[0].position == 1
    page.number_input(key="train-seeds").set_value(2).run()
    click(page, "train-start")
    assert read_sweep("sequential-seeds").here
    monkeypatch.delenv("EMOTION_RAY_ADDRESS")
    assert not [group for group in open_training().button_group if group.key == "train-here"]


def test_an_address_of_a_cluster_that_is_none_is_told(monkeypatch):
    monkeypatch.setenv("EMOTION_RAY_ADDRESS", "head:8265")
    page = open_training()
    assert "EMOTION\\_RAY\\_ADDRESS" in texts(page) or "EMOTION_RAY_ADDRESS" in texts(page)


def test_a_score_without_a_value_draws_no_line():
    from emotion_core.plots.sweep import parallel_coordinates

    fig = parallel_coordinates(
        [{"lr": 0.001, "optimizer": "sgd"}, {"lr": 0.1, "optimizer": "adam"}, {"lr": 1.0}],
        [70.0, 71.0, math.nan],
        {"lr": "Learning rate", "optimizer": "Optimizer"},
        "Validation accuracy (%)",
    )
    rate, optimizer, score = fig.data[0].dimensions
    assert list(rate["values"]) == [-3, -1] and "0.01" in rate["ticktext"]
    assert list(optimizer["ticktext"]) == ["sgd", "adam"]
    assert list(score["values"]) == [70.0, 71.0]
