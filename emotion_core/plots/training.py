"""Learning curves of one run: figures of what is done, rows for charts that still grow."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from emotion_core.plots.theme import LEGEND_BELOW, RUN_PALETTE, style
from emotion_core.runs.run import Row, best_epoch

Rows = Sequence[Row]

TRAIN_COLOR, VAL_COLOR = RUN_PALETTE[0], RUN_PALETTE[1]
_POINTS = 60  # within an epoch; more only slow the browser down
METRICS = {"loss": "Loss", "accuracy": "Accuracy"}


def curve(rows: Rows, metric: str, *, best_epoch: int = 0, height: int = 290) -> go.Figure:
    """One metric over the epochs, train against validation.

    Args:
        rows: Rows of ``metrics.jsonl``.
        metric: ``loss`` or ``accuracy``.
        best_epoch: The epoch whose weights are kept, marked; 0 marks none.
        height: Pixels.
    """
    epochs = [row["epoch"] for row in rows]
    fig = go.Figure()
    for split, name, color, dash in (
        ("train", "train", TRAIN_COLOR, "solid"),
        ("val", "validation", VAL_COLOR, "dash"),
    ):
        if rows and f"{split}_{metric}" not in rows[0]:
            continue  # a refit has no validation
        fig.add_scatter(
            x=epochs,
            y=[row[f"{split}_{metric}"] for row in rows],
            name=name,
            mode="lines+markers" if len(rows) < 3 else "lines",
            line={"color": color, "dash": dash, "width": 2},
        )
    best = next((row for row in rows if row["epoch"] == best_epoch), None)
    if best and f"val_{metric}" in best:
        fig.add_scatter(
            x=[best_epoch],
            y=[best[f"val_{metric}"]],
            name=f"kept (epoch {best_epoch})",
            mode="markers",
            marker={"color": VAL_COLOR, "size": 11, "symbol": "diamond"},
        )
    fig.update_layout(
        title={"text": METRICS[metric], "font": {"size": 15}},
        hovermode="x unified",
        legend=LEGEND_BELOW,
    )
    fig.update_xaxes(title_text="epoch", dtick=1 if len(rows) <= 10 else None)
    # A single epoch is drawn around its value, which must not reach beyond what there is.
    fig.update_yaxes(autorangeoptions={"clipmin": 0})
    if metric == "accuracy":
        fig.update_yaxes(tickformat=".1~%", autorangeoptions={"clipmin": 0, "clipmax": 1})
    return style(fig, height=height)


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
    scale = 100 if metric == "accuracy" else 1
    found: list[dict[str, float | None]] = [
        {
            "epoch": float(row["epoch"]),
            "train": scale * row[f"train_{metric}"],
            # A refit has no validation.
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


def growing_chart(rows: Rows, progress: Rows, metric: str, height: int = 220) -> dict[str, Any]:
    """A Vega-Lite chart of ``growing_rows``: it is redrawn every second, which Plotly does slower.

    Args:
        rows: Rows of ``metrics.jsonl``.
        progress: Rows of ``progress.jsonl``.
        metric: ``loss`` or ``accuracy``.
        height: Pixels.
    """
    # The mean of a few steps jumps, and would set the range of the epochs before it.
    steady = [row for row in progress if not rows or 10 * row["step"] >= row["steps"]]
    values = [
        {"epoch": point["epoch"], "split": split, "value": point[split]}
        for point in growing_rows(rows, steady, metric)
        for split in ("train", "validation")
        if point[split] is not None
    ]
    kinds = {"domain": ["train", "validation"], "range": [TRAIN_COLOR, VAL_COLOR]}
    axis = {"type": "quantitative", "scale": {"zero": False}}  # late epochs differ by little
    return {
        "data": {"values": values},
        "height": height,
        "mark": {"type": "line", "point": len(rows) < 3},
        "encoding": {
            "x": axis | {"field": "epoch", "title": "epoch", "axis": {"grid": False}},
            "y": axis | {"field": "value", "title": None},
            "color": {
                "field": "split",
                "type": "nominal",
                "scale": kinds,
                "legend": {"orient": "bottom", "title": None},
            },
            "tooltip": [
                {"field": "split", "title": METRICS[metric]},
                {"field": "epoch", "format": ".2f"},
                {"field": "value", "format": ".3f" if metric == "loss" else ".1f"},
            ],
        },
    }


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
            "A refit on training and validation faces together: training accuracy was "
            f"{best['train_accuracy']:.1%} after epoch {best['epoch']}. No faces are left to "
            "validate on."
        )
    gap = 100 * (best["train_accuracy"] - best["val_accuracy"])
    side = "above" if gap >= 0 else "below"
    why = "" if gap >= 0 else ", because it is measured on augmented faces"
    done = rows[-1]["epoch"]
    short = planned is not None and done < planned
    end = f", stopped after {done} of {planned} epochs" if short else f" of {done}"
    return (
        f"Best validation accuracy {best['val_accuracy']:.1%} and macro-F1 "
        f"{best['val_macro_f1']:.3f} after epoch {best['epoch']}{end}; training "
        f"accuracy was {abs(gap):.1f} points {side} it{why}."
    )
