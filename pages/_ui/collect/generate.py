"""Tab Generate: train a small generator, watch its samples, keep some as marked training faces."""

import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.generate import jobs
from emotion_core.generate.folder import GanRun, delete_generator, list_generators
from emotion_core.generate.settings import GanSettings
from emotion_core.runs.status import Status
from emotion_core.text import plain
from emotion_core.units import several
from pages._ui import cache
from pages._ui.access import offers
from pages._ui.collect.generated import show_experiment, show_keep, show_quality
from pages._ui.collect.sheets import show_sheets
from pages._ui.widgets import duration, show_error

_CHOSEN = "generate-chosen"
_ERROR = "generate-error"
_PURPOSE = (
    "A small network learns the training faces of a data set and draws new ones, for classes that have "
    "few, such as disgust. On FER-2013 it takes about 90 minutes of one free core. What it draws is "
    "marked as generated everywhere and only ever trains: validation and test hold real faces alone. "
    "It is an experiment, and whether it helps is measured below."
)


def show_generate() -> None:
    """Generators, their samples, and what may be kept of them."""
    if problem := st.session_state.pop(_ERROR, None):
        show_error(problem)
    found = {run.id: run for run in list_generators()}
    if not found:
        st.info(_PURPOSE, icon=":material/auto_awesome:")
        if offers(Action.TRAIN):
            _show_new("faces")
        show_experiment()
        return
    if st.session_state.get(_CHOSEN) not in found:
        st.session_state[_CHOSEN] = next(iter(found))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = found[str(st.selectbox("Generator", list(found), key=_CHOSEN))]
        if offers(Action.TRAIN, says=False):
            with st.popover("New", icon=":material/add:"):
                _show_new("")
    try:
        status, settings = run.status(), run.settings()
    except EmotionError as error:
        show_error(error)
        return
    _show_controls(run, status)
    _watch(run, status.state)
    st.caption(
        f"Learns the training faces of {plain(settings.data, 'markdown')}, {several(settings.epochs, 'epoch')}, "
        f"seed {settings.seed}."
    )
    if run.weights_path.exists():
        show_quality(run)
        show_keep(run, f"{run.name}-kept")
    show_experiment()


def _show_new(suggested: str) -> None:
    with st.form("generate-new", border=False):
        name = st.text_input("Name of the generator", suggested, placeholder="faces")
        data = st.text_input(
            "Data set", cache.chosen_data(), help="Only its training faces are learned."
        )
        epochs = st.number_input("Epochs", 1, 1000, GanSettings().epochs)
        if st.form_submit_button("Train a generator", type="primary"):
            _do(lambda: _start(name.strip(), data.strip(), int(epochs)))


def _start(name: str, data: str, epochs: int) -> None:
    jobs.start(name, GanSettings(data=data, epochs=epochs))
    st.session_state.pop(_CHOSEN, None)


def _show_controls(run: GanRun, status: Status) -> None:
    if not offers(Action.TRAIN, says=False):
        return
    with st.container(horizontal=True):
        if status.state in ("queued", "running"):
            if st.button("Stop", icon=":material/stop:", help="It saves, and can go on later."):
                _do(lambda: jobs.stop(run))
            return
        if status.state in ("stopped", "failed") and st.button(
            "Resume", icon=":material/play_arrow:", type="primary"
        ):
            _do(lambda: jobs.resume(run))
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown(
                "The generator is deleted permanently. Faces that were kept stay in their collection."
            )
            if st.button("Delete generator", key="generate-delete"):
                _do(lambda: delete_generator(run))


def _watch(run: GanRun, state: str) -> None:
    active = state in ("queued", "running")
    st.fragment(_show_training, run_every=2.0 if active else None)(run, state)


def _show_training(run: GanRun, state: str) -> None:
    """Progress and sample sheets; the page is drawn anew when the state changes."""
    status = run.status()
    if status.state != state:
        st.rerun()
    if status.state == "queued":
        st.progress(0.0, "Waits until the device is free.")
    elif status.state == "running":
        done = (status.epoch + status.step / max(status.steps, 1)) / max(status.epochs, 1)
        left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
        rate = f", {status.images_per_second:.0f} images/s" if status.images_per_second else ""
        st.progress(min(done, 1.0), f"Epoch {status.epoch} of {status.epochs}{rate}{left}")
    elif status.state == "failed":
        st.error(plain(status.error, "markdown"), icon=":material/error:")
    elif status.state == "stopped":
        st.caption(f"Stopped after epoch {status.epoch} of {status.epochs}.")
    show_sheets(run, status.state)


def _do(change: object) -> None:
    """Make a change and show the page anew; an error is told there."""
    try:
        change()  # type: ignore[operator]
    except EmotionError as error:
        st.session_state[_ERROR] = error
    st.rerun()
