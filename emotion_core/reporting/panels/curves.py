"""Learning curves of several runs, with the published study's beside them."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.study import load_study
from emotion_core.plots.theme import STUDY_DASH
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.courses import Curve, cautions
from emotion_core.reporting.panels.panel import GRAY, Panel, percents, style_with_legend, symbol
from emotion_core.reporting.rows import published_label
from emotion_core.runs.run import Row

CURVES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Accuracy": ("accuracy", ("train_accuracy", "val_accuracy")),
    "Loss": ("cross-entropy", ("train_loss", "val_loss")),
    "Macro-F1": ("macro-F1", ("val_macro_f1",)),
    "Overfitting gap": ("train minus validation accuracy", ("gap",)),
    "Learning rate": ("learning rate", ("lr",)),
    "Time per epoch": ("seconds", ("seconds",)),
}


_SHARES = ("Accuracy", "Overfitting gap")
AXES = {"epoch": "epoch", "time": "minutes of training", "images": "images seen"}


def curves_panel(
    curves: Sequence[Curve],
    quantity: str,
    *,
    axis: str = "epoch",
    smoothing: float = 0.0,
    training: bool = True,
    study: Sequence[str] = (),
) -> Panel:
    """Learning curves overlaid: validation solid, training dashed, the study's dotted.

    Args:
        curves: Of the runs.
        quantity: A key of ``CURVES``.
        axis: A key of ``AXES``.
        smoothing: Weight of the past in an exponential average, 0 (none) to below 1.
        training: Whether to draw the training curves, too.
        study: The study's architectures to overlay, each in the colour of the run of its model;
            they have epochs alone, so they are left out on another axis.
    """
    title, keys = CURVES[quantity]
    if not training:
        keys = tuple(key for key in keys if not key.startswith("train")) or keys
    fig = go.Figure()
    table: list[TableRow] = []
    share = quantity in _SHARES
    final: dict[str, float] = {}
    for index, curve in enumerate(curves):
        label, rows = curve.label, curve.course.rows
        x = _axis_values(rows, axis)
        values = {key: [_curve_value(row, key) for row in rows] for key in keys}
        # A final training has no validation.
        drawn = {key: raw for key, raw in values.items() if not all(map(math.isnan, raw))}
        for key, raw in drawn.items():
            y = smooth(raw, smoothing)
            train = key.startswith("train")
            fig.add_scatter(
                x=x,
                y=percents(y) if share else y,
                mode="lines+markers",
                name=f"{label}, train" if train else label,
                legendgroup=label,
                showlegend=not train or len(drawn) == 1,
                # A few marks per line tell runs of one colour apart.
                marker={"symbol": symbol(index), "size": 7, "maxdisplayed": 8},
                line={"color": curve.color, "dash": "dash" if train else "solid"}
                | {"width": 1.5 if train else 2.5},
            )
            table += [
                {"run": label, "curve": key, axis: a, "value": b}
                for a, b in zip(x, raw, strict=True)
            ]
            if not train and raw:
                final[label] = max(raw) if quantity in ("Accuracy", "Macro-F1") else raw[-1]
    if axis == "epoch":
        colors = {curve.model: curve.color for curve in reversed(curves)}
        for index, model in enumerate(study):
            line = (symbol(index), colors.get(model, GRAY))
            _add_study_curve(fig, table, model, keys, line, share=share)
    longest = max(
        (curve.course.rows[-1]["epoch"] for curve in curves if curve.course.rows), default=0
    )
    short = axis == "epoch" and longest <= 10
    fig.update_xaxes(title=AXES[axis], dtick=1 if short and not study else None)
    dashed = ", training dashed" if any(key.startswith("train") for key in keys) else ""
    fig.update_yaxes(title=title + dashed, ticksuffix=" %" if share else None)
    if quantity == "Learning rate":
        fig.update_yaxes(type="log", exponentformat="power")
    style_with_legend(fig, 380)
    reading = " ".join([_curve_reading(quantity, final), *cautions(curves, keys)])
    return Panel(f"curves-{quantity.lower().replace(' ', '-')}", quantity, fig, reading, table)


def smooth(values: Sequence[float], weight: float) -> list[float]:
    """Exponential average that starts unbiased; ``weight`` 0 returns the values."""
    found, mean, mass = [], 0.0, 0.0
    for value in values:
        if math.isnan(value):
            found.append(value)
            continue
        mean = weight * mean + (1 - weight) * value
        mass = weight * mass + (1 - weight)
        found.append(mean / mass)
    return found


def _axis_values(rows: Sequence[Row], axis: str) -> list[float]:
    if axis == "time":
        return [
            float(value) for value in np.cumsum([row.get("seconds", math.nan) for row in rows]) / 60
        ]
    key = "images_seen" if axis == "images" else "epoch"
    return [float(row.get(key, math.nan)) for row in rows]


def _curve_value(row: Row, key: str) -> float:
    if key == "gap" and "val_accuracy" in row:
        return float(row["train_accuracy"] - row["val_accuracy"])
    return float(row.get(key, math.nan))


def _add_study_curve(
    fig: go.Figure,
    table: list[TableRow],
    model: str,
    keys: Sequence[str],
    line: tuple[str, str],
    *,
    share: bool,
) -> None:
    """A published curve; ``line`` is its marker's shape and its colour."""
    mark, color = line
    rows = load_study().rows(model)
    for key in keys:
        if not rows or (key != "gap" and key not in rows[0]):
            continue
        x, y = [row["epoch"] for row in rows], [_curve_value(row, key) for row in rows]
        kind = key.partition("_")[0]
        part = {"train": "train", "val": "validation"}.get(kind, kind)
        label = published_label(model)
        fig.add_scatter(
            x=x,
            y=percents(y) if share else y,
            mode="lines+markers",
            name=label if part == "validation" else f"{label}, {part}",
            legendgroup=label,
            showlegend=part != "train" or len(keys) == 1,
            marker={"symbol": mark, "size": 6, "maxdisplayed": 8},
            line={"color": color, "dash": STUDY_DASH, "width": 1.2 if part == "train" else 2.2},
        )
        table += [
            {"run": label, "curve": key, "epoch": a, "value": b} for a, b in zip(x, y, strict=True)
        ]


def _curve_reading(quantity: str, final: dict[str, float]) -> str:
    known = {label: value for label, value in final.items() if not math.isnan(value)}
    if not known:
        return "There is no finished epoch to draw."
    best = max if quantity in ("Accuracy", "Macro-F1") else min
    label = best(known, key=lambda name: known[name])
    value = known[label]
    if quantity == "Overfitting gap":
        side = "above" if value >= 0 else "below"
        return (
            f"{label} overfits least: at the end its training accuracy is "
            f"{units.points(abs(value))} {side} validation."
        )
    said = {
        "Accuracy": f"reaches the highest validation accuracy, {units.percent(value)}",
        "Macro-F1": f"reaches the highest validation macro-F1, {units.score(value)}",
        "Loss": f"ends with the lowest validation loss, {units.score(value)}",
        "Learning rate": f"ends with the lowest learning rate, {value:.2g}",
        "Time per epoch": f"is fastest, {value:.0f} s in its last epoch",
    }
    return f"{label} {said[quantity]}."
