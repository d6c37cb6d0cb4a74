"""Learning curves of one run: figures of what is done, rows for charts that still grow."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from emotion_core.plots.theme import (
    FONT_SIZE,
    LEGEND_BELOW,
    RUN_PALETTE,
    TEXT_COLORS,
    TITLE_SIZE,
    style,
)
from emotion_core.runs.run import Row, best_epoch
from emotion_core.units import percent, points, score

Rows = Sequence[Row]

TRAIN_COLOR, VAL_COLOR = RUN_PALETTE[0], RUN_PALETTE[1]
_LEVEL = 0.01  # of accuracy that says nothing
_POINTS = 60  # within an epoch; more only slow the browser down
METRICS = {"loss": "Loss", "accuracy": "Accuracy"}


def title(metric: str) -> str:
    """``Loss`` or ``Accuracy (%)``."""
    return METRICS[metric] + (" (%)" if metric == "accuracy" else "")


def curve(rows: Rows, metric: str, *, best_epoch: int = 0, height: int = 290) -> go.Figure:
    """One metric over the epochs, train against validation; accuracy in percent.

    Args:
        rows: Rows of ``metrics.jsonl``.
        metric: ``loss`` or ``accuracy``.
        best_epoch: The epoch whose weights are kept, marked; 0 marks none.
        height: Pixels.
    """
    epochs, scale = [row["epoch"] for row in rows], _scale(metric)
    fig = go.Figure()
    for split, name, color, dash in (
        ("train", "train", TRAIN_COLOR, "solid"),
        ("val", "validation", VAL_COLOR, "dash"),
    ):
        if rows and f"{split}_{metric}" not in rows[0]:
            continue  # a final training has no validation
        fig.add_scatter(
            x=epochs,
            y=[scale * row[f"{split}_{metric}"] for row in rows],
            name=name,
            mode="lines+markers" if len(rows) < 3 else "lines",
            line={"color": color, "dash": dash, "width": 2},
        )
    best = next((row for row in rows if row["epoch"] == best_epoch), None)
    if best and f"val_{metric}" in best:
        fig.add_scatter(
            x=[best_epoch],
            y=[scale * best[f"val_{metric}"]],
            name=f"kept (epoch {best_epoch})",
            mode="markers",
            marker={"color": VAL_COLOR, "size": 11, "symbol": "diamond"},
        )
    fig.update_layout(
        title={"text": title(metric), "font": {"size": TITLE_SIZE}},
        hovermode="x unified",
        legend=LEGEND_BELOW,
    )
    fig.update_xaxes(title_text="epoch", dtick=1 if len(rows) <= 10 else None)
    values = [value for trace in fig.data for value in trace.y]
    if values:
        fig.update_yaxes(range=_range(values, metric))
    return style(fig, height=height)


def _scale(metric: str) -> int:
    return 100 if metric == "accuracy" else 1


def _range(values: Sequence[float], metric: str) -> list[float]:
    """Lower and upper end of an axis: near values are not stretched over all of it.

    An axis of a few hundredths of a point would repeat its tick labels and show noise as a trend.
    """
    least, most = (4.0, 100.0) if metric == "accuracy" else (0.05, math.inf)
    low, high = min(values), max(values)
    room = max(0.06 * (high - low), (least - (high - low)) / 2)
    return [max(0.0, low - room), min(most, high + room)]


def growing_rows(rows: Rows, progress: Rows, metric: str) -> list[dict[str, float | None]]:
    """Rows for a line chart of a run at work: the finished epochs and what is done of the present.

    Args:
        rows: Rows of ``metrics.jsonl``.
        progress: Rows of ``progress.jsonl``, parts of an epoch, without validation. A long epoch
            is thinned.
        metric: ``loss`` or ``accuracy``.

    Returns:
        ``epoch`` (with its fraction), ``train`` and ``validation``; accuracy in percent.
    """
    scale = _scale(metric)
    found: list[dict[str, float | None]] = [
        {
            "epoch": float(row["epoch"]),
            "train": scale * row[f"train_{metric}"],
            # A final training has no validation.
            "validation": scale * row[f"val_{metric}"] if f"val_{metric}" in row else None,
        }
        for row in rows
    ]
    every = max(1, len(progress) // _POINTS)
    for row in progress[(len(progress) - 1) % every :: every]:  # ends with the last row
        found.append(
            {
                "epoch": len(rows) + row["step"] / row["steps"],
                "train": scale * row[f"train_{metric}"],
                "validation": None,
            }
        )
    return found


def growing_chart(
    rows: Rows, progress: Rows, metric: str, *, epochs: int, theme: str = "light", height: int = 260
) -> dict[str, Any]:
    """A Vega-Lite chart of ``growing_rows``: it is redrawn every second, which Plotly does slower.

    What is done of the present epoch is drawn finely dotted: a running mean, whose place the
    epoch's own point takes.

    Args:
        rows: Rows of ``metrics.jsonl``.
        progress: Rows of ``progress.jsonl``.
        metric: ``loss`` or ``accuracy``.
        epochs: Planned ones; the axis ends there, so that one sees how far the run is.
        theme: ``light`` or ``dark``, for the colour of the text.
        height: Pixels of the plot.
    """
    # The mean of a few steps jumps, and would set the range of the epochs before it.
    steady = [row for row in progress if not rows or 10 * row["step"] >= row["steps"]]
    points = growing_rows(rows, steady, metric)
    values = [
        {"epoch": point["epoch"], "split": split, "value": point[split], "part": part}
        for index, point in enumerate(points)
        for split in ("train", "validation")
        for part in _parts(index, len(rows))
        if point[split] is not None
    ]
    numbers = [float(item["value"]) for item in values if item["value"] is not None]
    text: dict[str, Any] = {"labelColor": TEXT_COLORS[theme], "titleColor": TEXT_COLORS[theme]}
    text |= {"labelFontSize": FONT_SIZE, "titleFontSize": FONT_SIZE, "titleFontWeight": "normal"}
    quantity: dict[str, Any] = {"field": "value", "type": "quantitative", "title": None}
    if numbers:
        quantity["scale"] = {"domain": _range(numbers, metric), "nice": False}
    return {
        "data": {"values": values},
        "height": height,
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": "transparent",
        "mark": {"type": "line", "point": len(rows) < 3},
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": "epoch",
                "scale": {"domain": [0, epochs], "nice": False},
                "axis": {"grid": False, "tickMinStep": 1, "format": "d"},
            },
            "y": quantity,
            "color": {
                "field": "split",
                "type": "nominal",
                "scale": {"domain": ["train", "validation"], "range": [TRAIN_COLOR, VAL_COLOR]},
                "legend": {
                    "orient": "bottom-right" if metric == "accuracy" else "top-right",
                    "title": None,
                },
            },
            "detail": {"field": "part"},
            "strokeDash": {
                "field": "part",
                "scale": {"domain": ["epochs", "present"], "range": [[1, 0], [2, 3]]},
                "legend": None,
            },
            "tooltip": [
                {"field": "split", "title": METRICS[metric]},
                {"field": "epoch", "format": ".2f"},
                {"field": "value", "format": ".3f" if metric == "loss" else ".1f"},
            ],
        },
        "config": {
            "font": "Source Sans, sans-serif",
            "axis": text | {"gridColor": "#8888", "gridOpacity": 0.4, "domainColor": "#888"},
            "legend": text | {"symbolStrokeWidth": 3},
            "view": {"stroke": None},
        },
    }


def _parts(index: int, finished: int) -> tuple[str, ...]:
    """Lines that a point of ``growing_rows`` is on: the last finished epoch joins the two."""
    if index >= finished:
        return ("present",)
    return ("epochs", "present") if index == finished - 1 else ("epochs",)


def reading(rows: Rows, monitor: str, planned: int | None = None) -> str:
    """One sentence that says what the curves show.

    Args:
        rows: Rows of ``metrics.jsonl``.
        monitor: What chose the kept weights.
        planned: Epochs the run was to have; None if it rests at its end.
    """
    if not rows:
        return "No epoch is finished yet."
    best = next(row for row in rows if row["epoch"] == best_epoch(rows, monitor))
    if "val_accuracy" not in best:
        return (
            "A final training on training and validation faces together: training accuracy was "
            f"{percent(best['train_accuracy'])} after epoch {best['epoch']}. No faces are left to "
            "validate on."
        )
    gap = best["train_accuracy"] - best["val_accuracy"]
    done = rows[-1]["epoch"]
    short = planned is not None and done < planned
    end = f", stopped after {done} of {planned} epochs" if short else f" of {done}"
    which = "Validation" if monitor == "last" else "Best validation"
    return (
        f"{which} accuracy {percent(best['val_accuracy'])} and macro-F1 "
        f"{score(best['val_macro_f1'])} after epoch {best['epoch']}{end}. Training accuracy, counted "
        f"while it trained, was {_gap_words(gap)}."
    )


def _gap_words(gap: float) -> str:
    if abs(gap) < _LEVEL:
        return "about the same"
    return f"{points(abs(gap))} {'higher' if gap > 0 else 'lower'}"
