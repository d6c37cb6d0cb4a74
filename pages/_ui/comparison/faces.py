"""The Comparison page's confusion matrices, and the faces behind a cell or a disagreement."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.results import Result
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.panels.confusion import confusion_panel, difference_panel
from emotion_core.reporting.panels.panel import Panel
from emotion_core.reporting.words import cell_sentence
from emotion_core.text import plain
from emotion_core.units import percent
from pages._ui.cache import find_test_data, runs
from pages._ui.widgets import show_faces_grid, show_figure, slug

GALLERY = 24
_LISTED_RUNS = 4  # the answers of more below each face are a wall of text
_RIGHT, _WRONG = "#2E9E4F", "#D64545"


def draw_confusion(comparison: Comparison) -> None:
    """Matrices side by side, the difference of two, and the faces behind a cell."""
    share = (
        st.segmented_control(
            "Numbers",
            ["Share of each row", "Counts"],
            default="Share of each row",
            key="numbers",
            required=True,
            bind="query-params",
        )
        == "Share of each row"
    )
    matrices = [np.asarray(result.test.confusion) for result in comparison.results]
    largest = 1.0 if share else float(max(matrix.max() for matrix in matrices))
    for start in range(0, len(comparison.results), 2):
        columns = st.columns(2)
        for column, result in zip(columns, comparison.results[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{result.label}**")
                panel = confusion_panel(result, share=share, scale_max=largest)
                _draw_matrix(panel)
    pair: list[Result] = list(comparison.results[:2])
    if len(comparison.results) > 1:
        st.markdown("##### Difference of two runs")
        left, right = st.columns([3, 2])
        with right:
            pair = _pick_pair(comparison)
        with left:
            panel = difference_panel(pair[0], pair[1], share=share)
            st.markdown(f"**{panel.title}**")
            _draw_matrix(panel)
    _draw_cell(comparison, pair)


def _draw_matrix(panel: Panel) -> None:
    """A confusion matrix whose cells choose the faces that are shown below."""

    def choose(cell: Sequence[Any]) -> None:
        st.session_state["cell_actual"], st.session_state["cell_predicted"] = cell[:2]

    show_figure(panel.figure, slug(panel.key), panel.reading, panel.table, choose)


def _pick_pair(comparison: Comparison) -> list[Result]:
    labels = {result.label: result for result in comparison.results}
    a = st.selectbox("Model", list(labels), index=0, key="pair_a")
    b = st.selectbox("Compared with", list(labels), index=1, key="pair_b")
    return [labels[a], labels[b]]


def _draw_cell(comparison: Comparison, pair: Sequence[Result]) -> None:
    """The faces of one cell under both models."""
    st.markdown("##### The faces behind a cell")
    st.caption("Click a cell of a matrix, or choose it here.")
    left, right = st.columns(2)
    with left:
        actual = st.selectbox("Actual", list(EMOTIONS), key="cell_actual", bind="query-params")
    with right:
        predicted = st.selectbox(
            "Predicted", list(EMOTIONS), index=2, key="cell_predicted", bind="query-params"
        )
    truth, answer = EMOTIONS.index(actual), EMOTIONS.index(predicted)
    is_actual = comparison.labels == truth
    in_cell = np.stack([is_actual & (result.predicted == answer) for result in pair])
    counts = {result.label: int(row.sum()) for result, row in zip(pair, in_cell, strict=True)}
    both = int(in_cell.all(axis=0).sum())
    st.markdown(plain(cell_sentence(actual, predicted, counts, both), "markdown"))
    rows = np.flatnonzero(in_cell.any(axis=0))
    sure = np.max([result.probs[rows, answer] for result in pair], axis=0)
    draw_faces(comparison, rows[np.argsort(-sure, kind="stable")], pair)


def draw_faces(comparison: Comparison, rows: np.ndarray, results: Sequence[Result]) -> None:
    """Test faces with the answer of each run; green borders where all are correct, red where none."""
    if len(rows) == 0:
        st.info("There is no such face.", icon=":material/info:")
        return
    faces = _test_faces(comparison)
    shown = rows[:GALLERY]
    captions, colors = [], []
    for row in shown:
        truth = int(comparison.labels[row])
        correct = [bool(result.correct[row]) for result in results]
        captions.append("\n".join([f"actual {EMOTIONS[truth]}", *_answers(results, row, truth)]))
        colors.append(_RIGHT if all(correct) else _WRONG if not any(correct) else "#E69F00")
    if faces is None:
        st.dataframe(
            [
                {"Image": str(comparison.results[0].ids[row])}
                | dict(
                    [("Actual", EMOTIONS[int(comparison.labels[row])])]
                    + [(r.label, EMOTIONS[int(r.predicted[row])]) for r in results]
                )
                for row in shown
            ],
            hide_index=True,
        )
    else:
        show_faces_grid(faces[shown], captions, colors, columns=8)
        st.caption("Border: green = all models correct, orange = some, red = none.")
    if len(rows) > len(shown):
        st.caption(f"Showing the {len(shown)} most confident of {len(rows):,}.")


def _answers(results: Sequence[Result], row: int, truth: int) -> list[str]:
    """A line for each run's answer to a face; of many runs, a line for each answer."""

    def mark(answer: int) -> str:
        return "✓" if answer == truth else "✗"

    answers = [int(result.predicted[row]) for result in results]
    if len(results) <= _LISTED_RUNS:
        return [
            f"{mark(answer)} {result.label}: {EMOTIONS[answer]} {percent(result.probs[row, answer], 0)}"
            for result, answer in zip(results, answers, strict=True)
        ]
    return [
        f"{mark(answer)} {EMOTIONS[answer]}: {count} of {len(results)} runs"
        for answer, count in Counter(answers).most_common()
    ]


def _test_faces(comparison: Comparison) -> np.ndarray | None:
    """``(n, 48, 48)`` test faces in canonical order; None, with the reason shown, where missing."""
    data = comparison.results[0].report.data
    compared = {result.name for result in comparison.results}
    found = find_test_data([run for run in runs() if run.name in compared])
    if found is not None:
        return np.asarray(found.images[found.indices("test")])
    st.warning(
        f"The faces of {data.name} are not on this machine, so only their names are shown. "
        "Bring the data set on the Dataset page.",
        icon=":material/image_not_supported:",
    )
    return None
