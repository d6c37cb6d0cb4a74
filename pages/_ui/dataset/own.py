"""The Dataset page's choice of a collection of one's own."""

import streamlit as st

from emotion_core.collect.store import list_collections
from emotion_core.data.collection_file import COLLECTION_SPEC
from emotion_core.data.fer2013 import FER2013_SPEC
from emotion_core.units import faces
from pages._ui.frame import page_link

_WITH_FER = f"{FER2013_SPEC}+"


def is_own(spec: str) -> bool:
    """Whether a spec is a collection, alone or beside FER-2013."""
    return spec.removeprefix(_WITH_FER).startswith(COLLECTION_SPEC)


def pick_collection(wanted: str) -> str | None:
    """The spec of a collection with labelled faces, alone or beside FER-2013."""
    found = {item.name: item for item in list_collections() if item.confirmed}
    if not found:
        st.info("No collection has a face with a confirmed label yet.", icon=":material/label:")
        page_link("pages/collect.py", "Label faces")
        return None
    key = "data-collection"
    if st.session_state.get(key) not in found:
        name = wanted.removeprefix(_WITH_FER).removeprefix(COLLECTION_SPEC).partition("#")[0]
        st.session_state[key] = name if name in found else next(iter(found))
        st.session_state["data-with-fer"] = wanted.startswith(_WITH_FER)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Collection",
            list(found),
            format_func=lambda item: f"{item} · {faces(found[item].confirmed)} with a label",
            key=key,
        )
        beside = st.toggle(
            "Together with FER-2013",
            key="data-with-fer",
            help="Both are one data set: your faces are added to those of each split.",
        )
        page_link("pages/collect.py", "Label faces", {"collection": name})
    return f"{_WITH_FER if beside else ''}{COLLECTION_SPEC}{name}"
