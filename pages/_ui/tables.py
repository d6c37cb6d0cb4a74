"""Tables of results; their columns are those of every other writer."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from emotion_core.reporting.columns import TableRow, columns

_PINNED = 165  # pixels of the first column, which on a phone leaves room for two more


def show_table(
    keys: Sequence[str], rows: Sequence[TableRow], key: str, *, first: int | None = None
) -> None:
    """The columns of these keys that hold something, sortable, with units and explanations.

    Args:
        keys: Of ``reporting.columns``.
        rows: One per line.
        key: Unique on the page.
        first: How many columns are shown until the reader asks for more; all if None.
    """
    shown = columns(keys, rows)
    frame = pd.DataFrame([{c.title: row.get(c.key) for c in shown} for row in rows])
    # Shown as text, sorted as numbers.
    styled = frame.style.format({c.title: c.text for c in shown}, na_rep="–")
    config = {c.title: st.column_config.Column(help=c.help or None) for c in shown}
    config[shown[0].title] = st.column_config.Column(pinned=True, width=_PINNED)
    st.dataframe(
        styled,
        hide_index=True,
        key=key,
        placeholder="–",
        column_config=config,
        column_order=[c.title for c in shown[:first]],
        height="content",
    )
