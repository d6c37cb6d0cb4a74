"""The Training page: the form says what is trained, a real job starts, is watched, stopped, undone."""

import contextlib
import importlib
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.files import write_json
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.trash import delete_run, deleted_runs
from emotion_core.training import jobs
from emotion_core.training.final import final_config
from emotion_core.training.loop import train
from tests.samples import write_catalog

DATA = "synthetic:140"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def root(tmp_path, cache, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("EMOTION_CACHE", str(cache))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield tmp_path
    for job in jobs.list_jobs(tmp_path):
        if job.active:
            with contextlib.suppress(Exception):
                jobs.stop(job.run, force=True)


@pytest.fixture
def parked(root, monkeypatch):
    """Started jobs stay in the queue, so that only what they were given is looked at."""
    monkeypatch.setattr(jobs, "_spawn", lambda run: None)
    return root


def open_training(data: str = DATA) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
    page.session_state["data"] = data
    page.run()
    page.switch_page("pages/training.py").run()
    assert not page.exception
    return page


def click(page: AppTest, key: str) -> None:
    page.button(key=key).click().run()
    assert not page.exception


def texts(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.info, *page.error, *page.code]
    return "\n".join(str(item.value) for item in parts)


def run_until(page: AppTest, what: Callable[[], bool], seconds: float = 250) -> None:
    """Draw the page again, as its clock does, until something is true."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.3)
        page.run()
        assert not page.exception


def written_run(root, *, state: str, epochs: int = 4, error: str = "", **settings) -> Run:
    """A run folder as a trainer leaves it."""
    run = create_run(TrainConfig(**settings), root)
    for epoch in range(1, epochs + 1):
        run.append_metrics(
            {
                "epoch": epoch, "step": 10 * epoch, "images_seen": 100 * epoch,
                "train_loss": 2 / epoch, "train_accuracy": 0.2 * epoch,
                "val_loss": 2.1 / epoch, "val_accuracy": 0.2 * epoch - 0.05,
                "val_macro_f1": 0.2 * epoch - 0.1, "lr": 0.05, "seconds": 75.0,
                "images_per_second": 100.0,
            }
        )  # fmt: skip
    run.log_path.write_text("".join(f"log line {i}\n" for i in range(40)))
    run.write_status(replace(run.status(), state=state, epoch=epochs, error=error))
    return run


def open_run(page: AppTest, run: Run, state: str) -> None:
    page.session_state[f"run-{run.name}-{state}"] = True
    page.run()
    assert not page.exception


def test_page_without_runs_says_what_to_do(root):
    page = open_training()
    assert "No runs yet" in texts(page)
    assert not page.button(key="train-start").disabled
    assert "has not been trained with these settings on this machine" in texts(page)


def test_form_starts_from_the_recipe(root):
    page = open_training()
    assert page.number_input(key="train-ours-epochs").value == TrainConfig().epochs
    assert page.selectbox(key="train-ours-optimizer").value == "sgd"
    page.button_group(key="train-recipe").set_value("study").run()
    assert not page.exception
    assert page.number_input(key="train-study-epochs").value == 30
    assert page.number_input(key="train-study-lr").value == 1e-4
    assert page.selectbox(key="train-study-optimizer").value == "adam"


def test_form_shows_every_setting_with_its_help_and_limits(root):
    page = open_training()
    kinds = [*page.number_input, *page.selectbox, *page.toggle, *page.text_input]
    shown = {widget.key: widget for widget in kinds}
    elsewhere = (
        "model",
        "options",
        "data",
        "recipe",
        "teacher",
        "average_with",
        "train_on",
        "chosen_by",
        "devices",  # only where there are several
    )
    for item in TrainConfig.settings():
        if item.name not in elsewhere:
            widget = shown[f"train-ours-{item.name}"]
            assert widget.help == item.help and widget.value == item.default
    assert shown["train-ours-momentum"].max == 0.999
    for several in ("teacher", "average_with"):
        assert page.multiselect(key=f"train-ours-{several}").value == []


def test_untouched_form_trains_exactly_the_recipe(root, parked):
    page = open_training()
    click(page, "train-start")
    (run,) = list_runs(root)
    assert run.config() == recipe_config("ours", "sequential", data=DATA, name="sequential")
    assert "queued, next" in texts(page)
    assert "synthetic" in texts(page)


def test_a_run_gets_the_name_and_note_of_the_form_and_the_next_one_does_not(root, parked):
    page = open_training()
    page.text_input(key="train-ours-name").set_value("mine")
    page.text_input(key="train-ours-note").set_value("To see whether names work.").run()
    click(page, "train-start")
    (run,) = list_runs(root)
    assert (run.name, run.config().note) == ("mine", "To see whether names work.")
    assert page.text_input(key="train-ours-name").value == ""
    page.text_input(key="train-ours-name").set_value("mine").run()
    click(page, "train-start")
    assert "a run is called 'mine' already, or was. 'mine-2' is free." in texts(page)
    assert list_runs(root) == [run]
    page.multiselect(key="train-models").set_value(["resnet18", "block_cnn"]).run()
    assert "train-ours-name" not in [widget.key for widget in page.text_input]


def test_earlier_runs_can_be_started_from_and_taught_by(root, parked):
    earlier = create_run(TrainConfig(data=DATA, epochs=1), root)
    train(earlier, earlier.config())
    page = open_training()
    page.selectbox(key="train-ours-start_from").set_value(earlier.name)
    page.multiselect(key="train-ours-teacher").set_value([earlier.name])
    page.multiselect(key="train-ours-average_with").set_value([earlier.name])
    page.run()
    click(page, "train-start")
    new = next(run for run in list_runs(root) if run.name != earlier.name).config()
    assert (new.start_from, new.teacher, new.average_with) == (earlier.id,) * 3
    page.multiselect(key="train-models").set_value(["block_cnn"]).run()
    assert earlier.name not in page.selectbox(key="train-ours-start_from").options
    page.multiselect(key="train-models").set_value(["sequential", "block_cnn"]).run()
    keys = [widget.key for widget in page.selectbox]
    assert "train-ours-start_from" not in keys  # one architecture's weights do not fit both


def test_a_chosen_teacher_that_is_deleted_elsewhere_is_told_of(root, parked):
    earlier = [create_run(TrainConfig(data=DATA, epochs=1, seed=seed), root) for seed in (0, 1)]
    for run in earlier:
        train(run, run.config())
    page = open_training()
    page.multiselect(key="train-ours-teacher").set_value([run.name for run in earlier]).run()
    name = earlier[0].name
    delete_run(earlier[0])
    page.run()
    assert [toast.value for toast in page.toast] == [
        f"Teachers: {name} was deleted or has no weights here."
    ]
    assert page.multiselect(key="train-ours-teacher").value == [earlier[1].name]
    page.run()
    assert not page.toast


def test_several_architectures_make_a_run_each_with_their_own_settings(root, parked):
    page = open_training()
    page.multiselect(key="train-models").set_value(["resnet18", "block_cnn"]).run()
    page.button_group(key="train-recipe").set_value("study").run()
    page.number_input(key="train-study-epochs").set_value(3)
    page.number_input(key="train-study-lr").set_value(0.002)
    page.selectbox(key="train-resnet18-stem").set_value("small")
    page.run()
    assert page.button(key="train-start").label == "Start 2 runs"
    click(page, "train-start")
    configs = {run.config().model: run.config() for run in list_runs(root)}
    common = {"data": DATA, "epochs": 3, "lr": 0.002}
    small = {"options": {"stem": "small"}}
    assert configs == {
        "resnet18": recipe_config("study", "resnet18", name="resnet18", **small, **common),
        "block_cnn": recipe_config("study", "block_cnn", name="block_cnn", **common),
    }
    assert configs["block_cnn"].class_weights == "balanced"
    assert "queued, number 2" in texts(page)


@pytest.mark.parametrize(
    ("before", "after"), [("sequential", "block_cnn"), ("block_cnn", "sequential")]
)
def test_another_first_model_brings_its_own_recipe(root, parked, before, after):
    page = open_training()
    page.multiselect(key="train-models").set_value([before]).run()
    page.button_group(key="train-recipe").set_value("study").run()
    page.multiselect(key="train-models").set_value([after]).run()
    click(page, "train-start")
    (run,) = list_runs(root)
    assert run.config() == recipe_config("study", after, data=DATA, name=after)


def test_data_stays_after_a_start_and_a_visit_elsewhere(root, parked):
    for data in ("synthetic:210", "synthetic:280"):
        written_run(root, state="stopped", data=data)
    page = open_training()
    page.selectbox(key="train-data").set_value("synthetic:210").run()
    click(page, "train-start")
    assert page.selectbox(key="train-data").value == "synthetic:210"
    page.switch_page("pages/comparison.py").run()
    page.switch_page("pages/training.py").run()
    assert page.selectbox(key="train-data").value == "synthetic:210"
    click(page, "train-start")
    assert [run.config().data for run in list_runs(root)].count("synthetic:210") == 3


def test_data_chosen_on_the_dataset_page_becomes_the_form_s(root):
    page = open_training()
    page.selectbox(key="train-data").set_value("synthetic").run()
    page.session_state["data"] = "synthetic:280"
    page.run()
    assert page.selectbox(key="train-data").value == "synthetic:280"
    page.selectbox(key="train-data").set_value("synthetic").run()
    assert page.selectbox(key="train-data").value == "synthetic"
    assert not page.exception and not page.warning


def test_nothing_chosen_nothing_started(root):
    page = open_training()
    page.multiselect(key="train-models").set_value([]).run()
    assert "Choose at least one architecture." in texts(page)
    assert "train-start" not in [button.key for button in page.button]


def test_bad_setting_is_explained_and_cannot_be_started(root):
    page = open_training()
    page.text_input(key="train-ours-device").set_value("gpu").run()
    assert "device must be auto, cpu, cuda or cuda:N, got 'gpu'" in texts(page)
    assert page.button(key="train-start").disabled


def test_missing_data_is_explained_and_nothing_is_queued(root):
    page = open_training(data="/nowhere/fer2013")
    click(page, "train-start")
    assert "No file or folder at /nowhere/fer2013" in texts(page)
    assert list_runs(root) == []


def test_time_is_estimated_from_an_earlier_run_of_the_same_kind(root):
    config = recipe_config("best", "sequential", data=DATA)
    written_run(root, state="stopped", data=DATA)
    assert "about 1 min 15 s per epoch, 50 min 0 s in all" in texts(open_training())
    assert config.epochs == 40


def test_time_on_another_machine_is_no_estimate(root):
    run = written_run(root, state="finished", data=DATA)
    write_catalog(run)
    assert "has not been trained with these settings on this machine" in texts(open_training())


def test_layer_table_has_the_whole_model(root):
    page = open_training()
    page.multiselect(key="train-models").set_value(["block_cnn"]).run()
    page.session_state["train-layers"] = True
    page.run()
    assert not page.exception
    assert "7,210,439 parameters" in texts(page)
    table = page.dataframe[0].value
    assert table["Parameters"].sum() == 7_210_439
    assert table["Output"].iloc[-1] == "7"


def test_failed_run_shows_its_reason_and_its_last_log_lines(root):
    run = written_run(root, state="failed", error="The loss is not a number at epoch 5, step 3.")
    page = open_training()
    assert f"run-{run.name}-failed" not in page.session_state or "log line" not in texts(page)
    open_run(page, run, "failed")
    shown = texts(page)
    assert "The loss is not a number at epoch 5, step 3." in shown
    assert "log line 39" in shown and "log line 10" not in shown
    assert (
        "Best validation accuracy 75.0 % and macro-F1 0.700 after epoch 4, stopped after 4 of 40 epochs"
        in shown
    )
    assert {f"resume-{run.name}", f"delete-{run.name}"} <= {button.key for button in page.button}


def test_dead_trainer_is_shown_as_failed_not_as_running(root):
    run = written_run(root, state="running")
    page = open_training()
    open_run(page, run, "failed")
    assert "The training process ended without a result." in texts(page)
    assert f"stop-{run.name}" not in [button.key for button in page.button]


def test_broken_run_is_listed_with_its_problem_and_can_be_deleted(root):
    run = written_run(root, state="stopped")
    (run.path / "config.json").write_text("{")
    page = open_training()
    open_run(page, run, "failed")
    assert "config.json cannot be read" in texts(page)
    click(page, f"delete-{run.name}")
    assert list_runs(root) == []


def test_deleted_run_comes_back_on_undo_and_goes_for_good_on_demand(root):
    run = written_run(root, state="stopped")
    page = open_training()
    open_run(page, run, "stopped")
    click(page, f"delete-{run.name}")
    assert list_runs(root) == [] and "Deleted sequential" in texts(page)
    click(page, "undo-sequential")
    assert list_runs(root) == [run] and "Deleted" not in texts(page)
    open_run(page, run, "stopped")
    click(page, f"delete-{run.name}")
    click(page, "purge")
    assert list(root.glob(f"*{run.id}*")) == [] and "No runs yet" in texts(page)


def test_delete_for_good_leaves_what_was_deleted_elsewhere(root):
    mine, other = (written_run(root, state="stopped") for _ in range(2))
    delete_run(other)
    page = open_training()
    open_run(page, mine, "stopped")
    click(page, f"delete-{mine.name}")
    click(page, "purge")
    assert deleted_runs(root) == ["sequential-2"]


def test_many_runs_are_folded(root):
    for _ in range(15):
        written_run(root, state="stopped", epochs=0)
    page = open_training()
    boxes = [box.label for box in page.expander if "stopped" in box.label]
    assert len(boxes) == 12
    page.toggle(key="train-all-runs").set_value(True).run()
    assert len([box for box in page.expander if "stopped" in box.label]) == 15


@pytest.mark.timeout(900)
def test_real_job_is_started_watched_stopped_resumed_and_finishes(root):
    page = open_training()
    # So long that it cannot end before the click on Stop, however slow this machine is.
    page.number_input(key="train-ours-epochs").set_value(1000)
    page.number_input(key="train-ours-batch_size").set_value(8)
    page.number_input(key="train-sequential-width").set_value(8)
    page.number_input(key="train-ours-threads").set_value(1)
    page.run()
    click(page, "train-start")
    (run,) = list_runs(root)
    run_until(page, lambda: run.status().epoch >= 1 or run.status().step > 0)
    page.run()  # the run may have taken its first step after the page was drawn
    assert "of 1000" in page.get("progress")[0].proto.text
    assert len(page.get("vega_lite_chart")) == 2

    click(page, f"stop-{run.name}")
    run_until(page, lambda: run.status().state == "stopped" and not run.is_locked())
    page.run()
    assert "stopped" in next(box.label for box in page.expander if "sequential" in box.label)

    last = run.status().epoch + 1
    write_json(run.path / "config.json", run.config().replace(epochs=last).to_dict())
    click(page, f"resume-{run.name}")
    run_until(page, lambda: run.status().state == "finished")
    page.run()
    shown = texts(page)
    assert "Test accuracy" in shown and "macro-F1" in shown
    assert f"of {last}. Training accuracy, counted while it trained, was" in shown
    assert len(page.get("plotly_chart")) == 2
    assert any("synthetic" in str(item.value) for item in page.markdown)

    click(page, f"final-{run.name}")
    final = list_runs(root)[0]
    assert final.config() == final_config(run).replace(name=final.name)
    run_until(page, lambda: final.status().state == "finished")
    page.run()
    assert "A final training on training and validation faces together" in texts(page)
    assert f"final-{final.name}" not in {button.key for button in page.button}


def test_the_form_keeps_its_choices_over_a_page_change(parked):
    page = open_training()
    page.multiselect(key="train-models").set_value(["mobilenet_v3_small"]).run()
    page.number_input(key="train-ours-epochs").set_value(3).run()
    page.switch_page("pages/comparison.py").run()
    page.switch_page("pages/training.py").run()
    click(page, "train-start")
    config = list_runs(parked)[0].config()
    assert (config.model, config.epochs) == ("mobilenet_v3_small", 3)


def test_a_deletion_can_be_undone_after_a_reload(root):
    run = written_run(root, state="stopped")
    page = open_training()
    open_run(page, run, "stopped")
    click(page, f"delete-{run.name}")
    again = open_training()
    assert "Deleted sequential" in texts(again)
    assert "purge" not in [button.key for button in again.button]
    click(again, "undo-sequential")
    assert list_runs(root) == [run]


def test_several_gpus_are_offered_together(parked, monkeypatch):
    settings = importlib.import_module("pages._ui.training.settings")
    two = replace(settings.this_machine(), gpus=("A", "B"), device="cuda")
    for name in ("training.engines", "training.queue"):
        monkeypatch.setattr(f"emotion_core.{name}.this_machine", lambda: two)
    assert not [box for box in open_training().selectbox if box.label == "Devices"]
    monkeypatch.setattr(settings, "this_machine", lambda: two)
    page = open_training()
    (box,) = [box for box in page.selectbox if box.label == "Devices"]
    assert box.options == ["1", "All 2 GPUs"] and box.value == "1"
    box.select("all").run()
    click(page, "train-start")
    assert not page.exception
    (run,) = list_runs()
    assert run.config().devices == "all"
    (job,) = jobs.list_jobs()
    assert job.queues == ("cuda-0", "cuda-1")
