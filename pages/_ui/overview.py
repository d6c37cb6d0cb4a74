"""What the Overview shows: best result, the study's five, next steps, the best of each architecture."""

from collections.abc import Sequence

import streamlit as st

from emotion_core import units
from emotion_core.evaluation.ensemble import ensemble_probs
from emotion_core.evaluation.results import load_results
from emotion_core.evaluation.scores import classification_metrics
from emotion_core.evaluation.selection import Board, Entry, best_of_each, filtered
from emotion_core.evaluation.study import load_study
from emotion_core.machine import this_machine
from emotion_core.models.titles import model_title
from emotion_core.reporting.columns import COLUMNS
from emotion_core.reporting.panels.study import is_on_fer2013, study_panel
from emotion_core.reporting.words import best_result
from emotion_core.runs.run import Run
from emotion_core.runs.scores import Scores
from emotion_core.runs.shipped import read_catalog
from emotion_core.text import plain
from pages._ui.cache import hashes, runs
from pages._ui.frame import page_link, page_of
from pages._ui.run_picker import pick_filters
from pages._ui.run_table import show_run_table
from pages._ui.widgets import show_panel, synthetic_badge

_FIGURE = 320  # pixels: the first screen of a small laptop ends below it


def show_first_screen(boards: Sequence[Board], entries: Sequence[Entry]) -> None:
    """What this is, the best result, and one figure."""
    left, right = st.columns([5, 7], gap="medium")
    with left:
        st.markdown(
            "Train neural networks to name the expression on a face, compare them with honest "
            "statistics, and try them on your own camera. Everything runs on this machine; "
            "no picture leaves it."
        )
        if boards:
            _show_best(boards[0])
    with right:
        panel = study_panel(entries, height=_FIGURE)
        if panel:
            show_panel(panel)


def _show_best(board: Board) -> None:
    run, report = board.best
    test, study = report.test, load_study().test
    gain = ""
    if is_on_fer2013(report):
        gain = f"{units.points(test.accuracy - study.accuracy, sign=True)} over the study"
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.metric(
                f"Best result: {plain(model_title(report.model), 'markdown')}",
                units.percent(test.accuracy),
                gain or None,
                help=f"{COLUMNS['accuracy'].help} 95 % interval "
                f"{units.percent_range(test.accuracy_ci95)}.",
                delta_arrow="up" if test.accuracy >= study.accuracy else "down",
            )
            if board.synthetic:
                synthetic_badge()
        st.caption(plain(best_result(report), "markdown"))
        page_link("pages/run.py", "About this run", {"run": run.name})


def show_next_steps(finished: int) -> None:
    """A card per page, in the order of the work."""
    states = [run.status().state for run in runs() if not run.problem]
    active = sum(state in ("running", "queued") for state in states)
    training = (
        f"{units.several(active, 'run')} training or queued. Watch live."
        if active
        else "Pick architectures and start. They train in the background."
    )
    compare = (
        f"{finished} finished runs: which is better, and is the difference significant?"
        if finished > 1
        else f"Needs two finished runs; there {'is one' if finished else 'are none'} yet."
    )
    cards = (
        ("1. Know the data", "Choose FER-2013, your own faces or drawn ones.", "pages/dataset.py"),
        ("2. Train", training, "pages/training.py"),
        ("3. Compare", compare, "pages/comparison.py"),
        ("4. Go live", "Try it on your camera, a video or a photo.", "pages/live.py"),
    )
    with st.container(key="next-steps"):
        for title, text, file in cards:
            with st.container(border=True, height="stretch", gap="xxsmall"):
                st.markdown(f"**{title}**")
                st.caption(text)
                with st.container(horizontal=True, gap="small"):
                    page_link(file, page_of(file).title)
                    if file == "pages/comparison.py" and finished > 1:
                        page_link(file, "The study's five", {"preset": "study"})


def show_board(board: Board, *, first: bool) -> None:
    """The best run of each architecture on one test set, or all of them; a row opens its run."""
    best = best_of_each(board.entries)
    with st.container(horizontal=True, vertical_alignment="center", key=f"board-{board.name}"):
        st.header(f"Results on {plain(board.name, 'markdown')}", anchor=False, width="content")
        if board.synthetic:
            synthetic_badge()
        everything = False
        if len(best) < len(board.entries):
            everything = st.toggle(
                f"Show all {len(board.entries)} runs", key=f"all-{board.name}-{board.faces}"
            )
        kept: list[str] = []
        if everything:
            kept = pick_filters(f"filters-{board.name}-{board.faces}", titled=False)
    shown = filtered(board.entries, kept) if everything else best
    if not shown:
        st.info("No run fits all of these filters.", icon=":material/filter_list:")
        return
    show_run_table(shown, f"runs-{board.name}-{board.faces}")
    what = "All runs" if everything else "The best run of each architecture, by validation"
    if kept:
        what = f"{len(shown)} of {len(board.entries)} runs"
    said = [f"{what}, on {board.faces:,} test faces. Click a row to open its run."]
    timed = sorted({report.environment.processor for _, report in board.entries})
    if len(timed) > 1:
        said.append("Times are of different machines: do not read small differences.")
    st.caption(" ".join(said))
    if first:
        _show_ensemble(board)


def _show_ensemble(board: Board) -> None:
    """The shipped ensemble's accuracy, computed from its members' stored predictions."""
    by_id = {run.id: (run, report) for run, report in board.entries}
    members = [by_id[name] for name in read_catalog().ensemble if name in by_id]
    if len(members) < 2 or len(members) < len(read_catalog().ensemble):
        return
    scores = _ensemble([run for run, _ in members])
    if scores is None:
        return
    names = units.join_names([model_title(report.model) for _, report in members])
    cost = sum(report.cost.latency_ms for _, report in members)
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="ensemble"):
        st.markdown(
            f"**Ensemble of {len(members)}: "
            f"{units.percent_interval(scores.accuracy, scores.accuracy_ci95)}.** Averages "
            f"{plain(names, 'markdown')}, chosen on validation; "
            f"{units.milliseconds(cost)} per face.",
            width="stretch",
        )
        query = {"runs": [run.name for run, _ in members], "tab": "Agreement"}
        st.page_link(
            "pages/comparison.py",
            label="Compare its members",
            icon=":material/bar_chart:",
            query_params=query,
        )


@st.cache_data(
    show_spinner=False, max_entries=4, hash_funcs=hashes("report.json", "predictions.npz")
)
def _ensemble(members: list[Run]) -> Scores | None:
    """None where a member's predictions are missing or do not fit."""
    results, refused = load_results(members)
    if refused:
        return None
    return classification_metrics(results[0].labels, ensemble_probs(results))


def show_machine() -> None:
    """Where all this runs."""
    machine = this_machine()
    memory = f", {machine.memory_bytes / 2**30:.0f} GB memory" if machine.memory_bytes else ""
    gpu = ", ".join(machine.gpus) or "none found, training runs on the CPU"
    if machine.gpu_unused:
        gpu += " (unused: the installed PyTorch is a CPU build)"
    st.header("This machine", anchor=False)
    st.markdown(
        f"- CPU: {machine.cpu}, {machine.cores} cores{memory}\n"
        f"- GPU: {gpu}\n"
        f"- Python {machine.python}, PyTorch {machine.torch or 'not installed'}"
    )


def show_responsible_use() -> None:
    """What the law and good sense ask for."""
    st.header("Responsible use", anchor=False)
    st.markdown(
        "A model estimates the **expression** on a face. It does not know what a person **feels**.\n"
        "- In the EU, inferring emotions at work and in schools is prohibited since "
        "February 2025, except for medical and safety reasons (AI Act, Article 5(1)(f)).\n"
        "- Elsewhere, people must be told that such a system looks at them (Article 50(3)).\n"
        "- Errors differ between emotions and between groups of people: read the Comparison page "
        "before you trust a number."
    )
