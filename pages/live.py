"""Facial expressions on camera, in a video or a photo."""

import streamlit as st

from pages._ui.frame import open_page
from pages._ui.live.highlights import show_highlights, show_highlights_switch
from pages._ui.live.keeping import show_keeping
from pages._ui.live.last import show_session
from pages._ui.live.my_face import show_guide
from pages._ui.live.my_profiles import show_profiles
from pages._ui.live.panel import show_controls, show_nothing_trained, show_now, show_privacy
from pages._ui.live.photo import show_photo
from pages._ui.live.record import show_record
from pages._ui.live.recordings import show_recordings
from pages._ui.live.settings import open_stream, show_settings, usable_runs
from pages._ui.live.sources import PHOTO, RECORDINGS, VIDEO, pick_source, show_stream
from pages._ui.live.timeline import show_timeline
from pages._ui.live.video import ANALYZE, pick_video, playback_of, show_analysis

open_page("pages/live.py")
show_privacy()

runs = usable_runs()
if not runs:
    show_nothing_trained()
    st.stop()
stream = open_stream(runs)
if stream is None:
    st.stop()

source = pick_source(stream)
show_settings(stream, playable=source not in (PHOTO, RECORDINGS))
if source == PHOTO:
    show_photo(stream)
    st.stop()
if source == RECORDINGS:
    show_recordings(stream)
    st.stop()

frames = None
if source == VIDEO:
    mode, upload = pick_video()
    if mode == ANALYZE:
        show_analysis(stream, upload)
        st.stop()
    frames = playback_of(upload)
    if frames is None:
        st.stop()

picture, beside = st.columns([3, 2], gap="medium")
with picture:
    context = show_stream(stream, source, frames)
    show_controls(stream, context.state.playing)
    show_keeping(stream, source, context.state.playing)
    show_record(stream, source, context.state.playing)
    show_highlights_switch(stream)
    show_timeline(stream, context.state.playing)
with beside:
    if not show_guide(stream, context.state.playing):
        show_now(stream, context.state.playing)
show_session(stream, context.state.playing)
show_highlights(stream, context.state.playing)
show_profiles()
