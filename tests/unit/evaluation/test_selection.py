"""Which runs are chosen before anybody asks, by presets and by filters."""

import pytest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.evaluation.selection import (
    FILTERS,
    MOST_RUNS,
    PRESETS,
    best_of_each,
    filtered,
    first_choice,
    leaderboards,
    preset_runs,
)
from emotion_core.runs.catalog import list_runs
from tests.samples import change_report, write_catalog

STUDY = ("block_cnn", "densenet121", "plain_cnn", "resnet18", "resnet50")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A prepared board of photographs: the study's five by both recipes, and one more of ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder, faces = tmp_path_factory.mktemp("runs"), random_faces(60)
        made = [
            write_random_run(folder, faces, model=model, recipe=recipe, seed=seed, epochs=1)
            for recipe in ("study", "ours")
            for seed, model in enumerate(STUDY)
        ]
        made.append(write_random_run(folder, faces, model="sequential", skill=9, epochs=1))
        for run in made:
            change_report(run, {"data.synthetic": False})
        write_catalog(*made)
        yield folder


@pytest.fixture
def entries(root):
    return [(run, run.report()) for run in list_runs(root)]


@pytest.mark.parametrize(("key", "recipe"), [("study", "study"), ("study-ours", "ours")])
def test_the_studys_five_are_one_preset_for_each_recipe(entries, key, recipe):
    found = preset_runs(key, entries)
    assert {run.config().model for run in found} == set(STUDY) and len(found) == 5
    assert {run.config().recipe for run in found} == {recipe}


def test_the_best_of_each_architecture_are_chosen_on_validation(entries):
    found = preset_runs("best", entries)
    assert found == [run for run, _ in best_of_each(leaderboards(entries)[0].entries)]
    for run in found:
        rivals = [r.val.accuracy for other, r in entries if r.model == run.config().model]
        assert run.report().val.accuracy == max(rivals)
    assert len(found) == 6


def test_my_runs_are_those_that_were_not_shipped(entries, root, tmp_path_factory):
    assert preset_runs("mine", entries) == []
    own = write_random_run(tmp_path_factory.mktemp("own"), random_faces(30), epochs=1)
    more = [(own, own.report()), *entries]
    assert preset_runs("mine", more) == [own]
    assert filtered(more, ["My runs"]) == more[:1]


def test_one_try_on_drawn_faces_does_not_push_the_prepared_comparison_away(
    entries, tmp_path_factory
):
    before = first_choice(entries)
    folder, drawn = tmp_path_factory.mktemp("own"), random_faces(30)
    tries = [write_random_run(folder, drawn, seed=seed, epochs=1) for seed in (1, 2)]
    own = [(run, run.report()) for run in tries]
    assert first_choice([*own, *entries]) == before
    assert set(first_choice(own)) == set(tries), "where there is nothing else they come first"


def test_filters_are_joined(entries):
    assert {report.recipe for _, report in filtered(entries, ["Study recipe"])} == {"study"}
    assert filtered(entries, ["Study recipe", "With weights"]) == []
    assert filtered(entries, []) == entries
    assert set(FILTERS) == {"Study recipe", "Our recipe", "My runs", "With weights"}


def test_a_preset_is_never_more_than_a_page_compares(tmp_path):
    faces = random_faces(30)
    runs = [write_random_run(tmp_path, faces, seed=seed, epochs=1) for seed in range(MOST_RUNS + 2)]
    many = [(run, run.report()) for run in runs]
    assert len(preset_runs("mine", many)) == MOST_RUNS
    assert list(PRESETS) == ["study", "study-ours", "best", "mine"]
