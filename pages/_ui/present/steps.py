"""The six steps of the presentation: each says one sentence and shows one figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from emotion_core import units
from emotion_core.evaluation.results import Result, load_results
from emotion_core.evaluation.selection import Entry, leaderboards, preset_runs
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.plots.dataset import counts_of_split
from emotion_core.reporting.panels.confusion import matrices_panel
from emotion_core.reporting.panels.cost import cost_panel
from emotion_core.reporting.panels.study import study_panel
from emotion_core.reporting.words import mistakes
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui.cache import hashes
from pages._ui.frame import page_link
from pages._ui.predictions.why import draw_probs
from pages._ui.present.faces import Shown, seven_faces, three_faces
from pages._ui.widgets import show_faces_grid, show_figure, synthetic_badge

_FONT = 18  # pixels, which an audience can read
_DRAWN = "These faces are drawn: FER-2013 is not on this machine."


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: Heading.
        show: Draws sentence and figure from the finished runs.
    """

    title: str
    show: Callable[[Sequence[Entry]], None]


def _task(entries: Sequence[Entry]) -> None:
    _say("A network sees a gray face of 48 × 48 pixels and names one of seven expressions.")
    shown = seven_faces(_best(entries)[0])
    show_faces_grid(shown.faces, EMOTIONS, list(COLORS.values()), columns=7)
    _mark(shown)


def _data(entries: Sequence[Entry]) -> None:
    _, report = _best(entries)
    data = report.data
    counts = {name: sum(part.get(name, 0) for part in data.counts.values()) for name in EMOTIONS}
    rare = min(counts, key=counts.__getitem__)
    said = f"{data.name}: {units.faces(data.faces)}, only {counts[rare]:,} of them {rare}"
    if data.name == "FER-2013":
        said += "; people agree with the labels on about 65 % of them (Goodfellow et al. 2013)"
    _say(f"{said}.")
    if data.synthetic:
        synthetic_badge()
    fig = counts_of_split(counts, "train")
    fig.update_layout(title=None)
    _show(fig, "stage-data", 470)


def _architectures(entries: Sequence[Entry]) -> None:
    panel = study_panel(entries, height=430)
    if panel is None:
        _say("No run was tested on FER-2013 yet, so there is nothing to set beside the study.")
        return
    _say(panel.reading.partition(". ")[0] + ".")
    panel.figure.update_layout(margin={"r": 48})  # large numbers reach beyond a phone's axis
    _show(panel.figure, "stage-study", 470)
    st.caption(panel.reading.partition(". ")[2])


def _failures(entries: Sequence[Entry]) -> None:
    results = _results(preset_runs("study-ours", entries) or preset_runs("best", entries)[:5])
    ranked = sorted(results, key=lambda result: -result.test.accuracy)
    _say(f"{ranked[0].label}: {mistakes(ranked[0].test).partition('. ')[0].rstrip('.')}.")
    with st.container(key="stage-matrices"):
        _show(matrices_panel(ranked, share=True).figure, "stage-confusion", 430)
        names = [result.name for result in ranked]
        page_link(
            "pages/comparison.py",
            "See the faces behind a cell",
            {"runs": names, "tab": "Confusion"},
        )
    st.caption("Rows are actual, columns predicted; in % of each row. Best model first.")


def _cost(entries: Sequence[Entry]) -> None:
    results = _results(preset_runs("best", entries))
    panel = cost_panel(results)
    fastest = min(results, key=lambda result: result.report.cost.latency_ms)
    best = max(results, key=lambda result: result.test.accuracy)
    _say(
        f"{_priced(best)} is the most accurate; {_priced(fastest)} is the fastest, on one CPU core."
    )
    panel.figure.update_layout(showlegend=False)
    panel.figure.update_xaxes(title="ms per face (log scale)")
    _show(panel.figure, "stage-cost", 500)


def _priced(result: Result) -> str:
    time = units.milliseconds(result.report.cost.latency_ms)
    return f"{result.label} ({units.percent(result.test.accuracy)}, {time} per face)"


def _live(entries: Sequence[Entry]) -> None:
    _say("Live, the model names the expression on a camera; no picture leaves this computer.")
    shown = three_faces(_best(entries)[0])
    for index, column in enumerate(st.columns(len(shown.faces))):
        actual = shown.actual[index]
        with column.container(key=f"stage-live-{index}"):
            face = shown.faces[index : index + 1]
            show_faces_grid(face, [f"labeled {actual}"], [COLORS[actual]], columns=1)
            if len(shown.probs):  # without weights the model was not asked about drawn faces
                draw_probs(shown.probs[index], actual)
    _mark(shown)


STEPS = (
    Step("The task", _task),
    Step("The data", _data),
    Step("The architectures", _architectures),
    Step("Where they fail", _failures),
    Step("What it costs", _cost),
    Step("Live", _live),
)


def _best(entries: Sequence[Entry]) -> Entry:
    return leaderboards(entries)[0].best


@st.cache_resource(
    show_spinner=False,
    max_entries=4,
    hash_funcs=hashes("config.json", "report.json", "predictions.npz"),
)
def _results(runs: Sequence[Run]) -> list[Result]:
    return load_results(runs)[0]


def _say(sentence: str) -> None:
    with st.container(key="stage-sentence"):
        st.markdown(plain(sentence, "markdown"))


def _show(fig: go.Figure, key: str, height: int) -> None:
    """A figure with text that is read from the last row."""
    fig.update_layout(font={"size": _FONT}, height=height)
    fig.update_annotations(font={"size": _FONT})
    show_figure(fig, key)


def _mark(shown: Shown) -> None:
    if shown.drawn:
        with st.container(horizontal=True, vertical_alignment="center"):
            synthetic_badge()
            st.caption(_DRAWN, width="content")
    else:
        st.caption(f"Test faces of {plain(shown.source, 'markdown')}.")
