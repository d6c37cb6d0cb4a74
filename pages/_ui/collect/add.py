"""Tab Add: consent, then the camera, photos and videos, or a whole data set."""

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.collect.capture import CONSENT, Capture
from emotion_core.collect.store import Summary
from emotion_core.collect.suggest import suggest_labels
from emotion_core.collect.transfer import import_data
from emotion_core.data.uploads import UploadSession
from emotion_core.errors import EmotionError
from emotion_core.runs.catalog import champion
from emotion_core.runs.status import now
from emotion_core.text import plain
from pages._ui import cache
from pages._ui.widgets import show_error

CAMERA, FILES, DATA = "Camera", "Photos and videos", "A data set"


def show_add(chosen: Summary) -> None:
    """Ask for consent, then for what is to be added."""
    agreed = st.checkbox(
        f"I agree, and everybody who can be seen agrees. {CONSENT}",
        key=f"collect-consent-{chosen.name}",
    )
    kind = st.segmented_control(
        "Add", [CAMERA, FILES, DATA], default=FILES, key="collect-kind", required=True
    )
    if kind == CAMERA:
        from pages._ui.collect.camera import show_camera  # loads the parts of a live stream

        show_camera(chosen, agreed)
    elif kind == FILES:
        _show_files(chosen, agreed)
    else:
        _show_data(chosen, agreed)


def _show_files(chosen: Summary, agreed: bool) -> None:
    from emotion_core.live import photo_file, video_file

    files = st.file_uploader(
        "Photos and videos",
        type=[*photo_file.SUFFIXES, *video_file.SUFFIXES],
        accept_multiple_files=True,
        key=f"collect-files-{st.session_state.get('collect-round', 0)}",
        help="Faces are found and cut out; of a video, two frames per second are looked at.",
    )
    suggest = st.toggle(
        "Suggest labels with @champion",
        value=True,
        key="collect-suggest",
        help="Suggestions are marked until you confirm them, and nothing is trained on them.",
    )
    if not st.button("Add the faces", type="primary", disabled=not (files and agreed)):
        if files and not agreed:
            st.caption("Nothing is kept before you agree above.")
        return
    from emotion_core.live.gather import gather

    bar = st.progress(0.0, "Looking for faces")
    capture = Capture(chosen.name, f"files, {now()[:16].replace('T', ' ')}", consent=agreed)
    try:
        gathered = gather(
            capture,
            [(file.name, file.getvalue) for file in files],
            classifier=cache.classifier(champion()) if suggest else None,
            progress=lambda text, share: bar.progress(share, plain(text, "markdown")),
        )
    except EmotionError as error:
        show_error(error)
        return
    finally:
        bar.empty()
    st.session_state["collect-told"] = gathered.words()
    st.session_state["collect-round"] = st.session_state.get("collect-round", 0) + 1  # empties it
    st.rerun()


def show_told() -> None:
    """What came of the last upload, once."""
    for at, sentence in enumerate(st.session_state.pop("collect-told", [])):
        show = st.success if at == 0 else st.caption
        show(plain(sentence, "markdown"))


def _show_data(chosen: Summary, agreed: bool) -> None:
    st.caption(
        "Any form of data set: a zip of folders per emotion here, or a path on this machine."
    )
    zipped = st.file_uploader("Zip file", type="zip", key="collect-zip")
    path = ""
    if allowed(Action.READ_PATH):
        path = st.text_input("Folder or file", key="collect-path", placeholder="/data/my-faces")
    if not st.button("Copy its faces", type="primary", disabled=not (agreed and (zipped or path))):
        return
    bar = st.progress(0.0, "Reading")
    session = UploadSession()
    try:
        spec = str(session.keep(zipped.name, zipped.getbuffer())) if zipped else path
        count = import_data(
            chosen.name, spec, progress=lambda text, share: bar.progress(min(share, 1.0), text)
        )
    except EmotionError as error:
        show_error(error)
        return
    finally:
        bar.empty()
        session.close()
    st.session_state["collect-told"] = [f"{count:,} faces added with their labels."]
    st.rerun()


def show_suggest(chosen: Summary) -> None:
    """Have the champion look at the faces that it has not seen yet."""
    if not st.button(
        "Ask @champion about all faces",
        icon=":material/auto_awesome:",
        help="Suggests a label for those without one, and tells how certain it is of the others.",
    ):
        return
    bar = st.progress(0.0, "Asking the model")
    try:
        count = suggest_labels(
            chosen.name, cache.classifier(champion()), lambda share: bar.progress(share)
        )
    except EmotionError as error:
        show_error(error)
        return
    finally:
        bar.empty()
    st.session_state["collect-told"] = [f"{count:,} faces were looked at."]
    st.rerun()
