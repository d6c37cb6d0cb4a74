"""How figures look: one colour per emotion, one a run, legible on a light and on a dark page."""

import zlib
from collections.abc import Iterable

import plotly.graph_objects as go

from emotion_core.runs.shipped import read_catalog

# Hues apart for colour vision deficiencies (after Tol's "vibrant"), in tones with a contrast of
# at least 3:1 against both page colours; the order keeps neighbours apart.
RUN_PALETTE: tuple[str, ...] = (
    "#0077BB",
    "#E05F1A",
    "#009988",
    "#DD3377",
    "#8F6AD1",
    "#8A7D00",
    "#CC3311",
    "#2592B5",
    "#4A68C8",
    "#A8642A",
    "#2F8F4E",
    "#B0468F",
    "#6E7F35",
    "#C4596B",
    "#5E7D99",
    "#94683F",
)
# Published, not measured here: drawn dotted.
STUDY_DASH = "dot"
UNCERTAIN_COLOR = "#B8BFC6"
# At the foot of the figure, below the axis titles however many rows the window's width makes of it.
LEGEND_BELOW = {"orientation": "h", "xref": "container", "yref": "container", "x": 0, "y": 0} | {
    "yanchor": "bottom"
}
FONT_SIZE = 13  # pixels
TITLE_SIZE = 15
# Text on the light and on the dark page; both reach 12:1 against their background.
TEXT_COLORS = {"light": "#1B2733", "dark": "#E6EBF0"}
_GRID = "rgba(128, 128, 128, 0.25)"


def run_colors(ids: Iterable[str]) -> dict[str, str]:
    """The colour of each run, the same on every page.

    Shipped runs have theirs by their place in the catalogue. A user's own run has one by its id,
    and the next free one where another run of the figure has it.

    Args:
        ids: Of the runs of one figure. Beyond the palette's length colours repeat.
    """
    shipped, unique = read_catalog().shipped, list(dict.fromkeys(ids))
    size = len(RUN_PALETTE)
    places = {run: shipped.index(run) % size for run in unique if run in shipped}
    for run in unique:
        if run not in places:
            wished, taken = zlib.crc32(run.encode()) % size, set(places.values())
            free = ((wished + step) % size for step in range(size))
            places[run] = next((place for place in free if place not in taken), wished)
    return {run: RUN_PALETTE[places[run]] for run in unique}


def style(fig: go.Figure, *, height: int | None = None) -> go.Figure:
    """Give a figure the project's look, in place. Its text is made for a light page, see ``recolor``.

    Args:
        fig: The figure.
        height: Pixels; Plotly's own if None.

    Returns:
        The same figure.
    """
    fig.update_layout(
        template="none",
        font={"size": FONT_SIZE, "color": TEXT_COLORS["light"]},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
        colorway=list(RUN_PALETTE),
        margin={"l": 8, "r": 18, "t": 40 if fig.layout.title.text else 24, "b": 8},
        hoverlabel={"namelength": -1},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#8A8A8A", "activecolor": RUN_PALETTE[0]},
    )
    if height is not None:
        fig.update_layout(height=height)
    fig.update_xaxes(automargin=True, gridcolor=_GRID, zerolinecolor=_GRID)
    # Lines between lying bars would run through their labels.
    lying = any(trace.type == "bar" and trace.orientation == "h" for trace in fig.data)
    fig.update_yaxes(
        automargin=True,
        gridcolor=_GRID,
        zerolinecolor=_GRID,
        **({"showgrid": False} if lying else {}),
    )
    return fig


def recolor(fig: go.Figure, theme: str, family: str) -> go.Figure:
    """Give a figure's text the page's colour and font, in place.

    Args:
        fig: The figure, styled.
        theme: ``light`` or ``dark``.
        family: CSS font family.

    Returns:
        The same figure.
    """
    fig.update_layout(font={"color": TEXT_COLORS[theme], "family": family})
    return fig
