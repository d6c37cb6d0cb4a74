"""The Predictions page's photos and videos: every face found, named and to be downloaded."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.live import photos, videos
from emotion_core.live.photos import FaceResult
from emotion_core.live.videos import VideoJob, VideoResult
from emotion_core.plots import predictions as plots
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.text import csv_text
from pages._ui.cache import MODEL_FILES, classifier, hashes
from pages._ui.predictions.why import draw_probs, explain_face, has_weights
from pages._ui.widgets import PHOTO_MEGABYTES, draw_error, figure, run_label

_VIDEO_MEGABYTES = 1_000
_SHOWN_FACES = 40  # of one photo, with bars and all


def draw_photo(run: Run, report: Report) -> None:
    """Any photo: all faces found, cut out and classified."""
    if not has_weights(run):
        return
    upload = st.file_uploader(
        "Photo",
        type=list(photos.SUFFIXES),
        key="photo",
        max_upload_size=PHOTO_MEGABYTES,
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
            picture, results = _photo(run, data, whole, upload.name)
    except EmotionError as error:
        draw_error(error)
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
    scale = photos.shrinkage(data)
    st.download_button(
        "CSV",
        data=csv_text([photos.result_row(i, r, scale) for i, r in enumerate(results, start=1)]),
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


@st.cache_data(  # goes with the browser tab
    show_spinner=False, max_entries=4, scope="session", hash_funcs=hashes(*MODEL_FILES)
)
def _photo(run: Run, data: bytes, whole: bool, name: str) -> tuple[np.ndarray, list[FaceResult]]:
    """The picture with its boxes (RGB, at most 1,600 pixels a side) and its faces."""
    image, model = photos.read_image(data, name), classifier(run)
    if whole:
        results = [photos.classify_whole(image, model)]
    else:
        # A detector of its own: OpenCV's keep state, and sessions run side by side.
        results = photos.classify_photo(image, photos.PhotoDetector(), model)
    drawn = photos.draw_photo(image, photos.as_faces(results))
    return np.ascontiguousarray(drawn[..., ::-1]), results


def draw_video(run: Run, report: Report) -> None:
    """A video file: every face over time, as figure, CSV and annotated MP4."""
    if not has_weights(run):
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
        try:
            st.session_state["video-job"] = _start_video(run, upload, fps)
        except EmotionError as error:
            draw_error(error)
            return
        st.session_state["video-run"] = run_label(run)
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
    return VideoJob(upload.getvalue(), upload.name, create, fps)


def _watch_video(job: VideoJob) -> None:
    state = job.state
    # What a browser recorded does not say how long it is.
    done = f"{state.share:.0%}" if state.share else f"{state.seconds:.0f} s"
    st.progress(state.share, f"{job.name}: {done} of the video")
    if state.kind != "running":
        st.rerun()


def _draw_video_result(job: VideoJob, result: VideoResult) -> None:
    if result.problem:
        st.warning(f"{result.problem} Shown is what came before.", icon=":material/warning:")
    step = 1 / min(job.fps, result.info.fps or job.fps)  # a slower video is looked at whole
    st.caption(
        f"{job.name} by {st.session_state['video-run']}: {result.frames:,} frames looked at in "
        f"{result.seconds + step:.1f} s of video."
    )
    if result.annotated:
        st.video(result.annotated, muted=True)
    stem = Path(job.name).stem
    with st.container(horizontal=True):
        if result.annotated:
            st.download_button(
                "Annotated MP4",
                data=result.annotated,
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
