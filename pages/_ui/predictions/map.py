"""The Predictions page's feature map: test faces where the model's last layer sees them."""

from typing import Any

import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.evaluation import features as feature_store
from emotion_core.labels import EMOTIONS
from emotion_core.plots import predictions as plots
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.text import plain
from emotion_core.units import percent
from pages._ui.access import offers
from pages._ui.cache import find_test_data
from pages._ui.predictions.faces import guesses_or_stop, test_faces
from pages._ui.predictions.why import explain_face, has_weights
from pages._ui.widgets import show_error


def draw_map(run: Run, report: Report) -> None:
    """The test faces where the model's last layer sees them."""
    guesses = guesses_or_stop(run)
    images = test_faces(run, report, guesses)
    found = feature_store.load_features(run)
    if found is None:
        _compute(run, len(guesses))
        return
    if len(found.rows) and int(found.rows.max()) >= len(guesses):
        st.error("The stored map is of another test set. Draw it again: features RUN.")
        return
    left, right = st.columns(2)
    with left:
        method = st.segmented_control(
            "Map", ("PCA", "t-SNE"), default="PCA", required=True, key="map", bind="query-params"
        )
    with right:
        by = st.segmented_control(
            "Color and shape",
            ("actual", "predicted"),
            default="actual",
            required=True,
            key="by",
            bind="query-params",
        )
    if method == "PCA":
        positions, share = feature_store.pca(found.values)
        axes = (
            f"first direction, {percent(share[0], 0)}",
            f"second direction, {percent(share[1], 0)}",
        )
        note = f"The two directions hold {percent(share.sum(), 0)} of the variance."
    else:
        stored = feature_store.load_tsne(run, found)
        if stored is None:
            _tsne_job(run)
            return
        positions, axes = stored, ("", "")
        note = "t-SNE keeps neighbors together; distances between groups mean nothing."
    labels, predicted = guesses.labels[found.rows], guesses.predicted[found.rows]
    spec = plots.feature_map(
        positions,
        labels,
        predicted,
        found.rows,
        None if images is None else images[found.rows],
        by=str(by),
        axes=axes,
    )
    reading = plots.map_reading(positions, labels)
    event = st.vega_lite_chart(spec, key="feature-map", on_select="rerun", alt=reading)
    how = "" if images is None else " Point at one to see the face, click it to see why."
    st.caption(f"{reading} {note}{how}")
    picked = [item["row"] for item in event.selection.get("picked", [])]
    if picked and images is not None and picked[0] != st.session_state.get("picked-face"):
        row = int(picked[0])
        explain_face(
            run, images[row], f"Test face {row}: {guesses.ids[row]}", EMOTIONS[guesses.labels[row]]
        )
    # Each pick opens once: other reruns, such as a new colour, still carry it.
    st.session_state["picked-face"] = picked[0] if picked else None


def _compute(run: Run, faces: int) -> None:
    """Offer to compute a run's features; a map of them is drawn by the next run of the page."""
    data = find_test_data([run])
    if data is None or not has_weights(run) or not offers(Action.MEASURE):
        return
    st.markdown(
        "Before deciding, the model turns each face into features. This map places "
        f"{min(feature_store.FACES, faces):,} test faces by these features: faces close together "
        "look similar to the model."
    )
    if not st.button("Draw the map", type="primary", icon=":material/scatter_plot:"):
        return
    bar = st.progress(0.0, "Looking at the faces")
    try:
        feature_store.compute_features(run, data, progress=lambda share: _show_share(bar, share))
    except EmotionError as error:
        show_error(error)
        return
    st.rerun()


def _show_share(bar: Any, share: float) -> None:
    bar.progress(share, f"Looking at the faces: {percent(share, 0)}")


def _tsne_job(run: Run) -> None:
    """Start, watch and stop the computation of the t-SNE map."""
    state = feature_store.tsne_state(run)
    if state.kind == "running":
        st.fragment(_watch_tsne, run_every=1.0)(run)
        stop = feature_store.tsne_task(run).stop
        if offers(Action.MEASURE, says=False):
            st.button("Cancel", icon=":material/cancel:", on_click=stop)
        return
    if state.kind == "failed":
        st.error(plain(state.error, "markdown"), icon=":material/error:")
    if not offers(Action.MEASURE):
        return
    st.markdown("t-SNE is computed in the background, in about a minute.")
    st.button(
        "Compute t-SNE",
        type="primary",
        icon=":material/play_arrow:",
        on_click=feature_store.start_tsne,
        args=(run,),
    )


def _watch_tsne(run: Run) -> None:
    state = feature_store.tsne_state(run)
    st.progress(state.share, f"t-SNE, {percent(state.share, 0)} of the iterations")
    if state.kind != "running":
        st.rerun()
