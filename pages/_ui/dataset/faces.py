"""The Dataset page's faces: random ones of each emotion, and their means."""

import numpy as np
import streamlit as st

from emotion_core.data.faces import FaceData
from emotion_core.data.generated import is_generated, marked
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.plots.dataset import SPLIT_NAMES
from pages._ui.cache import HASHES
from pages._ui.widgets import show_faces_grid

_PER_EMOTION = 10


def show_samples(data: FaceData) -> None:
    """A row of faces per emotion, others on demand."""
    splits = list(data.counts())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.segmented_control(
            "Split",
            splits,
            default=splits[0],
            format_func=SPLIT_NAMES.__getitem__,
            key="data-split",
            required=True,
        )
        if st.button("Other faces", icon=":material/shuffle:", key="data-shuffle"):
            st.session_state["data-seed"] = st.session_state.get("data-seed", 0) + 1
    rng = np.random.default_rng(st.session_state.get("data-seed", 0))
    positions = data.indices(str(split or splits[0]))
    chosen, captions = [], []
    for label, emotion in enumerate(EMOTIONS):
        members = positions[data.labels[positions] == label]
        picked = rng.choice(members, min(_PER_EMOTION, len(members)), replace=False)
        chosen += list(picked)
        captions += [emotion] * len(picked)
    rows = np.array(chosen, int)
    show_faces_grid(
        data.images[rows],
        marked(data, rows, captions),
        [COLORS[name] for name in captions],
        _PER_EMOTION,
    )


def show_mean_faces(data: FaceData) -> None:
    """The average training face of each emotion; of all faces where none are for training."""
    faces, names = mean_faces(data)
    show_faces_grid(faces, names, [COLORS[name] for name in names], len(names))
    st.caption(
        "The average of all training faces of an emotion. Sharp features mean that the faces are "
        "aligned. Where two averages look alike, models tend to confuse the two emotions."
    )


@st.cache_data(show_spinner=False, max_entries=8, hash_funcs=HASHES)
def mean_faces(data: FaceData) -> tuple[np.ndarray, list[str]]:
    """Mean faces ``(k, 48, 48)`` uint8 and their emotions; cached by content."""
    train = training_faces(data)
    faces, names = [], []
    for label, emotion in enumerate(EMOTIONS):
        members = train[data.labels[train] == label]
        if len(members):
            faces.append(data.images[members].mean(axis=0, dtype=np.float32).astype(np.uint8))
            names.append(emotion)
    return np.stack(faces), names


def training_faces(data: FaceData) -> np.ndarray:
    """Positions of the photographs for training; of all faces where there are none."""
    train = data.indices("train")
    train = train[~is_generated(data)[train]]
    return train if len(train) else np.arange(len(data))
