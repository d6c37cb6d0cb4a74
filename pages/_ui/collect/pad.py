"""Seven buttons to hold as a Streamlit component: which one is held comes back, with a beat."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from emotion_core.labels import COLORS, EMOTIONS

_HERE = Path(__file__).parent
_HTML = (
    '<div class="pad" role="group" tabindex="-1" aria-label="Hold to record an expression"></div>'
    '<p class="status" role="status"></p>'
)


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    """Registered once, since Streamlit warns of a second component of a name."""
    return st.components.v2.component(
        "capture_pad",
        html=_HTML,
        css=(_HERE / "pad.css").read_text(encoding="utf-8"),
        js=(_HERE / "pad.js").read_text(encoding="utf-8"),
    )


def show_pad(
    counts: Mapping[str, int],
    target: int,
    key: str,
    held: Callable[[str], None],
    *,
    told: str = "",
    enabled: bool = True,
) -> None:
    """Show the seven buttons with their progress.

    Args:
        counts: Faces per emotion.
        target: Faces that each emotion should have.
        key: Of the component.
        held: Called with the emotion that is held, twice a second, and with an empty text once it
            is released.
        told: What became of the last face, or what to do; read aloud.
        enabled: Whether the buttons can be held.
    """

    def changed() -> None:
        label = str((st.session_state[key].get("held") or {}).get("label", ""))
        held(label if enabled and label in EMOTIONS else "")

    _component()(
        key=key,
        data={
            "target": target,
            "told": told,
            "enabled": enabled,
            "choices": [
                {
                    "label": name,
                    "title": name,
                    "key": str(at),
                    "color": COLORS[name],
                    "count": counts.get(name, 0),
                }
                for at, name in enumerate(EMOTIONS, start=1)
            ],
        },
        on_held_change=changed,
    )
