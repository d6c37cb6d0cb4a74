"""The Predictions page's test faces: which first, which at all, and what the model said."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emotion_core.data.ferplus import vote_texts
from emotion_core.errors import EmotionError
from emotion_core.evaluation import gallery
from emotion_core.evaluation.gallery import Guesses, guesses_of
from emotion_core.labels import EMOTIONS
from emotion_core.plots.pictures import data_uri
from emotion_core.reporting.panels.confusion import top_confusions
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.text import csv_text
from emotion_core.units import percent
from pages._ui.cache import find_test_data, finished_entries, predictions_of
from pages._ui.cache import test_faces as cached_test_faces
from pages._ui.predictions.why import explain_face
from pages._ui.widgets import run_label, show_empty, show_error, show_missing_faces

COUNT = 24  # fills rows of 2, 3, 4, 6 and 8

Order = Callable[[Guesses, np.ndarray, int], np.ndarray]
MISTAKES, RANDOM, DISAGREED = "Most confident mistakes", "Random", "Most disagreed"
ORDERS: dict[str, Order] = {
    MISTAKES: gallery.confident_mistakes,
    "Least certain": gallery.least_certain,
    "Most typical": gallery.most_typical,
}


def draw_faces(run: Run, report: Report) -> None:
    """Test faces in a chosen order, green when correct and red when wrong; a click explains one."""
    guesses = guesses_or_stop(run)
    images = test_faces(run, report, guesses)
    _pick_confusion(report)
    columns = st.columns([1.6, 1, 1, 1.1, 1.5])
    order, other = _pick_order(columns[0], run, report, guesses)
    rows = _pick_filters(columns[1:], guesses)
    if order == RANDOM:
        chosen = gallery.random_rows(rows, COUNT, seed=_seed())
    elif order == DISAGREED and other:
        chosen = gallery.most_disagreed(guesses, other[1], rows, COUNT)
    else:
        chosen = ORDERS[order](guesses, rows, COUNT)
    if not len(chosen):
        show_empty("No test face fits these filters. Widen them.")
        return
    share = percent(float(guesses.right[rows].mean()))
    votes = _votes(images, chosen)
    st.caption(
        f"Showing {len(chosen)} of {len(rows):,} faces, {share} correct. :material/check: solid "
        "green: correct. :material/close: dashed red: wrong, actual → predicted."
        + ("" if images is None else " Click a face to see why.")
        + (" In brackets: the two emotions that most people chose (FER+ votes)." if votes else "")
    )
    if images is not None:
        with st.container(horizontal=True, gap="small", key="faces-grid"):
            for row in chosen.tolist():
                _face_button(run, guesses, images, row, other, votes.get(row, ""))
    with st.expander("As a table", icon=":material/table:", expanded=images is None):
        table = [
            _table_row(guesses, row, other) | ({"FER+ votes": votes[row]} if votes else {})
            for row in chosen.tolist()
        ]
        st.dataframe(table, hide_index=True, column_config=_titles(table[0]))
        st.download_button(
            "CSV of all faces that fit",
            data=lambda: csv_text([_table_row(guesses, row, other) for row in rows.tolist()]),
            file_name=f"{run.name}-predictions.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _pick_confusion(report: Report) -> None:
    """The five most frequent mistakes, each a filter; the chosen one again takes it away."""
    top = {f"{a} → {b} · {count:,}": (a, b) for a, b, count in top_confusions(report.test)}
    if not top:
        return
    state = st.session_state
    here = (state.get("actual"), state.get("predicted"))
    state["confusion"] = next((name for name, cell in top.items() if cell == here), None)

    def take() -> None:
        name = state["confusion"]
        state["actual"], state["predicted"] = top[name] if name else (_ANY, _ANY)

    st.pills("Most frequent mistakes", list(top), key="confusion", on_change=take)


def _pick_order(
    place: DeltaGenerator, run: Run, report: Report, guesses: Guesses
) -> tuple[str, tuple[str, Guesses] | None]:
    """Which faces come first, and the run to compare with where two are needed."""
    rivals = {}
    for item, values in finished_entries():
        if item != run and values.data.test_fingerprint == report.data.test_fingerprint:
            rivals[item.name] = item
    orders = [*ORDERS, RANDOM, *([DISAGREED] if rivals else [])]
    order = place.selectbox("Sort by", orders, key="order", bind="query-params") or orders[0]
    if order == RANDOM:
        st.button("Shuffle", icon=":material/shuffle:", on_click=_shuffle, key="shuffle-button")
    if order != DISAGREED:
        return order, None
    name = st.selectbox(
        "Compared with",
        list(rivals),
        format_func=lambda name: run_label(rivals[name]) if name in rivals else name,
        key="rival",
        bind="query-params",
    )
    rival = rivals.get(str(name)) or next(iter(rivals.values()))
    try:
        other = guesses_of(predictions_of(rival), rival.name)
        gallery.disagreement(guesses, other)
    except EmotionError as error:
        show_error(error)
        st.stop()
    return order, (rival.config().model, other)


def _pick_filters(columns: Sequence[DeltaGenerator], guesses: Guesses) -> np.ndarray:
    """Rows that pass the filters."""
    anything = (_ANY, *EMOTIONS)
    with columns[0]:
        actual = st.selectbox("Actual", anything, key="actual", bind="query-params")
    with columns[1]:
        predicted = st.selectbox("Predicted", anything, key="predicted", bind="query-params")
    with columns[2]:
        outcome = st.selectbox("Outcome", list(_OUTCOMES), key="outcome", bind="query-params")
    with columns[3]:
        low, high = st.slider(
            "Confidence in %", 0, 100, (0, 100), key="confidence", bind="query-params"
        )
    return gallery.select(
        guesses,
        actual="" if actual in (None, _ANY) else str(actual),
        predicted="" if predicted in (None, _ANY) else str(predicted),
        right=_OUTCOMES.get(str(outcome)),
        confidence=(low / 100, high / 100),
    )


_ANY = "Any"
_OUTCOMES: dict[str, bool | None] = {"All results": None, "Correct": True, "Wrong": False}


def _seed() -> int:
    """Of the random faces; in the query string, so that a link shows the same ones."""
    text = st.query_params.get("shuffle", "0")
    return int(text) if text.isdecimal() else 0


def _shuffle() -> None:
    st.query_params["shuffle"] = str(_seed() + 1)


def _face_button(
    run: Run,
    guesses: Guesses,
    images: np.ndarray,
    row: int,
    other: tuple[str, Guesses] | None,
    votes: str,
) -> None:
    right = bool(guesses.right[row])
    actual, predicted = EMOTIONS[guesses.labels[row]], EMOTIONS[guesses.predicted[row]]
    share = percent(float(guesses.confidence[row]), 0).replace(" ", "\u00a0")
    answer = (
        f":material/check: {actual} {share}"
        if right
        else f":material/close: {actual} → {predicted} {share}"
    )
    if other:
        name, rival = other
        answer += f" ({name}: {EMOTIONS[rival.predicted[row]]})"
    if votes:
        answer += f" ({votes})"
    alt = f"Test face {row}, actual {actual}, predicted {predicted}:"
    if st.button(
        f"![{alt}]({data_uri(images[row])}) {answer}",
        key=f"face-{'right' if right else 'wrong'}-{row}",
    ):
        explain_face(run, images[row], f"Test face {row}: {guesses.ids[row]}", actual)


def _votes(images: np.ndarray | None, rows: np.ndarray) -> dict[int, str]:
    """FER+ votes in words by row; empty where none of the faces has any here."""
    texts = [] if images is None else vote_texts(images[rows], 2)
    return dict(zip(rows.tolist(), texts, strict=True)) if any(texts) else {}


def _table_row(
    guesses: Guesses, row: int, other: tuple[str, Guesses] | None = None
) -> dict[str, Any]:
    values = {
        "row": row,
        "id": str(guesses.ids[row]),
        "actual": EMOTIONS[guesses.labels[row]],
        "predicted": EMOTIONS[guesses.predicted[row]],
        "correct": bool(guesses.right[row]),
        "confidence": round(float(guesses.confidence[row]), 4),
    }
    if other:
        values[f"predicted by {other[0]}"] = EMOTIONS[other[1].predicted[row]]
    probs = guesses.probs[row].tolist()
    return values | {name: round(p, 4) for name, p in zip(EMOTIONS, probs, strict=True)}


def _titles(row: dict[str, Any]) -> dict[str, Any]:
    """Headers that people read; a CSV file keeps the plain names."""
    number = st.column_config.NumberColumn
    named = {name: number(name.capitalize(), format="%.3f") for name in ("confidence", *EMOTIONS)}
    rest = {name: name[0].upper() + name[1:] for name in row if name not in named}
    return {**rest, **named, "row": "Number", "id": "Image"}


def guesses_or_stop(run: Run) -> Guesses:
    """The run's predictions; stops the page with the reason where there are none."""
    try:
        return guesses_of(predictions_of(run), run.name)
    except EmotionError as error:
        show_error(error)
        st.stop()


def test_faces(run: Run, report: Report, guesses: Guesses) -> np.ndarray | None:
    """Test faces ``(n, 48, 48)`` in the predictions' order; says so where they are not here."""
    data = find_test_data([run])
    if data is None:
        show_missing_faces(report.data)
        return None
    images, labels = cached_test_faces(data)
    if not np.array_equal(labels, guesses.labels):
        st.error(
            f"Run '{run.name}': predictions.npz does not fit the test faces its report names. "
            f"Write both again: evaluate {run.name}.",
            icon=":material/error:",
        )
        return None
    return images
