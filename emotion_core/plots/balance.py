"""The experiment on balance: what each way of training changes, metric by metric."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_core.generate.experiment import METRICS, TITLES, Experiment, Way
from emotion_core.plots.theme import RUN_PALETTE, style

_POINTS = {"accuracy", "recall_disgust", "recall_fear"}  # shown in points, not as a score
_COLUMNS = 3
_ROW = 250  # pixels


def balance_figure(result: Experiment) -> go.Figure:
    """Change against the plain training with its 95 % interval, a small figure per metric."""
    ways = [way for way in result.ways if way.name != "plain"][::-1]
    rows = -(-len(METRICS) // _COLUMNS)
    titles = [f"{TITLES[name]}{', points' if name in _POINTS else ''}" for name in METRICS]
    fig = make_subplots(
        rows, _COLUMNS, shared_yaxes=True, subplot_titles=titles, vertical_spacing=0.16
    )
    for at, metric in enumerate(METRICS):
        scale = 100 if metric in _POINTS else 1
        figures = [way.figures[metric] for way in ways]
        change = [scale * figure.change for figure in figures]
        ends = [[scale * end for end in figure.change_interval] for figure in figures]
        place = {"row": at // _COLUMNS + 1, "col": at % _COLUMNS + 1}
        fig.add_scatter(
            x=change,
            y=[way.title for way in ways],
            error_x={
                "array": [high - value for value, (_, high) in zip(change, ends, strict=True)],
                "arrayminus": [value - low for value, (low, _) in zip(change, ends, strict=True)],
                "thickness": 2,
                "width": 5,
            },
            mode="markers",
            marker={"size": 10, "color": RUN_PALETTE[0]},
            showlegend=False,
            hovertemplate="%{y}: %{x:.3g}<extra></extra>",
            **place,
        )
        fig.add_vline(x=0, line={"color": "#8A8A8A", "width": 1}, **place)
    return style(fig, height=_ROW * rows)


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
        f"{way.title[0].lower()}{way.title[1:]}. On test its macro-F1 is {word} that of the plain "
        f"training ({figure.change:+.3f}, 95 % interval {low:+.3f} to {high:+.3f})."
    )
