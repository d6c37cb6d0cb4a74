"""The Comparison page's agreement: where runs answer alike, and what averaging them brings."""

import numpy as np
import streamlit as st

from emotion_core.evaluation.compare import Comparison, agreement
from emotion_core.reporting.panels.agreement import agreement_panel, overlap_panel
from emotion_core.reporting.words import ensemble_sentence
from emotion_core.text import plain
from pages._ui.comparison.faces import draw_faces
from pages._ui.widgets import show_panel


def draw_agreement(comparison: Comparison) -> None:
    """Where runs agree, fail together, or complement each other."""
    if len(comparison.results) < 2:
        st.info("Agreement needs two runs. Choose another one above.", icon=":material/info:")
        return
    st.markdown(f"**{plain(ensemble_sentence(comparison), 'markdown')}**")
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
