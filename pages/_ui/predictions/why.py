"""Why a model answers as it does for one face: probabilities, Grad-CAM, occlusion."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.plots import predictions as plots
from emotion_core.runs.run import Run
from emotion_core.units import number, percent
from pages._ui.cache import MODEL_FILES, classifier, hashes
from pages._ui.widgets import show_error

if TYPE_CHECKING:
    from emotion_core.evaluation.explain import FeatureLayer, GradCam, Occlusion


_BY_MODEL = hashes(*MODEL_FILES)


@st.dialog("Why?", width="large", icon=":material/psychology:")
def explain_face(run: Run, face: np.ndarray, title: str, actual: str = "") -> None:
    """One face: probabilities, Grad-CAM and occlusion for any emotion."""
    if not has_weights(run):
        st.image(plots.enlarge_face(face), width=plots.FACE_PIXELS, alt=title)
        return
    try:
        with st.spinner("Looking at the face"):
            layers = _layers(run)
            seen = _occlusion(run, face)
    except EmotionError as error:
        show_error(error)
        return
    top = int(seen.probs.argmax())
    st.markdown(f"**{title}**" + (f", actual **{actual}**" if actual else ""))
    left, right = st.columns(2)
    with left:
        emotion = st.selectbox("Explain", EMOTIONS, index=top, help="The predicted one at first.")
    with right:
        from emotion_core.evaluation.explain import default_layer

        layer = st.selectbox(
            "Layer",
            layers,
            index=layers.index(default_layer(layers)) if layers else None,
            format_func=lambda item: f"{item.size} × {item.size} ({item.name})",
            help="A late layer knows what it sees but only roughly where; an early one the reverse.",
        )
    label = EMOTIONS.index(str(emotion))
    cam = _grad_cam(run, face, layer.name if layer else "")
    columns = st.columns([1, 1, 1, 1.3], vertical_alignment="center")
    drop = seen.drop[label]
    largest = float(np.abs(seen.drop).max())
    pictures = (
        (plots.enlarge_face(face), "What the model sees", "The face, 48 × 48 pixels"),
        (
            plots.heat_on_face(face, cam.heat[label]),
            "Grad-CAM",
            f"Grad-CAM: bright parts speak for {emotion}",
        ),
        (
            plots.drop_on_face(face, drop, largest),
            "Occlusion",
            f"Occlusion: covering orange parts lowers {emotion}, blue ones raises it",
        ),
    )
    for column, (picture, name, alt) in zip(columns[:3], pictures, strict=True):
        with column:
            st.image(picture, caption=name, width="stretch", alt=alt)
    with columns[3]:
        draw_probs(seen.probs, actual)
    st.caption(
        f"{plots.agreement_reading(cam.heat[label], drop)} Bright: what speaks for {emotion} "
        f"inside the network. Orange: covering it lowers {emotion}, by up to "
        f"{number(100 * max(0.0, float(drop.max())), 0)} points; blue: raises it."
    )


def draw_probs(probs: np.ndarray, actual: str = "") -> None:
    """Seven probabilities as bars."""
    top = int(probs.argmax())
    parts = []
    for label, (emotion, share) in enumerate(zip(EMOTIONS, probs.tolist(), strict=True)):
        mark = ' class="top"' if label == top else ""
        note = " (actual)" if emotion == actual else ""
        parts.append(
            f"<dt{mark}>{emotion}{note}</dt>"
            f'<dd class="bar" aria-hidden="true"><span style="--share:{share:.1%};'
            f'--color:{COLORS[emotion]}"></span></dd>'
            f'<dd class="value">{percent(share)}</dd>'
        )
    st.html(f'<dl class="probs">{"".join(parts)}</dl>')


def has_weights(run: Run) -> bool:
    """Whether a run can be asked; says so where it cannot."""
    if run.weights_path.exists():
        return True
    st.info(
        f"Run '{run.name}' has no weights (model.safetensors), so only its stored numbers can be "
        "shown. Choose another run.",
        icon=":material/info:",
    )
    return False


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs=_BY_MODEL)
def _layers(run: Run) -> "list[FeatureLayer]":
    from emotion_core.evaluation.explain import feature_layers

    return feature_layers(classifier(run).model)


# A face that was uploaded, and its maps, go with the session that asked.
@st.cache_data(show_spinner=False, max_entries=64, scope="session", hash_funcs=_BY_MODEL)
def _grad_cam(run: Run, face: np.ndarray, layer: str) -> "GradCam":
    from emotion_core.evaluation.explain import grad_cam

    return grad_cam(classifier(run), face, layer=layer)


@st.cache_data(show_spinner=False, max_entries=64, scope="session", hash_funcs=_BY_MODEL)
def _occlusion(run: Run, face: np.ndarray) -> "Occlusion":
    from emotion_core.evaluation.explain import occlusion

    return occlusion(classifier(run), face)
