"""What can be done with a run: compare, try, export, clone, train finally; name, tag, note, delete."""

from collections.abc import Callable

import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.runs.catalog import with_names
from emotion_core.runs.create import note_run, rename_run, tag_run
from emotion_core.runs.run import Run
from emotion_core.text import plain
from emotion_core.training import jobs
from emotion_core.training.final import final_config
from pages._ui.access import offers
from pages._ui.cache import finished_entries, report_of
from pages._ui.frame import page_link
from pages._ui.run.export import show_export
from pages._ui.run_picker import beside_chosen
from pages._ui.training.acts import watched
from pages._ui.training.prefill import prefill
from pages._ui.widgets import show_error

DELETED = "train-deleted"  # names that the Training page can bring back


def show_ways_on(run: Run) -> None:
    """Links to other pages with this run, and what can be taken from it here."""
    finished, weights = report_of(run) is not None, run.weights_path.exists()
    with st.container(horizontal=True, vertical_alignment="center", key=f"run-ways-{run.name}"):
        if finished:
            chosen = beside_chosen(run, finished_entries())
            page_link("pages/comparison.py", "Compare", {"runs": chosen})
            page_link("pages/predictions.py", "See its mistakes", {"run": run.name})
        if weights:
            page_link("pages/live.py", "Try it live", {"model": run.name})
            show_export(run)
        if offers(Action.TRAIN, says=False) and st.button(
            "Clone into the form",
            icon=":material/content_copy:",
            key=f"clone-{run.name}",
            help="Fills the Training page's form with this run's settings.",
        ):
            prefill(with_names(run).for_another_run().to_dict())
            st.switch_page("pages/training.py")
        ends = _can_be_final(run) and offers(Action.CHANGE_RUN, says=False)
        final = ends and st.button(
            "Final training",
            icon=":material/model_training:",
            key=f"final-{run.name}",
            help="Trains this model again on training and validation data together, with the same "
            "settings, once choosing is over. It becomes a run of its own.",
        )
    if final:
        _train_finally(run)


def _can_be_final(run: Run) -> bool:
    return bool(report_of(run) and run.metrics() and not run.config().final)


def _train_finally(run: Run) -> None:
    try:
        watched().add(jobs.start(final_config(run)).name)
    except (EmotionError, OSError) as error:  # such as a full disk
        show_error(error)
    else:
        st.switch_page("pages/training.py")


def show_identity(run: Run) -> None:
    """Name, tag, note and deletion; an owner's alone."""
    if not offers(Action.CHANGE_RUN):
        return
    config = run.config()
    with st.container(horizontal=True, vertical_alignment="center", key="run-identity"):
        with st.popover("Rename", icon=":material/edit:"):
            _show_input(run, "Name", run.name, _rename, "Lower-case letters, digits, '-', '_', '.'")
        label = f"Tag: {plain(config.tag, 'markdown')}" if config.tag else "Tag"
        with st.popover(label, icon=":material/sell:"):
            text = "A word or two that every list of runs finds it by; empty takes it away."
            _show_input(run, "Tag", config.tag, tag_run, text)
        with st.popover("Note", icon=":material/notes:"):
            text = "One sentence on what the run is for; empty takes it away."
            _show_input(run, "Note", config.note, note_run, text)
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown(f"Delete **{plain(run.name, 'markdown')}**? Training can bring it back.")
            if st.button("Yes, delete", key="run-delete", type="primary"):
                _delete(run)
    if problem := st.session_state.pop("run-problem", ""):
        st.error(plain(problem, "markdown"), icon=":material/error:")


def _show_input(
    run: Run, label: str, value: str, change: Callable[[Run, str], None], help_text: str
) -> None:
    key = f"run-{label.lower()}-{run.id}-{value}"
    with st.form(f"{key}-form", border=False):
        st.text_input(label, value, key=key, help=help_text)
        st.form_submit_button("Save", on_click=_change, args=(run, change, key))


def _change(run: Run, change: Callable[[Run, str], None], key: str) -> None:
    try:
        change(run, st.session_state[key])
    except (EmotionError, OSError) as error:
        st.session_state["run-problem"] = str(error)


def _rename(run: Run, name: str) -> None:
    rename_run(run, name)
    st.query_params["run"] = st.session_state["run-shown"] = name


def _delete(run: Run) -> None:
    name = run.name
    try:
        jobs.delete(run)
    except (EmotionError, OSError) as error:
        show_error(error)
        return
    st.session_state.setdefault(DELETED, []).append(name)
    st.switch_page("pages/training.py")
