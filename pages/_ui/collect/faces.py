"""Tab Faces: the label grid of a collection, with filters and undo."""

from collections.abc import Callable

import streamlit as st

from emotion_core.collect.faces import delete_faces, restore_faces
from emotion_core.collect.labels import LABELS, NOT_A_FACE, TITLES, label_faces, undo
from emotion_core.collect.query import (
    ORDERS,
    PAGE,
    STATES,
    Filter,
    Item,
    find_faces,
    label_counts,
    list_faces,
    list_sessions,
)
from emotion_core.collect.store import Summary
from emotion_core.data.collection_file import read_face
from emotion_core.data.generated import GENERATED
from emotion_core.errors import EmotionError
from emotion_core.plots.pictures import data_uri
from emotion_core.units import percent
from pages._ui.collect import review
from pages._ui.collect.grid import HELP, Action, show_grid
from pages._ui.widgets import show_empty, show_error

_ERROR = "collect-grid-error"


@st.fragment
def show_faces(chosen: Summary) -> None:
    """Counts, filters, and a page of faces to label."""
    name = chosen.name
    _show_counts(name)
    if not chosen.faces:
        show_empty("No face yet. Add photos or videos with the tab Add.")
        return
    which, queued = _pick_filter(name)
    offset = _pick_page(name, which, queued)
    alike = review.like(name)
    if alike is not None:
        shown, total = alike, len(alike)
    elif queued:
        review.show_queue()
        shown, total = _settled(name, which, -1, lambda: review.queue(name)), 0
    else:
        items, total = list_faces(name, which, offset=offset)
        shown = _settled(name, which, offset, lambda: items)
    if problem := st.session_state.pop(_ERROR, None):
        show_error(problem)
    if not shown:
        show_empty("No face fits this filter.")
        return
    st.caption(HELP)
    show_grid(
        [_face(item) for item in shown],
        "collect-grid",
        lambda act: _apply(name, shown, act),
        like=True,
    )
    if alike is None:
        _show_below(name, which, shown, offset, total, queued)


def _show_counts(name: str) -> None:
    counts = label_counts(name)
    done = sum(number for label, number in counts.items() if label)
    total = done + counts.get("", 0)
    each = [f"{TITLES[label]} {counts[label]:,}" for label in LABELS if counts.get(label)]
    _, made = list_faces(name, Filter(source=GENERATED), limit=1)
    words = f"{done:,} of {total:,} labeled"
    words += f", {made:,} of them generated" if made else " by a person"
    st.progress(done / max(total, 1), " · ".join([words, *each]))


def _pick_filter(name: str) -> tuple[Filter, bool]:
    """Which faces, and whether the review queue chooses among them."""
    queued = st.session_state.get("collect-order") == review.NEXT  # it has a filter of its own
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state = st.selectbox(
            "Show", list(STATES), format_func=str.capitalize,
            key="collect-state", width=170, disabled=queued,
        )  # fmt: skip
        label = st.selectbox(
            "Label", ["", *LABELS], format_func=lambda item: TITLES[item] or "Any",
            key="collect-label", width=140, disabled=queued,
        )  # fmt: skip
        sessions = {0: "Any"} | {
            int(str(row["id"])): str(row["name"]) for row in list_sessions(name)
        }
        session = st.selectbox(
            "Session", list(sessions), format_func=lambda item: sessions.get(item, "Any"),
            key="collect-session", width=160, disabled=queued,
        )  # fmt: skip
        order = st.selectbox(
            "Order", [*ORDERS, review.NEXT], format_func=_capital, key="collect-order", width=186
        )
    if queued:
        return Filter(state="to do", order="least certain"), True
    return Filter(state=state, label=label, session=session, order=order), False


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _pick_page(name: str, which: Filter, queued: bool) -> int:
    """Where the page begins; another filter begins again at the first."""
    if st.session_state.get("collect-which") != (name, which, queued):
        st.session_state["collect-which"] = (name, which, queued)
        st.session_state["collect-offset"] = 0
        st.session_state.pop("collect-shown", None)
    return int(st.session_state["collect-offset"])


def _settled(name: str, which: Filter, offset: int, choose: Callable[[], list[Item]]) -> list[Item]:
    """The faces of this page in the order in which they were first shown, with present labels.

    They stay where they are while they are labelled, whatever the filter says then.
    """
    key = (name, which, offset)
    kept = st.session_state.get("collect-shown")
    if kept is None or kept[0] != key:
        items = choose()
        st.session_state["collect-shown"] = (key, [item.id for item in items])
        return items
    return find_faces(name, kept[1])


def _face(item: Item) -> dict[str, object]:
    note = percent(item.confidence, 0) if item.by == "model" and item.confidence else ""
    note = item.source if item.source == GENERATED else note
    told = [f"by {item.who}" if item.by == "model" else "", item.origin, item.session]
    told += [GENERATED] if item.source == GENERATED else []
    if item.held_out:
        told.append("held out")
    return {
        "id": item.id,
        "src": _picture(item.file, item.large),
        "label": item.label,
        "by": item.by,
        "note": note,
        "told": ", ".join(part for part in told if part),
    }


@st.cache_data(show_spinner=False, max_entries=2000)
def _picture(file: str, large: bool) -> str:
    return data_uri(read_face(file, large=large), jpeg=85)


def _apply(name: str, shown: list[Item], action: Action) -> None:
    """Write what was done in the grid; an error is told above it."""
    asked = {int(face) for face in action.get("ids", [])}
    present = {item.id: item.label for item in shown if item.id in asked}
    try:
        if action["kind"] == "like":
            review.show_like(next(iter(asked)))
        elif action["kind"] == "undo":
            undo(name)
        elif action["kind"] == "confirm":
            label_faces(name, {face: label for face, label in present.items() if label})
        else:
            label_faces(name, dict.fromkeys(present, str(action["label"])))
    except EmotionError as error:
        st.session_state[_ERROR] = error


def _show_below(
    name: str, which: Filter, shown: list[Item], offset: int, total: int, queued: bool
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if queued:
            if st.button(f"Next {PAGE}", icon=":material/chevron_right:"):
                review.next_turn()
                _turn(0)
        else:
            _show_pages(which, shown, offset, total)
        gone = [item.id for item in shown if item.label == NOT_A_FACE and item.by == "person"]
        if gone and st.button(f"Delete {len(gone)} that are not a face", icon=":material/delete:"):
            delete_faces(gone)
            st.session_state["collect-gone"] = gone
            st.rerun(scope="fragment")
        last = st.session_state.get("collect-gone")
        if last and st.button(f"Undo: bring {len(last)} back", icon=":material/undo:"):
            restore_faces(last)
            st.session_state.pop("collect-gone")
            st.rerun(scope="fragment")


def _show_pages(which: Filter, shown: list[Item], offset: int, total: int) -> None:
    if st.button("Previous", disabled=offset == 0, icon=":material/chevron_left:"):
        _turn(max(0, offset - PAGE))
    # Labelled faces leave the filter "to do", so that its next page begins where this one did.
    moves = which.state in ("to do", "suggested", "unlabeled")
    left = total if moves else total - offset - len(shown)
    if st.button(f"Next {PAGE}", disabled=left <= 0, icon=":material/chevron_right:"):
        _turn(0 if moves else offset + PAGE)
    st.caption(f"{total:,} faces fit the filter.", width="content")


def _turn(offset: int) -> None:
    st.session_state["collect-offset"] = offset
    st.session_state.pop("collect-shown", None)
    st.rerun(scope="fragment")
