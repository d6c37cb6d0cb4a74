"""The Training page's layer table."""

from typing import Any

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.recipes import TrainConfig
from pages._ui.widgets import show_error


def show_layers(configs: list[TrainConfig]) -> None:
    """The layers of each architecture of the form, worked out when they are asked for."""
    box = st.expander("Layers", icon=":material/layers:", on_change="rerun", key="train-layers")
    if not box.open:
        return
    with box:
        for config in configs:
            try:
                rows = _layers(config.model, config.options)
            except EmotionError as error:
                show_error(error)
                continue
            _show_table(config.model, rows)


def _show_table(model: str, rows: list[dict[str, Any]]) -> None:
    parameters = sum(row["Parameters"] for row in rows)
    macs = sum(row["Multiply-adds"] for row in rows)
    st.markdown(f"**{model}**")
    st.caption(
        f"{parameters:,} parameters, {macs / 1e6:,.1f} million multiply-adds per face, "
        f"{len(rows)} layers."
    )
    st.dataframe(
        rows,
        hide_index=True,
        height=min(420, 38 + 35 * len(rows)),
        column_config={
            name: st.column_config.NumberColumn(format="localized")
            for name in ("Parameters", "Multiply-adds")
        },
        key=f"train-layers-{model}",
    )


@st.cache_data(show_spinner="Counting the layers", max_entries=64)
def _layers(model: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    from emotion_core.models.layers import layers_of

    return [
        {
            "Layer": row.name,
            "Kind": row.kind,
            "Output": " × ".join(map(str, row.output_shape)),
            "Parameters": row.parameters,
            "Multiply-adds": row.macs,
        }
        for row in layers_of(model, options)
    ]
