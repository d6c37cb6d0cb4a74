"""On Live: "Wrong?" at the chosen face. The face is taken when it is pressed, and labelled after."""

from typing import TYPE_CHECKING

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.collect.faces import NewFace
from emotion_core.collect.labels import LABELS, TITLES
from emotion_core.errors import EmotionError
from emotion_core.labels import COLORS
from emotion_core.live.keeper import CORRECTED, LiveKeeper, as_new_faces
from emotion_core.live.stream import LiveStream
from emotion_core.plots.pictures import data_uri
from emotion_core.text import plain
from emotion_core.units import percent
from pages._ui.live.keeping import show_counter

if TYPE_CHECKING:
    from emotion_core.live.results import Face, FrameResult

_OPEN, _TOLD = "live-wrong-face", "live-wrong-told"


def show_wrong(stream: LiveStream, face: "Face | None", drawn: "FrameResult | None") -> None:
    """The button and, once it was pressed, the labels; nothing where faces are not kept.

    Args:
        stream: This tab's, with its keeper.
        face: The chosen one; None where none is in view.
        drawn: The result that the page shows.
    """
    keeper = stream.keeper
    if not isinstance(keeper, LiveKeeper):
        st.session_state.pop(_OPEN, None)
        return
    if not allowed(Action.COLLECT):  # signed out meanwhile
        stream.keeper = None
        return
    with st.container(horizontal=True, vertical_alignment="center", key="live-wrong"):
        several = drawn is not None and len(drawn.faces) > 1
        st.button(
            f"Wrong? (face {face.track_id})" if face and several else "Wrong?",
            icon=":material/edit:",
            key="live-wrong-button",
            disabled=face is None or not keeper.capture.consent,
            on_click=_open,
            args=(stream, face, drawn),
            help="Take this face as it is now, and say what it shows."
            if keeper.capture.consent
            else "Agree first, below the picture.",
        )
        if told := st.session_state.get(_TOLD):
            st.caption(plain(told, "markdown"), width="stretch")
    taken: NewFace | None = st.session_state.get(_OPEN)
    if taken is not None:
        _show_labels(keeper, taken)
    show_counter(keeper)


def _show_labels(keeper: LiveKeeper, taken: NewFace) -> None:
    picture = taken.face if taken.large is None else taken.large
    confidence = "" if taken.probs is None else f" ({percent(float(taken.probs.max()), 0)})"
    tones = "".join(
        f".st-key-live-label-{name} button{{border-bottom:3px solid {tone}}}"
        for name, tone in COLORS.items()
    )
    with st.container(border=True, key="live-labels"):
        st.html(
            f"<style>{tones}</style>"
            f'<div class="live-taken"><img alt="The face that was taken" src="{data_uri(picture)}">'
            f"<span><b>What does this face show?</b><br>The model says {taken.label}{confidence} to "
            "this picture.</span></div>"
        )
        with st.container(horizontal=True, gap="xsmall"):
            for label in LABELS:
                st.button(
                    TITLES[label],
                    key=f"live-label-{label}",
                    width="content",
                    on_click=_label,
                    args=(keeper, label),
                )
            st.button("Cancel", key="live-label-cancel", type="tertiary", on_click=_close)


def _open(stream: LiveStream, face: "Face", drawn: "FrameResult") -> None:
    """Take the face of the newest frame; where it has left the picture, as the page shows it."""
    newest = stream.state().result
    found = [item for item in newest.faces if item.track_id == face.track_id] if newest else []
    result, faces = (newest, found) if newest and found else (drawn, [face])
    taken = as_new_faces(result, faces, source="live", origin=CORRECTED)
    st.session_state[_OPEN] = next(iter(taken), None)
    st.session_state.pop(_TOLD, None)


def _label(keeper: LiveKeeper, label: str) -> None:
    taken: NewFace | None = st.session_state.get(_OPEN)
    if taken is None:  # a second click that came before the page was drawn anew
        return
    try:
        kept = keeper.keep(taken, label)
    except EmotionError as error:
        st.session_state[_TOLD] = str(error)
        return  # the face stays, to try again
    st.session_state[_TOLD] = (
        f"Kept as {TITLES[label]}." if kept else f"Not kept: {keeper.state().last}."
    )
    _close()


def _close() -> None:
    st.session_state.pop(_OPEN, None)
