"""The Comparison page's confusion matrices, and the faces behind a cell."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.results import Result
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.panels.confusion import (
    Cell,
    difference_panel,
    matrices_panel,
    top_confusions,
)
from emotion_core.reporting.words import cell_sentence
from emotion_core.text import plain
from pages._ui.comparison.faces import draw_faces
from pages._ui.widgets import show_figure, show_panel

_ACTUAL, _PREDICTED, _RUN = "cell_actual", "cell_predicted", "cell_run"
_PER_ROW = 12


def draw_confusion(comparison: Comparison) -> None:
    """Matrices side by side, the faces behind a cell directly below, the difference of two."""
    results = comparison.ranked
    cell = _present_cell(results)
    share = st.session_state.get("numbers", "Share") == "Share"
    panel = matrices_panel(results, share=share, marked=cell)
    show_figure(
        panel.figure, panel.key, panel.reading, panel.table, on_click=_choose, title=panel.title
    )
    _pick_cell(results)
    result = next(result for result in results if result.name == cell.run)
    truth, answer = EMOTIONS.index(cell.actual), EMOTIONS.index(cell.predicted)
    rows = np.flatnonzero((comparison.labels == truth) & (result.predicted == answer))
    said = cell_sentence(cell.actual, cell.predicted, {result.label: len(rows)}, 0)
    st.markdown(f"**{plain(said, 'markdown')}**")
    sure = result.probs[rows, answer]
    draw_faces(
        comparison, rows[np.argsort(-sure, kind="stable")], [result], columns=_PER_ROW, brief=True
    )
    if len(results) > 1:
        with st.expander("Difference of two models", icon=":material/difference:"):
            _draw_difference(results, share)


def _choose(cell: Sequence[Any]) -> None:
    st.session_state[_RUN], st.session_state[_ACTUAL], st.session_state[_PREDICTED] = cell[:3]


def _present_cell(results: Sequence[Result]) -> Cell:
    """The chosen cell: at first the most frequent mistake of the best run, or the address's."""
    state, first = st.session_state, results[0]
    if state.get(_RUN) not in {result.name for result in results}:
        asked = st.query_params.get(_RUN)
        state[_RUN] = next((r.name for r in results if r.name == asked), first.name)
    top = top_confusions(first.test, 1) or [(EMOTIONS[0], EMOTIONS[0], 0)]
    for key, usual in zip((_ACTUAL, _PREDICTED), top[0][:2], strict=True):
        if state.get(key) not in EMOTIONS:
            asked = st.query_params.get(key)
            state[key] = asked if asked in EMOTIONS else usual
    cell = Cell(state[_RUN], state[_ACTUAL], state[_PREDICTED])
    st.query_params.update({_RUN: cell.run, _ACTUAL: cell.actual, _PREDICTED: cell.predicted})
    return cell


def _pick_cell(results: Sequence[Result]) -> None:
    """The cell by keyboard: run, its five most frequent confusions, any two emotions."""
    state = st.session_state
    labels = {result.name: result.label for result in results}
    chosen = next(result for result in results if result.name == state[_RUN])
    top = {f"{a} → {b} · {count}": (a, b) for a, b, count in top_confusions(chosen.test)}
    here = (state[_ACTUAL], state[_PREDICTED])
    state["cell_top"] = next((name for name, cell in top.items() if cell == here), None)

    def take() -> None:
        if name := state["cell_top"]:
            state[_ACTUAL], state[_PREDICTED] = top[name]

    with st.container(horizontal=True, vertical_alignment="center", key="cell-chips"):
        st.caption("Click a cell to see its faces, or take a frequent mistake:", width="content")
        st.pills(
            "Most frequent mistakes",
            list(top),
            key="cell_top",
            on_change=take,
            label_visibility="collapsed",
        )
    with st.container(horizontal=True, vertical_alignment="center", key="cell-picker"):
        _named("Faces of", _RUN, list(labels), labels, width=230)
        _named("that are", _ACTUAL, EMOTIONS, width=125)
        _named("classified as", _PREDICTED, EMOTIONS, width=125)
        st.page_link(
            "pages/predictions.py",
            label="Explain these faces",
            icon=":material/psychology:",
            query_params={
                "run": state[_RUN],
                "actual": state[_ACTUAL],
                "predicted": state[_PREDICTED],
            },
        )
        st.segmented_control(
            "Cells show",
            ["Share", "Counts"],
            default="Share",
            key="numbers",
            required=True,
            label_visibility="collapsed",
        )


def _named(
    label: str,
    key: str,
    options: Sequence[str],
    names: Mapping[str, str] | None = None,
    *,
    width: int,
) -> None:
    """A list within a sentence: its label stands before it."""
    st.markdown(label, width="content")
    st.selectbox(
        label,
        options,
        key=key,
        format_func=names.__getitem__ if names else str,
        label_visibility="collapsed",
        width=width,
    )


def _draw_difference(results: Sequence[Result], share: bool) -> None:
    labels = {result.label: result for result in results}
    left, right = st.columns([3, 2])
    with right:
        a = st.selectbox("Model", list(labels), index=0, key="pair_a")
        b = st.selectbox("Compared with", list(labels), index=1, key="pair_b")
    with left:
        show_panel(difference_panel(labels[a], labels[b], share=share))
