"""My face on Live: begins the guided minute, shows what to do at each moment, and learns at its end."""

import html
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.data.synthetic import draw_face
from emotion_core.errors import EmotionError
from emotion_core.live.stream import LiveStream
from emotion_core.personal.conclude import Conclusion, conclude
from emotion_core.personal.guide import LiveMinute
from emotion_core.personal.minute import HOW, GuidedMinute, Kind, Stage
from emotion_core.personal.profile import check_name
from emotion_core.plots.pictures import data_uri
from emotion_core.text import plain
from pages._ui import cache
from pages._ui.live.my_face_result import show_result
from pages._ui.live.profiles import own_profiles, use_profile
from pages._ui.live.settings import chosen_run
from pages._ui.widgets import duration

_ATTEMPT, _TOLD = "my-face-attempt", "my-face-told"
_STYLE = Path(__file__).with_name("my_face.css")
_PERSON, _SIDE = (77, 1), 240
_EVERY = 0.25  # seconds between two looks at the clock


@dataclass
class _Attempt:
    """One guided minute of this session: its watcher, what the person asked for, what came of it.

    The outcome is kept here, because a click while the model learns begins the page anew, and then
    whatever a run of the page has only put into its own variables is gone.
    """

    watcher: LiveMinute
    name: str
    pictures: bool
    found: Conclusion | None = None
    in_use: bool = False


def show_my_face_button(stream: LiveStream, playing: bool) -> None:
    """The way into the guided minute, for an owner whose camera is the source."""
    if stream.source is not None or not allowed(Action.COLLECT):
        return
    if st.button(
        "My face",
        key="my-face-open",
        icon=":material/face_retouching_natural:",
        help="Teach the model your own face, or see why it is wrong for you.",
        disabled=_is_running(),
    ):
        _show_beginning(stream, playing)


def show_guide(stream: LiveStream, playing: bool) -> bool:
    """What stands in place of the readout during the minute and until its result is put away.

    Returns:
        Whether there is something.
    """
    st.html(_STYLE)
    if told := st.session_state.pop(_TOLD, ""):
        st.info(plain(told, "markdown"), icon=":material/info:")
    attempt: _Attempt | None = st.session_state.get(_ATTEMPT)
    if attempt is None:
        return False
    if attempt.found is not None:
        _use(stream, attempt, attempt.found)
        show_result(attempt.found, _put_away)
        return True
    minute = attempt.watcher.minute
    if not playing:
        minute.stop()
    kind = minute.stage().kind
    if kind is Kind.STOPPED:
        _end(stream, "The minute was stopped. Nothing of it is kept.")
    if kind is Kind.DONE:
        _learn(stream, attempt)
    st.fragment(_show_stage, run_every=_EVERY)(stream, minute)
    return True


@st.dialog("My face")
def _show_beginning(stream: LiveStream, playing: bool) -> None:
    minute = GuidedMinute()
    st.markdown(
        f"A guided minute ({duration(minute.seconds)}): look neutral, then show six expressions, "
        "all of it twice. The model learns the first time and is judged by the second. It also "
        "says why it is wrong for you. The pictures stay in memory unless you keep them below."
    )
    name = st.text_input("Name of the profile", "me", key="my-face-name", max_chars=40)
    pictures = st.toggle(
        "Keep the pictures",
        key="my-face-pictures",
        help="The faces are then kept on this computer with the profile, and deleted with it. "
        "Without this the profile holds numbers only.",
    )
    if name in [item.name for item in own_profiles()]:
        st.caption(f"A profile '{name}' is there. It is replaced if the new one helps.")
    if not playing:
        st.caption(":material/info: Press Start first: the minute needs the camera.")
    if st.button(
        "Begin",
        key="my-face-begin",
        type="primary",
        icon=":material/timer:",
        disabled=not playing,
        on_click=_begin,
        args=(stream, minute, name, pictures),
    ):
        if _is_running():
            st.rerun()  # closes the dialog
        st.error(plain(st.session_state.pop(_TOLD, ""), "markdown"), icon=":material/error:")


def _begin(stream: LiveStream, minute: GuidedMinute, name: str, pictures: bool) -> None:
    try:
        check_name(name)
    except EmotionError as error:
        st.session_state[_TOLD] = str(error)
        return
    stream.paused = st.session_state["live-pause"] = False
    stream.watcher = LiveMinute(minute)
    st.session_state[_ATTEMPT] = _Attempt(stream.watcher, name, pictures)


def _show_stage(stream: LiveStream, minute: GuidedMinute) -> None:
    stage = minute.stage()
    problem = stream.state().problem
    if problem:
        minute.stop()
    if problem or stage.kind in (Kind.DONE, Kind.STOPPED):
        st.rerun(scope="app")
    st.html(_stage_html(stage, "Paused. Release Pause to go on." if stream.paused else ""))
    with st.container(horizontal=True):
        st.button(
            "Skip",
            key="my-face-skip",
            icon=":material/skip_next:",
            disabled=not stage.can_skip,
            on_click=_skip,
            args=(minute,),
            help="Leave this expression out if you cannot show it.",
        )
        st.button("Stop", key="my-face-stop", icon=":material/close:", on_click=minute.stop)


def _skip(minute: GuidedMinute) -> None:
    minute.skip()


def _stage_html(stage: Stage, paused: str) -> str:
    """What to do now, with a picture and the seconds left."""
    ready = stage.kind is Kind.READY
    told = "Get ready:" if ready else "Show:"
    again = " · second take" if stage.take == 2 else ""
    waiting = html.escape(paused or stage.waiting)
    done = (stage.number - 1 + (0 if ready else 0.5)) / max(stage.count, 1)
    return (
        f'<div class="my-face" data-expression="{stage.emotion}" data-kind="{stage.kind}">'
        f'<img src="{_picture(stage.emotion)}" alt="Drawn face that looks {stage.emotion}">'
        f"<div><small>{stage.number} of {stage.count}{again}</small>"
        f"<p>{told} <b>{stage.emotion}</b></p><p>{HOW[stage.emotion]}</p>"
        f'<span class="my-face-clock{"" if ready else " my-face-on"}">{math.ceil(stage.left)}</span>'
        f'<span class="my-face-wait" role="status">{waiting}</span></div>'
        f'<i style="--done:{done:.1%}"></i></div>'
    )


@lru_cache(maxsize=8)
def _picture(emotion: str) -> str:
    return data_uri(draw_face(emotion, _PERSON, _SIDE, clean=True, intensity=1.1))


def _learn(stream: LiveStream, attempt: _Attempt) -> None:
    run, minute = chosen_run(stream), attempt.watcher.minute
    if run is None:
        _end(stream, "The model was deleted meanwhile, so nothing was learned.")
        return
    try:
        with st.spinner("Learning your face"):
            attempt.found = conclude(
                *(attempt.name, run, cache.classifier(run), minute.takes(), minute.view()),
                pictures=attempt.pictures,
            )
    except EmotionError as error:
        _end(stream, str(error))
    st.rerun()


def _use(stream: LiveStream, attempt: _Attempt, found: Conclusion) -> None:
    """After the minute, once: let the faces go, and answer with the profile if it is kept."""
    if attempt.in_use:
        return
    attempt.in_use = True
    stream.watcher, attempt.watcher = None, LiveMinute(GuidedMinute())
    if found.kept:
        use_profile(found.name)
    st.rerun()


def _end(stream: LiveStream, told: str) -> None:
    """Go back to the readout, with a sentence above it."""
    stream.watcher = None
    _put_away()
    st.session_state[_TOLD] = told
    st.rerun()


def _put_away() -> None:
    st.session_state.pop(_ATTEMPT, None)


def _is_running() -> bool:
    attempt: _Attempt | None = st.session_state.get(_ATTEMPT)
    return attempt is not None and attempt.found is None
