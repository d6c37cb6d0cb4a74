"""Tab Generate, below the samples: what was measured, what is kept, and whether it helps."""

import streamlit as st

from emotion_core.access import Action
from emotion_core.data.collection_file import COLLECTION_SPEC
from emotion_core.data.generated import GENERATED
from emotion_core.errors import EmotionError
from emotion_core.generate.experiment import METRICS, load_experiment
from emotion_core.generate.folder import GanRun
from emotion_core.generate.results import (
    Quality,
    keep_task,
    load_kept,
    load_quality,
    quality_task,
)
from emotion_core.generate.words import experiment_words, quality_words
from emotion_core.labels import EMOTIONS
from emotion_core.tasks import Task
from emotion_core.text import plain
from emotion_core.units import number, percent
from pages._ui.access import offers
from pages._ui.collect.sheets import show_neighbours
from pages._ui.widgets import show_error, show_figure, show_figure_head, show_metrics

_MOST = 20_000
_COLUMNS = 3  # figures beside one another


def show_quality(run: GanRun) -> None:
    """Figures of the samples beside those of held-out real faces, and the button that measures."""
    st.subheader("Quality of the samples", anchor=False)
    task = quality_task(run)
    if _show_task(task, "Measuring"):
        return
    try:
        found = load_quality(run)
    except EmotionError as error:
        show_error(error)
        found = None
    if found:
        _show_figures(run, found)
    if not offers(Action.MEASURE, says=False):
        return
    label = "Measure again" if found else "Measure"
    if not found:
        st.caption(
            "Compares 2,000 samples with training faces and with real faces that were held out, by "
            "the features of @champion. Takes some minutes, in the background."
        )
    if st.button(label, icon=":material/straighten:", key="generate-measure"):
        _start(task, "quality", str(run.path.resolve()))


def _show_figures(run: GanRun, found: Quality) -> None:
    kid, kid_real = (number(value[0], 4) for value in (found.kid, found.kid_real))
    show_metrics(
        [
            ("FID (champion)", number(found.fid, 1),
             f"held-out real faces {number(found.fid_real, 1)}",
             "On the champion's features; smaller is nearer to the training faces. Not comparable with published FIDs, which use "
             "Inception's features."),
            ("KID (champion)", kid, f"held-out real faces {kid_real}",
             f"On the champion's features; unbiased, ± {number(found.kid[1], 4)} over blocks."),
            ("Agreement", percent(found.agreement),
             f"held-out real faces {percent(found.agreement_real)}",
             "Share of the samples that the champion gives the class they were made for."),
            ("Near twins", percent(found.twins, 2),
             f"held-out real faces {percent(found.twins_real, 2)}",
             "Show the photograph of a training face: correlation of pixels above 0.9, mirrored or not."),
        ]
    )  # fmt: skip
    if run.neighbours_path.exists():
        show_neighbours(run)
    with st.expander("All figures"):
        st.markdown("\n".join(f"- {plain(line, 'markdown')}" for line in quality_words(found)))


def show_keep(run: GanRun, suggested: str) -> None:
    """How many to keep per class, and what became of the last keeping."""
    st.subheader("Keep samples as training faces", anchor=False)
    task = keep_task(run)
    if _show_task(task, "Choosing samples"):
        return
    if kept := load_kept(run):
        name = plain(kept.collection, "markdown")
        st.markdown(
            f"Kept in **{name}**, all marked *{GENERATED}*. As data set beside another: "
            f"`DATA+{COLLECTION_SPEC}{kept.collection}`."
        )
        st.markdown("\n".join(f"- {plain(line, 'markdown')}" for line in kept.words))
    if not offers(Action.COLLECT, says=False):
        return
    st.caption(
        "A sample is kept where @champion gives it its class, and no face of the data set and no "
        "sample kept before is a near twin. A second keeping goes on to the wanted number."
    )
    with st.form("generate-keep", border=False):
        classes = st.multiselect("Classes", EMOTIONS, default=["disgust", "fear"])
        number_each = st.number_input("Faces per class", 1, _MOST, 500)
        name = st.text_input("Collection", suggested[:60])
        if st.form_submit_button("Keep samples", icon=":material/save:") and classes:
            _start(
                task, "keep", str(run.path.resolve()), name.strip(),
                "--per-class", str(number_each), "--classes", ",".join(classes),
            )  # fmt: skip


def show_experiment() -> None:
    """Whether it helps: the committed result, or how to come by it."""
    st.subheader("Does it help?", anchor=False)
    try:
        result = load_experiment()
    except EmotionError as error:
        show_error(error)
        return
    if result is None:
        st.caption(
            "The experiment has no result yet. It trains one network in seven ways, with class "
            "weights, over-sampling and generated faces, and takes hours: "
            "`python -m benchmarks.balance --generator NAME`. In published trials such gains shrink "
            "where the plain training is strong."
        )
        return
    from emotion_core.plots.balance import balance_figure, balance_reading, change_reading

    rows = [
        {"way": way.title, "metric": metric, "mean": figure.mean, "change": figure.change,
         "low": figure.change_interval[0], "high": figure.change_interval[1]}
        for way in result.ways
        for metric, figure in way.figures.items()
    ]  # fmt: skip
    title = "Change against the plain training, with 95 % intervals"
    show_figure_head("balance", title, balance_reading(result), rows)
    for start in range(0, len(METRICS), _COLUMNS):
        for column, metric in zip(
            st.columns(_COLUMNS), METRICS[start : start + _COLUMNS], strict=False
        ):
            with column:
                told = change_reading(result, metric)
                show_figure(balance_figure(result, metric), f"balance-{metric}", told)
    st.caption(plain(experiment_words(result), "markdown"))


def _show_task(task: Task, doing: str) -> bool:
    """Show a task that runs, or why it failed; whether it runs."""
    state = task.state()
    if state.kind == "failed":
        st.error(plain(state.error, "markdown"), icon=":material/error:")
    if state.kind != "running":
        return False
    st.fragment(_watch_task, run_every=1.0)(task, doing)
    if offers(Action.MEASURE, says=False):
        st.button("Cancel", key=f"{task.name}-cancel", icon=":material/cancel:", on_click=task.stop)
    return True


def _watch_task(task: Task, doing: str) -> None:
    state = task.state()
    if state.kind != "running":
        st.rerun()
    st.progress(min(max(state.share, 0.0), 1.0), f"{doing}, {percent(state.share, 0)}")


def _start(task: Task, action: str, *arguments: str) -> None:
    try:
        task.start("generate", action, *arguments)
    except EmotionError as error:
        show_error(error)
    else:
        st.rerun()
