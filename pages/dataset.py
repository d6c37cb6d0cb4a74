"""Choose a data set and see what is in it."""

import streamlit as st

from pages._ui.dataset.augmentation import show_augmentation
from pages._ui.dataset.choose import pick_data
from pages._ui.dataset.counts import show_counts, show_title
from pages._ui.dataset.faces import show_mean_faces, show_samples
from pages._ui.dataset.quality import show_duplicates, show_import_notes
from pages._ui.frame import open_page, page_link

open_page("pages/dataset.py")

data = pick_data()
if data is None:
    st.stop()

show_title(data)
show_counts(data)

faces, means, augmentation, quality = st.tabs(
    ["Faces", "Mean faces", "Augmentation", "Data quality"]
)
with faces:
    show_samples(data)
with means:
    show_mean_faces(data)
with augmentation:
    show_augmentation(data)
with quality:
    show_import_notes(data)
    show_duplicates(data)

page_link("pages/training.py", "Train on this data set")
