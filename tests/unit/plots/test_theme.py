"""Figures are legible on both themes."""

import tomllib

import plotly.graph_objects as go
import pytest

from emotion_core.paths import PROJECT
from emotion_core.plots.theme import RUN_PALETTE, TEXT_COLORS, recolor, run_colors, style
from emotion_core.runs.shipped import read_catalog

THEME = tomllib.loads((PROJECT / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("color", RUN_PALETTE)
def test_a_runs_colour_stands_out_on_the_page(color, theme):
    assert contrast(color, THEME[theme]["backgroundColor"]) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_links_are_legible(theme):
    colors = THEME[theme]
    for background in ("backgroundColor", "secondaryBackgroundColor"):
        assert contrast(colors["textColor"], colors[background]) >= 7
        assert contrast(colors["linkColor"], colors[background]) >= 4.5


def test_a_shipped_run_has_one_colour_whatever_stands_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(PROJECT / "checkpoints"))
    shipped = read_catalog().shipped
    alone = {run: run_colors([run])[run] for run in shipped}
    assert len(set(alone.values())) == len(shipped), "no two shipped runs look alike"
    found = run_colors(["mine", *reversed(shipped[:5])])
    assert {run: found[run] for run in shipped[:5]} == {run: alone[run] for run in shipped[:5]}
    assert len(set(found.values())) == 6, "an own run takes a colour that is free"


def test_own_runs_are_told_apart_and_keep_their_colour():
    names = [f"20261130-0000{number:02}-sequential-s0" for number in range(12)]
    found = run_colors(names)
    assert len(set(found.values())) == len(names)
    assert run_colors(names[:1])[names[0]] == found[names[0]]


def test_text_of_figures_is_legible_on_both_pages():
    for theme, color in TEXT_COLORS.items():
        for background in ("backgroundColor", "secondaryBackgroundColor"):
            assert contrast(color, THEME[theme][background]) >= 7
        fig = recolor(style(go.Figure(go.Scatter(x=[1], y=[1]))), theme, "sans-serif")
        assert fig.layout.font.color == color
        assert fig.layout.font.size >= 13


def test_a_drag_on_a_figure_scrolls_the_page_and_does_not_zoom():
    fig = style(go.Figure(go.Scatter(x=[1], y=[1])), height=200)
    assert fig.layout.dragmode is False
    assert fig.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert fig.layout.height == 200


def test_no_lines_between_lying_bars():
    lying = style(go.Figure(go.Bar(x=[1], y=["a"], orientation="h")))
    upright = style(go.Figure(go.Bar(x=["a"], y=[1])))
    assert lying.layout.yaxis.showgrid is False
    assert upright.layout.yaxis.showgrid is None
