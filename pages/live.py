"""Every face before the camera, in real time."""

import streamlit as st

from pages._ui.frame import open_page
from pages._ui.live import panel as parts
from pages._ui.live import settings as live_settings
from pages._ui.live import sources as live_sources

open_page("pages/live.py")
parts.draw_privacy()

runs = live_settings.usable_runs()
if not runs:
    parts.draw_nothing_trained()
    st.stop()
stream = live_settings.open_stream(runs)
if stream is None:
    st.stop()

source = live_sources.pick_source(stream)
live_settings.draw_settings(stream, playable=source != live_sources.PHOTO)
if source == live_sources.PHOTO:
    parts.draw_photo(stream)
    st.stop()

picture, beside = st.columns([3, 2], gap="medium")
with picture:
    context = live_sources.draw_stream(stream, source)
    playing = context is not None and context.state.playing
    parts.draw_controls(stream, playing)
with beside:
    parts.draw_now(stream, playing)
parts.draw_session(stream, playing)
