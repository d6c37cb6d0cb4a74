"""The Live page's photo: every face found, classified by one model or two, explained, as CSV."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.live.session import LARGEST
from emotion_core.live.stream import LiveStream
from emotion_core.text import csv_text
from emotion_core.units import percent
from pages._ui.cache import HASHES
from pages._ui.live import readout
from pages._ui.live.detector import show_weakness
from pages._ui.live.panel import pick_face
from pages._ui.live.settings import chosen_run
from pages._ui.predictions.why import explain_face
from pages._ui.widgets import PHOTO_MEGABYTES, show_error, show_faces_grid

if TYPE_CHECKING:
    from emotion_core.live.photos import FaceResult
    from emotion_core.live.results import Face
    from emotion_core.models.checkpoint import Classifier

_SHOWN_FACES = 40


def show_photo(stream: LiveStream) -> None:
    """The faces of an uploaded photo."""
    from emotion_core.live import photo_file, photos

    upload = st.file_uploader(
        "A photo",
        type=list(photo_file.SUFFIXES),
        key="live-photo",
        max_upload_size=PHOTO_MEGABYTES,
        help="It is processed in memory and not kept.",
    )
    whole = st.toggle(
        "The picture is already a cropped face",
        key="live-photo-whole",
        help="Skip the search and take the middle square, as for a picture of FER-2013.",
    )
    if upload is None:
        return
    pipeline, data = stream.pipeline, upload.getvalue()
    try:
        with st.spinner("Looking for faces"):
            kind = "" if whole else pipeline.detector.kind
            image, results = _photo(data, upload.name, kind, pipeline.classifier)
        faces = photos.as_faces(
            results, threshold=pipeline.config.threshold, second=pipeline.second
        )
    except EmotionError as error:
        show_error(error)
        return
    if not whole:
        show_weakness(pipeline)
    for notice in photos.photo_notices(results):
        st.info(notice, icon=":material/info:")
    left, right = st.columns([3, 2], gap="medium")
    drawn = photos.draw_photo(image, faces, names=stream.names)
    left.image(drawn, channels="BGR", width="stretch", alt=upload.name)
    with right:
        if not faces:
            st.info(
                "No face was found in this picture. Faces seen from the side, very small or turned "
                "ones are missed. If the picture is nothing but a face, say so above.",
                icon=":material/search_off:",
            )
            return
        face = _show_face(stream, faces)
        with st.container(horizontal=True):
            _show_why(stream, face, results)
            _show_download(upload.name, faces, results, photo_file.shrinkage(data))
    if len(results) > 1:
        _show_all(faces, results)


def _show_face(stream: LiveStream, faces: "list[Face]") -> "Face":
    """The chosen face's expression and probabilities."""
    chosen = pick_face(faces, {item.track_id for item in faces}, key="live-photo-face")
    face = next(item for item in faces if chosen in (LARGEST, item.track_id))
    st.html(
        '<div class="live">'
        + readout.headline(face, stream.names)
        + readout.bars(face, stream.names)
        + readout.counts(faces)
        + "</div>"
    )
    return face


def _show_why(stream: LiveStream, face: "Face", results: "list[FaceResult]") -> None:
    run = chosen_run(stream)
    if run and st.button(
        "Why?",
        key="live-why",
        icon=":material/psychology:",
        help="Which parts of the face speak for this expression.",
    ):
        general = ", general model" if stream.pipeline.classifier.profile else ""
        explain_face(run, results[face.track_id - 1].face, f"Face {face.track_id}{general}")


def _show_download(
    name: str, faces: "list[Face]", results: "list[FaceResult]", scale: float
) -> None:
    from emotion_core.live import photos

    rows: list[dict[str, Any]] = []
    for face, result in zip(faces, results, strict=True):
        row = photos.result_row(face.track_id, result, scale)
        if face.second:
            row |= {"second": face.second.emotion, "second_confidence": face.second.confidence}
        rows.append(row)
    st.download_button(
        "CSV",
        data=csv_text(rows),
        file_name=f"{Path(name).stem}-emotions.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="live-photo-csv",
        help="All faces of the photo with their probabilities and boxes",
    )


def _show_all(faces: "list[Face]", results: "list[FaceResult]") -> None:
    st.header("What the model sees", anchor=False)
    shown = list(zip(faces, results, strict=True))[:_SHOWN_FACES]
    show_faces_grid(
        np.stack([result.face for _, result in shown]),
        [f"{face.track_id}: {face.emotion} {percent(face.confidence, 0)}" for face, _ in shown],
        columns=10,
    )
    if len(results) > _SHOWN_FACES:
        st.caption(f"The {_SHOWN_FACES} largest of {len(results)} faces; the CSV has all of them.")


@st.cache_data(  # goes with the browser tab, and the last photograph with the next
    show_spinner=False, max_entries=1, scope="session", hash_funcs=HASHES
)
def _photo(
    data: bytes, name: str, detector: str, model: "Classifier"
) -> "tuple[np.ndarray, list[FaceResult]]":
    """A photo (BGR) and its faces: a touch of a setting looks for them no second time.

    ``detector`` is empty for a picture that is a face already.
    """
    from emotion_core.live import photo_file, photos

    image = photo_file.read_image(data, name)
    if not detector:
        return image, [photos.classify_whole(image, model)]
    # A detector of its own: OpenCV's keep state, and sessions run side by side.
    return image, photos.classify_photo(image, photos.PhotoDetector(detector), model)
