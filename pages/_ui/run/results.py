"""A run's results: scores, curves, mistakes, model card."""

from collections.abc import Callable

import streamlit as st

from emotion_core import units
from emotion_core.errors import EmotionError
from emotion_core.evaluation.compare import Comparison, compare_runs
from emotion_core.plots import training as plots
from emotion_core.reporting.columns import COLUMNS, EMOTION, SCORES, TableRow
from emotion_core.reporting.rows import emotion_rows, scores_row
from emotion_core.runs.ancestry import training_course
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run, best_epoch
from emotion_core.text import plain
from pages._ui.cache import hashes, runs
from pages._ui.comparison.confusion import draw_confusion
from pages._ui.run.settings import show_difference, show_settings
from pages._ui.run.transfer import show_transfer
from pages._ui.tables import show_table
from pages._ui.widgets import show_error, show_figure, show_metrics


def show_scores(run: Run, report: Report) -> None:
    """Key figures, each emotion, each set of faces."""
    test, cost = report.test, report.cost
    show_metrics(
        [
            (
                "Accuracy",
                units.percent(test.accuracy),
                f"95 % CI {units.percent_range(test.accuracy_ci95)}",
                COLUMNS["accuracy"].help,
            ),
            (
                "Macro-F1",
                units.score(test.macro_f1),
                f"95 % CI {' to '.join(map(units.score, test.macro_f1_ci95))}",
                COLUMNS["macro_f1"].help,
            ),
            (
                "Calibration error (ECE)",
                units.score(test.ece),
                f"confidence is off by {units.points(test.ece)} on average",
                COLUMNS["ece"].help,
            ),
            (
                "Time per face",
                units.milliseconds(cost.latency_ms),
                f"{cost.latency_backend}, {units.millions(cost.parameters)} parameters",
                f"Median on {report.environment.cpu}, one face at a time.",
            ),
            (
                "Training",
                units.minutes(cost.training_seconds),
                f"on {report.trainer.hardware}",
                COLUMNS["training_seconds"].help,
            ),
        ]
    )
    left, right = st.columns(2)
    with left:
        st.header("Each emotion", anchor=False)
        show_table(EMOTION, emotion_rows(test), "run-emotions")
    with right:
        st.header("Each set of faces", anchor=False)
        show_table(SCORES, _sets(report), "run-sets", first=5)
        show_transfer(run)


def _sets(report: Report) -> list[TableRow]:
    parts = {
        "Test": report.test,
        "Test without near-duplicates of training": report.subsets.leak_free,
        "PrivateTest alone": report.subsets.private_test,
        "PublicTest alone": report.subsets.public_test,
        "Test, with mirrored faces": report.flip_tta.test,
        "Validation": report.val,
    }
    return [{"set": name, **scores_row(scores)} for name, scores in parts.items() if scores]


def show_curves(run: Run, report: Report | None = None) -> None:
    """Loss and accuracy over the epochs, joined to the runs that it was fine-tuned from."""
    course = training_course(run, runs())
    if not course.rows:
        st.caption("No epoch was finished." if report is None else "This run has no epochs.")
        return
    monitor, own = run.config().monitor, run.metrics()
    planned = None if report else run.config().epochs
    st.markdown(plots.reading(own, monitor, planned))
    if course.joined:
        st.caption(f"With the runs that it was fine-tuned from: {units.join_names(course.joined)}.")
    if course.missing:
        st.caption(
            f"Fine-tuned from {units.join_names(course.missing)}, whose curve is not here: only the "
            "last epochs are drawn."
        )
    before = int(course.rows[-1]["epoch"] - own[-1]["epoch"])
    best = before + best_epoch(own, monitor)
    for column, metric in zip(st.columns(2), plots.METRICS, strict=True):
        with column:
            show_figure(
                plots.curve(course.rows, metric, best_epoch=best), key=f"{metric}-{run.name}"
            )


def _show_mistakes(run: Run, report: Report) -> None:
    try:
        comparison = _alone(run)
    except EmotionError as error:
        show_error(error)
        return
    draw_confusion(comparison)


@st.cache_resource(
    show_spinner="Reading the predictions",
    max_entries=4,
    hash_funcs=hashes("config.json", "report.json", "predictions.npz"),
)
def _alone(run: Run) -> Comparison:
    return compare_runs([run])


def _show_settings(run: Run, report: Report) -> None:
    show_settings(run)
    show_difference(run)


def _show_card(run: Run, report: Report) -> None:
    from emotion_core.reporting.card import card_text

    text = card_text(run)
    st.download_button(
        "Download (Markdown)",
        data=text,
        file_name=f"{run.name}.md",
        mime="text/markdown",
        icon=":material/download:",
        on_click="ignore",
    )
    with st.container(border=True, key="model-card"):
        st.markdown(text)


PARTS: dict[str, Callable[[Run, Report], None]] = {
    "Scores": show_scores,
    "Curves": show_curves,
    "Mistakes": _show_mistakes,
    "Settings": _show_settings,
    "Model card": _show_card,
}


def show_title(run: Run, report: Report) -> None:
    """One line on how the run came about, its note and tag."""
    from emotion_core.reporting.words import generated_words, how_trained, test_result

    config = run.config()
    said = [test_result(report), report.fitted or f"{how_trained(run, report, runs())}."]
    said += [told] if (told := generated_words(report)) else []
    said += [config.note] if config.note else []
    st.caption(" ".join(plain(part, "markdown") for part in said))
