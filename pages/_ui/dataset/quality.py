"""The Dataset page's quality: what was fixed on import, and which photographs occur twice."""

import streamlit as st

from emotion_core.access import Action
from emotion_core.data.faces import FaceData
from emotion_core.data.repeats import count_repeats, is_counted, repeats_reading
from pages._ui.access import offers
from pages._ui.cache import HASHES

_FACES_PER_SECOND = 600  # of the search, on two cores


def show_import_notes(data: FaceData) -> None:
    """What the loader fixed or left out."""
    if not data.notes:
        st.success(
            f"No problems found: all {len(data):,} images were read unchanged.",
            icon=":material/check_circle:",
        )
        return
    st.header("Notes from the import", anchor=False)
    st.dataframe(
        [
            {"Kind": note.kind, "What": note.thing, "Message": note.message, "Images": note.count}
            for note in data.notes
        ],
        hide_index=True,
        key="data-notes",
    )


def show_duplicates(data: FaceData) -> None:
    """Duplicates, leaks between the splits and contradicting labels, counted on one click."""
    st.header("Duplicates and leaks", anchor=False)
    if not is_counted(data):
        if not offers(Action.MEASURE):
            return
        seconds = max(1, round(len(data) / _FACES_PER_SECOND))
        st.markdown(
            "The same photograph in training and test makes a model look better than it is. The "
            f"search compares all {len(data):,} faces with each other, also mirrored, turned and zoomed."
        )
        clicked = st.button(
            f"Find duplicates (about {seconds} s)",
            icon=":material/content_copy:",
            key="data-duplicates",
        )
        if not clicked:
            return
        bar = st.progress(0.0, "Comparing all faces")
        # What it finds is kept, and the next run of the page reads it.
        count_repeats(data, lambda text, share: bar.progress(share, text))
        st.rerun()
    found = _summary(data)
    st.markdown(repeats_reading(found))
    with st.expander("All counts", icon=":material/table:"):
        st.dataframe(
            [{"Count of": text, "Number": number} for text, number in found.items()],
            hide_index=True,
            column_config={"Number": st.column_config.NumberColumn(format="localized")},
            key="data-duplicate-counts",
        )


@st.cache_data(show_spinner=False, max_entries=8, hash_funcs=HASHES)
def _summary(data: FaceData) -> dict[str, int]:
    return count_repeats(data)
