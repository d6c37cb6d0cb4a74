"""Tab Audit: where its answers come from, and the jobs that make those that are missing."""

import numpy as np
import streamlit as st

from emotion_core.collect import answers, folds
from emotion_core.collect.kernel import quick_probs
from emotion_core.collect.outsider import outsider_probs
from emotion_core.data.faces import FaceData
from emotion_core.errors import EmotionError
from emotion_core.runs.run import Run
from pages._ui import cache
from pages._ui.widgets import show_error


def answers_to(data: FaceData) -> answers.Answers:
    """Out-of-sample answers, with an offer to train the folds where they would be better."""
    state = folds.fold_state(data)
    trained = _fold_probs if state.done == state.folds else None
    found = answers.answers_to(data, _quick_probs, _champion_probs, trained)
    if found.quick_alone:
        with st.expander("Better answers", icon=":material/model_training:"):
            _show_folds(data, found.quick_alone)
    return found


@st.cache_resource(show_spinner="Fitting a quick model", max_entries=2, hash_funcs=cache.HASHES)
def _quick_probs(data: FaceData) -> np.ndarray:
    return quick_probs(data)


@st.cache_resource(
    show_spinner="Asking the champion about each face",
    max_entries=2,
    hash_funcs=cache.hashes(*cache.MODEL_FILES),
)
def _champion_probs(data: FaceData, run: Run) -> np.ndarray:
    return outsider_probs(run, np.asarray(data.images))


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
