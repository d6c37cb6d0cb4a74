"""On Live, as an option: the last minute on the plane of valence and arousal, marked as derived."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from emotion_core.labels import EMOTIONS
from emotion_core.live.summary import Second
from emotion_core.personal.agreement import ANCHOR_SOURCE, ANCHORS, affect_of
from emotion_core.plots.live import emotion_color
from emotion_core.units import number

AFFECT = "live-affect"
_TRAIL = 20  # seconds
_BELOW = ' class="below"'  # its point lies on another's name


def show_affect_switch() -> None:
    """A toggle, off until it is asked for."""
    st.toggle(
        "Affect plane (derived)",
        key=AFFECT,
        persist_state="session",
        help="Valence and arousal as the mean of seven published points, weighted by the "
        "probabilities. It says nothing that the probabilities do not say.",
    )


def affect_plane(minute: Sequence[Second | None]) -> str:
    """The plane as HTML: seven anchor points, the last seconds as dots, and the present point.

    Args:
        minute: Of one face, the present second last; None where unseen.
    """
    seen = [item for item in minute[-_TRAIL:] if item]
    points = affect_of(np.stack([item.probs for item in seen])) if seen else np.zeros((0, 2))
    anchors = "".join(
        f'<i style="{_place(point)};--tone:{emotion_color(name)}"></i>'
        f'<span{_BELOW if name == "fear" else ""} style="{_place(point)}">{name}</span>'
        for name, point in zip(EMOTIONS, ANCHORS, strict=True)
    )
    trail = "".join(f'<u style="{_place(point)}"></u>' for point in points)
    here, said = "", "no face"
    if minute and minute[-1] is not None:
        here, (valence, arousal) = f'<b style="{_place(points[-1])}"></b>', points[-1]
        said = f"valence {number(valence, 2, sign=True)}, arousal {number(arousal, 2, sign=True)}"
    source = ANCHOR_SOURCE.replace("&", "&amp;")
    return (
        '<div class="live-affect">'
        f'<div class="live-plane" role="img" aria-label="Affect plane: {said}">{anchors}{trail}{here}'
        "</div><small>valence: unpleasant to pleasant; upwards, arousal: calm to activated</small>"
        f'<small class="live-note"><b>derived</b>: {said}. Mean of seven published points '
        f"({source}), weighted by the calibrated probabilities, smoothed; the dots are the last "
        f"{_TRAIL} s.</small></div>"
    )


def _place(point: np.ndarray) -> str:
    """From -1..1 to shares of the plane as CSS; pleasant is right, activated is up."""
    valence, arousal = (float(value) for value in point)
    return f"left:{50 * (1 + valence):.1f}%;top:{50 * (1 - arousal):.1f}%"
