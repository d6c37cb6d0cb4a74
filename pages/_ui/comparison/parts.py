"""The parts of the Comparison page; everything is computed from run folders and cached by them."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.evaluation import compare
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.study import MARK, load_study
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.panels.agreement import (
    agreement_panel,
    ensemble_sentence,
    overlap_panel,
)
from emotion_core.reporting.panels.calibration import (
    calibration_table,
    coverage_panel,
    reliability_panel,
)
from emotion_core.reporting.panels.cost import COSTS, cost_panel
from emotion_core.reporting.panels.curves import AXES, CURVES, curves_panel
from emotion_core.reporting.panels.panel import is_fer2013
from emotion_core.reporting.panels.scores import (
    accuracy_panel,
    one_vs_rest_panel,
    pairs_panel,
    per_emotion_panel,
)
from emotion_core.runs.catalog import is_shipped
from emotion_core.runs.run import Run
from pages._ui.cache import hashes, report_of, runs, update_links
from pages._ui.comparison.faces import draw_confusion, draw_faces
from pages._ui.comparison.robustness import draw_robustness, robustness_of
from pages._ui.widgets import draw_error, draw_panel, empty, percent, run_label

DEFAULT_RUNS = 5
_PINNED = 165  # pixels of a table's first column, which on a phone leaves room for two more
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
        empty("No run has finished yet. Train one, then compare.", "pages/training.py")
        st.stop()
    if "compare_runs" not in st.session_state:
        update_links("runs")
        wanted = st.query_params.get_all("runs")
        missing = [name for name in wanted if name not in choices]
        if missing:
            st.warning(f"This link names runs that are not here: {', '.join(missing)}.")
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
        draw_error(error)
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
    """The answer first: who is best, by how much, and whether it is chance."""
    results = comparison.results
    best = max(range(len(results)), key=lambda index: results[index].test.accuracy)
    if len(results) == 1:
        st.markdown(f"#### {accuracy_panel(comparison).reading}")
        return
    rest = [index for index in range(len(results)) if index != best]
    second = max(rest, key=lambda index: results[index].test.accuracy)
    sentence = comparison.sentence(comparison.pair(best, second))
    for space in (" = ", " < ", " %"):
        sentence = sentence.replace(space, space.replace(" ", "\u00a0"))
    st.markdown("#### " + sentence)


def pick_tab() -> str:
    """The part to look at, kept in the query string. Only this part is computed."""
    return str(
        st.segmented_control(
            "Look at",
            list(TABS),
            default="Summary",
            key="tab",
            label_visibility="collapsed",
            required=True,
            bind="query-params",
        )
    )


def draw_summary(comparison: Comparison) -> None:
    """Table, accuracy with intervals, and who beats whom."""
    draw_table(comparison)
    few = len(comparison.results) <= _SIDE_BY_SIDE
    left, right = st.columns([3, 2]) if few else (st.container(), st.container())
    with left:
        draw_panel(accuracy_panel(comparison))
    with right:
        if comparison.pairs:
            draw_panel(pairs_panel(comparison))
    if comparison.pairs:
        st.markdown("##### Pair by pair")
        pairs = sorted(comparison.pairs, key=lambda pair: -abs(pair.accuracy))
        st.markdown("\n".join(f"- {comparison.sentence(pair)}" for pair in pairs))
        st.caption(
            "McNemar's exact test with Holm's correction; intervals from "
            f"{len(comparison.samples.accuracy):,} paired bootstrap resamples."
        )


def draw_table(comparison: Comparison) -> None:
    """One line a run; every column has a unit."""
    rows = [compare.table_row(result) for result in comparison.results]
    shown = []
    for row in sorted(rows, key=lambda row: -row["accuracy"]):
        shown.append(
            {
                "Run": row["label"],
                "Accuracy": 100 * row["accuracy"],
                "95 % interval": f"{100 * row['accuracy_low']:.1f} to {100 * row['accuracy_high']:.1f}",
                "Macro-F1": row["macro_f1"],
                "Weighted F1": row["weighted_f1"],
                "PrivateTest": 100 * row["private_test"],
                "Without leaks": 100 * row["leak_free"],
                "With flip": 100 * row["flip_tta"],
                "ECE": row["ece"],
                "Val peak": 100 * row["val_peak"],
                "At epoch": row["val_peak_epoch"],
                "Train − val": 100 * row["gap"],
                "Parameters": row["parameters"] / 1e6,
                "MACs": row["macs"] / 1e6,
                "Size": row["size_bytes"] / 1e6,
                "CPU ms": row["latency_ms"],
                "Training": row["train_seconds"] / 60,
                "Folder": row["run"],
            }
        )
    if is_fer2013(comparison):
        shown += _study_table()
    shown = _without_empty_columns(shown)
    number = st.column_config.NumberColumn
    st.dataframe(
        shown,
        hide_index=True,
        key="comparison-table",
        placeholder="–",
        column_config={
            "Run": st.column_config.TextColumn(pinned=True, width=_PINNED),
            "Accuracy": number(format="%.1f %%", help="Share of test faces that are right"),
            "Macro-F1": number(format="%.3f", help="Mean F1 of the seven emotions"),
            "Weighted F1": number(format="%.3f", help="F1 weighted by support"),
            "PrivateTest": number(format="%.1f %%", help="FER-2013's PrivateTest half alone"),
            "Without leaks": number(
                format="%.1f %%", help="Test faces without a twin in the training data"
            ),
            "With flip": number(format="%.1f %%", help="Mean with the mirrored face"),
            "ECE": number(format="%.3f", help="Gap between confidence and accuracy"),
            "Val peak": number(format="%.1f %%", help="Best validation accuracy"),
            "Train − val": number(format="%.1f pp", help="Overfitting gap at that epoch"),
            "Parameters": number(format="%.2f M"),
            "MACs": number(format="%.0f M", help="Multiply-adds for one face"),
            "Size": number(format="%.1f MB", help="Weights on disk"),
            "CPU ms": number(format="%.2f", help="One face on one CPU thread, fastest backend"),
            "Training": number(format="%.1f min"),
        },
    )
    if is_fer2013(comparison):
        st.caption(f"Rows *published*: the study's own figures ({MARK} here).")


def draw_per_emotion(comparison: Comparison) -> None:
    """Scores of each emotion with support, and one emotion against the rest."""
    names = {"F1": "f1", "Precision": "precision", "Recall": "recall"}
    metric = st.segmented_control(
        "Score", list(names), default="F1", key="score", required=True, bind="query-params"
    )
    draw_panel(per_emotion_panel(comparison, names[metric]))
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
        draw_panel(one_vs_rest_panel(comparison, emotion, roc=False))
    with right:
        draw_panel(one_vs_rest_panel(comparison, emotion, roc=True))


def draw_calibration(comparison: Comparison) -> None:
    """Whether confidence can be trusted, and what abstaining buys."""
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        before = st.toggle("Show before calibration too", key="before_calibration")
    with right:
        target = st.slider(
            "Accuracy that answers should have",
            *(0.5, 0.99, 0.8, 0.01),
            format="percent",
            key="target",
            bind="query-params",
        )
    left, right = st.columns(2)
    with left:
        draw_panel(reliability_panel(comparison, before=before))
    with right:
        panel, choices = coverage_panel(comparison, target)
        draw_panel(panel)
    rows = _calibration_rows(comparison)
    for row, choice in zip(rows, choices, strict=True):
        reached = choice.reached
        row["Abstain below"] = f"{choice.threshold:.2f}" if reached else "not reached"
        row["Answered"] = percent(choice.coverage, 0) if reached else ""
    number = st.column_config.NumberColumn
    three = number(format="%.3f")
    st.dataframe(
        rows,
        hide_index=True,
        key="calibration-table",
        column_config={
            "Run": st.column_config.TextColumn(pinned=True),
            "Temperature": number(format="%.2f", help="Above 1 the raw outputs were too sure"),
            "Smoothing": number(
                format="%.2f",
                help="Share of a uniform answer that training mixed in and calibration takes out",
            ),
            "Abstain below": st.column_config.TextColumn(
                help="Confidence that gives the accuracy chosen above"
            ),
            "Answered": st.column_config.TextColumn(help="Share of faces that still get an answer"),
        }
        | {name: three for name in rows[0] if name.endswith((" before", " after"))},
    )
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
    draw_panel(cost_panel(comparison, cost, remeasured=measured))
    if st.button(
        "Measure latency on this machine",
        icon=":material/timer:",
        help="One face on one CPU thread through the fastest backend. Takes a few seconds a run.",
    ):
        _measure_latency(comparison, measured)
        st.rerun()
    rows = []
    for result in comparison.results:
        row = compare.table_row(result)
        report, values = result.report, result.report.cost
        rows.append(
            {
                "Run": result.label,
                "Accuracy": 100 * row["accuracy"],
                "CPU ms, stored": row["latency_ms"],
                "CPU ms, here": measured.get(result.name),
                "Backend": values.latency_backend,
                "Parameters": row["parameters"] / 1e6,
                "MACs": row["macs"] / 1e6,
                "Size": row["size_bytes"] / 1e6,
                "Training": row["train_seconds"] / 60,
                "Images/s": values.images_per_second,
                "Timed on": report.environment.processor,
                "Trained on": report.trainer.hardware
                if report.trained_on
                else report.environment.processor,
            }
        )
    number = st.column_config.NumberColumn
    st.dataframe(
        _without_empty_columns(rows),
        hide_index=True,
        key="cost-table",
        placeholder="–",
        column_config={
            "Run": st.column_config.TextColumn(pinned=True, width=_PINNED),
            "Accuracy": number(format="%.1f %%"),
            "CPU ms, stored": number(format="%.2f", help="When the run was evaluated"),
            "CPU ms, here": number(format="%.2f", help="Measured just now"),
            "Parameters": number(format="%.2f M"),
            "MACs": number(format="%.0f M"),
            "Size": number(format="%.1f MB"),
            "Training": number(format="%.1f min"),
            "Images/s": number(format="%.0f", help="While training"),
        },
    )


def draw_agreement(comparison: Comparison) -> None:
    """Where runs agree, fail together, or complement each other."""
    if len(comparison.results) < 2:
        st.info("Agreement needs two runs. Choose another one above.", icon=":material/info:")
        return
    st.markdown(f"##### {ensemble_sentence(comparison)}")
    left, right = st.columns(2)
    with left:
        draw_panel(overlap_panel(comparison))
    with right:
        draw_panel(agreement_panel(comparison))
    found = compare.agreement(comparison.results)
    groups = {
        "Wrong together (the label may be the mistake)": found.wrong_together,
        "Wrong with different answers": found.wrong_apart,
    } | {
        f"Only {result.label} is right": rows
        for result, rows in zip(comparison.results, found.only_right, strict=True)
    }
    name = st.selectbox(
        "Faces",
        list(groups),
        key="agreement_group",
        format_func=lambda key: f"{key}: {len(groups[key]):,}",
    )
    rows = groups[name]
    # The surest mistakes first: they say most about label noise.
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
    same_faces = is_fer2013(comparison)
    if axis == "epoch" and has_study and same_faces:
        present = {result.report.model for result in comparison.results}
        study = st.pills(
            f"The study's curves ({MARK})",
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
    results = [(result.label, result.report.model, result.rows) for result in comparison.results]
    draw_panel(curves_panel(results, quantity, axis=axis, smoothing=smoothing, study=study))
    if any(key.startswith("train") for key in CURVES[quantity][1]):
        st.caption(
            "Dashed: training. Solid: validation."
            + (" Gray and dotted: published by the study." if study else "")
        )


TABS: dict[str, Callable[[Comparison], None]] = {
    "Summary": draw_summary,
    "Confusion": draw_confusion,
    "Per emotion": draw_per_emotion,
    "Calibration": draw_calibration,
    "Cost": draw_cost,
    "Agreement": draw_agreement,
    "Robustness": draw_robustness,
    "Learning curves": draw_curves,
}


def draw_report_button(comparison: Comparison) -> None:
    """The whole comparison as one HTML file; written only when asked for."""
    from emotion_core.reporting.html import comparison_html, comparison_json

    left, right = st.columns([1, 1])
    # A callable is run on the click, so that no page view pays for it.
    with left:
        st.download_button(
            "Report as HTML",
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
            "The same as JSON",
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
        st.warning(f"Left out:\n{lines}", icon=":material/rule:")


def _calibration_rows(comparison: Comparison) -> list[dict[str, Any]]:
    names = {"ece": "ECE", "brier": "Brier", "nll": "NLL"}
    rows = []
    for row in calibration_table(comparison):
        shown: dict[str, Any] = {"Run": row["run"], "Temperature": row["temperature"]}
        shown["Smoothing"] = row["smoothing"]
        for key, name in names.items():
            for stage in ("before", "after"):
                shown[f"{name} {stage}"] = row[f"{key}_{stage}"]
        rows.append(shown)
    return rows


def _study_table() -> list[dict[str, Any]]:
    """The study's figures as table rows, marked as published."""
    study, test = load_study(), load_study().test
    rows = []
    for model in study.models:
        row: dict[str, Any] = {"Run": f"{model}, published"}
        peak = max(study.rows(model), key=lambda item: item["val_accuracy"])
        row["Val peak"], row["At epoch"] = 100 * peak["val_accuracy"], peak["epoch"]
        row["Train − val"] = 100 * (peak["train_accuracy"] - peak["val_accuracy"])
        if model in study.parameters:
            row["Parameters"] = study.parameters[model] / 1e6
        if model == test.model:
            row["Accuracy"], row["Macro-F1"] = 100 * test.accuracy, test.macro_f1
        rows.append(row)
    return rows


def _without_empty_columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Columns that hold nothing for any run only push the others out of sight."""

    def empty_value(value: Any) -> bool:
        return value is None or value == "" or (isinstance(value, float) and math.isnan(value))

    keys = list(dict.fromkeys(key for row in rows for key in row))
    kept = [key for key in keys if not all(empty_value(row.get(key)) for row in rows)]
    return [{key: row.get(key) for key in kept} for row in rows]


@st.cache_resource(show_spinner="Comparing", max_entries=6, hash_funcs=hashes(*_FILES))
def _comparison(chosen: list[Run]) -> Comparison:
    return compare.compare_runs(chosen)
