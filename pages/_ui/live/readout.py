"""What is said of a face on the Live page, as HTML: name, bars, the last minute, the stream's figures."""

import html
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emotion_core.labels import EMOTIONS
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.live.state import LiveState
from emotion_core.live.summary import Second
from emotion_core.plots import live as plots
from emotion_core.units import percent

if TYPE_CHECKING:
    from emotion_core.live.results import Face, Reading


def tiles(seen: LiveState, faces: int, paused: bool) -> str:
    shown = {
        "faces": f"{faces}",
        "fps": "–" if paused else f"{seen.fps:.0f}",
        "latency": "–" if paused else f"{seen.latency_ms:.0f} ms",
        "dropped frames": f"{seen.failed}",
    }
    items = "".join(
        f"<div><b>{value}</b><small>{name}</small></div>" for name, value in shown.items()
    )
    return f'<div class="live-tiles">{items}</div>'


def headline(face: "Face | None", names: Sequence[str]) -> str:
    readings = [item for item in (face.reading, face.second) if item] if face else []
    if not readings:
        return '<div class="live-names"><span><b>–</b><small class="live-note">no face</small></span></div>'
    two = len(readings) > 1
    parts = []
    for index, item in enumerate(readings):
        name = f"{names[index]} says" if two and index < len(names) else "expression"
        tone = plots.emotion_color(item.emotion)
        found = item.emotion
        if found == UNCERTAIN:
            found += f", {EMOTIONS[int(item.probs.argmax())]}"
        parts.append(
            f'<span><small class="live-note">{html.escape(name)}</small>'
            f'<b><i style="--tone:{tone}"></i>{found} {percent(item.confidence, 0)}</b></span>'
        )
    if two:
        parts.append(f'<small class="live-note">{_agreement(*readings)}</small>')
    return f'<div class="live-names">{"".join(parts)}</div>'


def _agreement(first: "Reading", second: "Reading") -> str:
    if first.emotion != second.emotion:
        return "they differ"
    return "both are unsure" if first.emotion == UNCERTAIN else "they agree"


def bars(face: "Face | None", names: Sequence[str], *, smoothed: bool = False) -> str:
    readings = [item.probs for item in (face.reading, face.second) if item] if face else []
    rows = []
    for index, name in enumerate(EMOTIONS):
        shares = [float(probs[index]) for probs in readings] or [0.0]
        tracks = "".join(
            f'<u style="--tone:{plots.emotion_color(name)};--share:{share:.1%}"></u>'
            for share in shares
        )
        values = " / ".join(f"{100 * share:.0f}" for share in shares) if readings else "–"
        rows.append(
            f'<span>{name}</span><span class="live-track">{tracks}</span>'
            f'<span class="live-value">{values}</span>'
        )
    if len(readings) > 1:
        note = f"percent; upper bar {names[0]}, lower bar {names[1]}"
    else:
        note = "percent, smoothed over time" if smoothed else "percent"
    return (
        f'<div><div class="live-bars">{"".join(rows)}</div>'
        f'<small class="live-note">{html.escape(note)}</small></div>'
    )


def minute(seconds: Sequence[Second | None]) -> str:
    """The last minute as sixty columns, each filled by the seven probabilities."""
    columns = "".join(f"<span{_column(item)}></span>" for item in seconds)
    said = Counter(item.emotion for item in seconds if item)
    summary = ", ".join(f"{name} {count} s" for name, count in said.most_common()) or "no face"
    return (
        f'<div><div class="live-minute" role="img" aria-label="Last minute: {summary}">{columns}'
        '</div><div class="live-axis"><span>60 s ago</span><span>probabilities, colors as above'
        "</span><span>now</span></div></div>"
    )


def _column(item: Second | None) -> str:
    if item is None:
        return ""
    stops, low = [], 0.0
    for name, share in zip(EMOTIONS, item.probs, strict=True):
        high = low + 100 * float(share)
        if high - low >= 0.5:
            stops.append(f"{plots.emotion_color(name)} {low:.0f}% {high:.0f}%")
        low = high
    return f' style="background:linear-gradient(0deg,{",".join(stops)})"'


def counts(faces: "Sequence[Face]", left_out: int = 0) -> str:
    """How many faces show each expression, and how many more were found but are not followed."""
    counted = Counter(item.emotion for item in faces)
    text = ", ".join(f"{count} {name}" for name, count in counted.most_common())
    if left_out:
        text += f"; {left_out} more not read, the {len(faces)} largest are"
    return f'<small class="live-note">In the picture: {text or "nobody"}</small>'
