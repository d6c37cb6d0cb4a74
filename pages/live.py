"""Every face before the camera, in real time."""

import streamlit as st

from pages._ui import live_parts as parts
from pages._ui.shell import open_page

open_page("pages/live.py", "Live")
parts.draw_privacy()

runs = parts.usable_runs()
if not runs:
    parts.draw_nothing_trained()
    st.stop()
stream = parts.open_stream(runs)
if stream is None:
    st.stop()

source = parts.pick_source()
parts.draw_settings(stream, runs)
if source == parts.PHOTO:
    parts.draw_photo(stream)
    st.stop()

picture, beside = st.columns([3, 2], gap="medium")
with picture:
    context = parts.draw_stream(stream, source)
    playing = context is not None and context.state.playing
    parts.draw_controls(stream, playing)
with beside:
    parts.draw_now(stream, playing)
parts.draw_session(stream, playing)
