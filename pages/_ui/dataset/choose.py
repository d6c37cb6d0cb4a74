"""The Dataset page's choice: drawn faces, FER-2013, own collections, a file here, an upload."""

import time
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emotion_core.access import Action, allowed, require
from emotion_core.collect.store import list_collections
from emotion_core.data.faces import SYNTHETIC_SPEC, FaceData, is_synthetic
from emotion_core.data.fer2013 import FER2013_SPEC, find_fer2013
from emotion_core.data.label_tables import TABLES, split_labels, with_labels
from emotion_core.data.recent import recent_paths, remember_path
from emotion_core.data.uploads import UploadSession, drop_upload, is_upload
from emotion_core.errors import DataError, EmotionError
from emotion_core.text import unquoted
from pages._ui import cache
from pages._ui.access import offers
from pages._ui.dataset.own import is_own, pick_collection
from pages._ui.widgets import show_error, show_get_fer2013

SYNTHETIC, FER, OWN = "Synthetic faces", "FER-2013", "Collection"
PATH, UPLOAD = "Folder or file", "Upload a zip"
_TABLE_NAMES = {
    "": "Detect",
    "alphabetical": "Alphabetical order, from 0",
    "fer2013": "FER-2013",
    "raf-db": "RAF-DB",
    "ferplus": "FER+",
    "affectnet": "AffectNet",
}
_KINDS = {SYNTHETIC_SPEC: SYNTHETIC, FER2013_SPEC: FER}


def pick_data() -> FaceData | None:
    """The chosen data set, loaded; None while there is none, after saying what to do."""
    spec = _pick_source()
    return _load(spec) if spec else None


def _pick_source() -> str | None:
    """What ``_load`` takes; None while there is nothing to load yet."""
    linked = st.query_params.get("data", "")
    wanted = linked or cache.chosen_data()
    kind_of_wanted = OWN if is_own(wanted) else _KINDS.get(wanted.partition(":")[0], PATH)
    kinds = _kinds()
    if st.session_state.get("data-kind") not in kinds:  # the first visit, or after another page
        st.session_state["data-kind"] = kind_of_wanted if kind_of_wanted in kinds else kinds[0]
        _show_path(wanted if kind_of_wanted == PATH else "")
        # A link must not make this computer read a file: its path waits for a click.
        st.session_state["data-linked"] = linked if linked != cache.chosen_data() else ""
    kind = st.segmented_control("Source", kinds, key="data-kind", required=True)
    if kind == SYNTHETIC:
        return wanted if kind_of_wanted == SYNTHETIC else SYNTHETIC_SPEC
    if kind == FER:
        return _pick_fer2013()
    if kind == OWN:
        return pick_collection(wanted if kind_of_wanted == OWN else "")
    place = _pick_path() if kind == PATH else _pick_upload()
    return _with_labels(place) if place else None


def _kinds() -> list[str]:
    """The sources that this session may use."""
    kinds = [SYNTHETIC, FER]
    if allowed(Action.COLLECT) and list_collections():
        kinds.append(OWN)
    if offers(Action.READ_PATH):
        kinds.append(PATH)
    if offers(Action.UPLOAD, says=False):
        kinds.append(UPLOAD)
    return kinds


def _pick_fer2013() -> str | None:
    try:
        find_fer2013()
    except DataError as error:
        st.info(str(error), icon=":material/download:")
        show_get_fer2013()
        return None
    return FER2013_SPEC


def _pick_path() -> str | None:
    path = st.text_input(
        "Folder, zip, CSV, .npy or Parquet file on this machine",
        placeholder="/data/fer2013 or C:\\data\\fer2013.csv",
        key="data-path",
        on_change=_detect_labels,
    )
    path = unquoted(path)
    others = [other for other in recent_paths() if other != path]
    if others:
        st.pills(
            "Recently used",
            others,
            format_func=lambda other: f":material/history: {Path(other).name}",
            key="data-recent",
            on_change=_take_recent,
        )
    if not path:
        st.info(
            "Expected `train/<emotion>/*.jpg` and `test/<emotion>/*.jpg`, the original "
            "`fer2013.csv`, a zip of either folder, the study's `.npy`, or Parquet files.",
            icon=":material/info:",
        )
    elif path == split_labels(st.session_state.get("data-linked", ""))[0]:
        st.info("A link asks for this path. Nothing was read yet.", icon=":material/link:")
        st.button("Open it", key="data-open", type="primary", on_click=_open_linked)
        return None
    return path or None


def _open_linked() -> None:
    st.session_state["data-linked"] = ""


def _take_recent() -> None:
    chosen = st.session_state["data-recent"]
    if chosen:
        _show_path(chosen)
    st.session_state["data-recent"] = None


def _show_path(spec: str) -> None:
    st.session_state["data-path"], st.session_state["data-labels"] = split_labels(spec)


def _detect_labels() -> None:
    """Another data set's numbers mean something else."""
    st.session_state["data-labels"] = ""


def _with_labels(place: str) -> str | None:
    """The data set's spec with the chosen meaning of its number labels."""
    chosen = st.session_state.get("data-labels", "")
    labels = st.selectbox(
        "Number labels",
        list(dict.fromkeys(["", *TABLES, chosen])),
        format_func=lambda name: _TABLE_NAMES.get(name, name),
        key="data-labels",
        accept_new_options=True,
        help="Numbers as labels mean another emotion in each data set. Choose the table, or give "
        "the path of a JSON or CSV file of number and emotion.",
    )
    try:
        return with_labels(place, unquoted(labels or ""))
    except EmotionError as error:
        show_error(error)
        return None


def _pick_upload() -> str | None:
    file = st.file_uploader(
        "Zip file with one folder per emotion (optionally inside train/ and test/)",
        type="zip",
        key="data-zip",
        on_change=_detect_labels,
    )
    st.caption(
        "Kept on the computer of this dashboard for this visit only, or as long as a run uses it; "
        "other visitors do not see it."
    )
    if file is None:
        return None
    try:
        return str(_uploads().keep(file.name, file.getbuffer()))
    except DataError as error:
        show_error(error)
        return None


@st.cache_resource(scope="session", on_release=UploadSession.close, show_spinner=False)
def _uploads() -> UploadSession:
    """The uploads of this visit; Streamlit closes them when it ends."""
    return UploadSession()


def _load(spec: str) -> FaceData | None:
    """Load a data set with a progress bar and keep it as the one that is chosen.

    Returns:
        The data; None after telling what is wrong, and then the choice is as it was.
    """
    place = st.empty()
    try:
        data = _loaded(spec, place)
    except EmotionError as error:
        show_error(error)
        drop_upload(Path(split_labels(spec)[0]))
        return None
    finally:
        place.empty()
    cache.choose_data(spec)
    st.query_params["data"] = spec
    return data


def _loaded(spec: str, place: DeltaGenerator) -> FaceData:
    """The data from this session; a source on disk is looked at again now and then."""
    from emotion_core.data.sources import load_data

    if is_synthetic(spec) or is_own(spec):
        return cache.dataset(spec)
    place_of = split_labels(spec)[0]
    if place_of != FER2013_SPEC and not is_upload(Path(place_of)):
        require(Action.READ_PATH)
    known: tuple[str, float, FaceData] | None = st.session_state.get("data-loaded")
    if known and known[0] == spec and time.monotonic() - known[1] < cache.LOOK_AGAIN:
        return known[2]
    bar = place.progress(0.0, "Loading")
    data = load_data(spec, progress=lambda text, share: bar.progress(min(share, 1.0), text))
    st.session_state["data-loaded"] = (spec, time.monotonic(), data)
    is_new = known is None or known[0] != spec
    if is_new and spec != FER2013_SPEC and not is_upload(Path(split_labels(spec)[0])):
        remember_path(spec)
    return data
