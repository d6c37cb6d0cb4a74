"""Choosing runs: presets in the address, filters, tags, and a comparison that is not lost."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.paths import PROJECT
from emotion_core.runs.catalog import list_runs, load_run
from emotion_core.runs.create import tag_run
from tests.samples import change_report, write_catalog

STUDY = ("block_cnn", "densenet121", "plain_cnn", "resnet18", "resnet50")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The study's five by both recipes, shipped and on photographs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        root, faces = tmp_path_factory.mktemp("runs"), random_faces(60)
        made = [
            write_random_run(root, faces, model=model, recipe=recipe, seed=seed, epochs=1)
            for recipe in ("study", "ours")
            for seed, model in enumerate(STUDY)
        ]
        for run in made:
            change_report(run, {"data.synthetic": False})
        write_catalog(*made)
        yield root


@pytest.fixture
def folder(written, tmp_path, monkeypatch):
    root = tmp_path / "checkpoints"
    shutil.copytree(written, root)
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(root))
    return root


def open_comparison(**query) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
    page.switch_page("pages/comparison.py")
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def recipes(page: AppTest, folder) -> list[str]:
    return [load_run(name, folder).config().recipe for name in page.query_params["runs"]]


def test_a_preset_is_one_click_and_marked(folder):
    page = open_comparison()
    assert page.pills(key="preset").options == [
        "The study's five, study recipe",
        "The study's five, our recipe",
        "Best of each architecture",
    ]
    page.pills(key="preset").set_value("study").run()
    assert recipes(page, folder) == ["study"] * 5
    assert page.pills(key="preset").value == "study"


def test_the_address_may_name_a_preset_at_any_time(folder):
    page = open_comparison(preset="study-ours")
    assert recipes(page, folder) == ["ours"] * 5 and "preset" not in page.query_params
    page.query_params["preset"] = "study"  # another link, after a choice was made
    page.run()
    assert recipes(page, folder) == ["study"] * 5
    page.query_params["preset"] = "mine"
    page.run()
    assert "No run fits 'My runs' here." in [item.value for item in page.warning]


def test_a_link_to_runs_is_followed_after_a_choice_was_made(folder):
    page = open_comparison(preset="study")
    wanted = page.query_params["runs"][:2]
    page.query_params["runs"] = wanted
    page.run()
    assert page.multiselect(key="compare_runs").value == wanted


def test_after_a_try_of_ones_own_the_prepared_comparison_is_still_there(folder):
    before = set(open_comparison().query_params["runs"])
    drawn = random_faces(30, seed=3)
    own = [write_random_run(folder, drawn, seed=seed, epochs=1).name for seed in (1, 2)]
    page = open_comparison()
    assert set(page.query_params["runs"]) == before
    page.pills(key="preset").set_value("mine").run()
    assert set(page.query_params["runs"]) == set(own)


def test_the_list_is_filtered_and_found_by_recipe_and_tag(folder):
    tag_run(list_runs(folder)[0], "for the talk")
    page = open_comparison(preset="study")
    page.pills(key="compare-filters").set_value(["Our recipe"]).run()
    offered = page.multiselect(key="compare_runs").options
    assert sum("our recipe" in label for label in offered) == 5
    assert sum("study recipe" in label for label in offered) == 5, "chosen ones stay"
    assert sum("for the talk" in label for label in offered) == 1


def test_predictions_take_the_same_filters(folder):
    page = open_comparison()
    page.switch_page("pages/predictions.py").run()
    assert len(page.selectbox(key="run").options) == 10
    page.pills(key="run-filters").set_value(["Study recipe"]).run()
    assert len(page.selectbox(key="run").options) in (5, 6), "and the one that is chosen"
    assert not page.exception
