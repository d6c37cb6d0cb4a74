"""The one way to choose runs on any page: presets, search by model, recipe, name and tag, filters."""

from collections.abc import Callable, Sequence

import streamlit as st

from emotion_core import units
from emotion_core.evaluation.selection import (
    FILTERS,
    MOST_RUNS,
    PRESETS,
    Entry,
    filtered,
    first_choice,
    preset_runs,
)
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui.cache import update_links
from pages._ui.widgets import run_label

CHOSEN = "compare_runs"
_WRITTEN = "compare-address"  # the runs that this page has put into its address
_FILTER_HELP = "Only runs that fit all of these are offered."


def pick_runs(entries: Sequence[Entry]) -> list[Run]:
    """Runs to compare: presets are one click away, all others behind one line.

    The page's address keeps them (``runs``); it may also name a preset (``preset``).

    Args:
        entries: All finished runs, newest first.

    Returns:
        The chosen runs, at most ``MOST_RUNS``; stops the page where there are none or more.
    """
    present = {run.name: run for run, _ in entries}
    _take_address(entries, present)
    _keep_present(entries, present)
    presets = {
        key: [r.name for r in found] for key in PRESETS if (found := preset_runs(key, entries))
    }
    with st.container(horizontal=True, vertical_alignment="center", key="run-picker"):
        count = len(st.session_state[CHOSEN])
        label = f"{units.several(count, 'run')} · change"
        with st.popover(label, icon=":material/tune:", key="run-picker-more", width="content"):
            chosen = _choose_several(entries, present)
        _pick_preset(presets)
    st.query_params["runs"] = st.session_state[_WRITTEN] = chosen
    if not chosen:
        st.info("Choose at least one run, or take a preset.", icon=":material/info:")
        st.stop()
    if len(chosen) > MOST_RUNS:
        st.error(
            f"{len(chosen)} runs are chosen; at most {MOST_RUNS} can be compared on one page. "
            f"Remove {len(chosen) - MOST_RUNS} under 'change', or take a preset.",
            icon=":material/error:",
        )
        st.stop()
    return [present[name] for name in chosen]


def pick_run(
    entries: Sequence[Entry], label: str, key: str, first: Callable[[], Run], *, query: str = ""
) -> Run:
    """One run, by a list that can be searched and filtered.

    Args:
        entries: Finished runs to choose from, at least one.
        label: Of the list.
        key: Of the list.
        first: Gives the run to begin with where the address names none.
        query: Parameter of the page's address that keeps the name; empty for none.
    """
    present = {run.name: run for run, _ in entries}
    if query:
        update_links(query)
        asked = st.query_params.get(query)
        if asked in present and asked != st.session_state.get(f"{key}-address"):
            st.session_state[key] = asked
    if st.session_state.get(key) not in present:  # the first visit, or the run is gone
        st.session_state[key] = first().name
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}-picker"):
        kept = st.session_state.get(f"{key}-filters") or []
        offered = [run.name for run, _ in filtered(entries, kept)]
        names = offered if st.session_state[key] in offered else [st.session_state[key], *offered]
        name = st.selectbox(
            label, names, format_func=lambda name: _label(present.get(name), name), key=key
        )
        with st.popover("Filter", icon=":material/filter_list:", width="content"):
            pick_filters(f"{key}-filters")
    if query:
        st.query_params[query] = st.session_state[f"{key}-address"] = str(name)
    return present[str(name)]


def beside_chosen(run: Run, entries: Sequence[Entry]) -> list[str]:
    """The runs to compare a run with: those that are compared now, else those of the first choice.

    Args:
        run: Comes first.
        entries: All finished runs, newest first.
    """
    present = {item.name for item, _ in entries}
    now = [name for name in st.session_state.get(CHOSEN, ()) if name in present]
    others = now or [item.name for item in first_choice(entries)]
    return list(dict.fromkeys([run.name, *others]))[:MOST_RUNS]


def _label(run: Run | None, name: str) -> str:
    return run_label(run) if run else name


def _take_address(entries: Sequence[Entry], present: dict[str, Run]) -> None:
    """Choose what the address names, if somebody else than this page has put it there."""
    preset = st.query_params.get("preset")
    if preset in PRESETS:
        if found := preset_runs(preset, entries):
            st.session_state[CHOSEN] = [run.name for run in found]
        else:
            st.warning(f"No run fits '{PRESETS[preset].title}' here.")
        del st.query_params["preset"]
        return
    update_links("runs")
    wanted = st.query_params.get_all("runs")
    if not wanted or wanted == st.session_state.get(_WRITTEN):
        return
    if missing := [name for name in wanted if name not in present]:
        names = plain(", ".join(missing), "markdown")
        st.warning(f"This link names runs that are not here: {names}.")
    if linked := [name for name in wanted if name in present]:
        st.session_state[CHOSEN] = linked


def _keep_present(entries: Sequence[Entry], present: dict[str, Run]) -> None:
    """Have the choice name runs that are here; the first choice where there is none."""
    before = st.session_state.get(CHOSEN)
    kept = [name for name in before or () if name in present]
    if before is None or (before and not kept):
        kept = [run.name for run in first_choice(entries)]
    if kept != before:
        st.session_state[CHOSEN] = kept


def _choose_several(entries: Sequence[Entry], present: dict[str, Run]) -> list[str]:
    kept = pick_filters("compare-filters")
    offered = [run.name for run, _ in filtered(entries, kept)]
    names = list(dict.fromkeys([*offered, *st.session_state[CHOSEN]]))
    chosen: list[str] = st.multiselect(
        "Runs",
        names,
        key=CHOSEN,
        format_func=lambda name: _label(present.get(name), name),
        persist_state="session",
        placeholder="Search by model, recipe, name or tag",
        help="Only runs on the same test set are compared. The address of this page keeps the "
        "choice, so that it can be shared.",
    )
    return chosen


def pick_filters(key: str, *, titled: bool = True) -> list[str]:
    """Names of ``FILTERS`` that the reader wants to apply.

    Args:
        key: Of the choice.
        titled: Show what it is for above it.
    """
    return st.pills(
        "Show only",
        list(FILTERS),
        selection_mode="multi",
        key=key,
        help=_FILTER_HELP if titled else None,
        label_visibility="visible" if titled else "collapsed",
    )


def _pick_preset(presets: dict[str, list[str]]) -> None:
    chosen = set(st.session_state[CHOSEN])
    fits = (key for key, names in presets.items() if set(names) == chosen)
    st.session_state["preset"] = next(fits, None)

    def take() -> None:
        if key := st.session_state["preset"]:
            st.session_state[CHOSEN] = presets[key]

    st.pills(
        "Presets",
        list(presets),
        key="preset",
        format_func=lambda key: PRESETS[key].title,
        label_visibility="collapsed",
        on_change=take,
    )
