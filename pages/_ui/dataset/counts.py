"""The Dataset page's first look: what this data set is, and how many faces of each emotion."""

import streamlit as st

from emotion_core.data.faces import FACE_SIZE, FaceData
from emotion_core.data.fer2013 import COUNTS, LEAKED
from emotion_core.labels import EMOTIONS
from emotion_core.plots.dataset import SPLIT_NAMES, counts_of_split, imbalance, imbalance_reading
from pages._ui.widgets import show_figure, show_metrics, synthetic_badge

_FER2013_STORY = (
    "Photographs from web searches for emotion words, cut to the face and reduced to "
    f"{FACE_SIZE} × {FACE_SIZE} gray pixels (Goodfellow et al. 2013). People agree with these "
    f"labels on about 65 % of the faces. {LEAKED:,} of the {sum(COUNTS['test'].values()):,} test "
    "faces show a photograph that is also in training (see Data quality). The photographs belong "
    "to their owners: check the terms before any commercial use."
)
_SYNTHETIC_STORY = (
    "Faces drawn by code: they need no download, and every picture shows clearly what its label "
    "says. Results on them say nothing about real faces."
)


def show_title(data: FaceData) -> None:
    """The data set's name and its story in one or two sentences."""
    with st.container(horizontal=True, vertical_alignment="center"):
        name = "Synthetic faces" if data.synthetic else data.name
        st.header(name, width="content", anchor=False)
        if data.synthetic:
            synthetic_badge()
    st.markdown(_story(data))


def _story(data: FaceData) -> str:
    if data.synthetic:
        return _SYNTHETIC_STORY
    _, rarest, ratio = imbalance(_training(data))
    total = sum(numbers[rarest] for numbers in data.counts().values())
    own = f"{len(data):,} faces with seven labels. "
    if ratio >= 2:
        own += f"{rarest.capitalize()} is rare: {total:,} faces. "
    return own + (_FER2013_STORY if is_fer2013_like(data) else "")


def is_fer2013_like(data: FaceData) -> bool:
    """Whether it is FER-2013, in whatever form it came."""
    return data.name == "FER-2013"


def _training(data: FaceData) -> dict[str, int]:
    counts = data.counts()
    return counts.get("train") or next(iter(counts.values()))


def show_counts(data: FaceData) -> None:
    """Key figures, and for each split a bar per emotion."""
    counts = data.counts()
    _, _, ratio = imbalance(_training(data))
    splits = [
        (SPLIT_NAMES[split], f"{sum(numbers.values()):,}", "", "")
        for split, numbers in counts.items()
    ]
    show_metrics(
        [
            ("Faces", f"{len(data):,}", "", ""),
            *splits,
            ("Imbalance", f"{ratio:.1f} : 1", "", "Largest class to smallest, in training"),
        ]
    )
    reference = COUNTS if is_fer2013_like(data) else {}
    for place, (split, numbers) in zip(st.columns(len(counts)), counts.items(), strict=True):
        with place:
            show_figure(
                counts_of_split(numbers, split, reference.get(split)),
                f"counts-{split}",
                imbalance_reading(numbers),
                [{"emotion": emotion, "faces": numbers[emotion]} for emotion in EMOTIONS],
            )
