"""The trials of a search: parallel coordinates (Inselberg 1985), an axis per setting."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from emotion_core.plots.theme import RUN_PALETTE, style
from emotion_core.records import Scalar

_POOR = "#7F8C99"  # 3:1 against both pages
_LOG_FROM = 10.0  # from this ratio of its ends on an axis is logarithmic


def parallel_coordinates(
    values: Sequence[Mapping[str, Scalar]],
    scores: Sequence[float],
    labels: Mapping[str, str],
    score_label: str,
) -> go.Figure:
    """A line per trial through the values that were drawn, to its score, which colours it.

    Args:
        values: What was drawn, by the names of the settings.
        scores: Of the same trials; more is better. Those without one (NaN) are left out.
        labels: What each setting's axis is called; its keys are the axes.
        score_label: What the last axis is called.
    """
    kept = [place for place, score in enumerate(scores) if not math.isnan(score)]
    shown = [scores[place] for place in kept]
    axes = [
        {"label": label} | _axis([values[place][name] for place in kept])
        for name, label in labels.items()
    ]
    fig = go.Figure(
        go.Parcoords(
            line={"color": shown, "colorscale": [[0.0, _POOR], [1.0, RUN_PALETTE[1]]]},
            dimensions=[*axes, {"label": score_label, "values": shown, "tickformat": ".4~g"}],
        )
    )
    style(fig, height=340)
    fig.update_layout(margin={"l": 60, "r": 60, "t": 56, "b": 24})
    return fig


def _axis(values: Sequence[Scalar]) -> dict[str, object]:
    numbers = [float(value) for value in values if type(value) in (int, float)]
    if len(numbers) < len(values):  # texts, or yes and no
        names = list(dict.fromkeys(values))
        places = {value: place for place, value in enumerate(names)}
        return {
            "values": [places[value] for value in values],
            "tickvals": list(places.values()),
            "ticktext": [str(value) for value in names],
        }
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    if low > 0 and high / low >= _LOG_FROM:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        ticks = [place for place in _ticks(first, last) if low <= 10**place <= high]
        return {
            "values": [math.log10(number) for number in numbers],
            "tickvals": ticks,
            "ticktext": [f"{10**place:.3g}" for place in ticks],
        }
    return {"values": numbers, "tickformat": ".3~g"}


def _ticks(first: int, last: int) -> list[float]:
    """1, 2 and 5 of each decade, in the logarithm."""
    return [
        decade + math.log10(part) for decade in range(first, last + 1) for part in (1.0, 2.0, 5.0)
    ]
