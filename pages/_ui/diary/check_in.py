"""A check-in in two taps: a place on the grid or a word, then Save."""

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.labels import EMOTIONS
from emotion_core.personal import diary
from emotion_core.personal.clock import local_time, offset_at
from emotion_core.personal.entries import MOST_NOTE, MOST_TAG, TAGS, CheckIn, on_grid
from emotion_core.plots.diary import affect_grid
from emotion_core.text import plain
from pages._ui.widgets import show_figure

_GRID = "diary-grid"  # whether a place on the grid was chosen
_VALENCE, _AROUSAL, _WORD, _NOTE = "diary-valence", "diary-arousal", "diary-word", "diary-note"
_SAVED, _FAILED = "diary-saved", "diary-failed"
# All seven words in view on a phone as well.
_STYLE = """<style>
.st-key-diary-check-in [data-testid="stButtonGroup"],
.st-key-diary-check-in [data-testid="stButtonGroup"] > div { flex-wrap: wrap; }
</style>"""


def show_check_in(own: Sequence[CheckIn]) -> None:
    """The grid, the words, tags and a note; the latest entries can be taken back.

    Args:
        own: Check-ins so far, whose tags are offered again.
    """
    st.html(_STYLE)
    with st.container(border=True, key="diary-check-in"):
        st.header("Check in", anchor=False)
        st.caption("Tap a square or a word, or both, then Save. How do you feel, in your own view?")
        left, right = st.columns([2, 3], gap="medium")
        with left:
            _show_grid()
        with right:
            st.pills("Word", EMOTIONS, key=_WORD)
            _show_tags(own)
            st.text_input("Note", key=_NOTE, max_chars=MOST_NOTE, placeholder="optional")
            ready = bool(st.session_state.get(_GRID) or st.session_state.get(_WORD))
            st.button(
                "Save",
                key="diary-save",
                type="primary",
                icon=":material/check:",
                disabled=not ready,
                on_click=_save,
            )
            _show_saved()


def _show_grid() -> None:
    chosen = bool(st.session_state.get(_GRID))
    valence = st.session_state.setdefault(_VALENCE, 0.0)
    arousal = st.session_state.setdefault(_AROUSAL, 0.0)
    figure = affect_grid(valence, arousal) if chosen else affect_grid(9, 9)
    where = on_grid(valence, arousal) if chosen else "nothing chosen"
    show_figure(figure, "diary-affect", on_click=_pick)
    st.caption(f"Affect grid: {where}.")
    with st.expander("Choose without a pointer"):
        for label, key in (("Unpleasant to pleasant", _VALENCE), ("Sleepy to activated", _AROUSAL)):
            st.slider(label, -1.0, 1.0, step=0.25, key=key, on_change=_chose)
        if chosen:
            st.button("Clear the grid", key="diary-grid-clear", on_click=_clear_grid)


def _show_tags(own: Sequence[CheckIn]) -> None:
    with st.container(horizontal=True, key="diary-tags"):
        for tag in TAGS:
            used = [getattr(item, tag) for item in reversed(own) if getattr(item, tag)]
            st.selectbox(
                tag.capitalize(),
                list(dict.fromkeys(used))[:20],
                index=None,
                accept_new_options=True,
                placeholder="choose or type",
                key=f"diary-{tag}",
                width=170,
            )


def _show_saved() -> None:
    if failed := st.session_state.pop(_FAILED, ""):
        st.error(plain(failed, "markdown"), icon=":material/error:")
    saved = st.session_state.get(_SAVED)
    if saved:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/check_circle: {saved[1]}", width="content")
            st.button("Undo", key="diary-undo", type="tertiary", on_click=_undo, args=(saved[0],))


def _pick(place: Sequence[Any]) -> None:
    st.session_state[_VALENCE], st.session_state[_AROUSAL] = float(place[0]), float(place[1])
    _chose()


def _chose() -> None:
    st.session_state[_GRID] = True


def _clear_grid() -> None:
    st.session_state.update({_GRID: False, _VALENCE: 0.0, _AROUSAL: 0.0})


def _save() -> None:
    state = st.session_state
    now = int(time.time())
    placed = bool(state.get(_GRID))
    tags = {tag: (state.get(f"diary-{tag}") or "").strip()[:MOST_TAG] for tag in TAGS}
    entry = CheckIn(
        now,
        offset_at(now),
        valence=state[_VALENCE] if placed else None,
        arousal=state[_AROUSAL] if placed else None,
        word=state.get(_WORD) or "",
        note=state.get(_NOTE, "").strip(),
        place=tags["place"],
        company=tags["company"],
        activity=tags["activity"],
    )
    try:
        number = diary.check_in(entry)
    except EmotionError as error:
        state[_FAILED] = str(error)
        return
    state[_SAVED] = (number, f"Saved at {local_time(now, entry.offset):%H:%M}.")
    _clear_grid()
    state[_WORD], state[_NOTE] = None, ""


def _undo(number: int) -> None:
    try:
        diary.delete_check_in(number)
    except EmotionError as error:
        st.session_state[_FAILED] = str(error)
    st.session_state.pop(_SAVED, None)
