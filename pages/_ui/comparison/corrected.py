"""The Comparison page's figures with corrections of test labels, where the owner has made some."""

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.collect.store import list_collections
from emotion_core.data.collected import overlay_labels
from emotion_core.errors import EmotionError
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.corrected import FAVOURS_MODELS, apply_corrections, both_figures
from emotion_core.units import faces, percent, score
from pages._ui.comparison.faces import faces_of
from pages._ui.widgets import show_error

_PUBLISHED = "As published"


def draw_corrected(comparison: Comparison) -> None:
    """Both figures of each run, once a list of corrections is chosen; nothing where there is none."""
    if not allowed(Action.COLLECT):
        return
    try:
        names = [item.name for item in list_collections("overlay") if item.faces]
        if not names:
            return
        chosen = st.selectbox(
            "Test labels",
            [_PUBLISHED, *names],
            format_func=lambda name: name if name == _PUBLISHED else f"With corrections of {name}",
            key="comparison-corrections",
            width=320,
        )
        if chosen == _PUBLISHED:
            return
        _draw(comparison, chosen)
    except EmotionError as error:
        show_error(error)


def _draw(comparison: Comparison, overlay: str) -> None:
    test = faces_of(comparison)
    if test is None:
        return
    found = apply_corrections(test, comparison.labels, overlay_labels(overlay))
    aside = int((~found.kept).sum())
    if not (found.changed or aside):
        st.info(f"**{overlay}** corrects none of these test faces.", icon=":material/info:")
        return
    st.dataframe(
        [
            {
                "Model": row.label,
                "Accuracy, as published": percent(row.accuracy),
                "Accuracy, with corrections": percent(row.corrected_accuracy),
                "Macro-F1, as published": score(row.macro_f1),
                "Macro-F1, with corrections": score(row.corrected_macro_f1),
            }
            for row in both_figures(comparison.ranked, found)
        ],
        hide_index=True,
    )
    st.caption(
        f"{faces(found.changed)} with another label, {faces(aside)} left out as unsure or no face, of "
        f"{len(comparison.labels):,}. {FAVOURS_MODELS}"
    )
