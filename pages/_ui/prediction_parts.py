"""The Predictions page's parts: test faces and galleries, explanations, the map, photo, video."""

import base64
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import streamlit as st

from emotion_core.data.faces import FaceData
from emotion_core.errors import EmotionError
from emotion_core.evaluation import features as feature_store
from emotion_core.evaluation import gallery
from emotion_core.evaluation.gallery import Guesses, guesses_of
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.live import photos, videos
from emotion_core.live.photos import FaceResult
from emotion_core.live.videos import VideoJob, VideoResult
from emotion_core.plots import predictions as plots
from emotion_core.runs import Run
from pages._ui.state import (
    chosen_data,
    classifier,
    dataset,
    finished_runs,
    predictions_of,
    report_of,
    runs,
)
from pages._ui.widgets import (
    csv_text,
    empty,
    figure,
    percent,
    percent_interval,
    run_label,
    synthetic_badge,
)

if TYPE_CHECKING:
    from emotion_core.evaluation.explain import FeatureLayer, GradCam, Occlusion

COUNT = 25
_STYLE = Path(__file__).with_name("predictions.css")
_PHOTO_MEGABYTES = 60
_VIDEO_MEGABYTES = 1_000
_SHOWN_FACES = 40  # of one photo, with bars and all

Order = Callable[[Guesses, np.ndarray, int], np.ndarray]


def pick_run() -> tuple[Run, dict[str, Any]]:
    """Choose a finished run; its headline below. Stops the page where there is none."""
    st.html(_STYLE)
    found = {run.name: run for run in finished_runs()}
    if not found:
        empty(
            "There is no finished run yet. Train one, and its predictions appear here.",
            "pages/training.py",
        )
        st.stop()
    name = st.selectbox(
        "Run",
        list(found),
        format_func=lambda name: run_label(found[name]) if name in found else name,
        key="run",
        bind="query-params",
    )
    run = found.get(str(name)) or next(iter(found.values()))
    report = report_of(run) or {}
    with st.container(horizontal=True, vertical_alignment="center"):
        if report["data"]["synthetic"]:
            synthetic_badge()
        test = report["test"]
        st.caption(
            f"{percent_interval(test['accuracy'], test['accuracy_ci95'])} of {test['n']:,} test "
            f"faces of {report['data']['name']} right."
        )
    broken = [run for run in runs() if run.problem]
    if broken:
        with st.expander(f"{len(broken)} run folders cannot be read", icon=":material/warning:"):
            for item in broken:
                st.markdown(f"- {item.problem}")
    return run, report


def pick_view() -> str:
    """What to look at; only that is computed."""
    return str(
        st.segmented_control(
            "View",
            list(VIEWS),
            default=next(iter(VIEWS)),
            key="view",
            required=True,
            label_visibility="collapsed",
            bind="query-params",
        )
    )


# --- test faces ------------------------------------------------------------------------------


def draw_faces(run: Run, report: dict[str, Any]) -> None:
    """Test faces in a chosen order, green when right and red when wrong; a click explains one."""
    guesses = _guesses(run)
    images = _test_faces(run, report, guesses)
    order, other = _pick_order(run, report, guesses)
    rows = _pick_filters(guesses)
    if order == "Random":
        chosen = gallery.random_rows(rows, COUNT, seed=_seed())
    elif order == "Most disagreed" and other:
        chosen = gallery.most_disagreed(guesses, other[1], rows, COUNT)
    else:
        chosen = ORDERS[order](guesses, rows, COUNT)
    if not len(chosen):
        empty("No test face fits these filters. Widen them.")
        return
    right = int(guesses.right[rows].sum())
    st.caption(
        f"{len(chosen)} of {len(rows):,} faces that fit; {percent(right / len(rows))} of those are "
        "right. :material/check: solid green: right. :material/close: dashed red: wrong, actual → "
        "predicted." + ("" if images is None else " Click a face to see why.")
    )
    if images is not None:
        with st.container(horizontal=True, gap="small"):
            for row in chosen.tolist():
                _face_button(run, guesses, images, row, other)
    with st.expander("As a table", icon=":material/table:", expanded=images is None):
        table = [_table_row(guesses, row, other) for row in chosen.tolist()]
        st.dataframe(table, hide_index=True)
        st.download_button(
            "CSV of all faces that fit",
            data=lambda: csv_text([_table_row(guesses, row, other) for row in rows.tolist()]),
            file_name=f"{run.name}-predictions.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


ORDERS: dict[str, Order] = {
    "Most confident mistakes": gallery.confident_mistakes,
    "Least certain": gallery.least_certain,
    "Most typical": gallery.most_typical,
}


def _pick_order(
    run: Run, report: dict[str, Any], guesses: Guesses
) -> tuple[str, tuple[str, Guesses] | None]:
    """Which faces come first, and the run to compare with where two are needed."""
    rivals = {}
    for item in finished_runs():
        values = report_of(item)
        same = values and values["data"]["test_fingerprint"] == report["data"]["test_fingerprint"]
        if item != run and same:
            rivals[item.name] = item
    orders = ["Random", *ORDERS, *(["Most disagreed"] if rivals else [])]
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        order = st.selectbox("Show first", orders, key="order", bind="query-params") or orders[0]
    if order == "Random":
        with right:
            st.button("Shuffle", icon=":material/shuffle:", on_click=_shuffle, key="shuffle-button")
    if order != "Most disagreed":
        return order, None
    with right:
        name = st.selectbox(
            "Compared with",
            list(rivals),
            format_func=lambda name: run_label(rivals[name]) if name in rivals else name,
            key="rival",
            bind="query-params",
        )
    rival = rivals.get(str(name)) or next(iter(rivals.values()))
    try:
        other = guesses_of(predictions_of(rival), rival.name)
        gallery.disagreement(guesses, other)
    except EmotionError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
    return order, (rival.config().model, other)


def _pick_filters(guesses: Guesses) -> np.ndarray:
    """Rows that pass the filters."""
    columns = st.columns([1, 1, 1, 1.4])
    anything = ("any", *EMOTIONS)
    with columns[0]:
        actual = st.selectbox("Actual", anything, key="actual", bind="query-params")
    with columns[1]:
        predicted = st.selectbox("Predicted", anything, key="predicted", bind="query-params")
    with columns[2]:
        outcome = st.selectbox("Outcome", list(_OUTCOMES), key="outcome", bind="query-params")
    with columns[3]:
        low, high = st.slider(
            "Confidence in %", 0, 100, (0, 100), key="confidence", bind="query-params"
        )
    return gallery.select(
        guesses,
        actual="" if actual in (None, "any") else str(actual),
        predicted="" if predicted in (None, "any") else str(predicted),
        right=_OUTCOMES.get(str(outcome)),
        confidence=(low / 100, high / 100),
    )


_OUTCOMES: dict[str, bool | None] = {"right or wrong": None, "right": True, "wrong": False}


def _seed() -> int:
    """Of the random faces; in the query string, so that a link shows the same ones."""
    text = st.query_params.get("shuffle", "0")
    return int(text) if text.isdecimal() else 0


def _shuffle() -> None:
    st.query_params["shuffle"] = str(_seed() + 1)


def _face_button(
    run: Run,
    guesses: Guesses,
    images: np.ndarray,
    row: int,
    other: tuple[str, Guesses] | None,
) -> None:
    right = bool(guesses.right[row])
    actual, predicted = EMOTIONS[guesses.labels[row]], EMOTIONS[guesses.predicted[row]]
    share = f"{guesses.confidence[row]:.0%}"
    answer = (
        f":material/check: {actual} {share}"
        if right
        else f":material/close: {actual} → {predicted} {share}"
    )
    if other:
        name, rival = other
        answer += f" ({name}: {EMOTIONS[rival.predicted[row]]})"
    alt = f"Test face {row}, actual {actual}, predicted {predicted}:"
    if st.button(
        f"![{alt}]({_data_uri(images[row])}) {answer}",
        key=f"face-{'right' if right else 'wrong'}-{row}",
    ):
        explain_face(run, images[row], f"Test face {row}: {guesses.ids[row]}", actual)


def _table_row(
    guesses: Guesses, row: int, other: tuple[str, Guesses] | None = None
) -> dict[str, Any]:
    values = {
        "row": row,
        "id": str(guesses.ids[row]),
        "actual": EMOTIONS[guesses.labels[row]],
        "predicted": EMOTIONS[guesses.predicted[row]],
        "right": bool(guesses.right[row]),
        "confidence": round(float(guesses.confidence[row]), 4),
    }
    if other:
        values[f"predicted by {other[0]}"] = EMOTIONS[other[1].predicted[row]]
    probs = guesses.probs[row].tolist()
    return values | {name: round(p, 4) for name, p in zip(EMOTIONS, probs, strict=True)}


def _guesses(run: Run) -> Guesses:
    """The run's predictions; stops the page with the reason where there are none."""
    try:
        return guesses_of(predictions_of(run), run.name)
    except EmotionError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()


def _test_data(run: Run, report: dict[str, Any]) -> FaceData | None:
    """The data set a run was tested on, wherever it is on this machine; None if it is not."""
    wanted = report["data"]["test_fingerprint"]
    specs = [run.config().data, chosen_data()]
    if not report["data"]["synthetic"]:
        specs.append("fer2013")
    for spec in dict.fromkeys(specs):
        try:
            data = dataset(spec)
        except EmotionError:
            continue  # what is not there under one name may be under another
        if data.test_fingerprint == wanted:
            return data
    return None


def _test_faces(run: Run, report: dict[str, Any], guesses: Guesses) -> np.ndarray | None:
    """Test faces ``(n, 48, 48)`` in the predictions' order; says so where they are not here."""
    data = _test_data(run, report)
    if data is None:
        source = report["data"]
        st.info(
            f"The faces of this run's test are not on this machine, so only its numbers are shown. "
            f"It was tested on **{source['name']}** ({len(guesses):,} faces, test fingerprint "
            f"{source['test_fingerprint'][:12]}). Choose that data set on the Dataset page.",
            icon=":material/image_not_supported:",
        )
        return None
    images, labels = _in_order(data.fingerprint, data)
    if not np.array_equal(labels, guesses.labels):
        st.error(
            f"Run '{run.name}': predictions.npz does not fit the test faces its report names. "
            f"Write both anew: evaluate {run.name}.",
            icon=":material/error:",
        )
        return None
    return images


@st.cache_resource(show_spinner=False, max_entries=2)
def _in_order(fingerprint: str, _data: FaceData) -> tuple[np.ndarray, np.ndarray]:
    rows = _data.indices("test")
    return np.ascontiguousarray(_data.images[rows]), _data.labels[rows]


# --- explanations ----------------------------------------------------------------------------


@st.dialog("Why?", width="large", icon=":material/psychology:")
def explain_face(run: Run, face: np.ndarray, title: str, actual: str = "") -> None:
    """One face: probabilities, Grad-CAM and occlusion for any emotion."""
    if not _has_weights(run):
        st.image(plots.enlarge_face(face), width=plots.FACE_PIXELS, alt=title)
        return
    with st.spinner("Looking at the face"):
        layers = _layers(run.path, _weights_stamp(run), run)
        seen = _occlusion(run.path, _weights_stamp(run), face, run)
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
    cam = _grad_cam(run.path, _weights_stamp(run), face, layer.name if layer else "", run)
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
        f"{100 * max(0.0, float(drop.max())):.0f} points; blue: raises it."
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
            f'<dd class="value">{share:.1%}</dd>'
        )
    st.html(f'<dl class="probs">{"".join(parts)}</dl>')


def _has_weights(run: Run) -> bool:
    if run.weights_path.exists():
        return True
    st.info(
        f"Run '{run.name}' has no weights (model.safetensors), so only its stored numbers can be "
        "shown. Choose another run.",
        icon=":material/info:",
    )
    return False


def _weights_stamp(run: Run) -> int:
    return run.weights_path.stat().st_mtime_ns


@st.cache_data(show_spinner=False, max_entries=32)
def _layers(path: Path, stamp: int, _run: Run) -> "list[FeatureLayer]":
    from emotion_core.evaluation.explain import feature_layers

    return feature_layers(classifier(_run).model)


@st.cache_data(show_spinner=False, max_entries=128)
def _grad_cam(path: Path, stamp: int, face: np.ndarray, layer: str, _run: Run) -> "GradCam":
    from emotion_core.evaluation.explain import grad_cam

    return grad_cam(classifier(_run), face, layer=layer)


@st.cache_data(show_spinner=False, max_entries=128)
def _occlusion(path: Path, stamp: int, face: np.ndarray, _run: Run) -> "Occlusion":
    from emotion_core.evaluation.explain import occlusion

    return occlusion(classifier(_run), face)


# --- feature map -----------------------------------------------------------------------------


def draw_map(run: Run, report: dict[str, Any]) -> None:
    """The test faces where the model's last layer sees them."""
    guesses = _guesses(run)
    images = _test_faces(run, report, guesses)
    found = feature_store.load_features(run)
    if found is None:
        data = _test_data(run, report)
        if data is None or not _has_weights(run):
            return
        count = min(feature_store.FACES, len(guesses))
        st.markdown(
            f"The model describes each face by numbers before it decides. This draws {count:,} test "
            "faces by these numbers: near faces look alike to the model."
        )
        if not st.button("Draw the map", type="primary", icon=":material/scatter_plot:"):
            return
        bar = st.progress(0.0, "Looking at the faces")
        try:
            feature_store.compute_features(
                run, data, progress=lambda share: _show_share(bar, share)
            )
        except EmotionError as error:
            st.error(str(error), icon=":material/error:")
            return
        st.rerun()
    assert found is not None
    if len(found.rows) and int(found.rows.max()) >= len(guesses):
        st.error("The stored map is of another test set. Draw it anew: features RUN.")
        return
    left, right = st.columns(2)
    with left:
        method = st.segmented_control(
            "Map", ("PCA", "t-SNE"), default="PCA", required=True, key="map", bind="query-params"
        )
    with right:
        by = st.segmented_control(
            "Colour and shape",
            ("actual", "predicted"),
            default="actual",
            required=True,
            key="by",
            bind="query-params",
        )
    if method == "PCA":
        positions, share = feature_store.pca(found.values)
        axes = (f"first direction, {share[0]:.0%}", f"second direction, {share[1]:.0%}")
        note = f"The two directions hold {share.sum():.0%} of the variance."
    else:
        stored = feature_store.load_tsne(run, found)
        if stored is None:
            _tsne_job(run)
            return
        positions, axes = stored, ("", "")
        note = "t-SNE keeps neighbours together; distances between groups mean nothing."
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


def _show_share(bar: Any, share: float) -> None:
    bar.progress(share, f"Looking at the faces: {share:.0%}")


def _tsne_job(run: Run) -> None:
    """Start, watch and stop the computation of the t-SNE map."""
    state = feature_store.tsne_state(run)
    if state.kind == "running":
        st.fragment(_watch_tsne, run_every=1.0)(run)
        st.button("Cancel", icon=":material/cancel:", on_click=feature_store.stop_tsne, args=(run,))
        return
    if state.kind == "failed":
        st.error(state.error, icon=":material/error:")
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
    st.progress(state.share, f"t-SNE, {state.share:.0%} of the iterations")
    if state.kind != "running":
        st.rerun()


# --- photo -----------------------------------------------------------------------------------


def draw_photo(run: Run, report: dict[str, Any]) -> None:
    """Any photo: all faces found, cut out and classified."""
    if not _has_weights(run):
        return
    upload = st.file_uploader(
        "Photo",
        type=list(photos.SUFFIXES),
        key="photo",
        max_upload_size=_PHOTO_MEGABYTES,
        help="It is looked at on this computer and not kept.",
    )
    if upload is None:
        return
    data = upload.getvalue()
    whole = st.toggle(
        "The picture is a face already",
        help="Skip the search: take its middle square, as for a picture of FER-2013.",
    )
    try:
        with st.spinner("Looking for faces"):
            picture, results = _photo(run.path, _weights_stamp(run), data, whole, upload.name, run)
    except EmotionError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.image(picture, width="stretch" if picture.shape[1] >= 700 else "content", alt=upload.name)
    if not results:
        st.info(
            "No face was found. Faces seen from the side, very small or turned ones are missed. If "
            "the picture is nothing but a face, say so above.",
            icon=":material/search_off:",
        )
        return
    named = ", ".join(f"{r.emotion} {r.confidence:.0%}" for r in results[:8])
    st.caption(f"{len(results)} face{'s' if len(results) > 1 else ''}: {named}.")
    columns = st.columns(3)
    for index, result in enumerate(results[:_SHOWN_FACES]):
        with columns[index % 3], st.container(border=True):
            _photo_face(run, index, result)
    if len(results) > _SHOWN_FACES:
        st.caption(f"The {_SHOWN_FACES} largest are shown; the CSV has all {len(results)}.")
    st.download_button(
        "CSV",
        data=csv_text([photos.result_row(i, r) for i, r in enumerate(results, start=1)]),
        file_name=f"{Path(upload.name).stem}-emotions.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _photo_face(run: Run, index: int, result: FaceResult) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        picture = plots.enlarge_face(result.face, 96)
        st.image(picture, width=96, alt=f"Face {index + 1}, {result.emotion}")
        with st.container(width="content", gap="small"):
            st.markdown(f"**{index + 1}: {result.emotion}** {result.confidence:.0%}")
            if st.button("Why?", key=f"why-{index}", icon=":material/psychology:", type="tertiary"):
                explain_face(run, result.face, f"Face {index + 1}")
    draw_probs(result.probs)


@st.cache_data(show_spinner=False, max_entries=4)
def _photo(
    path: Path, stamp: int, data: bytes, whole: bool, name: str, _run: Run
) -> tuple[np.ndarray, list[FaceResult]]:
    """The picture with its boxes (RGB, at most 1,600 pixels a side) and its faces."""
    image, model = photos.read_image(data, name), classifier(_run)
    if whole:
        results = [photos.classify_whole(image, model)]
    else:
        # A detector of its own: OpenCV's keep state, and sessions run side by side.
        results = photos.classify_photo(image, photos.PhotoDetector(), model)
    drawn = photos.draw_photo(image, results)
    return np.ascontiguousarray(drawn[..., ::-1]), results


# --- video -----------------------------------------------------------------------------------


def draw_video(run: Run, report: dict[str, Any]) -> None:
    """A video file: every face over time, as figure, CSV and annotated MP4."""
    if not _has_weights(run):
        return
    left, right = st.columns([3, 1])
    with left:
        upload = st.file_uploader(
            "Video",
            type=list(videos.SUFFIXES),
            key="video",
            max_upload_size=_VIDEO_MEGABYTES,
            help="It is looked at on this computer and not kept.",
        )
    with right:
        fps = st.number_input(
            "Frames a second", 1.0, 30.0, 5.0, 1.0, help="How many are looked at.", format="%.0f"
        )
    job: VideoJob | None = st.session_state.get("video-job")
    at_work = job is not None and job.state.kind == "running"
    if (
        upload is not None
        and not at_work
        and st.button("Analyse", type="primary", icon=":material/movie:")
    ):
        st.session_state["video-job"] = _start_video(run, upload, fps)
        st.rerun()
    if job is None:
        return
    state = job.state
    if state.kind == "running":
        st.fragment(_watch_video, run_every=1.0)(job)
        st.button("Cancel", icon=":material/cancel:", on_click=job.cancel)
    elif state.kind == "failed":
        st.error(state.error, icon=":material/error:")
    elif state.kind == "cancelled":
        st.info("Cancelled; nothing was kept.", icon=":material/cancel:")
    elif state.result:
        _draw_video_result(job, state.result)


def _start_video(run: Run, upload: Any, fps: float) -> VideoJob:
    create = partial(videos.create_video_pipeline, run, classifier(run))
    return VideoJob(upload.getbuffer(), upload.name, create, fps)


def _watch_video(job: VideoJob) -> None:
    state = job.state
    st.progress(state.share, f"{job.name}: {state.share:.0%} of the video")
    if state.kind != "running":
        st.rerun()


def _draw_video_result(job: VideoJob, result: VideoResult) -> None:
    if result.problem:
        st.warning(f"{result.problem} Shown is what came before.", icon=":material/warning:")
    step = 1 / job.fps
    st.caption(
        f"{job.name}: {result.frames:,} frames looked at in {result.seconds + step:.1f} s of video."
    )
    if result.annotated:
        st.video(str(result.annotated), muted=True)
    stem = Path(job.name).stem
    with st.container(horizontal=True):
        if result.annotated:
            st.download_button(
                "Annotated MP4",
                data=result.annotated.read_bytes,
                file_name=f"{stem}-emotions.mp4",
                mime="video/mp4",
                icon=":material/download:",
                on_click="ignore",
            )
        st.download_button(
            "CSV",
            data=csv_text(result.rows),
            file_name=f"{stem}-emotions.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    reading = plots.timeline_reading(result.rows, step=step)
    if not result.rows:
        st.info(reading, icon=":material/search_off:")
        return
    figure(plots.timeline(result.rows, step=step), "video-timeline", reading)
    faces = sorted({row["face"] for row in result.rows})
    face = st.selectbox("Face", faces, key="video-face") if len(faces) > 1 else faces[0]
    figure(plots.track_probabilities(result.rows, int(face or faces[0])), "video-face-curves")


def _data_uri(face: np.ndarray) -> str:
    _, data = cv2.imencode(".png", face)
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


VIEWS: dict[str, Callable[[Run, dict[str, Any]], None]] = {
    "Test faces": draw_faces,
    "Feature map": draw_map,
    "Photo": draw_photo,
    "Video": draw_video,
}
