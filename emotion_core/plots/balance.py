"""The experiment on balance: what each way of training changes, metric by metric."""

import textwrap

import plotly.graph_objects as go

from emotion_core.generate.experiment import TITLES, Experiment, Way
from emotion_core.plots.theme import RUN_PALETTE, style
from emotion_core.units import number

_POINTS = {"accuracy", "recall_disgust", "recall_fear"}  # shown in points, not as a score
_HEIGHT = 300  # pixels
_LINE = 22  # characters of a label


def balance_figure(result: Experiment, metric: str) -> go.Figure:
    """Change of a metric against the plain training with its 95 % interval, a row per way."""
    ways = [way for way in result.ways if way.name != "plain"][::-1]
    scale = 100 if metric in _POINTS else 1
    figures = [way.figures[metric] for way in ways]
    change = [scale * figure.change for figure in figures]
    ends = [[scale * end for end in figure.change_interval] for figure in figures]
    fig = go.Figure(
        go.Scatter(
            x=change,
            y=["<br>".join(textwrap.wrap(way.title, _LINE)) for way in ways],
            error_x={
                "array": [high - value for value, (_, high) in zip(change, ends, strict=True)],
                "arrayminus": [value - low for value, (low, _) in zip(change, ends, strict=True)],
                "thickness": 2,
                "width": 5,
            },
            mode="markers",
            marker={"size": 10, "color": RUN_PALETTE[0]},
            hovertemplate="%{y}: %{x:.3g}<extra></extra>",
        )
    )
    fig.add_vline(x=0, line={"color": "#8A8A8A", "width": 1})
    fig.update_layout(title=f"{TITLES[metric]}{', points' if metric in _POINTS else ''}")
    return style(fig, height=_HEIGHT)


def change_reading(result: Experiment, metric: str) -> str:
    """The largest change of a metric."""
    ways = [way for way in result.ways if way.name != "plain"]
    most = max(ways, key=lambda way: abs(way.figures[metric].change))
    change = most.figures[metric].change
    told = (
        number(100 * change, 1, "points", sign=True)
        if metric in _POINTS
        else number(change, 3, sign=True)
    )
    return f"Largest change: {_lower(most.title)}, {told}."


def balance_reading(result: Experiment) -> str:
    """What is best on validation, and what is best of the ways with generated faces."""
    best = next(way for way in result.ways if way.name == result.chosen)
    made = [way for way in result.ways if way.generated]
    if best.name == "plain":
        said = "On validation no way is better than training on the faces as they are."
    else:
        said = f"Best on validation: {_on_test(best)}"
    if not made or best in made:
        return said
    return (
        f"{said} Best with generated faces: {_on_test(max(made, key=lambda way: way.validation))}"
    )


def _on_test(way: Way) -> str:
    figure = way.figures["macro_f1"]
    low, high = figure.change_interval
    word = "higher than" if low > 0 else "lower than" if high < 0 else "not clearly different from"
    return (
        f"{_lower(way.title)}. On test its macro-F1 is {word} that of the plain "
        f"training ({figure.change:+.3f}, 95 % interval {low:+.3f} to {high:+.3f})."
    )


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]
