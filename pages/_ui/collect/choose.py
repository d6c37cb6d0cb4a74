"""Which collection the page is about: choose, make, rename, merge, export, delete."""

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.collect import store, transfer
from emotion_core.collect.store import Summary
from emotion_core.data.collected import load_collection
from emotion_core.data.collection_file import COLLECTION_SPEC
from emotion_core.errors import EmotionError
from emotion_core.units import faces
from pages._ui.cache import choose_data
from pages._ui.collect import review
from pages._ui.frame import page_link
from pages._ui.widgets import show_empty, show_error

_CHOSEN = "collect-name"
_ERROR = "collect-error"


def require_owner() -> None:
    """Own faces are shown to nobody else; end the page for whoever is not the owner."""
    if not allowed(Action.COLLECT):
        show_empty("Faces of its owner are kept here. Sign in to see and change them.")
        st.stop()


def pick_collection() -> Summary | None:
    """The chosen collection; None while there is none, after offering to make one."""
    store.purge()  # what was deleted more than an hour ago
    found = {item.name: item for item in store.list_collections()}
    if problem := st.session_state.pop(_ERROR, None):
        show_error(problem)
    if not found:
        st.info(
            "Faces that you gather stay on this computer, in a collection. Make one, add photos or "
            "videos, and label them. Then audit, improve the model, and see whether it got better.",
            icon=":material/photo_camera_front:",
        )
        _show_new("me")
        _show_deleted()
        return None
    if st.session_state.get(_CHOSEN) not in found:
        asked = st.query_params.get("collection")
        st.session_state[_CHOSEN] = asked if asked in found else next(iter(found))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Collection",
            list(found),
            format_func=lambda item: f"{item} · {faces(found[item].faces)}",
            key=_CHOSEN,
        )
        with st.popover("New", icon=":material/add:"):
            _show_new("")
        with st.popover("Manage", icon=":material/more_horiz:"):
            _show_manage(found[name], [other for other in found if other != name])
    _show_deleted()
    st.query_params["collection"] = name
    return found[name]


def _show_new(suggested: str) -> None:
    with st.form("collect-new", border=False):
        name = st.text_input("Name of the new collection", suggested, placeholder="my-face")
        if st.form_submit_button("Make collection", type="primary"):
            try:
                store.create(name.strip())
            except EmotionError as error:
                show_error(error)
            else:
                st.query_params["collection"] = name.strip()
                st.session_state.pop(_CHOSEN, None)
                st.rerun()


def _show_manage(chosen: Summary, others: list[str]) -> None:
    name = chosen.name
    if chosen.confirmed:
        if st.button("Use as data set", icon=":material/database:", help="On Dataset and Training"):
            choose_data(f"{COLLECTION_SPEC}{name}")
        page_link("pages/training.py", "Train on it")
        form = st.selectbox("Export as", transfer.FORMS, key="collect-form")
        st.download_button(
            "Download",
            data=lambda: transfer.exported(load_collection(name), form),
            file_name=f"{name}.{form}",
            icon=":material/download:",
            on_click="ignore",
        )
    new = st.text_input("New name", key="collect-rename")
    if st.button("Rename", disabled=not new):
        _do(lambda: store.rename(name, new.strip()), forget=True)
    if others:
        into = st.selectbox("Merge into", others, key="collect-into")
        if st.button("Merge", help=f"Moves all faces of {name} into the other collection."):
            _do(lambda: store.merge(name, into))
    if st.button(
        "Delete collection", icon=":material/delete:", help="Undo is offered for an hour."
    ):
        _do(lambda: store.delete(name), forget=True)


def _show_deleted() -> None:
    for name in store.deleted_collections():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f":material/delete: **{name}** is deleted; within an hour it is removed permanently."
            )
            if st.button("Undo", key=f"collect-undo-{name}"):
                _do(lambda name=name: store.restore(name))
            if st.button("Delete permanently", key=f"collect-purge-{name}"):
                st.cache_data.clear()  # pictures that this page holds in memory
                review.forget()
                _do(lambda: store.purge(older_than=0))


def _do(change: object, *, forget: bool = False) -> None:
    """Make a change and show the page anew; an error is told there."""
    try:
        change()  # type: ignore[operator]
    except EmotionError as error:
        st.session_state[_ERROR] = error
    else:
        if forget:
            st.session_state.pop(_CHOSEN, None)
            st.query_params.pop("collection", None)
    st.rerun()
