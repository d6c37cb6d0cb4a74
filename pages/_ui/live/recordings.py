"""The Live page's recordings: replay, marks, parts to leave out, other models, files, delete."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from emotion_core import units
from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.live.stream import LiveStream
from emotion_core.live.videos import VideoJob
from emotion_core.recording import store
from emotion_core.recording.facts import Notes
from emotion_core.recording.lanes import Lane, faces_of, recording_lanes, told
from emotion_core.recording.reread import read_again
from emotion_core.recording.rows import read_rows, table_of
from emotion_core.recording.store import Recording
from emotion_core.reporting.recording import (
    csv_parts,
    recording_html,
    recording_reading,
    viewer_data,
)
from emotion_core.text import plain
from pages._ui.access import offers
from pages._ui.live.lanes import show_film_lanes
from pages._ui.live.notes import ERROR, do, show_notes, take_note
from pages._ui.live.profiles import short_names
from pages._ui.live.settings import chosen_run
from pages._ui.widgets import show_empty, show_error

if TYPE_CHECKING:
    import pyarrow as pa

_CHOSEN, _JOB = "recording", "recording-job"
_FILM = ".st-key-recording-film video"
_SHOWN_FACES = 20  # most to choose from


@dataclass(frozen=True)
class Shown:
    """What the viewer shows of a recording.

    Attributes:
        recording: Which.
        table: Rows, as recorded or as read again.
        titles: Of the models that said so.
        faces: Taken together as one person.
    """

    recording: Recording
    table: "pa.Table"
    titles: tuple[str, ...]
    faces: tuple[int, ...]


def show_recordings(stream: LiveStream) -> None:
    """The list, and the viewer of the chosen one.

    Args:
        stream: This tab's; its models are those that can read a recording again.
    """
    if error := st.session_state.pop(ERROR, None):
        show_error(error)
    try:
        found = store.list_recordings()
    except OSError as problem:
        show_error(problem)
        return
    _show_deleted()
    if not found:
        show_empty("Nothing was recorded yet. Switch Record on beside a playing camera.")
        return
    recording = _pick(found)
    try:
        _show(stream, recording)
    except (EmotionError, OSError) as problem:
        show_error(problem)
        _show_delete(recording)


def _pick(found: list[Recording]) -> Recording:
    by_name = {item.name: item for item in found}
    if st.session_state.get(_CHOSEN) not in by_name:
        st.session_state[_CHOSEN] = found[0].name
    name = st.selectbox(
        "Recording", list(by_name), format_func=lambda name: _label(by_name[name]), key=_CHOSEN
    )
    return by_name[str(name)]


def _label(item: Recording) -> str:
    facts = item.facts
    begin = "shipped: drawn faces" if item.shipped else facts.started.replace("T", " ")
    cut = ", cut off by a crash" if facts.cut else ""
    size = units.megabytes(item.size_bytes())
    return f"{begin} · {facts.seconds:.0f} s · {facts.source} · {', '.join(facts.titles)} · {size}{cut}"


def _show(stream: LiveStream, recording: Recording) -> None:
    notes = recording.notes()
    left, right = st.columns([3, 2], gap="medium")
    with right:
        table, titles = _readings(stream, recording)
        shown = Shown(recording, table, titles, _pick_faces(recording, table))
        lanes = recording_lanes(table, titles, shown.faces)
        st.markdown(plain(recording_reading(told(lanes, notes), titles), "markdown"))
        _show_files(shown, lanes, notes)
        _show_delete(recording)
    with left:
        with st.container(key="recording-film"):
            st.video(str(recording.video), format="video/webm", muted=True)
        editable = offers(Action.RECORD, says=False) and not recording.shipped
        data = viewer_data(lanes, notes, recording.facts.seconds, editable=editable)
        show_film_lanes(
            data,
            _FILM,
            f"recording-lanes-{recording.name}",
            lambda note: take_note(recording, note),
        )
        if editable:
            show_notes(recording, notes)


def _readings(stream: LiveStream, recording: Recording) -> tuple["pa.Table", tuple[str, ...]]:
    """As recorded, or as read again by the models chosen above."""
    job, name, titles = st.session_state.get(_JOB) or (None, "", ())
    if name != recording.name:
        job = None
    used = [item for item in (stream.pipeline.classifier, stream.pipeline.second) if item]
    names = units.join_names(short_names(used))
    if st.button(
        f"Read again by {plain(names, 'markdown')}",
        icon=":material/replay:",
        key="recording-again",
        help="With the models chosen above; the film is read frame by frame.",
    ):
        run = chosen_run(stream)
        if run is not None:
            job = read_again(recording, run, stream.pipeline.classifier, stream.pipeline.second)
            titles = short_names(used)
            st.session_state[_JOB] = (job, recording.name, titles)
    if job is not None:
        state = job.state
        if state.kind == "running":
            st.fragment(_watch, run_every=0.5)(job)
        elif state.kind == "failed":
            st.error(plain(state.error, "markdown"), icon=":material/error:")
        elif state.result:
            again = f"read again by {units.join_names(titles)}"
            kind = st.segmented_control(
                "Readings", [again, "as recorded"], default=again, required=True,
                key=f"recording-kind-{id(job)}", label_visibility="collapsed",
            )  # fmt: skip
            if kind == again:
                return table_of(state.result.rows), titles
    return read_rows(recording.rows), recording.facts.titles


def _watch(job: VideoJob) -> None:
    state = job.state
    st.progress(state.share, f"Reading: {units.percent(state.share, 0)}")
    if state.kind != "running":
        st.rerun()


def _pick_faces(recording: Recording, table: "pa.Table") -> tuple[int, ...]:
    seen = dict(faces_of(table)[:_SHOWN_FACES])
    if len(seen) < 2:
        return tuple(seen)
    key = f"recording-faces-{recording.name}"
    if not set(st.session_state.get(key, ())) <= set(seen):
        st.session_state.pop(key, None)
    return tuple(
        st.multiselect(
            "Person",
            list(seen),
            default=list(seen)[:1],
            format_func=lambda face: f"face {face} ({seen[face]:.0f} s)",
            key=key,
            help="After a pause a person has another number: choose all of theirs.",
        )
        or list(seen)[:1]
    )


def _show_files(shown: Shown, lanes: tuple[Lane, ...], notes: Notes) -> None:
    recording = shown.recording
    with st.container(horizontal=True):
        st.download_button(
            "HTML",
            data=lambda: recording_html(recording, lanes, notes, shown.titles),
            file_name=f"recording-{recording.name}.html",
            mime="text/html",
            icon=":material/download:",
            on_click="ignore",
            key="recording-html",
            help="Film, lanes and figures in one file that plays in any browser.",
        )
        st.download_button(
            "CSV",
            data=lambda: "".join(csv_parts(shown.table, notes)),
            file_name=f"recording-{recording.name}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="recording-csv",
            help="A row per face and frame; what is left out has a 1 in the column excluded.",
        )


def _show_delete(recording: Recording) -> None:
    if recording.shipped or not offers(Action.RECORD, says=False):
        return
    if st.button(
        "Delete",
        icon=":material/delete:",
        key=f"recording-delete-{recording.name}",
        help="Undo is offered for an hour.",
    ):
        do(lambda: store.delete(recording))


def _restore(name: str) -> None:
    store.restore(name)
    st.session_state[_CHOSEN] = name


def _show_deleted() -> None:
    for name in store.deleted():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f":material/delete: **{name}** is deleted; within an hour it is removed permanently."
            )
            if st.button("Undo", key=f"recording-undo-{name}"):
                do(partial(_restore, name))
            if st.button("Delete permanently", key=f"recording-purge-{name}"):
                do(store.purge)
