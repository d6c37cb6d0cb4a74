"""Tab Faces: what to label next, and faces that look like a chosen one."""

import streamlit as st

from emotion_core.collect.neighbours import Vectors, vectors_of
from emotion_core.collect.query import PAGE, Item, face_files, find_faces
from emotion_core.collect.review import RANDOM_WAS_AS_GOOD, next_faces
from emotion_core.errors import EmotionError
from emotion_core.runs.catalog import champion
from emotion_core.runs.run import Run
from pages._ui import cache
from pages._ui.widgets import show_error

NEXT = "what to label next"
_LIKE, _TURN = "collect-like", "collect-queue-turn"


def show_queue() -> None:
    """How the faces were chosen."""
    st.caption(
        f"Faces of which the model was least certain, different from one another. {RANDOM_WAS_AS_GOOD} "
        "Ask @champion first: a face that it has not seen comes last."
    )


def queue(name: str) -> list[Item]:
    """The faces to label next; another turn draws others at random."""
    return next_faces(name, _features(name), seed=st.session_state.get(_TURN, 0))


def next_turn() -> None:
    """Draw again."""
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def show_like(face: int) -> None:
    """From the next rerun on, show the faces like this one."""
    st.session_state[_LIKE] = face


def like(name: str) -> list[Item] | None:
    """The faces like the chosen one, itself first; None where none is chosen."""
    face = st.session_state.get(_LIKE)
    if face is None:
        return None
    found = vectors.like(face, PAGE) if (vectors := _features(name, tell=True)) else []
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Faces most like number {face}**, which is the first one", width="content")
        back = st.button("Back to all faces", icon=":material/arrow_back:")
    if back or not found:
        st.session_state.pop(_LIKE)
        st.session_state.pop("collect-shown", None)
        if back:
            st.rerun(scope="fragment")
        return None
    return find_faces(name, found)


def forget() -> None:
    """Take the features out of memory."""
    _vectors.clear()
    st.session_state.pop(_LIKE, None)


def _features(name: str, *, tell: bool = False) -> Vectors | None:
    """The champion's features of a collection's faces; None where there is no champion."""
    files = face_files(name)
    try:
        return _vectors(name, champion(), (len(files), max(files, default=0)))
    except EmotionError as error:
        if tell:
            show_error(error)
        return None


@st.cache_resource(
    show_spinner="Comparing the faces", max_entries=2, hash_funcs=cache.hashes("model.safetensors")
)
def _vectors(name: str, run: Run, faces: tuple[int, int]) -> Vectors:
    """Kept while no face comes or goes, which ``faces`` tells."""
    return vectors_of(name, run)
