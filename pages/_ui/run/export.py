"""A run's weights in other formats, and as a page of its own, written when they are asked for."""

import io
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.runs.run import Run
from pages._ui.access import offers
from pages._ui.widgets import show_error

_FORMATS = (
    ("onnx", "ONNX", "A whole program: gray faces in, logits out, for any runtime."),
    ("h5", "HDF5", "The tensors under PyTorch's names, as the study saved them."),
    ("safetensors", "Safetensors", "The tensors with labels and preprocessing."),
)
_WEB_HELP = (
    "A folder for any web server: it finds faces and names their expressions in the browser, on a "
    "phone as well. No picture leaves the device."
)


def show_export(run: Run) -> None:
    """A menu of formats."""
    with st.popover("Export", icon=":material/download:", key=f"export-{run.name}"):
        for name, kind, text in _FORMATS:
            _show_download(run, kind, partial(_exported, run, name), f"{run.name}.{name}", text)
        if _has_web_parts():
            file = f"{run.name}-web.zip"
            _show_download(run, "Web page", partial(_web_zip, run), file, _WEB_HELP)
        elif offers(Action.DOWNLOAD, says=False):
            _show_get_web_parts(run)


def _show_download(run: Run, kind: str, make: "partial[bytes]", file: str, text: str) -> None:
    st.download_button(
        kind,
        data=make,
        file_name=file,
        mime="application/octet-stream",
        key=f"export-{Path(file).suffix[1:]}-{run.name}",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        help=text,
    )


def _exported(run: Run, format: str) -> bytes:
    from emotion_core.models.export import export_run

    with tempfile.TemporaryDirectory() as folder:
        return export_run(run, format, Path(folder)).read_bytes()


def _web_zip(run: Run) -> bytes:
    from emotion_core.live.yunet_file import yunet_path
    from emotion_core.models.web_export import export_web

    detector = yunet_path()
    if detector is None:
        raise RuntimeError("The menu offers the page only where YuNet's file is.")
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        made = export_web(run, Path(folder) / f"{run.name}-web", detector=detector)
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(made.iterdir()):
                archive.write(path, f"{made.name}/{path.name}")
    return content.getvalue()


def _has_web_parts() -> bool:
    from emotion_core.live.yunet_file import yunet_path
    from emotion_core.models.web_runtime import runtime_files

    try:
        return bool(runtime_files()) and yunet_path() is not None
    except EmotionError:
        return False


def _show_get_web_parts(run: Run) -> None:
    if not st.button(
        "Get the parts of the web page",
        icon=":material/cloud_download:",
        key=f"web-parts-{run.name}",
        help=f"{_WEB_HELP} It needs onnxruntime-web, from npm, and the face detector YuNet once.",
    ):
        return
    from emotion_core.live.fetch import fetch_yunet
    from emotion_core.live.yunet_file import yunet_path
    from emotion_core.models.web_runtime import fetch_runtime

    try:
        with st.spinner("Getting the parts"):
            fetch_runtime()
            if yunet_path() is None:
                fetch_yunet()
    except EmotionError as error:
        show_error(error)
    else:
        st.rerun()
