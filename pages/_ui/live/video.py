"""The Live page's video file: played like a camera, or analyzed as a whole."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.live import videos
from emotion_core.live.stream import LiveStream
from emotion_core.live.video_file import SUFFIXES
from emotion_core.live.videos import VideoJob, VideoResult
from emotion_core.models.titles import model_title
from emotion_core.plots import timeline as plots
from emotion_core.runs.run import Run
from emotion_core.text import csv_text, plain
from emotion_core.units import percent
from pages._ui.access import is_at_computer
from pages._ui.live.detector import show_weakness
from pages._ui.live.settings import chosen_run
from pages._ui.widgets import run_label, show_error, show_figure

if TYPE_CHECKING:
    from emotion_core.live.pipeline import LivePipeline

PLAY, ANALYZE = "Play", "Analyze"
_MEGABYTES, _MEGABYTES_OF_VISITORS = 1_000, 200  # of a video, which is held in memory


def pick_video() -> tuple[str, Any]:
    """What to do with a video, and the uploaded file; None before there is one."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        mode = st.segmented_control(
            "What to do with it",
            [PLAY, ANALYZE],
            default=PLAY,
            required=True,
            key="live-video-mode",
            persist_state="session",
            help="Play shows it in a loop, as a camera would. Analyze goes through the whole file "
            "and gives a timeline, a table and a copy with boxes.",
        )
    upload = st.file_uploader(
        "A video",
        type=list(SUFFIXES),
        key="live-video",
        max_upload_size=_MEGABYTES if is_at_computer() else _MEGABYTES_OF_VISITORS,
        help="It is processed in memory and not kept.",
    )
    return str(mode), upload


def playback_of(upload: Any) -> Any:
    """Frames of an uploaded video in a loop; None without one, or where it cannot be read."""
    from emotion_core.live.playback import VideoPlayback

    name, playback = st.session_state.pop("live-playback", ("", None))
    if upload is None:
        return None
    if name != upload.file_id:
        try:
            playback = VideoPlayback(upload.getvalue(), upload.name)
        except EmotionError as error:
            show_error(error)
            return None
    st.session_state["live-playback"] = (upload.file_id, playback)
    return playback


def show_analysis(stream: LiveStream, upload: Any) -> None:
    """Every face of a video over time, as figure, CSV and annotated MP4."""
    job: VideoJob | None = st.session_state.get("live-video-job")
    at_work = job is not None and job.state.kind == "running"
    run = chosen_run(stream)
    show_weakness(stream.pipeline)
    if upload is not None and run is not None and not at_work:
        _show_start(stream, run, upload)
        job = st.session_state.get("live-video-job")
    if job is None:
        return
    state = job.state
    if state.kind == "running":
        st.fragment(_watch, run_every=1.0)(job)
        st.button("Cancel", icon=":material/cancel:", key="live-video-cancel", on_click=job.cancel)
    elif state.kind == "failed":
        st.error(plain(state.error, "markdown"), icon=":material/error:")
    elif state.kind == "cancelled":
        st.info("Canceled; nothing was kept.", icon=":material/cancel:")
    elif state.result:
        _show_result(job, state.result)


def _show_start(stream: LiveStream, run: Run, upload: Any) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fps = st.number_input(
            "Frames per second",
            1.0,
            30.0,
            5.0,
            1.0,
            help="How many frames of each second of video are analyzed.",
            format="%.0f",
            key="live-video-fps",
            width=180,
        )
        clicked = st.button(
            "Analyze", type="primary", icon=":material/movie:", key="live-video-start"
        )
    if not clicked:
        return
    second = stream.pipeline.second

    def create() -> "LivePipeline":
        pipeline = videos.create_video_pipeline(run, stream.pipeline.classifier)
        pipeline.set_second(second)
        return pipeline

    try:
        st.session_state["live-video-job"] = VideoJob(upload.getvalue(), upload.name, create, fps)
    except EmotionError as error:
        show_error(error)
        return
    profile = stream.pipeline.classifier.profile
    first = run_label(run) + (f" for {profile}" if profile else "")
    st.session_state["live-video-models"] = " and ".join(
        [first, *([model_title(second.architecture)] if second else [])]
    )
    st.rerun()


def _watch(job: VideoJob) -> None:
    state = job.state
    # What a browser recorded does not say how long it is.
    done = percent(state.share, 0) if state.share else f"{state.seconds:.0f} s"
    st.progress(state.share, f"{job.name}: {done} of the video")
    if state.kind != "running":
        st.rerun()


def _show_result(job: VideoJob, result: VideoResult) -> None:
    if result.problem:
        text = plain(result.problem, "markdown")
        st.warning(f"{text} The part before it is shown.", icon=":material/warning:")
    for notice in result.notices:
        st.info(plain(notice, "markdown"), icon=":material/info:")
    step = 1 / min(job.fps, result.info.fps or job.fps)  # a slower video is looked at whole
    st.caption(
        f"{job.name} by {st.session_state['live-video-models']}: {result.frames:,} frames analyzed "
        f"in {result.seconds + step:.1f} s of video."
    )
    reading = plots.timeline_reading(result.rows, step=step)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        if result.annotated:
            st.video(result.annotated, muted=True)
        _show_downloads(job, result)
    with right:
        if not result.rows:
            st.info(reading, icon=":material/search_off:")
            return
        show_figure(plots.timeline(result.rows, step=step), "video-timeline", reading)
        faces = sorted({row["face"] for row in result.rows})
        face = st.selectbox("Face", faces, key="live-video-face") if len(faces) > 1 else faces[0]
        show_figure(
            plots.track_probabilities(result.rows, int(face or faces[0])), "video-face-curves"
        )


def _show_downloads(job: VideoJob, result: VideoResult) -> None:
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
                key="live-video-mp4",
            )
        st.download_button(
            "CSV",
            data=csv_text(result.rows),
            file_name=f"{stem}-emotions.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="live-video-csv",
        )
