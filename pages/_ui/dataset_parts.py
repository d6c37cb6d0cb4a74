"""Parts of the Dataset page."""

from pathlib import Path

import numpy as np
import streamlit as st

from emotion_core.config import TrainConfig
from emotion_core.data.faces import FaceData
from emotion_core.data.fer2013 import COUNTS, FER2013_SPEC, find_fer2013
from emotion_core.errors import DataError, EmotionError
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.paths import cache_dir
from emotion_core.plots.dataset import counts_of_split, imbalance, imbalance_reading
from pages._ui import state
from pages._ui.widgets import faces_grid, figure

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
    ("erasing", 1.0),
)


def pick_source() -> None:
    """Choose, fetch or upload a data set; the choice is kept in the session and the address."""
    if "data" in st.query_params and "data" not in st.session_state:
        state.choose_data(st.query_params["data"])
    current = state.chosen_data()
    kinds = [_SYNTHETIC, _FER, _PATH, _UPLOAD]
    known = {"synthetic": _SYNTHETIC, FER2013_SPEC: _FER}
    kind = st.segmented_control(
        "Source",
        kinds,
        default=known.get(current.partition(":")[0], _PATH),
        key="source_kind",
        required=True,
    )
    if kind == _SYNTHETIC:
        _use("synthetic" if not current.startswith("synthetic") else current)
    elif kind == _FER:
        _pick_fer2013()
    elif kind == _PATH:
        path = st.text_input(
            "Folder, zip, CSV, .npy or Parquet file on this machine",
            value="" if current in known else current,
            placeholder="/data/fer2013 or C:\\data\\fer2013.csv",
            key="source_path",
        )
        if path.strip():
            _use(path.strip().strip('"'))
        else:
            st.info(
                "Expected `train/<emotion>/*.jpg` and `test/<emotion>/*.jpg`, the original "
                "`fer2013.csv`, a zip of either folder, the study's `.npy`, or Parquet files.",
                icon=":material/info:",
            )
    else:
        _upload()


def _use(spec: str) -> None:
    state.choose_data(spec)
    st.query_params["data"] = spec


def _pick_fer2013() -> None:
    try:
        find_fer2013()
    except DataError as error:
        st.info(str(error), icon=":material/download:")
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
    else:
        _use(FER2013_SPEC)


def _upload() -> None:
    file = st.file_uploader(
        "A zip with one folder an emotion, with or without train and test above", type="zip"
    )
    if file is None:
        return
    target = cache_dir() / "uploads" / Path(file.name).name
    if not target.exists() or target.stat().st_size != file.size:
        from emotion_core.files import write_bytes

        write_bytes(target, file.getbuffer())
    _use(str(target))


def load() -> FaceData | None:
    """The chosen data set, loaded with a progress bar; None after telling what is wrong."""
    from emotion_core.data.sources import load_data

    spec = state.chosen_data()
    place = st.empty()
    try:
        bar = place.progress(0.0, "Loading")
        load_data(spec, progress=lambda text, share: bar.progress(min(share, 1.0), text))
        data = state.dataset(spec)
    except EmotionError as error:
        place.empty()
        st.error(str(error), icon=":material/error:")
        return None
    place.empty()
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
    places = st.columns(min(len(counts), 2))
    for index, (split, numbers) in enumerate(counts.items()):
        with places[index % len(places)]:
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
    """The average training face of each emotion."""
    faces, names = mean_faces(state.chosen_data(), data.fingerprint)
    faces_grid(faces, names, [COLORS[name] for name in names], len(names))
    st.caption(
        "What the faces of an emotion have in common. Sharp features mean that the faces are "
        "aligned; where two means look alike, a model will confuse them."
    )


@st.cache_data(show_spinner=False, max_entries=8)
def mean_faces(spec: str, fingerprint: str) -> tuple[np.ndarray, list[str]]:
    """Mean faces ``(k, 48, 48)`` uint8 and their emotions; cached by content."""
    data = state.dataset(spec)
    train = data.indices("train")
    faces, names = [], []
    for label, emotion in enumerate(EMOTIONS):
        members = train[data.labels[train] == label]
        if len(members):
            faces.append(data.images[members].mean(axis=0, dtype=np.float32).astype(np.uint8))
            names.append(emotion)
    return np.stack(faces), names


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
            name.capitalize(),
            0.0,
            top,
            float(getattr(usual, name)),
            help=help_texts[name],
            key=f"augment_{name}",
        )
    if st.button("Another face", icon=":material/shuffle:"):
        st.session_state["augment_face"] = st.session_state.get("augment_face", 0) + 1
    seed = st.session_state.get("augment_face", 0)
    train = data.indices("train")
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
