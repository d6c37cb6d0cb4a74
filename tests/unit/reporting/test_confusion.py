"""Confusion matrices as small multiples."""

import numpy as np
import pytest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.evaluation.compare import compare_runs
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.panels.confusion import Cell, grid, matrices_panel, top_confusions


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        root, faces = tmp_path_factory.mktemp("runs"), random_faces(300)
        models = ("resnet18", "block_cnn", "sequential", "resnet50", "plain_cnn")
        yield compare_runs(
            write_random_run(root, faces, model=model, seed=seed, skill=2 + seed, epochs=1)
            for seed, model in enumerate(models)
        )


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, (1, 3)), (3, (1, 3)), (5, (1, 5)), (6, (2, 3)), (7, (2, 4)), (11, (3, 4)), (12, (3, 4))],
)
def test_three_to_five_stand_in_a_row(count, expected):
    assert grid(count) == expected


def test_five_matrices_stand_in_one_row_best_first_on_one_scale(comparison):
    fig = matrices_panel(comparison.ranked, share=True).figure
    titles = [note.text for note in fig.layout.annotations]
    assert [title.partition("</b>")[0][3:] for title in titles] == [
        result.label for result in comparison.ranked
    ]
    assert fig.layout.height <= 400, "all five are on one screen"
    maps = [trace for trace in fig.data if trace.type == "heatmap"]
    correct, wrong = maps[::2], maps[1::2]
    for kind in (correct, wrong):
        assert len({(trace.zmin, trace.zmax) for trace in kind}) == 1
    assert wrong[0].zmax < 0.5 < correct[0].zmax, "errors have a scale of their own"
    for diagonal, errors in zip(correct, wrong, strict=True):
        seen = ~np.isnan(np.asarray(diagonal.z, float))
        assert (seen == np.eye(7, dtype=bool)).all()
        assert (np.isnan(np.asarray(errors.z, float)) == seen).all()


def test_each_cell_says_whose_it_is_and_the_chosen_one_is_marked(comparison):
    best = comparison.ranked[0]
    cell = Cell(best.name, "sad", "neutral")
    fig = matrices_panel(comparison.ranked, share=False, marked=cell).figure
    squares = [trace for trace in fig.data if trace.type == "scatter"]
    assert [trace.customdata[0][0] for trace in squares] == [r.name for r in comparison.ranked]
    place = EMOTIONS.index("sad") * 7 + EMOTIONS.index("neutral")
    count = best.test.confusion[EMOTIONS.index("sad")][EMOTIONS.index("neutral")]
    assert squares[0].customdata[place][:3] == [best.name, "sad", "neutral"]
    assert squares[0].customdata[place][3].startswith(f"{count:,} face")
    assert [shape.line.width for shape in fig.layout.shapes] == [3, 1.5, 1.5, 1.5, 1.5]
    assert fig.layout.shapes[0].x0 == EMOTIONS.index("neutral") - 0.5
    assert fig.layout.shapes[0].y0 == EMOTIONS.index("sad") - 0.5


def test_the_top_confusions_are_the_most_frequent_mistakes(comparison):
    scores = comparison.ranked[0].test
    wrong = np.asarray(scores.confusion)
    np.fill_diagonal(wrong, 0)
    found = top_confusions(scores)
    assert [count for *_, count in found] == sorted(wrong.ravel(), reverse=True)[:5]
    for actual, predicted, count in found:
        assert wrong[EMOTIONS.index(actual), EMOTIONS.index(predicted)] == count
