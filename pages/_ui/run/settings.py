"""A run's settings, and what differs from another run."""

import streamlit as st

from emotion_core import units
from emotion_core.evaluation.selection import Entry
from emotion_core.reporting.columns import COLUMNS, SUMMARY
from emotion_core.reporting.rows import run_row
from emotion_core.reporting.settings import differing_rows, settings_rows
from emotion_core.runs.catalog import with_names
from emotion_core.runs.run import Run
from pages._ui.cache import finished_entries, report_of
from pages._ui.widgets import run_label

_ROW = 35  # pixels


def show_settings(run: Run) -> None:
    """What differs from the recipe first, then everything."""
    rows = settings_rows(with_names(run))
    changed = sum(bool(row["Changed"]) for row in rows)
    st.caption(
        f"{units.several(changed, 'setting')} changed from the recipe."
        if changed
        else "All settings are the recipe's."
    )
    st.dataframe(
        rows,
        hide_index=True,
        key=f"settings-{run.name}",
        height=min(560, 38 + _ROW * len(rows)),
        column_config={"Changed": st.column_config.CheckboxColumn(width="small")},
    )


def show_difference(run: Run) -> None:
    """Another run beside this one: settings that differ, and the figures of both."""
    others = {other.name: other for other, _ in finished_entries() if other != run}
    if not others:
        return
    st.header("What differs from another run", anchor=False)
    name = st.selectbox(
        "Another run",
        list(others),
        index=None,
        format_func=lambda name: run_label(others[name]) if name in others else name,
        key="run-other",
        placeholder="Choose a run to set beside this one",
    )
    if name not in others:
        return
    other = others[name]
    pair: list[Entry] = [(one, r) for one in (run, other) if (r := report_of(one))]
    rows = differing_rows({one.name: with_names(one) for one in (run, other)})
    left, right = st.columns(2)
    with left:
        if rows:
            st.dataframe(rows, hide_index=True, key="run-difference", height="content")
        else:
            st.caption("Their settings are the same.")
    with right:
        figures = [run_row(one.name, report, one.metrics()) for one, report in pair]
        table = [
            {"Figure": column.title} | {str(row["label"]): column.text(row[key]) for row in figures}
            for key in SUMMARY[1:]
            if any((column := COLUMNS[key]).text(row.get(key)) for row in figures)
        ]
        st.dataframe(table, hide_index=True, key="run-figures", height="content")
        if len({report.data.test_fingerprint for _, report in pair}) > 1:
            st.caption(
                "They were tested on different faces, so their accuracies cannot be compared."
            )
