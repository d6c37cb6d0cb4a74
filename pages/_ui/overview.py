"""What the Overview shows: faces, best result, leaderboard, next steps, machine."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from emotion_core.evaluation.study import MARK, load_study
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.machine import this_machine
from emotion_core.reporting.markdown import how_trained
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from pages._ui.cache import report_of, runs
from pages._ui.frame import page_link
from pages._ui.widgets import faces_grid, percent, percent_interval, synthetic_badge


@dataclass(frozen=True)
class Board:
    """Finished runs on one test set, best accuracy first, each with its report."""

    name: str
    synthetic: bool
    faces: int
    entries: tuple[tuple[Run, Report], ...]

    @property
    def best(self) -> Report:
        """Report of the run that is best on validation: chosen on test, its figures would flatter."""
        return max((report for _, report in self.entries), key=lambda one: one.val.accuracy)


def leaderboards(finished: Sequence[Run]) -> list[Board]:
    """One board a test set: photographs before drawn faces, then the one with more faces.

    Runs on different test sets are never ranked against each other.
    """
    groups: dict[str, list[tuple[Run, Report]]] = {}
    for run in finished:
        report = report_of(run)
        if report is not None:
            groups.setdefault(report.data.test_fingerprint, []).append((run, report))
    boards = []
    for entries in groups.values():
        entries.sort(key=lambda entry: -entry[1].test.accuracy)
        best = entries[0][1]
        data, faces = best.data, best.test.n
        boards.append(Board(data.name, data.synthetic, faces, tuple(entries)))
    return sorted(boards, key=lambda board: (board.synthetic, -board.faces, board.name))


def draw_introduction() -> None:
    """What this is, and the seven emotions."""
    st.markdown(
        "Train neural networks to name the expression on a face, compare them with honest "
        "statistics, see where they go wrong, and watch them at work on your own camera. "
        "Everything runs on this machine; no picture leaves it."
    )
    faces_grid(_seven_faces(), EMOTIONS, list(COLORS.values()), columns=7)
    st.caption("The seven emotions, in the colours they have on every page. These faces are drawn.")


@st.cache_data(show_spinner=False)
def _seven_faces() -> np.ndarray:
    from emotion_core.data.synthetic import draw_face

    return np.stack([draw_face(emotion, 7, size=96, clean=True) for emotion in EMOTIONS])


def draw_best(board: Board) -> None:
    """The best run's figures."""
    report, test = board.best, board.best.test
    _heading(f"Best result: {report.model}", board.synthetic)
    low, high = test.accuracy_ci95
    f1_low, f1_high = test.macro_f1_ci95
    cost = report.cost
    for column, (label, value, note, help_text) in zip(
        st.columns(4),
        (
            (
                "Accuracy",
                percent(test.accuracy),
                f"95 % interval {100 * low:.1f} to {100 * high:.1f}",
                "Share of test faces named right.",
            ),
            (
                "Macro-F1",
                percent(test.macro_f1),
                f"95 % interval {100 * f1_low:.1f} to {100 * f1_high:.1f}",
                "Mean F1 of the seven emotions: rare ones count as much as frequent ones.",
            ),
            (
                "Calibration error",
                percent(test.ece),
                f"temperature {report.temperature:.2f}",
                "Mean gap between the confidence it states and how often it is right.",
            ),
            (
                "Time a face",
                f"{cost.latency_ms:.1f} ms",
                f"{cost.latency_backend}, {cost.parameters / 1e6:.2f} M parameters",
                f"Median on {report.environment.cpu}, one face at a time.",
            ),
        ),
        strict=True,
    ):
        column.metric(
            label,
            value,
            note,
            delta_color="off",
            delta_arrow="off",
            help=help_text,
            border=True,
            height="stretch",
        )
    st.caption(_reading(report))


def _heading(text: str, synthetic: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text, anchor=False, width="content")
        if synthetic:
            synthetic_badge()


def _reading(report: Report) -> str:
    test, data = report.test, report.data
    words = [
        f"{test.n:,} test faces of {data.name}, each seen once, after training. The run was "
        f"chosen on validation, where it {'was' if report.refit else 'is'} right on "
        f"{percent(report.val.accuracy)}"
        + (", and then learned those faces, too." if report.refit else ".")
    ]
    clean = report.subsets.leak_free
    if clean and clean.n < test.n:
        words.append(
            f"Without the {test.n - clean.n:,} test faces that have a twin in training: "
            f"{percent_interval(clean.accuracy, clean.accuracy_ci95)}."
        )
    study = load_study().test
    if data.name == "FER-2013" and test.n == study.n:
        words.append(f"The study's {study.model} reached {percent(study.accuracy)} ({MARK} here).")
    return " ".join(words)


def draw_board(board: Board) -> None:
    """All runs of one test set, with their intervals on one scale."""
    _heading(f"Runs on {board.name}", board.synthetic)
    rows = "".join(_board_row(rank, *entry) for rank, entry in enumerate(board.entries, 1))
    head = "".join(
        f'<th scope="col">{title}</th>'
        for title in ("", "Run", "Accuracy, 95 % interval", "Macro-F1", "Parameters", "ms a face")
    )
    st.html(
        f'<div class="board"><table><caption>{board.faces:,} test faces</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    timed = sorted({report.environment.processor for _, report in board.entries})
    if len(timed) > 1:
        st.caption(f"Milliseconds on one core, not all of one machine: {'; '.join(timed)}.")


def _board_row(rank: int, run: Run, report: Report) -> str:
    test, cost = report.test, report.cost
    low, high = test.accuracy_ci95
    bar = (
        f'<span class="scale" aria-hidden="true"><i style="left:{100 * low:.2f}%;'
        f'width:{max(0.6, 100 * (high - low)):.2f}%"></i></span>'
    )
    cells = (
        f"{percent_interval(test.accuracy, (low, high))}{bar}",
        percent(test.macro_f1),
        f"{cost.parameters / 1e6:.2f} M",
        f"{cost.latency_ms:.1f}",
    )
    lines = [run.name, how_trained(run, report)]
    notes = "".join(f"<small>{html.escape(line)}</small>" for line in lines if line)
    name = f"<b>{html.escape(report.model)}</b>{notes}"
    return (
        f'<tr><td>{rank}</td><th scope="row">{name}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def draw_next_steps(finished: int) -> None:
    """A card a page, in the order of the work; the one that comes next says so."""
    st.subheader("What to do next", anchor=False)
    states = [run.status().state for run in runs() if not run.problem]
    active = sum(state in ("running", "queued") for state in states)
    training = (
        f"{active} run{'s' if active > 1 else ''} at work or waiting. Watch the curves grow."
        if active
        else "Pick one or several architectures, press start. They train in the background."
    )
    cards = (
        ("pages/dataset.py", "1. Know the data", "Choose FER-2013, your own faces or drawn ones."),
        ("pages/training.py", "2. Train", training),
        ("pages/comparison.py", "3. Compare", _compare_text(finished)),
        ("pages/live.py", "4. Go live", "Camera, video or photo: every face named as it plays."),
    )
    for column, (file, title, text) in zip(st.columns(4), cards, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{title}**")
            st.markdown(text)
            page_link(file)


def _compare_text(finished: int) -> str:
    if finished < 2:
        return f"Needs two finished runs; there {'is one' if finished else 'are none'} yet."
    return f"{finished} finished runs: which is better, and is it chance?"


def draw_machine() -> None:
    """Where all this runs."""
    machine = this_machine()
    memory = f", {machine.memory_bytes / 2**30:.0f} GB memory" if machine.memory_bytes else ""
    gpu = ", ".join(machine.gpus) or "none found, training runs on the CPU"
    if machine.gpu_unused:
        gpu += " (unused: the installed PyTorch is a CPU build)"
    st.subheader("This machine", anchor=False)
    st.markdown(
        f"- CPU: {machine.cpu}, {machine.cores} cores{memory}\n"
        f"- GPU: {gpu}\n"
        f"- Python {machine.python}, PyTorch {machine.torch or 'not installed'}"
    )


def draw_responsible_use() -> None:
    """What the law and good sense ask for."""
    st.subheader("Responsible use", anchor=False)
    st.markdown(
        "A model guesses the **expression** on a face. It does not know what a person **feels**.\n"
        "- In the EU, inferring emotions at work and in schools is prohibited since "
        "February 2025, except for medical and safety reasons (AI Act, Article 5(1)(f)).\n"
        "- Elsewhere, people must be told that such a system looks at them (Article 50(3)).\n"
        "- Errors differ between emotions and between groups of people: read the Comparison page "
        "before you trust a number."
    )
