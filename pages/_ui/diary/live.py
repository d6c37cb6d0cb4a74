"""On Live: whether the minutes of this session go into the diary; nothing where the diary is off."""

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.errors import EmotionError
from emotion_core.live.stream import LiveStream
from emotion_core.personal.diary import is_on
from emotion_core.personal.guide import LiveMinute
from emotion_core.personal.recorder import LiveDiary


def show_recording(stream: LiveStream) -> None:
    """A toggle for an owner whose diary is on and whose camera is the source.

    Args:
        stream: This tab's; its watcher becomes the diary, or none.
    """
    if isinstance(stream.watcher, LiveMinute):
        return  # posed expressions are none of the diary's
    try:
        offered = stream.source is None and allowed(Action.COLLECT) and is_on()
    except EmotionError:
        offered = False  # the Diary page tells what is wrong with it
    if offered and st.toggle(
        "Keep minutes in my diary",
        value=True,
        key="live-diary",
        persist_state="session",
        help="Averages per minute, never pictures, and only while one face alone is in view.",
    ):
        if not isinstance(stream.watcher, LiveDiary):
            stream.watcher = LiveDiary(stream.pipeline.classifier.name)
        model = stream.pipeline.classifier
        stream.watcher.rename(model.name, model.profile)
    else:
        stream.watcher = None
