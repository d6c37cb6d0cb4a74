"""Lanes of expressions: beside a film they move with it; without one they are plain HTML."""

import html
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from emotion_core.reporting.recording import LANES_CSS, LANES_JS, ViewerData

Note = Mapping[str, Any]


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    """Registered once, since Streamlit warns of a second component of a name."""
    return st.components.v2.component(
        "recording_lanes",
        html='<div class="viewer"></div>',
        css=LANES_CSS.read_text(encoding="utf-8"),
        js=LANES_JS.read_text(encoding="utf-8"),
    )


def show_film_lanes(data: ViewerData, film: str, key: str, apply: Callable[[Note], None]) -> None:
    """Lanes that follow a video element of the page and move it.

    Args:
        data: What is drawn.
        film: CSS selector of the video element.
        key: Of the lanes.
        apply: Called with ``kind`` (``mark`` or ``exclude``), ``time`` and, of an excluded part,
            ``start``.
    """

    def noted() -> None:
        note = getattr(st.session_state.get(key), "note", None)
        if isinstance(note, Mapping):
            apply(note)

    _component()(key=key, data={**data, "film": film}, on_note_change=noted)


def lanes_html(data: ViewerData) -> str:
    """The same lanes without a film, as HTML; ``lanes.css`` dresses them."""
    seconds = max(data["seconds"], 1e-3)

    def place(time: float) -> float:
        return 100 * max(0.0, min(time, seconds)) / seconds

    def bar(start: float, end: float, what: str) -> str:
        tone = f"--tone:{data['colors'].get(what, 'currentColor')};"
        kind = ' class="differ"' if what == "differ" else ""
        return (
            f'<i{kind} title="{what} {start:.0f} to {end:.0f} s" style="{tone}'
            f'left:{place(start):.2f}%;width:{place(end) - place(start):.2f}%"></i>'
        )

    rows = []
    if data["marks"]:
        marks = "".join(
            f'<i class="mark" title="{html.escape(note or "mark", quote=True)}" '
            f'style="left:{place(time):.2f}%"></i>'
            for time, note in data["marks"]
        )
        rows.append(_row("marks", "marks", marks))
    for lane in data["lanes"]:
        bars: Any = lane["bars"]
        title = str(lane["title"])
        slim = "slim" if title == "models differ" else ""
        rows.append(_row(title, slim, "".join(bar(*item) for item in bars)))
    return f'<div class="viewer"><div class="rows">{"".join(rows)}</div></div>'


def lanes_style() -> str:
    """A style element for ``lanes_html``."""
    return f"<style>{LANES_CSS.read_text(encoding='utf-8')}</style>"


def _row(title: str, kind: str, inside: str) -> str:
    shown = html.escape(title, quote=True)
    return (
        f'<span class="title" title="{shown}">{shown}</span>'
        f'<div class="track {kind}" role="img" aria-label="{shown}">{inside}</div>'
    )
