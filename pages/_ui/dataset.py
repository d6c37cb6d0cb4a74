"""Parts of the Dataset page."""

import hashlib
import shutil
import time
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emotion_core.data.faces import SYNTHETIC_SPEC, FaceData, is_synthetic
from emotion_core.data.fer2013 import COUNTS, FER2013_SPEC, find_fer2013
from emotion_core.data.recent import recent_paths, remember_path
from emotion_core.errors import DataError, EmotionError
from emotion_core.files import short_name, write_bytes
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.paths import cache_dir
from emotion_core.plots.dataset import counts_of_split, imbalance, imbalance_reading
from emotion_core.recipes import TrainConfig
from emotion_core.text import unquoted
from pages._ui import cache as state
from pages._ui.widgets import draw_error, faces_grid, figure

_SYNTHETIC, _FER, _PATH, _UPLOAD = "Synthetic faces", "FER-2013", "A path", "Upload a zip"
_PER_EMOTION = 8
_STRENGTHS = (
    ("rotation", 45.0),
    ("translation", 0.3),
    ("scale", 0.4),
    ("brightness", 0.6),
    ("contrast", 0.8),
    ("blur", 1.0),
    ("noise", 0.2),
    ("jpeg", 1.0),
    ("erasing", 1.0),
)


def pick_source() -> str | None:
    """Choose, fetch or upload a data set.

    Returns:
        What ``load`` takes; None while there is nothing to load yet, after saying what to do.
    """
    wanted = st.query_params.get("data") or state.chosen_data()
    kinds = {SYNTHETIC_SPEC: _SYNTHETIC, FER2013_SPEC: _FER}
    kind_of_wanted = kinds.get(wanted.partition(":")[0], _PATH)
    if "source_kind" not in st.session_state:  # the first visit, or one after another page
        st.session_state["source_kind"] = kind_of_wanted
        st.session_state["source_path"] = wanted if kind_of_wanted == _PATH else ""
    kind = st.segmented_control(
        "Source", [_SYNTHETIC, _FER, _PATH, _UPLOAD], key="source_kind", required=True
    )
    if kind == _SYNTHETIC:
        return wanted if kind_of_wanted == _SYNTHETIC else SYNTHETIC_SPEC
    if kind == _FER:
        return _pick_fer2013()
    return _pick_path() if kind == _PATH else _upload()


def _pick_fer2013() -> str | None:
    try:
        find_fer2013()
    except DataError as error:
        st.info(str(error), icon=":material/download:")
    else:
        return FER2013_SPEC
    if st.button("Fetch FER-2013 (60 MB)", icon=":material/download:", type="primary"):
        from emotion_core.data.fetch import fetch_fer2013

        bar = st.progress(0.0, "Downloading FER-2013")
        try:
            fetch_fer2013(lambda text, share: bar.progress(share, text))
        except EmotionError as failure:
            bar.empty()
            st.error(str(failure), icon=":material/cloud_off:")
        else:
            st.rerun()
    return None


def _pick_path() -> str | None:
    path = st.text_input(
        "Folder, zip, CSV, .npy or Parquet file on this machine",
        placeholder="/data/fer2013 or C:\\data\\fer2013.csv",
        key="source_path",
    )
    path = unquoted(path)
    others = [other for other in recent_paths() if other != path]
    if others:
        st.pills(
            "Recently used",
            others,
            format_func=lambda other: f":material/history: {Path(other).name}",
            key="source_recent",
            on_change=_take_recent,
        )
    if not path:
        st.info(
            "Expected `train/<emotion>/*.jpg` and `test/<emotion>/*.jpg`, the original "
            "`fer2013.csv`, a zip of either folder, the study's `.npy`, or Parquet files.",
            icon=":material/info:",
        )
    return path or None


def _take_recent() -> None:
    chosen = st.session_state["source_recent"]
    if chosen:
        st.session_state["source_path"] = chosen
    st.session_state["source_recent"] = None


def _upload() -> str | None:
    file = st.file_uploader(
        "A zip with one folder an emotion, with or without train and test above",
        type="zip",
        key="source_zip",
    )
    if file is None:
        return None
    # By content: two people's data.zip are two data sets, and a mended one is a new one.
    content = hashlib.blake2b(file.getbuffer(), digest_size=8).hexdigest()
    target = _uploads() / content / f"{short_name(Path(file.name).stem)}.zip"
    if not target.exists():
        try:
            write_bytes(target, file.getbuffer())
        except OSError as error:
            draw_error(
                DataError(f"The upload cannot be kept in {target.parent}: {error.strerror}.")
            )
            return None
    return str(target)


def _uploads() -> Path:
    return cache_dir() / "uploads"


def load(spec: str) -> FaceData | None:
    """Load a data set with a progress bar and keep it as the one that is chosen.

    Returns:
        The data; None after telling what is wrong, and then the choice is as it was.
    """
    place = st.empty()
    try:
        data = _loaded(spec, place)
    except EmotionError as error:
        draw_error(error)
        if _uploads() == Path(spec).parent.parent:
            shutil.rmtree(Path(spec).parent, ignore_errors=True)
        return None
    finally:
        place.empty()
    state.choose_data(spec)
    st.query_params["data"] = spec
    return data


def _loaded(spec: str, place: DeltaGenerator) -> FaceData:
    """The data from this session; a source on disk is looked at again now and then."""
    from emotion_core.data.sources import load_data

    if is_synthetic(spec):
        return state.dataset(spec)
    known: tuple[str, float, FaceData] | None = st.session_state.get("data_loaded")
    if known and known[0] == spec and time.monotonic() - known[1] < state.LOOK_AGAIN:
        return known[2]
    bar = place.progress(0.0, "Loading")
    data = load_data(spec, progress=lambda text, share: bar.progress(min(share, 1.0), text))
    st.session_state["data_loaded"] = (spec, time.monotonic(), data)
    if spec != FER2013_SPEC and (known is None or known[0] != spec):
        remember_path(spec)
    return data


def draw_counts(data: FaceData) -> None:
    """Key figures and a bar chart a split."""
    counts = data.counts()
    train = counts.get("train") or next(iter(counts.values()))
    _, _, ratio = imbalance(train)
    columns = st.columns(4)
    columns[0].metric("Faces", f"{len(data):,}")
    columns[1].metric("Training", f"{sum(counts.get('train', {}).values()):,}")
    columns[2].metric("Test", f"{sum(counts.get('test', {}).values()):,}")
    columns[3].metric(
        "Imbalance", f"{ratio:.1f} : 1", help="Largest class to smallest, in training"
    )
    reference = COUNTS if data.name == "FER-2013" else {}
    for place, (split, numbers) in zip(st.columns(len(counts)), counts.items(), strict=True):
        with place:
            figure(
                counts_of_split(numbers, split, reference.get(split)),
                f"counts-{split}",
                imbalance_reading(numbers),
                [{"emotion": emotion, "faces": numbers[emotion]} for emotion in EMOTIONS],
            )


def draw_samples(data: FaceData) -> None:
    """A row of faces an emotion, drawn anew on demand."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    splits = list(data.counts())
    split = left.segmented_control(
        "Split", splits, default=splits[0], key="sample_split", required=True
    )
    if right.button("Reshuffle", icon=":material/shuffle:", width="stretch"):
        st.session_state["sample_seed"] = st.session_state.get("sample_seed", 0) + 1
    rng = np.random.default_rng(st.session_state.get("sample_seed", 0))
    positions = data.indices(str(split or splits[0]))
    chosen, captions = [], []
    for label, emotion in enumerate(EMOTIONS):
        members = positions[data.labels[positions] == label]
        picked = rng.choice(members, min(_PER_EMOTION, len(members)), replace=False)
        chosen += list(picked)
        captions += [emotion] * len(picked)
    faces_grid(
        data.images[np.array(chosen, int)],
        captions,
        [COLORS[name] for name in captions],
        _PER_EMOTION,
    )


def draw_mean_faces(data: FaceData) -> None:
    """The average training face of each emotion; of all faces where none are for training."""
    faces, names = mean_faces(data.fingerprint, data)
    faces_grid(faces, names, [COLORS[name] for name in names], len(names))
    st.caption(
        "What the faces of an emotion have in common. Sharp features mean that the faces are "
        "aligned; where two means look alike, a model will confuse them."
    )


@st.cache_data(show_spinner=False, max_entries=8)
def mean_faces(fingerprint: str, _data: FaceData) -> tuple[np.ndarray, list[str]]:
    """Mean faces ``(k, 48, 48)`` uint8 and their emotions; cached by content."""
    data = _data
    train = _training_faces(data)
    faces, names = [], []
    for label, emotion in enumerate(EMOTIONS):
        members = train[data.labels[train] == label]
        if len(members):
            faces.append(data.images[members].mean(axis=0, dtype=np.float32).astype(np.uint8))
            names.append(emotion)
    return np.stack(faces), names


def _training_faces(data: FaceData) -> np.ndarray:
    """Positions of the training faces; of all faces in a test set alone."""
    train = data.indices("train")
    return train if len(train) else np.arange(len(data))


def draw_augmentation(data: FaceData) -> None:
    """One face, several random draws, with a slider for each strength."""
    import torch

    from emotion_core.training.augment import Augmentation

    usual = TrainConfig()
    strengths: dict[str, float] = {"flip": usual.flip}
    columns = st.columns(4)
    help_texts = {item.name: item.help for item in TrainConfig.settings()}
    for index, (name, top) in enumerate(_STRENGTHS):
        strengths[name] = columns[index % 4].slider(
            "JPEG" if name == "jpeg" else name.capitalize(),
            0.0,
            top,
            float(getattr(usual, name)),
            help=help_texts[name],
            key=f"augment_{name}",
        )
    if st.button("Another face", icon=":material/shuffle:"):
        st.session_state["augment_face"] = st.session_state.get("augment_face", 0) + 1
    seed = st.session_state.get("augment_face", 0)
    train = _training_faces(data)
    face = np.array(data.images[np.random.default_rng(seed).choice(train)])
    draws = 15
    generator = torch.Generator().manual_seed(seed)
    changed = Augmentation(**strengths)(torch.from_numpy(np.stack([face] * draws)), generator)
    faces_grid(
        np.concatenate([face[None], changed.numpy()]),
        ["original"] + [f"draw {number + 1}" for number in range(draws)],
        columns=8,
    )


def draw_notes(data: FaceData) -> None:
    """What the loader mended or left out."""
    if not data.notes:
        st.success("Every file was read as it is.", icon=":material/check_circle:")
        return
    st.dataframe(
        [
            {"kind": note.kind, "what": note.thing, "message": note.message, "images": note.count}
            for note in data.notes
        ],
        hide_index=True,
    )
