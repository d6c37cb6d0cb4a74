"""Choose a data set and see what is in it."""

import streamlit as st

from pages._ui import dataset as parts
from pages._ui.frame import open_page, page_link
from pages._ui.widgets import synthetic_badge

open_page("pages/dataset.py", "Dataset")

spec = parts.pick_source()
data = parts.load(spec) if spec else None
if data is None:
    st.stop()

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader(
        data.name.capitalize() if data.synthetic else data.name, width="content", anchor=False
    )
    if data.synthetic:
        synthetic_badge()
parts.draw_counts(data)

samples, means, augmentation, notes = st.tabs(
    ["Faces", "Mean faces", "Augmentation", "What was mended"]
)
with samples:
    parts.draw_samples(data)
with means:
    parts.draw_mean_faces(data)
with augmentation:
    parts.draw_augmentation(data)
with notes:
    parts.draw_notes(data)

page_link("pages/training.py", "Train on this data set")
