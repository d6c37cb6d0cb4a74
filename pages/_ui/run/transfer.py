"""A run's answers under other crops, light and cameras."""

import streamlit as st

from emotion_core.evaluation.transfer import load_transfer
from emotion_core.reporting.columns import TRANSFER
from emotion_core.reporting.transfer import transfer_rows, transfer_sentence
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui.tables import show_table


def show_transfer(run: Run) -> None:
    """The five parts and their mean; how to measure where that was not done."""
    found = load_transfer(run)
    if found is None and not run.weights_path.exists():
        return
    st.header("Other crops, light and cameras", anchor=False)
    if found is None:
        st.caption(f"Not measured yet: `python -m emotion_core transfer {run.name}`")
        return
    show_table(TRANSFER, transfer_rows(found), "run-transfer")
    st.caption(plain(transfer_sentence(found), "markdown"))
