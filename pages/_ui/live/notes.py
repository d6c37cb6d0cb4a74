"""Marks of a recording, and its parts that are left out."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.recording.facts import MAX_NOTE, Mark, Notes, Span
from emotion_core.recording.store import Recording
from pages._ui.live.lanes import Note

ERROR = "recording-error"


def show_notes(recording: Recording, notes: Notes) -> None:
    """Each mark and each part that is left out, to be changed or taken away."""
    if not (notes.marks or notes.excluded):
        return
    with st.expander("Marks and parts that are left out"):
        for index, mark in enumerate(notes.marks):
            with st.container(horizontal=True, vertical_alignment="bottom"):
                text = st.text_input(
                    f"Mark at {mark.time:.1f} s",
                    mark.note,
                    max_chars=MAX_NOTE,
                    key=f"recording-note-{recording.name}-{mark.time}-{index}",
                )
                gone = st.button("Remove", key=f"recording-unmark-{index}", icon=":material/close:")
            others = (*notes.marks[:index], *notes.marks[index + 1 :])
            if gone:
                do(partial(recording.save_notes, Notes(others, notes.excluded)))
            elif text != mark.note:
                changed = Notes(others, notes.excluded).with_mark(Mark(mark.time, text))
                do(partial(recording.save_notes, changed))
        for index, part in enumerate(notes.excluded):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"Left out: {part.start:.1f} to {part.end:.1f} s")
                if st.button("Remove", key=f"recording-include-{index}", icon=":material/close:"):
                    rest = (*notes.excluded[:index], *notes.excluded[index + 1 :])
                    do(partial(recording.save_notes, Notes(notes.marks, rest)))


def take_note(recording: Recording, note: Note) -> None:
    """A mark or an excluded part from the viewer; what comes from a browser is checked."""
    end = recording.facts.seconds
    try:
        times = [
            min(max(float(note[name]), 0.0), end) for name in ("start", "time") if name in note
        ]
        notes = recording.notes()
        if note.get("kind") == "mark":
            notes = notes.with_mark(Mark(round(times[-1], 2)))
        elif note.get("kind") == "exclude" and len(times) == 2:
            notes = notes.with_excluded(Span(round(min(times), 2), round(max(times), 2)))
        recording.save_notes(notes)
    except (EmotionError, TypeError, ValueError, KeyError, IndexError) as error:
        st.session_state[ERROR] = error


def do(change: Callable[[], object]) -> None:
    """Make a change and show the page anew; an error is told there."""
    try:
        change()
    except EmotionError as error:
        st.session_state[ERROR] = error
    st.rerun()
