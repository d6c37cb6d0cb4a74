"""The frame of every page: title, menu and a line on responsible use."""

import functools
import gc
import sys
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from starlette.formparsers import MultiPartParser

from pages._ui import access

APP_NAME = "Emotion Core"
RESPONSIBLE_USE = (
    "A model guesses the expression on a face, never what a person feels. Tell people when it "
    "looks at them, and ask first."
)


@dataclass(frozen=True)
class Page:
    """A page as the menu shows it."""

    file: str
    title: str
    icon: str
    purpose: str


PAGES: tuple[Page, ...] = (
    Page("app.py", "Overview", "home", "Results at a glance, and what to do next."),
    Page("pages/dataset.py", "Dataset", "photo_library", "Choose the faces and get to know them."),
    Page("pages/training.py", "Training", "model_training", "Train models and watch them learn."),
    Page("pages/comparison.py", "Comparison", "bar_chart", "Which model is better, and where?"),
    Page("pages/predictions.py", "Predictions", "fact_check", "What a model gets right and wrong."),
    Page("pages/live.py", "Live", "videocam", "Every face before the camera, in real time."),
)
_ICON = str(Path(__file__).with_name("icon.svg"))
_STYLE = Path(__file__).with_name("style.css")
_MOST_UPLOADED = 2**31  # bytes, more than any page takes


def open_page(file: str, title: str) -> None:
    """Draw the frame; the first call of a page.

    Args:
        file: The page's path below the project folder, such as ``pages/live.py``.
        title: Heading and title of the browser tab.
    """
    _spare_modules("torch" in sys.modules, "aiortc" in sys.modules)
    # Uploads stay in memory: by default what is larger than 1 MB passes through a file on disk.
    MultiPartParser.spool_max_size = _MOST_UPLOADED
    page = page_of(file)
    # A :material/...: icon of the tab would be fetched from the network.
    st.set_page_config(page_title=f"{title} · {APP_NAME}", page_icon=_ICON, layout="wide")
    st.logo(_ICON, size="large")
    st.html(_STYLE)
    with st.sidebar:
        st.subheader(APP_NAME, anchor=False)
        for item in PAGES:
            page_link(item.file)
        st.space("small")
        access.show_access()
        st.caption(f":material/info: {RESPONSIBLE_USE}")
    st.title(title, anchor=False)
    st.caption(page.purpose)


@functools.cache
def _spare_modules(*loaded: bool) -> None:
    """Leave what is loaded for good out of garbage collection, once for each state of ``loaded``.

    Streamlit collects after each run of a page or fragment. With PyTorch loaded that took 0.2 s in
    which every thread stood still, once a second for each viewer of the Live page.
    """
    gc.collect()
    gc.freeze()


def page_of(file: str) -> Page:
    """The menu's entry of a page's file."""
    return next(page for page in PAGES if page.file == file)


def page_link(file: str, label: str | None = None) -> None:
    """A link to another page with its own icon."""
    page = page_of(file)
    st.page_link(file, label=label or page.title, icon=f":material/{page.icon}:", width="stretch")
