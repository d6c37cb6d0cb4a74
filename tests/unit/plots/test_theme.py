"""Figures are legible on both themes."""

import tomllib

import plotly.graph_objects as go
import pytest

from emotion_core.paths import PROJECT
from emotion_core.plots.theme import RUN_PALETTE, TEXT_COLORS, recolor, run_colors, style

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


def test_a_run_keeps_its_colour_when_another_is_added():
    few, more = run_colors(["a", "b", "a"]), run_colors(["a", "b", "c"])
    assert list(few) == ["a", "b"]
    assert {name: more[name] for name in few} == few
    assert len(set(more.values())) == 3


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
