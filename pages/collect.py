"""Gather faces of your own, label and audit them, and improve the model with them."""

import streamlit as st

from pages._ui.collect.add import show_add, show_suggest, show_told
from pages._ui.collect.audit import show_audit
from pages._ui.collect.choose import pick_collection, require_owner
from pages._ui.collect.faces import show_faces
from pages._ui.collect.generate import show_generate
from pages._ui.collect.improve import show_improve
from pages._ui.frame import open_page

open_page("pages/collect.py")
require_owner()

chosen = pick_collection()
if chosen is None:
    st.stop()
show_told()

FACES, ADD, AUDIT, IMPROVE, GENERATE = "Faces", "Add", "Audit", "Improve", "Generate"
tab = st.segmented_control(
    "View",
    [FACES, ADD, AUDIT, IMPROVE, GENERATE],
    default=FACES if chosen.faces else ADD,
    key="collect-tab",
    required=True,
    label_visibility="collapsed",
)
if tab == FACES:
    show_faces(chosen)
    show_suggest(chosen)
elif tab == ADD:
    show_add(chosen)
elif tab == AUDIT:
    show_audit(chosen)
elif tab == IMPROVE:
    show_improve(chosen)
else:
    show_generate()
