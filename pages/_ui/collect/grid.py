"""The label grid as a Streamlit component: faces in, label actions out, each applied once."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from emotion_core.collect.labels import LABELS, TITLES
from emotion_core.labels import COLORS, EMOTIONS

_HERE = Path(__file__).parent
_KEYS = {
    **{name: str(at) for at, name in enumerate(EMOTIONS, start=1)},
    "not_a_face": "0",
    "unsure": "x",
}
_HTML = (
    '<div class="tools" role="toolbar" aria-label="Label the selected faces"></div>'
    '<p class="status" role="status"></p>'
    '<ul role="listbox" aria-multiselectable="true" aria-label="Faces"></ul>'
)
HELP = (
    "Click or arrows choose a face, Shift a range, Ctrl more. Keys 1 to 7 label, 0 is not a face, x "
    "is unsure, Enter confirms a suggestion, z takes the last action back."
)
Action = dict[str, Any]


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    """Registered once, since Streamlit warns of a second component of a name."""
    return st.components.v2.component(
        "label_grid",
        html=_HTML,
        css=(_HERE / "grid.css").read_text(encoding="utf-8"),
        js=(_HERE / "grid.js").read_text(encoding="utf-8"),
    )


def show_grid(
    faces: Sequence[Mapping[str, object]],
    key: str,
    apply: Callable[[Action], None],
    *,
    undo: bool = True,
    like: bool = False,
) -> None:
    """Show faces and apply what the person does with them.

    Args:
        faces: Of each ``id``, ``src`` (data URI), ``label``, ``by``, a short ``note`` and ``told``,
            which screen readers add. A label ``by`` a ``model`` is marked as a guess; it and a
            ``suspect`` one wait for a person's decision.
        key: Of the grid.
        apply: Called once per action: ``kind`` (``label``, ``confirm``, ``undo``, ``like``), ``ids``,
            ``label``.
        undo: Whether the z key is offered.
        like: Whether m, "more like this", is: the action ``like`` of one face.
    """
    done = f"{key}-applied"
    # A new grid counts from 1 again only where the browser has forgotten its own count.
    st.session_state.setdefault(done, 0)

    def changed() -> None:
        for entry in st.session_state[key].get("log") or []:
            if isinstance(entry, dict) and int(entry.get("n", 0)) > st.session_state[done]:
                st.session_state[done] = int(entry["n"])
                apply(entry)

    _component()(
        key=key,
        data={
            "faces": list(faces),
            "applied": st.session_state[done],
            "undo": undo,
            "like": like,
            "choices": [
                {
                    "label": label,
                    "title": TITLES[label],
                    "key": _KEYS[label],
                    "color": COLORS.get(label, ""),
                }
                for label in LABELS
            ],
        },
        on_log_change=changed,
    )
