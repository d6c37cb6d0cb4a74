"""What the Overview shows: faces, best result, leaderboard, next steps, machine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from emotion_core import units
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.machine import this_machine
from emotion_core.models.titles import model_title
from emotion_core.reporting.columns import COLUMNS
from emotion_core.reporting.rows import run_row
from emotion_core.reporting.words import best_result, how_trained
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui.cache import report_of, runs
from pages._ui.frame import page_link
from pages._ui.widgets import show_faces_grid, synthetic_badge

_BOARD = ("accuracy", "macro_f1", "parameters", "latency_ms")


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
    show_faces_grid(_seven_faces(), EMOTIONS, list(COLORS.values()), columns=7)
    st.caption("The seven emotions, in the colours they have on every page. These faces are drawn.")


@st.cache_data(show_spinner=False)
def _seven_faces() -> np.ndarray:
    from emotion_core.data.synthetic import draw_face

    return np.stack([draw_face(emotion, 7, size=96, clean=True) for emotion in EMOTIONS])


def draw_best(board: Board) -> None:
    """The best run's figures."""
    report, test = board.best, board.best.test
    _heading(f"Best result: {plain(model_title(report.model), 'markdown')}", board.synthetic)
    cost = report.cost
    for column, (label, value, note, help_text) in zip(
        st.columns(4),
        (
            (
                "Accuracy",
                units.percent(test.accuracy),
                f"95 % interval {units.percent_range(test.accuracy_ci95)}",
                COLUMNS["accuracy"].help,
            ),
            (
                "Macro-F1",
                units.score(test.macro_f1),
                f"95 % interval {' to '.join(map(units.score, test.macro_f1_ci95))}",
                COLUMNS["macro_f1"].help,
            ),
            (
                "Calibration error (ECE)",
                units.score(test.ece),
                f"confidence is off by {units.points(test.ece)} on average",
                COLUMNS["ece"].help,
            ),
            (
                "Time per face",
                units.milliseconds(cost.latency_ms),
                f"{cost.latency_backend}, {units.millions(cost.parameters)} parameters",
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
    st.caption(plain(best_result(report), "markdown"))


def _heading(text: str, synthetic: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text, anchor=False, width="content")
        if synthetic:
            synthetic_badge()


def draw_board(board: Board) -> None:
    """All runs of one test set, with their intervals on one scale."""
    _heading(f"Runs on {board.name}", board.synthetic)
    rows = "".join(_board_row(rank, *entry) for rank, entry in enumerate(board.entries, 1))
    head = "".join(
        f'<th scope="col">{title}</th>'
        for title in ("", "Model", *(COLUMNS[key].title for key in _BOARD))
    )
    st.html(
        f'<div class="board"><table><caption>{board.faces:,} test faces</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    timed = sorted({report.environment.processor for _, report in board.entries})
    if len(timed) > 1:
        st.caption(
            "Latency on one CPU core, measured on different machines "
            f"({plain('; '.join(timed), 'markdown')}): do not read small differences."
        )


def _board_row(rank: int, run: Run, report: Report) -> str:
    low, high = report.test.accuracy_ci95
    bar = (
        f'<span class="scale" aria-hidden="true"><i style="left:{100 * low:.2f}%;'
        f'width:{max(0.6, 100 * (high - low)):.2f}%"></i></span>'
    )
    row = run_row(model_title(report.model), report)
    cells = {key: COLUMNS[key].text(row[key]) for key in _BOARD}
    cells["accuracy"] += f" ({row['accuracy_ci95']}){bar}"
    lines = [run.name, how_trained(run, report)]
    notes = "".join(f"<small>{plain(line, 'html')}</small>" for line in lines if line)
    name = f"<b>{plain(row['label'], 'html')}</b>{notes}"
    return (
        f'<tr><td>{rank}</td><th scope="row">{name}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells.values())
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
