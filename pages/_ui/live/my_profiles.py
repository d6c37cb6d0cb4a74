"""Below the Live page's picture: the owner's profiles, each to be exported or deleted."""

from functools import partial

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.errors import EmotionError
from emotion_core.personal.pictures import pictures_in
from emotion_core.personal.profile import Profile, verdict
from emotion_core.personal.profile_files import delete_profile, pictures_dir, zip_profile
from emotion_core.text import plain
from pages._ui.live.profiles import EVERYBODY, forget_models, own_profiles, use_profile

_FAILED = "my-profiles-failed"


def show_profiles() -> None:
    """All profiles; nothing where there is none, or for a visitor."""
    if failed := st.session_state.pop(_FAILED, ""):
        st.error(failed, icon=":material/error:")
    profiles = own_profiles()
    if not profiles:
        return
    st.header("Profiles", anchor=False)
    st.caption(
        "What the model has learned of a face, as numbers in files of this computer. Everybody else "
        "keeps the general model."
    )
    for item in profiles:
        with st.container(border=True, key=f"my-profile-{item.name}"):
            _show_profile(item)


def _show_profile(item: Profile) -> None:
    kept = len(pictures_in(pictures_dir(item.name)))
    pictures = f"with {kept} pictures" if kept else "no picture"
    text = f"**{item.name}** · {plain(item.run, 'markdown')} · {item.created[:10]} · {pictures}"
    st.markdown(text)
    st.caption(verdict(item.outcome))
    with st.container(horizontal=True):
        st.download_button(
            "Export",
            data=partial(zip_profile, item.name),
            file_name=f"profile-{item.name}.zip",
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            key=f"my-profile-export-{item.name}",
            help="The profile's files, and its pictures where you kept them, as a zip.",
        )
        if allowed(Action.COLLECT) and st.button(
            "Delete", icon=":material/delete:", key=f"my-profile-delete-{item.name}"
        ):
            _ask_delete(item.name, kept)


@st.dialog("Delete the profile?")
def _ask_delete(name: str, pictures: int) -> None:
    what = f" with its {pictures} pictures" if pictures else ""
    st.markdown(
        f"Profile '{name}'{what} is removed from this computer. This cannot be undone. Copies that "
        "you exported or backed up stay where they are."
    )
    with st.container(horizontal=True):
        if st.button(
            "Delete", key="my-profile-sure", type="primary", on_click=_delete, args=(name,)
        ):
            st.rerun()
        if st.button("Cancel", key="my-profile-no"):
            st.rerun()


def _delete(name: str) -> None:
    try:
        delete_profile(name)
    except EmotionError as error:
        st.session_state[_FAILED] = str(error)
        return
    forget_models()
    if st.session_state.get("live-profile") == name:
        use_profile(EVERYBODY)
