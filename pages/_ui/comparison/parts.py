"""The parts of the Comparison page; everything is computed from run folders and cached by them."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.evaluation.compare import Comparison, agreement, compare_runs
from emotion_core.evaluation.study import load_study
from emotion_core.labels import EMOTIONS
from emotion_core.reporting import sections
from emotion_core.reporting.columns import CALIBRATION, COST, SUMMARY
from emotion_core.reporting.panels.agreement import agreement_panel, overlap_panel
from emotion_core.reporting.panels.calibration import (
    calibration_rows,
    coverage_panel,
    reliability_panel,
)
from emotion_core.reporting.panels.cost import COSTS, cost_panel
from emotion_core.reporting.panels.curves import AXES, CURVES, curves_panel
from emotion_core.reporting.panels.emotions import one_vs_rest_panel, per_emotion_panel
from emotion_core.reporting.panels.scores import accuracy_panel, pairs_panel
from emotion_core.reporting.rows import comparison_rows, result_row
from emotion_core.reporting.words import LEFT_OUT, ensemble_sentence, headline, pair_sentence
from emotion_core.runs.catalog import is_shipped
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui.cache import hashes, report_of, runs, update_links
from pages._ui.comparison.faces import draw_confusion, draw_faces
from pages._ui.comparison.robustness import draw_robustness, robustness_of
from pages._ui.tables import show_table
from pages._ui.widgets import run_label, show_empty, show_error, show_panel

DEFAULT_RUNS = 5
_SIDE_BY_SIDE = 4  # runs; the matrix of more needs the whole width
_FILES = ("config.json", "status.json", "report.json", "predictions.npz", "metrics.jsonl")


def pick_comparison() -> Comparison:
    """The runs to compare, kept in the query string; stops the page where there are none."""
    found = {run.name: run for run in runs()}
    choices = [
        name
        for name, run in found.items()
        if not run.problem and (run.path / "report.json").exists()
    ]
    broken = [(run.name, run.problem) for run in found.values() if run.problem]
    if not choices:
        _draw_refused(broken)
        show_empty("No run has finished yet. Train one, then compare.", "pages/training.py")
        st.stop()
    if "compare_runs" not in st.session_state:
        update_links("runs")
        wanted = st.query_params.get_all("runs")
        missing = [name for name in wanted if name not in choices]
        if missing:
            names = plain(", ".join(missing), "markdown")
            st.warning(f"This link names runs that are not here: {names}.")
        linked = [name for name in wanted if name in choices]
        st.session_state["compare_runs"] = linked or _first_choice(
            [found[name] for name in choices]
        )
    kept = [name for name in st.session_state["compare_runs"] if name in choices]
    if kept != st.session_state["compare_runs"]:  # a run was deleted meanwhile
        st.session_state["compare_runs"] = kept or _first_choice([found[name] for name in choices])
    chosen = st.multiselect(
        "Runs",
        choices,
        key="compare_runs",
        format_func=lambda name: run_label(found[name]),
        persist_state="session",
        help="Only runs on the same test set are compared. The address of this page keeps the "
        "choice, so that it can be shared.",
    )
    st.query_params["runs"] = chosen
    if not chosen:
        _draw_refused(broken)
        st.info("Choose at least one run.", icon=":material/info:")
        st.stop()
    try:
        comparison = _comparison([found[name] for name in chosen])
    except EmotionError as error:
        show_error(error)
        st.stop()
    refused = [(item.name, item.reason) for item in comparison.refused]
    _draw_refused(refused + [item for item in broken if item[0] not in chosen])
    return comparison


def _first_choice(found: list[Run]) -> list[str]:
    """The user's newest run, the best others on its test set, each another architecture, then the rest.

    Where the newest is alone on its test set, it is the set of most runs. Best by validation: the
    test split chooses nothing, not even what is shown first.
    """
    reports = {run.name: report for run in found if (report := report_of(run))}
    tests = {name: report.data.test_fingerprint for name, report in reports.items()}
    count = Counter(tests.values())
    newest = tests[found[0].name]
    wanted = newest if count[newest] > 1 else count.most_common(1)[0][0]
    same = [name for name in reports if tests[name] == wanted]
    order = sorted(same, key=lambda name: -reports[name].val.accuracy)
    if wanted == newest and not is_shipped(found[0]):
        order = list(dict.fromkeys([found[0].name, *order]))
    best: dict[str, str] = {}
    for name in order:
        best.setdefault(reports[name].model, name)
    kept = list(dict.fromkeys([*best.values(), *order]))[:DEFAULT_RUNS]
    return [run.name for run in found if run.name in kept]


def draw_headline(comparison: Comparison) -> None:
    """The answer first: which run is best, by how much, and how sure that is."""
    sentence = plain(headline(comparison), "markdown")
    for space in (" = ", " < ", " %"):
        sentence = sentence.replace(space, space.replace(" ", "\u00a0"))
    st.markdown(f"#### {sentence}")


def pick_tab() -> str:
    """The part to look at, kept in the query string. Only this part is computed."""
    return str(
        st.segmented_control(
            "Look at",
            list(TABS),
            default=sections.SUMMARY,
            key="tab",
            label_visibility="collapsed",
            required=True,
            bind="query-params",
        )
    )


def draw_summary(comparison: Comparison) -> None:
    """Table, accuracy with intervals, and the difference of every two runs."""
    show_table(SUMMARY, comparison_rows(comparison), "comparison-table")
    if comparison.on_fer2013:
        st.caption(
            "Rows marked 'published' are the study's reported figures; they were not re-measured."
        )
    few = len(comparison.results) <= _SIDE_BY_SIDE
    left, right = st.columns([3, 2]) if few else (st.container(), st.container())
    with left:
        show_panel(accuracy_panel(comparison))
    with right:
        if comparison.pairs:
            show_panel(pairs_panel(comparison))
    if comparison.pairs:
        st.markdown("##### Pair by pair")
        pairs = sorted(comparison.pairs, key=lambda pair: -abs(pair.accuracy))
        sentences = (plain(pair_sentence(comparison, pair), "markdown") for pair in pairs)
        st.markdown("\n".join(f"- {sentence}" for sentence in sentences))
        st.caption(
            "McNemar's exact test with Holm's correction; intervals from "
            f"{len(comparison.samples.accuracy):,} paired bootstrap resamples."
        )


def draw_per_emotion(comparison: Comparison) -> None:
    """Scores of each emotion with support, and one emotion against the rest."""
    names = {"F1": "f1", "Precision": "precision", "Recall": "recall"}
    metric = st.segmented_control(
        "Score", list(names), default="F1", key="score", required=True, bind="query-params"
    )
    show_panel(per_emotion_panel(comparison, names[metric]))
    st.markdown("##### One emotion against the rest")
    emotion = st.segmented_control(
        "Emotion",
        list(EMOTIONS),
        default="happy",
        key="emotion",
        required=True,
        bind="query-params",
    )
    left, right = st.columns(2)
    with left:
        show_panel(one_vs_rest_panel(comparison, emotion, roc=False))
    with right:
        show_panel(one_vs_rest_panel(comparison, emotion, roc=True))


def draw_calibration(comparison: Comparison) -> None:
    """Whether confidence can be trusted, and what abstaining buys."""
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        before = st.toggle("Show before calibration too", key="before_calibration")
    with right:
        target = st.slider(
            "Target accuracy",
            *(0.5, 0.99, 0.8, 0.01),
            format="percent",
            key="target",
            bind="query-params",
        )
    left, right = st.columns(2)
    with left:
        show_panel(reliability_panel(comparison, before=before))
    with right:
        panel, choices = coverage_panel(comparison, target)
        show_panel(panel)
    rows = calibration_rows(comparison)
    for row, choice in zip(rows, choices, strict=True):
        row["threshold"] = choice.threshold if choice.reached else None
        row["coverage"] = choice.coverage if choice.reached else None
    show_table(CALIBRATION, rows, "calibration-table")
    st.caption(
        "ECE is the mean gap between confidence and accuracy in 15 bins; Brier and negative "
        "log-likelihood (NLL) judge the whole distribution. Lower is better. Temperature and "
        "smoothing were fitted on validation; the threshold is read off this test set."
    )


def draw_cost(comparison: Comparison) -> None:
    """Accuracy against what it costs, with the Pareto front; latency again on this machine."""
    names = {title: key for key, (title, _, _) in COSTS.items()}
    cost = names[
        st.segmented_control(
            "Cost",
            list(names),
            default=next(iter(names)),
            key="cost",
            required=True,
            bind="query-params",
        )
    ]
    measured = st.session_state.setdefault("latency", {})
    show_panel(cost_panel(comparison, cost, remeasured=measured))
    if st.button(
        "Measure latency on this machine",
        icon=":material/timer:",
        help="One face on one CPU thread through the fastest backend. Takes a few seconds per run.",
    ):
        _measure_latency(comparison, measured)
        st.rerun()
    rows = [
        result_row(result) | {"latency_here": measured.get(result.name)}
        for result in comparison.results
    ]
    show_table(COST, rows, "cost-table")


def draw_agreement(comparison: Comparison) -> None:
    """Where runs agree, fail together, or complement each other."""
    if len(comparison.results) < 2:
        st.info("Agreement needs two runs. Choose another one above.", icon=":material/info:")
        return
    st.markdown(f"##### {plain(ensemble_sentence(comparison), 'markdown')}")
    left, right = st.columns(2)
    with left:
        show_panel(overlap_panel(comparison))
    with right:
        show_panel(agreement_panel(comparison))
    found = agreement(comparison.results)
    groups = {
        "Wrong together (the label may be the mistake)": found.wrong_together,
        "Wrong with different answers": found.wrong_apart,
    } | {
        f"Only {result.label} is correct": rows
        for result, rows in zip(comparison.results, found.only_correct, strict=True)
    }
    name = st.selectbox(
        "Faces",
        list(groups),
        key="agreement_group",
        format_func=lambda key: f"{key}: {len(groups[key]):,}",
    )
    rows = groups[name]
    # The most confident mistakes first: they say most about label noise.
    confidence = np.mean([result.probs.max(axis=1) for result in comparison.results], axis=0)
    draw_faces(comparison, rows[np.argsort(-confidence[rows], kind="stable")], comparison.results)


def draw_curves(comparison: Comparison) -> None:
    """Learning curves overlaid, with the study's published ones."""
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    with left:
        quantity = st.selectbox("Curve", list(CURVES), key="curve", bind="query-params")
    with middle:
        axis = st.segmented_control(
            "Over",
            list(AXES),
            default="epoch",
            key="axis",
            required=True,
            bind="query-params",
        )
    with right:
        smoothing = st.slider(
            "Smoothing", 0.0, 0.95, 0.0, 0.05, key="smoothing", bind="query-params"
        )
    study: list[str] = []
    has_study = quantity in ("Accuracy", "Loss", "Overfitting gap")
    same_faces = comparison.on_fer2013
    if axis == "epoch" and has_study and same_faces:
        present = {result.report.model for result in comparison.results}
        study = st.pills(
            "The study's curves (published)",
            load_study().models,
            selection_mode="multi",
            default=[model for model in load_study().models if model in present],
            key="study_curves",
        )
    elif has_study:
        st.caption(
            "The study's published curves have an epoch axis alone."
            if same_faces
            else "The study's published curves are left out: these runs saw other faces than it."
        )
    results = [(result.label, result.rows) for result in comparison.results]
    show_panel(curves_panel(results, quantity, axis=axis, smoothing=smoothing, study=study))
    if any(key.startswith("train") for key in CURVES[quantity][1]):
        st.caption(
            "Dashed: training. Solid: validation."
            + (" Gray and dotted: published by the study." if study else "")
        )


TABS: dict[str, Callable[[Comparison], None]] = {
    sections.SUMMARY: draw_summary,
    sections.CONFUSION: draw_confusion,
    sections.PER_EMOTION: draw_per_emotion,
    sections.CALIBRATED: draw_calibration,
    sections.COST: draw_cost,
    sections.AGREEMENT: draw_agreement,
    sections.ROBUST: draw_robustness,
    sections.CURVES: draw_curves,
}


def draw_report_button(comparison: Comparison) -> None:
    """The whole comparison as one HTML file; written only when asked for."""
    from emotion_core.reporting.html import comparison_html, comparison_json

    left, right = st.columns([1, 1])
    # A callable is run on the click, so that no page view pays for it.
    with left:
        st.download_button(
            "Download report (HTML)",
            data=lambda: comparison_html(comparison, robustness_of(comparison)).encode(),
            file_name="comparison.html",
            mime="text/html",
            icon=":material/description:",
            on_click="ignore",
            width="stretch",
            help="One self-contained file with all tables, figures, readings and provenance",
        )
    with right:
        st.download_button(
            "Download data (JSON)",
            data=lambda: comparison_json(comparison, robustness_of(comparison)).encode(),
            file_name="comparison.json",
            mime="application/json",
            icon=":material/data_object:",
            on_click="ignore",
            width="stretch",
        )


def _measure_latency(comparison: Comparison, measured: dict[str, float]) -> None:
    from emotion_core.models.latency import measure_latency

    by_name = {run.name: run for run in runs()}
    bar = st.progress(0.0, "Measuring latency")
    for index, result in enumerate(comparison.results):
        bar.progress(index / len(comparison.results), f"Measuring {result.label}")
        run = by_name.get(result.name)
        if run is None or not run.weights_path.exists():
            continue
        try:
            measured[result.name] = measure_latency(run).median_ms
        except EmotionError as error:
            st.toast(str(error), icon=":material/error:")
    bar.empty()
    if not any(result.name in measured for result in comparison.results):
        st.toast("None of these runs has weights to measure.", icon=":material/info:")


def _draw_refused(refused: Sequence[tuple[str, str]]) -> None:
    """Runs that are left out, by name, with the reason."""
    if refused:
        lines = "\n".join(f"- {reason}" for _, reason in refused)
        st.warning(f"{LEFT_OUT}\n{lines}", icon=":material/rule:")


@st.cache_resource(show_spinner="Comparing", max_entries=6, hash_funcs=hashes(*_FILES))
def _comparison(chosen: list[Run]) -> Comparison:
    return compare_runs(chosen)
