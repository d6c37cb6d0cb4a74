"""A table of finished runs that can be sorted; a click on a row opens the run's page."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from emotion_core.evaluation.selection import Entry
from emotion_core.models.titles import model_title, recipe_title
from emotion_core.plots.theme import run_colors
from emotion_core.reporting.columns import COLUMNS
from emotion_core.reporting.rows import run_row
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run

_DOT = "color"
_SCALE = (50.0, 75.0)  # per cent, wider where a run lies outside


def show_run_table(entries: Sequence[Entry], key: str) -> None:
    """The runs, one per row.

    Args:
        entries: The runs, in order.
        key: Unique on the page.
    """
    names = [run.name for run, _ in entries]
    rows = [_row(*entry) for entry in entries]
    percents = [100 * report.test.accuracy for _, report in entries]
    low = min(_SCALE[0], 5 * math.floor(min(percents) / 5))
    high = max(_SCALE[1], 5 * math.ceil(max(percents) / 5))
    # A table keeps its cell selected, and a click on it would do nothing; a new one has none.
    drawn = f"{key}-{st.session_state.get(f'{key}-opened', 0)}"
    colors = run_colors([run.id for run, _ in entries])
    dots = [f"color: {colors[run.id]}" for run, _ in entries]
    table = pd.DataFrame(rows).style.apply(lambda column: dots, subset=[_DOT])
    event = st.dataframe(
        table,
        hide_index=True,
        key=drawn,
        on_select="rerun",
        selection_mode="single-cell",
        height="content",
        column_config={
            _DOT: st.column_config.Column(
                "Color", width=58, help="The run's color in every figure."
            ),
            "Accuracy": st.column_config.ProgressColumn(
                help=f"{COLUMNS['accuracy'].help} The bar runs from {low:.0f} to {high:.0f} %.",
                format="%.1f %%",
                min_value=low,
                max_value=high,
                width="medium",
            ),
            "Macro-F1": st.column_config.NumberColumn(format="%.3f", help=COLUMNS["macro_f1"].help),
            "Time per face (ms)": st.column_config.NumberColumn(
                format="%.2f", help=COLUMNS["latency_ms"].help
            ),
            "Parameters (M)": st.column_config.NumberColumn(
                format="%.2f", help=COLUMNS["parameters"].help
            ),
        },
    )
    if cells := event.selection.cells:
        st.session_state[f"{key}-opened"] = st.session_state.get(f"{key}-opened", 0) + 1
        st.switch_page("pages/run.py", query_params={"run": names[cells[0][0]]})


def _row(run: Run, report: Report) -> dict[str, str | float]:
    row = run_row(model_title(report.model), report)
    recipe = recipe_title(report.recipe)
    return {
        _DOT: "●",
        "Model": str(row["label"]),
        "Recipe": "" if report.fitted else recipe[0].upper() + recipe[1:],
        "Accuracy": 100 * report.test.accuracy,
        "95 % interval": str(row["accuracy_ci95"]),
        "Macro-F1": report.test.macro_f1,
        "Time per face (ms)": report.cost.latency_ms,
        "Parameters (M)": report.cost.parameters / 1e6,
        "Run": run.name,
    }
