"""The Comparison page on real run folders: every part, links, and folders that are broken."""

import re
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.data.sources import load_data
from emotion_core.data.walk import write_folder
from emotion_core.evaluation.corruptions import CORRUPTIONS
from emotion_core.files import write_json
from emotion_core.labels import EMOTIONS
from emotion_core.paths import PROJECT
from emotion_core.reporting.panels.confusion import top_confusions
from emotion_core.runs.catalog import list_runs, load_run
from tests.samples import change_report, write_catalog, write_transfer

TABS = [
    *("Summary", "Confusion", "Per emotion", "Calibration"),
    *("Cost", "Agreement", "Robustness", "Learning curves"),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        data = load_data("synthetic:800")
        root = tmp_path_factory.mktemp("runs")
        for seed, model in enumerate(("resnet18", "block_cnn", "sequential")):
            write_random_run(root, data, model=model, seed=seed, skill=6 - 2 * seed, epochs=3)
            time.sleep(1)  # runs of one second have no order
        yield root


@pytest.fixture
def folder(written, tmp_path, monkeypatch):
    root = tmp_path / "checkpoints"
    shutil.copytree(written, root)
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(root))
    return root


def open_comparison(**query) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    page.switch_page("pages/comparison.py").run()
    assert not page.exception
    return page


def names(folder) -> list[str]:
    """Oldest first."""
    return [run.name for run in list_runs(folder)[::-1]]


def texts(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.warning, *page.info, *page.error]
    return "\n".join(item.value for item in parts)


def test_opens_with_the_answer_first(folder):
    page = open_comparison()
    assert page.multiselect(key="compare_runs").value == names(folder)[::-1]
    table = page.dataframe[0].value
    assert table["Model"].tolist()[:3] == ["ResNet-18", "Block CNN", "Sequential"], "best first"
    said = next(item.value for item in page.caption if "is most accurate" in item.value)
    assert said.startswith("ResNet-18 is most accurate: ")
    assert "points ahead of Block CNN" in said
    assert sum(said in item for item in texts(page).splitlines()) == 1, "it is said once"
    assert page.segmented_control(key="tab").options == TABS


def test_the_settings_in_which_the_runs_differ_are_listed(folder):
    table = open_comparison().dataframe[-1].value
    assert table["Setting"].tolist() == ["Model", "Seed"]
    model = next(column for column in table if column.startswith("Block CNN"))
    assert table[model].tolist() == ["block_cnn", "1"]
    assert "Setting" not in open_comparison(runs=names(folder)[:1]).dataframe[-1].value


@pytest.mark.parametrize("tab", TABS)
def test_every_part_draws_from_a_link(folder, tab):
    page = open_comparison(tab=tab, runs=names(folder)[:2])
    assert page.segmented_control(key="tab").value == tab
    assert page.multiselect(key="compare_runs").value == names(folder)[:2]
    assert page.query_params["runs"] == names(folder)[:2]
    assert not page.error


@pytest.mark.parametrize("tab", TABS)
def test_every_part_draws_for_a_single_run(folder, tab):
    page = open_comparison(tab=tab, runs=names(folder)[:1])
    assert not page.error
    assert ("faces correctly (95" in texts(page)) == (tab == "Summary")


def test_of_many_runs_the_newest_and_the_best_of_each_architecture_are_compared_first(folder):
    first = names(folder)
    other = write_random_run(
        folder, random_faces(60, seed=4), model="mobilenet_v1", seed=9, skill=9.0
    )
    data = load_data("synthetic:800")
    time.sleep(1.1)  # names carry seconds; runs of the same one are ordered by architecture
    for seed, skill in ((5, 7.0), (6, 2.0), (7, 0.1)):
        newest = write_random_run(folder, data, model="densenet121", seed=seed, skill=skill)
    found = page_runs(folder)
    assert found[0] == newest.name and len(found) == 5
    assert set(first) < set(found) and other.name not in found
    validation = {
        name: load_run(name, folder).report().val.accuracy
        for name in set(names(folder)) - {*first, other.name, newest.name}
    }
    assert set(found) - {newest.name, *first} == {max(validation, key=validation.get)}
    # Nobody waits for a shipped run.
    write_catalog(newest)
    assert set(page_runs(folder)) == {*first, *validation}


def test_the_choice_is_kept_in_the_address(folder):
    page = open_comparison()
    chosen = names(folder)[:2]
    page.multiselect(key="compare_runs").set_value(chosen).run()
    assert page.query_params["runs"] == chosen


def test_the_most_frequent_mistake_of_the_best_run_is_shown_first(folder):
    page = open_comparison(tab="Confusion", runs=names(folder))
    best = load_run(names(folder)[0], folder)
    actual, predicted, count = top_confusions(best.report().test)[0]
    assert page.query_params["cell_run"] == best.name
    shown = f"{actual.capitalize()} faces classified as {predicted}: ResNet-18 {count}."
    assert f"**{shown}**" in texts(page)
    assert page.pills(key="cell_top").value == f"{actual} → {predicted} · {count}"
    assert len(shown_faces(page)) == min(24, count)


def test_a_cell_shows_the_faces_of_the_run_whose_matrix_was_clicked(folder):
    page = open_comparison(tab="Confusion", runs=names(folder))
    clicked = load_run(names(folder)[1], folder)
    # What a click on a cell does: Streamlit's tests have no browser to click with.
    page.session_state["cell_run"] = clicked.name
    page.session_state["cell_actual"], page.session_state["cell_predicted"] = "happy", "happy"
    page.run()
    arrays = clicked.predictions()
    happy = EMOTIONS.index("happy")
    hits = (arrays["labels"] == happy) & (arrays["logits"].argmax(axis=1) == happy)
    assert f"**Happy faces classified correctly: Block CNN {hits.sum():,}.**" in texts(page)
    assert len(shown_faces(page)) == min(24, hits.sum())
    # A chip of the same run chooses a cell again, and the address keeps it.
    chip = page.pills(key="cell_top").options[1]
    page.pills(key="cell_top").set_value(chip).run()
    actual, _, predicted = chip.partition(" · ")[0].partition(" → ")
    assert page.query_params["cell_actual"] == actual
    assert page.query_params["cell_predicted"] == predicted
    assert not page.exception and not page.warning


def shown_faces(page: AppTest) -> list[str]:
    found = [one.proto.body for one in page.get("html") if "<li" in one.proto.body]
    return re.findall("<li", found[0]) if found else []


def test_two_runs_have_no_matrix_of_pairs(folder):
    page = open_comparison(runs=names(folder)[:2])
    assert [item.value for item in page.main.header] == ["Accuracy"]
    assert "Difference of accuracy, row minus column" in [
        item.value for item in open_comparison(runs=names(folder)).main.header
    ]


def test_more_runs_than_a_page_can_show_are_refused_with_a_hint(folder):
    data = load_data("synthetic:800")
    for seed in range(10):
        write_random_run(folder, data, model="resnet50", seed=seed, skill=3.0, epochs=1)
    page = open_comparison(runs=names(folder))
    assert "13 runs are chosen; at most 12 can be compared" in texts(page)
    page.multiselect(key="compare_runs").set_value(names(folder)[:12]).run()
    assert "is most accurate" in texts(page) and not page.error


def test_the_answers_of_many_runs_are_counted_below_a_face(folder):
    def below_faces() -> str:
        page = open_comparison(tab="Agreement", runs=names(folder))
        return next(one.proto.body for one in page.get("html") if "<li" in one.proto.body)

    assert "ResNet-18: " in below_faces()
    data = load_data("synthetic:800")
    for model in ("mobilenet_v1", "resnet50"):
        write_random_run(folder, data, model=model, seed=7, skill=3.0, epochs=3)
    many = below_faces()
    assert "of 5 runs" in many and "ResNet-18" not in many


def test_no_run_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    assert "No run has finished yet" in texts(open_comparison())


def test_broken_folders_are_named_and_the_others_shown(folder):
    third, second, first = list_runs(folder)
    first.predictions_path.unlink()
    (second.path / "config.json").write_text("{")
    said = texts(open_comparison())
    assert f"Run '{first.name}' has no predictions.npz" in said
    assert f"Run '{second.id}': config.json cannot be read" in said
    assert "Sequential classifies " in said
    assert third.name in page_runs(folder)


def page_runs(folder) -> list[str]:
    return list(open_comparison().query_params["runs"])


def test_a_run_on_another_test_set_is_refused_with_the_reason(folder):
    other = write_random_run(folder, random_faces(60, seed=4), model="plain_cnn", epochs=2)
    said = texts(open_comparison(runs=names(folder)))
    assert f"Run '{other.name}' was tested on a different test set (random, 60 faces)" in said
    assert "ResNet-18 is most accurate" in said


def test_a_link_by_the_name_of_a_runs_folder_or_a_former_name_is_a_link_to_the_run(folder):
    first, second, _ = names(folder)
    runs = [load_run(first, folder), load_run(second, folder)]
    write_catalog(*runs)
    with (folder / "catalog.toml").open("a") as file:
        file.write(f'[former]\n"best-{first}" = "{runs[0].id}"\n')
    assert load_run(f"best-{first}", folder) == runs[0]
    page = open_comparison(runs=[f"best-{first}", runs[1].id])
    assert page.query_params["runs"] == [first, second] and not page.warning


def test_a_link_to_a_run_that_is_gone_says_so(folder):
    said = texts(open_comparison(runs=["20200101-000000-gone-s0", names(folder)[0]]))
    assert "names runs that are not here: 20200101-000000-gone-s0" in said


def test_measured_robustness_is_drawn(folder):
    curves = {name: [0.6, 0.5, 0.4, 0.3, 0.2] for name in CORRUPTIONS}
    values = {"format": 1, "date": "2026-01-01", "corruptions": curves}
    values |= {"clean": 0.7, "mean": 0.4, "images": 50}
    run = load_run(names(folder)[0], folder)
    values["test_fingerprint"] = run.report().data.test_fingerprint
    write_json(run.path / "robustness.json", values)
    page = open_comparison(tab="Robustness")
    assert "holds up best: 40.0 %" in texts(page)
    page.selectbox(key="corruption").set_value("blur").run()
    assert "Under blur" in texts(page)


def test_the_transfer_measure_is_drawn(folder):
    run = load_run(names(folder)[0], folder)
    write_transfer(run, [0.25, 0.5])
    said = texts(open_comparison(tab="Robustness"))
    assert "has 37.5 % on 2 faces of validation" in said


def test_a_run_without_weights_says_so_and_which_one_has_them(folder):
    run = load_run(names(folder)[0], folder)
    other = write_random_run(folder, load_data("synthetic:800"), model="resnet18", seed=9, epochs=1)
    other.weights_path.touch()
    said = texts(open_comparison(tab="Robustness", runs=[run.name]))
    assert "cannot be measured: its weights are not here" in said
    assert f"Compare {other.name} instead, of the same architecture" in said


def test_robustness_is_measured_on_the_faces_where_they_are_here(folder, tmp_path, monkeypatch):
    faces, place = random_faces(140, seed=4), tmp_path / "my faces"
    write_folder(faces, place)
    run = write_random_run(
        folder, replace(load_data(place), source="fer2013"), model="mobilenet_v1"
    )
    run.weights_path.touch()  # enough to offer the measurement
    started = []
    monkeypatch.setattr(
        "emotion_core.evaluation.robustness.start_robustness",
        lambda run, data="": started.append((run.name, data)),
    )
    page = open_comparison(tab="Robustness", runs=[run.name])
    page.session_state["data"] = str(place)
    page.button(key=f"measure-{run.name}").click().run()
    assert not page.exception
    assert started == [(run.name, str(place))]


def test_faces_that_are_not_here_are_listed_by_name(folder):
    for name in names(folder):
        elsewhere = {"data.test_fingerprint": "elsewhere", "data.name": "FER-2013"}
        change_report(load_run(name, folder), elsewhere)
    page = open_comparison(tab="Agreement")
    assert "The FER-2013 images are not on this machine" in texts(page)
    assert [item.key for item in page.button].count("get-fer2013") == 1
    assert not page.exception


def test_a_widget_change_does_not_compare_again(folder, monkeypatch):
    page = open_comparison()

    def refuse(*args, **kwargs):
        raise AssertionError("bootstrapped again")

    monkeypatch.setattr("emotion_core.evaluation.compare.bootstrap", refuse)
    for tab in TABS:
        page.segmented_control(key="tab").set_value(tab).run()
        assert not page.exception
    # A changed folder is read again.
    run = load_run(names(folder)[0], folder)
    arrays = run.predictions()
    np.savez(run.predictions_path, **arrays)
    page.run()
    assert "bootstrapped again" in page.exception[0].message


def test_opens_on_the_runs_of_one_test_set(folder):
    before = names(folder)[::-1]
    write_random_run(folder, random_faces(90), model="mobilenet_v1", epochs=2)
    page = open_comparison()
    assert page.multiselect(key="compare_runs").value == before  # the newest is alone on its faces
    write_random_run(folder, random_faces(90), model="resnet50", epochs=2)
    page = open_comparison()
    assert set(page.multiselect(key="compare_runs").value) == {"mobilenet_v1", "resnet50"}
    assert "Not shown" not in texts(page)
