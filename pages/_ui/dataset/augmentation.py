"""The Dataset page's augmentation: one face under random changes, and the way into Training."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from emotion_core.access import Action
from emotion_core.data.faces import FaceData
from emotion_core.recipes import TrainConfig
from pages._ui.access import offers
from pages._ui.dataset.faces import training_faces
from pages._ui.training.prefill import prefill
from pages._ui.widgets import show_faces_grid

_EXAMPLES = 15


@dataclass(frozen=True)
class _Strength:
    """A slider of one augmentation setting.

    Attributes:
        name: Of the setting.
        label: Above the slider.
        top: Upper end in ``unit``.
        step: In ``unit``.
        unit: Behind the number; percent is a share of 1 in the setting.
    """

    name: str
    label: str
    top: int
    step: int = 1
    unit: str = " %"

    @property
    def scale(self) -> int:
        """The slider's number for a setting of 1."""
        return 100 if self.unit == " %" else 1


_STRENGTHS = (
    _Strength("flip", "Flip, probability", 100, 5),
    _Strength("rotation", "Rotation, up to", 45, unit="°"),
    _Strength("translation", "Shift, up to (of the width)", 30),
    _Strength("scale", "Zoom in or out, up to", 40),
    _Strength("brightness", "Brightness, up to (of white)", 60),
    _Strength("contrast", "Contrast, up to", 80),
    _Strength("blur", "Blur, probability", 100, 5),
    _Strength("noise", "Pixel noise, up to (of white)", 20),
    _Strength("jpeg", "JPEG compression, probability", 100, 5),
    _Strength("erasing", "Erased rectangle, probability", 100, 5),
)


def show_augmentation(data: FaceData) -> None:
    """A slider per setting, one face with several random changes, and a button to train so."""
    import torch

    from emotion_core.training.augment import Augmentation

    strengths = _pick_strengths()
    with st.container(horizontal=True):
        if st.button("Another face", icon=":material/shuffle:", key="augment-shuffle"):
            st.session_state["augment-face"] = st.session_state.get("augment-face", 0) + 1
        if offers(Action.TRAIN, says=False) and st.button(
            "Use in Training",
            icon=":material/model_training:",
            type="primary",
            key="augment-use",
            help="Opens the Training form with this data set and these settings.",
        ):
            prefill(strengths)
            st.switch_page("pages/training.py")
    seed = st.session_state.get("augment-face", 0)
    face = np.array(data.images[np.random.default_rng(seed).choice(training_faces(data))])
    generator = torch.Generator().manual_seed(seed)
    faces = torch.from_numpy(np.stack([face] * _EXAMPLES))
    changed = Augmentation(**strengths)(faces, generator)
    show_faces_grid(
        np.concatenate([face[None], changed.numpy()]),
        ["original"] + [f"example {number + 1}" for number in range(_EXAMPLES)],
        columns=8,
    )


def _pick_strengths() -> dict[str, float]:
    usual = TrainConfig()
    help_texts = {item.name: item.help for item in TrainConfig.settings()}
    columns = st.columns(5)
    return {
        item.name: columns[index % 5].slider(
            item.label,
            0,
            item.top,
            round(item.scale * getattr(usual, item.name)),
            item.step,
            format=f"%d{item.unit.replace('%', '%%')}",
            help=help_texts[item.name],
            key=f"augment-{item.name}",
        )
        / item.scale
        for index, item in enumerate(_STRENGTHS)
    }
