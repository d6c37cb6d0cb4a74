"""Tab Audit: where its answers come from, and the jobs that make those that are missing."""

import numpy as np
import streamlit as st

from emotion_core.collect import folds
from emotion_core.collect.answers import stored_probs
from emotion_core.collect.kernel import quick_probs
from emotion_core.collect.outsider import outsider, outsider_probs, stacked
from emotion_core.data.faces import FaceData
from emotion_core.errors import EmotionError
from emotion_core.runs.catalog import load_run
from pages._ui import cache
from pages._ui.widgets import show_error


def answers_to(data: FaceData) -> tuple[np.ndarray, str]:
    """Out-of-sample probabilities, and where they are from."""
    probs, names = stored_probs(data)
    answered = np.isfinite(probs).all(axis=1)
    if answered.all():
        return probs, f"stored answers of {', '.join(names)}"
    missing = ~answered
    probs[missing] = _quick_probs(data)[missing]
    state, run = folds.fold_state(data), outsider(data)
    told = "quick models"
    if state.done == state.folds:
        probs[missing] = (probs[missing] + _fold_probs(data)[missing]) / 2
        told += " with networks"
    elif run is None:
        with st.expander("Better answers", icon=":material/model_training:"):
            _show_folds(data, int(missing.sum()))
    if run is not None:
        other = _outsider_probs(data, run.id)[missing]
        probs[missing] = stacked(data.labels[missing], probs[missing], other)
        names = [run.name, *names]
    return probs, told + (f" and {', '.join(names)}" if names else "")


@st.cache_resource(show_spinner="Fitting a quick model", max_entries=2, hash_funcs=cache.HASHES)
def _quick_probs(data: FaceData) -> np.ndarray:
    return quick_probs(data)


@st.cache_resource(
    show_spinner="Asking the champion about each face", max_entries=2, hash_funcs=cache.HASHES
)
def _outsider_probs(data: FaceData, run_id: str) -> np.ndarray:
    return outsider_probs(load_run(run_id), np.asarray(data.images))


@st.cache_resource(show_spinner="Asking the folds", max_entries=2, hash_funcs=cache.HASHES)
def _fold_probs(data: FaceData) -> np.ndarray:
    return folds.fold_probs(data)


@st.fragment(run_every=2.0)
def _show_folds(data: FaceData, missing: int) -> None:
    """Offer or watch the jobs that make the missing answers."""
    state = folds.fold_state(data)
    if state.done == state.folds:
        st.rerun()
    if state.active:
        st.progress(state.share, f"Training fold {state.done + 1} of {state.folds}")
        if st.button("Stop", key="collect-folds-stop"):
            folds.stop_folds(data)
        return
    if state.error:
        st.error(state.error)
    st.info(
        f"{missing:,} faces are answered by quick models, fitted without the face in question. "
        f"{state.folds} small networks can be trained in the background, each without one part of the "
        "faces; the mean of both finds more wrong labels.",
    )
    if st.button("Train the folds", type="primary", key="collect-folds"):
        try:
            folds.start_folds(data)
        except EmotionError as error:
            show_error(error)
        else:
            st.rerun(scope="fragment")
