"""Figures of a data set: how many faces of each emotion."""

from collections.abc import Mapping

import plotly.graph_objects as go

from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.plots.theme import TITLE_SIZE, style
from emotion_core.units import percent

Counts = Mapping[str, Mapping[str, int]]
SPLIT_NAMES = {"train": "Training", "val": "Validation", "test": "Test"}


def counts_of_split(
    counts: Mapping[str, int], split: str, reference: Mapping[str, int] | None = None
) -> go.Figure:
    """Bars of one split, labelled with count and share.

    Args:
        counts: Emotion to number of images.
        split: ``train``, ``val`` or ``test``.
        reference: Published counts, drawn as a stroke across the bar.
    """
    total = max(sum(counts.values()), 1)
    fig = go.Figure()
    fig.add_bar(
        y=list(EMOTIONS),
        x=[counts[emotion] for emotion in EMOTIONS],
        orientation="h",
        marker_color=[COLORS[emotion] for emotion in EMOTIONS],
        text=[f"{counts[emotion]:,} · {percent(counts[emotion] / total)}" for emotion in EMOTIONS],
        textposition="outside",
        cliponaxis=False,
        name="here",
        showlegend=False,
        hovertemplate="%{y}: %{x:,} images<extra></extra>",
    )
    if reference:
        fig.add_scatter(
            x=[reference[emotion] for emotion in EMOTIONS],
            y=list(EMOTIONS),
            mode="markers",
            marker={"symbol": "line-ns", "size": 22, "line": {"width": 2.5, "color": "#808080"}},
            name="published count",
            hovertemplate="%{y}: %{x:,} published<extra></extra>",
        )
    fig.update_layout(
        title={
            "text": f"{SPLIT_NAMES[split]}, {sum(counts.values()):,} faces",
            "font": {"size": TITLE_SIZE},
        },
        legend={"y": 0, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        bargap=0.24,
    )
    # Room for the text beside the longest bar; ticks would only repeat it.
    fig.update_xaxes(range=[0, 1.6 * max(max(counts.values()), 1)], showticklabels=False)
    fig.update_yaxes(autorange="reversed")
    return style(fig, height=280).update_yaxes(showgrid=False).update_xaxes(showgrid=False)


def imbalance(counts: Mapping[str, int]) -> tuple[str, str, float]:
    """The largest and the smallest class that is there, and how many times larger it is."""
    there = [emotion for emotion in EMOTIONS if counts[emotion]] or EMOTIONS
    largest = max(there, key=lambda emotion: counts[emotion])
    smallest = min(there, key=lambda emotion: counts[emotion])
    return largest, smallest, counts[largest] / counts[smallest] if counts[smallest] else 1.0


def imbalance_reading(counts: Mapping[str, int]) -> str:
    """One sentence on how unequal the classes are."""
    largest, smallest, ratio = imbalance(counts)
    missing = [emotion for emotion in EMOTIONS if not counts[emotion]]
    gap = ""
    if missing:
        them = "it" if len(missing) == 1 else "them"
        gap = f"There is no image of {' or '.join(missing)}; a model cannot learn {them}. "
    if len(EMOTIONS) - len(missing) < 2:
        return gap.strip()
    if ratio < 1.2:
        return gap + f"{'The others' if missing else 'All emotions'} are about equally frequent."
    always = counts[largest] / sum(counts.values())
    return (
        f"{gap}{largest.capitalize()} is {ratio:.1f} times as frequent as {smallest}; always "
        f"answering '{largest}' would already be correct {percent(always, 0)} of the time."
    )
