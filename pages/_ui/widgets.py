"""Pieces that several pages show."""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.reporting.words import run_labels
from emotion_core.runs.run import Run
from emotion_core.text import csv_text, plain
from pages._ui.access import offers
from pages._ui.cache import report_of
from pages._ui.frame import page_link

if TYPE_CHECKING:
    import plotly.graph_objects as go  # a page without figures opens sooner

    from emotion_core.reporting.panels.panel import Panel
    from emotion_core.runs.report import DataFacts

Rows = Sequence[Mapping[str, Any]]
PHOTO_MEGABYTES = 60  # of an uploaded photograph
_FONT = '"Source Sans", sans-serif'  # Streamlit's
_TOP = 14  # pixels above the plot of a figure whose title is on the page
_FIGURE_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]]}


def show_error(error: Exception) -> None:
    """An error's message as it is written, whatever names of files it has."""
    st.error(plain(error, "markdown"), icon=":material/error:")


def show_figure(
    fig: "go.Figure",
    key: str,
    reading: str = "",
    csv: Rows | None = None,
    on_click: Callable[[Sequence[Any]], None] | None = None,
    title: str = "",
) -> None:
    """Show a figure below its title and reading, with its data as a download.

    Args:
        fig: The plot, styled by ``plots.theme.style``.
        key: Unique on the page; names the downloads.
        reading: One sentence that says what the figure shows; also read aloud in its place.
        csv: The figure's data, a mapping per row.
        on_click: Called with the ``customdata`` of a point that is clicked.
        title: Heading; by default the figure's own title, which it loses.
    """
    from emotion_core.plots.theme import recolor

    title = title or fig.layout.title.text or ""
    if fig.layout.title.text:  # the toolbar would cover it
        fig.update_layout(title=None, margin={"t": _TOP})
    show_figure_head(key, title, reading, csv)
    clicks = f"{key}-clicks"
    # A figure keeps its point selected, and a click on it would do nothing; a new one has none.
    drawn = f"{key}-{st.session_state.get(clicks, 0)}"

    def click() -> None:
        points = st.session_state[drawn]["selection"]["points"]
        if points and on_click:
            st.session_state[clicks] = st.session_state.get(clicks, 0) + 1
            on_click(points[0]["customdata"])

    st.plotly_chart(
        recolor(fig, page_theme(), _FONT),
        key=drawn,
        theme=None,  # Streamlit's would set text too pale for WCAG
        config=_FIGURE_CONFIG | {"toImageButtonOptions": {"filename": key, "scale": 2}},
        alt=reading or None,
        on_select=click if on_click else "ignore",
        selection_mode="points",
    )


def show_figure_head(key: str, title: str, reading: str, csv: Rows | None) -> None:
    """A figure's title and reading, with its data as a download; see ``show_figure``."""
    if not (title or reading or csv):
        return
    with st.container(horizontal=True, vertical_alignment="top", key=f"{key}-head"):
        with st.container(gap="xxsmall"):
            if title:
                st.header(plain(title, "markdown"), anchor=False)
            if reading:
                st.caption(plain(reading, "markdown"))
        if csv:
            st.download_button(
                "CSV",
                data=csv_text(csv),
                file_name=f"{key}.csv",
                mime="text/csv",
                key=f"{key}-csv",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                help="Download the figure's data",
            )


def page_theme() -> str:
    """``light`` or ``dark``, as the page is shown."""
    return "dark" if st.context.theme.type == "dark" else "light"


def show_metrics(figures: Sequence[tuple[str, str, str, str]]) -> None:
    """Key figures beside each other: label, value, note below it, help; the last two may be empty."""
    with st.container(key=f"metrics-{slug(figures[0][0])}"):
        for label, value, note, help_text in figures:
            st.metric(
                label,
                value,
                note or None,
                delta_color="off",
                delta_arrow="off",
                help=help_text or None,
                border=True,
                height="stretch",
            )


def show_panel(panel: "Panel") -> None:
    """A panel with its reading and downloads."""
    show_figure(panel.figure, slug(panel.key), panel.reading, panel.table, title=panel.title)


def show_get_fer2013() -> None:
    """One button that fetches FER-2013; the page is run again once it is there."""
    from emotion_core.data.fetch import fetch_fer2013

    if not offers(Action.DOWNLOAD):
        return
    if not st.button("Get FER-2013 (60 MB)", icon=":material/download:", key="get-fer2013"):
        return
    bar = st.progress(0.0, "Downloading FER-2013")
    try:
        fetch_fer2013(lambda text, share: bar.progress(share, text))
    except EmotionError as failure:
        bar.empty()
        st.error(str(failure), icon=":material/cloud_off:")
    else:
        st.rerun()


def show_missing_faces(data: "DataFacts") -> None:
    """Say that the faces of a test set are not here, and offer the way to them."""
    with st.container(border=True, key="missing-faces"):
        text = f"The {plain(data.name, 'markdown')} images are not on this machine, so only numbers are shown."
        st.markdown(f":material/image_not_supported: {text}")
        if data.name == "FER-2013" and offers(Action.DOWNLOAD, says=False):
            show_get_fer2013()
        page_link("pages/dataset.py", "Choose the data set")
        page_link("pages/live.py", "Try your own photo")


def slug(text: str) -> str:
    """A text as the name of a file or an element: lower case, hyphens for all but letters."""
    return "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def show_empty(message: str, page: str | None = None) -> None:
    """Say why there is nothing here, with a link to the page that changes it."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f":material/inbox: {message}", width="content")
        if page:
            page_link(page)


def synthetic_badge() -> None:
    """Mark numbers that were measured on faces drawn by code."""
    st.badge(
        "synthetic",
        icon=":material/draw:",
        color="orange",
        help="Measured on faces drawn by code, not on photographs. Says nothing about real faces.",
    )


def run_label(run: Run) -> str:
    """A run in a few words: model, recipe, accuracy, and its name, which no other run has."""
    if run.problem:
        return f"{run.name} (broken)"
    labels = run_labels({run.name: (run.config(), report_of(run))})
    return f"{labels[run.name]} · {run.name}"


def show_faces_grid(
    images: np.ndarray,
    captions: Sequence[str],
    colors: Sequence[str] | None = None,
    columns: int = 8,
) -> None:
    """Draw faces in a grid of at most ``columns`` a row, fewer where the window is narrow.

    Args:
        images: ``(N, H, W)`` uint8 gray, or ``(N, H, W, 3)`` uint8 RGB.
        captions: Text below each face, also its alternative text; may have line breaks.
        colors: Border of each face, as CSS colours. Say in the caption what a colour means.
        columns: Faces per row on a wide window.
    """
    from emotion_core.plots.pictures import data_uri

    items = []
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        border = f' style="--face:{html.escape(colors[index])}"' if colors else ""
        alt = html.escape(", ".join(caption.splitlines()), quote=True)
        items.append(
            f'<li{border}><img alt="{alt}" src="{data_uri(image)}">'
            f'<span aria-hidden="true">{html.escape(caption)}</span></li>'
        )
    st.html(f'<ul class="faces" style="--columns:{columns}">{"".join(items)}</ul>')


def duration(seconds: float) -> str:
    """75 as ``1 min 15 s``."""
    if seconds < 1:
        return "less than a second"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
