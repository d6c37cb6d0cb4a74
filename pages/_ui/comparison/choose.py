"""The Comparison page's choice: which runs, and which part of their comparison."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.evaluation.compare import Comparison, compare_runs
from emotion_core.reporting.words import LEFT_OUT
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui.cache import finished_entries, hashes, runs
from pages._ui.run_picker import pick_runs
from pages._ui.widgets import show_empty, show_error, synthetic_badge

_FILES = ("config.json", "status.json", "report.json", "predictions.npz", "metrics.jsonl")


def pick_comparison() -> Comparison:
    """The runs to compare; stops the page where there are none."""
    entries = finished_entries()
    broken = [run.problem for run in runs() if run.problem]
    if not entries:
        _show_refused(broken)
        show_empty("No run has finished yet. Train one, then compare.", "pages/training.py")
        st.stop()
    chosen = pick_runs(entries)
    try:
        comparison = _comparison(chosen)
    except EmotionError as error:
        show_error(error)
        st.stop()
    if comparison.synthetic:
        synthetic_badge()
    _show_refused([item.reason for item in comparison.refused] + broken)
    return comparison


def pick_tab(tabs: Mapping[str, Callable[[Comparison], None]]) -> str:
    """The part to look at, kept in the query string. Only this part is computed."""
    with st.container(key="comparison-tabs"):
        return str(
            st.segmented_control(
                "Look at",
                list(tabs),
                default=next(iter(tabs)),
                key="tab",
                label_visibility="collapsed",
                required=True,
                bind="query-params",
            )
        )


def _show_refused(reasons: Sequence[str]) -> None:
    """Why runs are left out, each named in its reason."""
    if reasons:
        lines = "\n".join(f"- {plain(reason, 'markdown')}" for reason in reasons)
        st.warning(f"{LEFT_OUT}\n{lines}", icon=":material/rule:")


@st.cache_resource(show_spinner="Comparing", max_entries=6, hash_funcs=hashes(*_FILES))
def _comparison(chosen: list[Run]) -> Comparison:
    return compare_runs(chosen)
