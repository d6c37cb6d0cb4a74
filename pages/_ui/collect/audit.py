"""Tab Audit: label errors, duplicates, leaks and bad faces of any data set, relabelled in place."""

import numpy as np
import streamlit as st

from emotion_core.collect import store
from emotion_core.collect.audit import Audit, audit
from emotion_core.collect.faces import digest_of
from emotion_core.collect.labels import correct, label_faces, undo
from emotion_core.collect.store import Summary
from emotion_core.data.collected import overlay_labels
from emotion_core.data.collection_file import COLLECTION_SPEC
from emotion_core.data.faces import SPLITS, FaceData
from emotion_core.data.ferplus import vote_texts
from emotion_core.data.generated import GENERATED, is_generated, marked
from emotion_core.errors import EmotionError
from emotion_core.labels import EMOTIONS
from emotion_core.plots.pictures import data_uri
from emotion_core.units import percent
from pages._ui import cache
from pages._ui.collect.answers import answers_to
from pages._ui.collect.grid import Action, show_grid
from pages._ui.widgets import show_empty, show_error, show_faces_grid, show_metrics

_PAGE = 60
_BAD = 24


def show_audit(chosen: Summary) -> None:
    """Choose a data set, see what is suspect, correct it."""
    own = f"{COLLECTION_SPEC}{chosen.name}"
    specs = list(dict.fromkeys([own, cache.chosen_data(), cache.default_data()]))
    spec = str(st.selectbox("Data set", specs, key="collect-audited", accept_new_options=True))
    try:
        data = cache.dataset(spec)
        answers = answers_to(data)
    except EmotionError as error:
        show_error(error)
        return
    found = _audit(data, answers.probs, answers.by)
    _show_figures(found)
    suspects, twins, bad = st.tabs(["Suspect labels", "Duplicates", "Bad faces"])
    with suspects:
        _show_suspects(found, own if spec == own else "")
    with twins:
        _show_twins(found)
    with bad:
        _show_bad(found)


@st.cache_resource(show_spinner="Auditing", max_entries=2, hash_funcs=cache.HASHES)
def _audit(data: FaceData, _probs: np.ndarray, told: str) -> Audit:
    return audit(data, _probs, told)


def _show_figures(found: Audit) -> None:
    likely = int(found.issues.likely.sum())
    show_metrics(
        [
            ("Suspect labels", f"{likely:,}", f"of {len(found.rows):,} scored", found.answered_by),
            ("Repeated photographs", f"{len(found.data) - len(np.unique(found.near)):,}", "", ""),
            (
                "Leak-free test",
                percent(found.leak_free),
                "",
                "Test faces without a twin elsewhere.",
            ),
            ("Bad faces", f"{len(found.poor):,}", "blank, blurred, dark or tiny", ""),
        ]
    )
    rows = [
        {
            "emotion": emotion,
            "faces": figures.faces,
            "share": percent(figures.share),
            "suspect": figures.issues,
            "agreed": percent(figures.agreement),
            "most often instead": figures.mistaken_for,
            "rare": "yes" if figures.rare else "",
        }
        for emotion, figures in found.classes().items()
    ]
    with st.expander("Figures per class"):
        st.dataframe(rows, hide_index=True)
        if rare := [row["emotion"] for row in rows if row["rare"]]:
            st.caption(
                f"Under 5 % of the faces: {', '.join(map(str, rare))}. On the Training page, class "
                "weights or sampling let them count more."
            )


@st.fragment
def _show_suspects(found: Audit, own: str) -> None:
    """The most suspect labels as a grid; what is said there goes to an overlay or the collection."""
    overlay = "" if own else _pick_overlay()
    if not own and not overlay:
        return
    data = found.data
    fixed = overlay_labels(overlay) if overlay else {}
    offset = st.session_state.get("collect-suspects", 0)
    rows = found.rows[offset : offset + _PAGE]
    at = {int(row): place for place, row in enumerate(found.rows[: offset + _PAGE])}
    faces, made = [], is_generated(data)
    texts = vote_texts(np.asarray(data.images[rows]))
    for row, votes in zip(map(int, rows), texts, strict=True):
        image = data.images[row]
        new = fixed.get(digest_of(image), "")
        suggested = EMOTIONS[found.issues.suggested[at[row]]]
        faces.append(
            {
                "id": row,
                "src": data_uri(np.asarray(image)),
                "label": new or EMOTIONS[data.labels[row]],
                "by": "person" if new else "suspect",
                "note": f"{suggested}?"
                + (f" · {votes}" if votes else "")
                + f" · {GENERATED}" * bool(made[row]),
                "told": f"suggested {suggested}, {SPLITS[data.splits[row]]}, {data.ids[row]}"
                + (f", votes {votes}" if votes else "")
                + f", {GENERATED}" * bool(made[row]),
            }
        )
    st.caption(
        "Most suspect first. Below each face: its label, then what the models say"
        f"{', then the FER+ votes' if any(texts) else ''}. Keys 1 to 7 correct it, Enter keeps it, z "
        "takes the last action back."
    )
    show_grid(faces, "collect-suspects-grid", lambda act: _correct(data, own, overlay, act))
    with st.container(horizontal=True):
        if st.button("Previous", key="suspects-back", disabled=offset == 0):
            st.session_state["collect-suspects"] = max(0, offset - _PAGE)
            st.rerun(scope="fragment")
        more = offset + _PAGE < len(found.rows)
        if st.button(f"Next {_PAGE}", key="suspects-next", disabled=not more):
            st.session_state["collect-suspects"] = offset + _PAGE
            st.rerun(scope="fragment")
    if overlay:
        st.caption(
            f"{len(fixed):,} corrections in **{overlay}**. As data set: `{data.source}@{overlay}`. "
            "The published test split stays as it is there."
        )


def _pick_overlay() -> str:
    names = [item.name for item in store.list_collections("overlay")]
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    name = left.selectbox(
        "Corrections go to",
        names,
        key="collect-overlay",
        accept_new_options=True,
        placeholder="Name a list of corrections",
        help="The data set itself is never changed.",
    )
    if not name:
        show_empty("Name a list of corrections first: they are kept beside the data set.")
        return ""
    if name not in names:
        if right.button(f"Make '{name}'", type="primary"):
            try:
                store.create(str(name), "overlay")
            except EmotionError as error:
                show_error(error)
            else:
                st.rerun(scope="fragment")
        return ""
    return str(name)


def _correct(data: FaceData, own: str, overlay: str, action: Action) -> None:
    rows = [int(row) for row in action.get("ids", []) if 0 <= int(row) < len(data)]
    name = own.removeprefix(COLLECTION_SPEC)
    try:
        if action["kind"] == "undo":
            undo(name or overlay, "faces" if own else "overlay")
            return
        labels = {
            row: EMOTIONS[data.labels[row]] if action["kind"] == "confirm" else str(action["label"])
            for row in rows
        }
        if own:
            label_faces(name, {int(data.ids[row][5:]): labels[row] for row in rows})
        else:
            correct(overlay, {digest_of(data.images[row]): labels[row] for row in rows})
    except EmotionError as error:
        show_error(error)


def _show_twins(found: Audit) -> None:
    """Counts of repeated photographs, and the test faces that are also elsewhere."""
    exact = len(found.data) - len(np.unique(found.exact))
    near = len(found.data) - len(np.unique(found.near))
    st.markdown(
        f"{exact:,} faces repeat another one pixel for pixel, {near:,} show a photograph that is there "
        f"already. {percent(found.leak_free)} of the test faces have no twin in train or val."
    )
    if not len(found.leaks):
        return
    rows = found.leaks[:_BAD]
    st.caption(
        f"Test faces whose photograph is also in train or val: {len(rows)} of {len(found.leaks):,}."
    )
    captions = [EMOTIONS[label] for label in found.data.labels[rows]]
    show_faces_grid(np.asarray(found.data.images[rows]), captions)


def _show_bad(found: Audit) -> None:
    if not len(found.poor):
        show_empty("No face is blank, blurred, dark or tiny.")
        return
    rows = found.poor[:_BAD]
    captions = [", ".join(found.quality[row].problems) for row in rows]
    captions = marked(found.data, rows, captions)
    show_faces_grid(np.asarray(found.data.images[rows]), captions)
    if len(found.poor) > _BAD:
        st.caption(f"{_BAD} of {len(found.poor):,}.")
