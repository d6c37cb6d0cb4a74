"""One run in full: result, where to go with it, curves, settings, log."""

from functools import partial
from typing import Any, Literal

import streamlit as st

from emotion_core import units
from emotion_core.plots import training as plots
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.catalog import with_names
from emotion_core.runs.run import Run, best_epoch
from emotion_core.text import plain
from emotion_core.training.jobs import Job
from pages._ui.cache import report_of
from pages._ui.training.prefill import prefill
from pages._ui.training.settings import BY_HAND, label_of
from pages._ui.widgets import show_figure, synthetic_badge

_Color = Literal["gray", "blue", "orange", "green", "red"]
_STATES: dict[str, tuple[str, _Color]] = {
    "queued": ("hourglass_empty", "gray"),
    "running": ("play_circle", "blue"),
    "stopped": ("pause_circle", "orange"),
    "finished": ("check_circle", "green"),
    "failed": ("error", "red"),
}


def state_icon(state: str) -> str:
    """The icon of a run's state."""
    return f":material/{_STATES[state][0]}:"


def show_state(state: str, text: str) -> None:
    """A badge with the state's icon and colour."""
    st.badge(text, icon=state_icon(state), color=_STATES[state][1])


def show_run(job: Job) -> None:
    """A run that has ended."""
    run, status = job.run, job.status
    if status.error:
        st.error(plain(status.error, "markdown"), icon=":material/error:")
    if run.problem:
        show_log(run, expanded=True)
        return
    _show_result(run)
    _show_ways_on(run)
    curves, settings = st.tabs(["Curves", "Settings"], key=f"run-tabs-{run.name}")
    with curves:
        _show_curves(run, finished=status.state == "finished", failed=bool(status.error))
    with settings:
        _show_settings(run)
    show_log(run, expanded=status.state == "failed")


def _show_result(run: Run) -> None:
    report = report_of(run)
    if report is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if report.data.synthetic:
            synthetic_badge()
        test = report.test
        accuracy = units.percent_interval(test.accuracy, test.accuracy_ci95)
        st.markdown(
            f"Test accuracy **{accuracy}**, macro-F1 **{test.macro_f1:.3f}**, on "
            f"{test.n:,} faces of {report.data.name}."
        )


def _show_ways_on(run: Run) -> None:
    """Links to what can be done with a run elsewhere, and what can be taken from it here."""
    finished, weights = report_of(run) is not None, run.weights_path.exists()
    with st.container(horizontal=True, vertical_alignment="center", key=f"run-ways-{run.name}"):
        if finished:
            _link("pages/comparison.py", "Compare", "bar_chart", {"runs": run.name})
            _link("pages/predictions.py", "See its mistakes", "fact_check", {"run": run.name})
        if weights:
            _link("pages/live.py", "Try it live", "videocam", {"model": run.name})
            _show_export(run)
        st.button(
            "Clone into the form",
            icon=":material/content_copy:",
            key=f"clone-{run.name}",
            help="Fills the form above with this run's settings.",
            on_click=_clone,
            args=(run,),
        )


def _clone(run: Run) -> None:
    prefill(with_names(run).replace(name="", note="").to_dict())


def _link(page: str, label: str, icon: str, query: dict[str, str]) -> None:
    st.page_link(page, label=label, icon=f":material/{icon}:", query_params=query)


def _show_export(run: Run) -> None:
    """The weights in other formats, written when they are asked for."""
    with st.popover("Export", icon=":material/download:", key=f"export-{run.name}"):
        for name, kind, text in (
            ("onnx", "ONNX", "A whole program: gray faces in, logits out, for any runtime."),
            ("h5", "HDF5", "The tensors under PyTorch's names, as the study saved them."),
            ("safetensors", "Safetensors", "The tensors with labels and preprocessing."),
        ):
            st.download_button(
                kind,
                data=partial(_exported, run, name),
                file_name=f"{run.name}.{name}",
                mime="application/octet-stream",
                key=f"export-{name}-{run.name}",
                icon=":material/download:",
                on_click="ignore",
                width="stretch",
                help=text,
            )


def _exported(run: Run, format: str) -> bytes:
    import tempfile
    from pathlib import Path

    from emotion_core.models.export import export_run

    with tempfile.TemporaryDirectory() as folder:
        return export_run(run, format, Path(folder)).read_bytes()


def _show_curves(run: Run, *, finished: bool, failed: bool) -> None:
    rows = run.metrics()
    if not rows:
        if not failed:
            st.caption("No epoch was finished.")
        return
    monitor = run.config().monitor
    best = best_epoch(rows, monitor)
    st.markdown(plots.reading(rows, monitor, None if finished else run.config().epochs))
    for column, metric in zip(st.columns(2), plots.METRICS, strict=True):
        with column:
            show_figure(plots.curve(rows, metric, best_epoch=best), key=f"{metric}-{run.name}")


def _show_settings(run: Run) -> None:
    """What differs from the recipe first, then everything."""
    config = with_names(run)
    recipe = recipe_config(config.recipe, config.model, name=config.name, note=config.note)
    changed = [name for name in config.difference(recipe) if name not in BY_HAND]
    rows = _setting_rows(config, recipe)
    st.caption(
        f"{len(changed)} setting{'s'[: len(changed) != 1]} changed from the recipe."
        if changed
        else "All settings are the recipe's."
    )
    st.dataframe(
        sorted(rows, key=lambda row: not row["Changed"]),
        hide_index=True,
        key=f"settings-{run.name}",
        height=min(420, 38 + 35 * len(rows)),
        column_config={"Changed": st.column_config.CheckboxColumn(width="small")},
    )


def _setting_rows(config: TrainConfig, recipe: TrainConfig) -> list[dict[str, Any]]:
    rows = []
    for item in TrainConfig.settings():
        mine, theirs = getattr(config, item.name), getattr(recipe, item.name)
        rows.append(
            {
                "Setting": label_of(item),
                "This run": _value(mine),
                "Recipe": _value(theirs),
                "Changed": mine != theirs and item.name != "data",
                "Meaning": item.help,
            }
        )
    return rows


def _value(value: Any) -> str:
    """A setting's value as the form would show it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={part}" for key, part in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def show_log(run: Run, key: str = "log", *, expanded: bool = False) -> None:
    """The end of the trainer's log; a toggle, because expanders do not nest."""
    if st.toggle("Log", value=expanded, key=f"{key}-{run.name}-{expanded}"):
        lines = run.log_tail(15)
        st.code("\n".join(lines) or "Nothing logged yet.", language=None, wrap_lines=True)
