"""Test faces of a comparison with the answer of each run."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import streamlit as st

from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.results import Result
from emotion_core.labels import EMOTIONS
from emotion_core.units import percent
from pages._ui.cache import find_test_data, runs, test_faces
from pages._ui.widgets import show_faces_grid, show_missing_faces

GALLERY = 24
_LISTED_RUNS = 4  # the answers of more below each face are a wall of text
_RIGHT, _WRONG, _SOME = "#2E9E4F", "#D64545", "#E69F00"


def draw_faces(
    comparison: Comparison,
    rows: np.ndarray,
    results: Sequence[Result],
    *,
    columns: int = 8,
    brief: bool = False,
) -> None:
    """Test faces with the answer of each run; green borders where all are correct, red where none.

    Args:
        comparison: The runs.
        rows: Positions in the test set, in the order to show.
        results: The runs whose answers are told.
        columns: Faces per row on a wide window.
        brief: All faces have one answer and one truth, which the page has told: only the
            confidence is written below each.
    """
    if len(rows) == 0:
        st.info("There is no such face.", icon=":material/info:")
        return
    faces = faces_of(comparison)
    shown = rows[:GALLERY]
    if faces is None:
        _show_names(comparison, shown, results)
    else:
        captions, colors = [], []
        for row in shown:
            truth = int(comparison.labels[row])
            correct = [bool(result.correct[row]) for result in results]
            colors.append(_RIGHT if all(correct) else _SOME if any(correct) else _WRONG)
            if brief:
                captions.append(percent(results[0].probs[row].max(), 0))
            else:
                lines = [f"actual {EMOTIONS[truth]}", *_answers(results, row, truth)]
                captions.append("\n".join(lines))
        show_faces_grid(faces[shown], captions, colors, columns=columns)
        if not brief:
            st.caption("Border: green = all models correct, orange = some, red = none.")
    if len(rows) > len(shown):
        st.caption(f"Showing the {len(shown)} most confident of {len(rows):,}.")


def _show_names(comparison: Comparison, rows: np.ndarray, results: Sequence[Result]) -> None:
    """What is known without the pictures."""
    st.dataframe(
        [
            {
                "Image": str(comparison.results[0].ids[row]),
                "Actual": EMOTIONS[int(comparison.labels[row])],
            }
            | {result.label: EMOTIONS[int(result.predicted[row])] for result in results}
            for row in rows
        ],
        hide_index=True,
    )


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


def faces_of(comparison: Comparison) -> np.ndarray | None:
    """``(n, 48, 48)`` test faces in canonical order; None, with the way to them, where missing."""
    compared = {result.name for result in comparison.results}
    found = find_test_data([run for run in runs() if run.name in compared])
    if found is None:
        show_missing_faces(comparison.results[0].report.data)
        return None
    return test_faces(found)[0]
