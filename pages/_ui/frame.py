"""The frame of every page: title, menu and a line on responsible use."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

from emotion_core.memory import keep_uploads_in_memory, spare_modules
from pages._ui import access, cache
from pages._ui.diary.reminder import remind

APP_NAME = "Emotion Core"
RESPONSIBLE_USE = (
    "Models estimate expressions, not feelings. Ask for consent before filming anyone."
)


@dataclass(frozen=True)
class Page:
    """A page as the menu shows it."""

    file: str
    title: str
    icon: str
    purpose: str
    in_menu: bool = True


PAGES: tuple[Page, ...] = (
    Page("app.py", "Overview", "home", "Results at a glance, and what to do next."),
    Page("pages/dataset.py", "Dataset", "photo_library", "Choose a data set and explore it."),
    Page(
        "pages/collect.py",
        "Collect",
        "add_a_photo",
        "Gather and label faces of your own, and improve the model with them.",
    ),
    Page("pages/training.py", "Training", "model_training", "Train models and watch them learn."),
    Page(
        "pages/comparison.py",
        "Comparison",
        "bar_chart",
        "Which model is better, by how much, and where each one fails.",
    ),
    Page(
        "pages/predictions.py",
        "Predictions",
        "fact_check",
        "Which faces a model classifies correctly, which it does not, and why.",
    ),
    Page(
        "pages/live.py",
        "Live",
        "videocam",
        "Facial expressions on camera, in a video or a photo.",
    ),
    Page("pages/diary.py", "Diary", "edit_note", "Your own expressions over time, for you alone."),
    Page(
        "pages/run.py",
        "Run",
        "deployed_code",
        "One run: its settings, curves, scores and mistakes.",
        in_menu=False,
    ),
)
_ICON = str(Path(__file__).with_name("icon.svg"))
_STYLE = Path(__file__).with_name("style.css")
_MENU_WIDTH = 230  # pixels


def open_page(file: str, *, beside: Callable[[], None] | None = None) -> None:
    """Show the frame around a page; its first call.

    Args:
        file: The page's path below the project folder, such as ``pages/live.py``.
        beside: Draws what stands beside the title.
    """
    page = page_of(file)
    _begin(page.title, _MENU_WIDTH)
    st.logo(_ICON, size="large")
    with st.sidebar:
        st.markdown(f"**{APP_NAME}**")
        for item in PAGES:
            if item.in_menu:
                page_link(item.file)
        st.space("small")
        access.show_access()
        st.caption(f":material/info: {RESPONSIBLE_USE}")
    with st.container(horizontal=True, vertical_alignment="bottom", key="page-head"):
        st.title(page.title, anchor=False, width="content")
        st.caption(page.purpose, width="content")
        if beside:
            beside()
    remind()


def open_stage(title: str) -> None:
    """Begin a page without frame and menu, for an audience.

    Args:
        title: What the browser's tab says.
    """
    _begin(title, "collapsed")


def _begin(title: str, menu: int | Literal["collapsed"]) -> None:
    cache.look_again()
    keep_uploads_in_memory()
    # PyTorch and aiortc are loaded by the pages that need them, so ask again once each has come.
    spare_modules("torch" in sys.modules, "aiortc" in sys.modules)
    # A :material/...: icon of the tab would be fetched from the network.
    st.set_page_config(
        page_title=f"{title} · {APP_NAME}",
        page_icon=_ICON,
        layout="wide",
        initial_sidebar_state=menu,
    )
    st.html(_STYLE)


def page_of(file: str) -> Page:
    """The menu's entry of a page's file."""
    return next(page for page in PAGES if page.file == file)


def page_link(
    file: str, label: str | None = None, query: Mapping[str, str | list[str]] | None = None
) -> None:
    """A link to another page with its own icon.

    Args:
        file: The page.
        label: Its text; by default the page's title.
        query: Parameters of the address.
    """
    page = page_of(file)
    st.page_link(
        file,
        label=label or page.title,
        icon=f":material/{page.icon}:",
        width="content" if label else "stretch",  # without a text of its own it stands in the menu
        query_params=query or None,
    )
