"""The Training page's one control for repeats with several seeds and for a search of settings."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.machine import this_machine
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.settings import name_label
from emotion_core.training.ranges import Range, parse_range, suggested_ranges
from emotion_core.training.ray_client import cluster
from emotion_core.training.sweep import Sweep, free_name
from pages._ui.cache import runs
from pages._ui.training.architectures import architectures
from pages._ui.widgets import show_error

_MOST_SEEDS, _MOST_TRIALS, _MOST_AT_ONCE = 10, 500, 100
_COLUMNS = 3
_HERE = {True: "This machine", False: "The cluster"}


@dataclass(frozen=True)
class Plan:
    """What the form asks for beyond one run of each architecture.

    Attributes:
        seeds: Runs of the same settings.
        ranges: What is varied; nothing for mere repeats.
        trials: How many settings are tried.
        at_once: Trials side by side.
        prune: Whether poor trials are stopped.
        here: Whether runs stay on this machine where there is a cluster, too.
        valid: Whether all inputs can be read.
    """

    seeds: int = 1
    ranges: tuple[Range, ...] = ()
    trials: int = 1
    at_once: int = 1
    prune: bool = True
    here: bool = False
    valid: bool = True

    @property
    def is_sweep(self) -> bool:
        """Whether it is more than one run."""
        return self.seeds > 1 or bool(self.ranges)

    def sweeps(self, configs: Sequence[TrainConfig]) -> list[Sweep]:
        """A sweep for each architecture, each under a name that is free."""
        taken, what = [run.name for run in runs()], "search" if self.ranges else "seeds"
        return [
            Sweep(
                free_name(config.name or f"{config.model}-{what}".replace("_", "-"), taken),
                config,
                self.ranges,
                self.seeds,
                self.trials,
                self.at_once,
                self.prune,
                self.here,
            )
            for config in configs
        ]


def pick_plan(configs: Sequence[TrainConfig]) -> Plan:
    """The control, folded, and below it where the runs go."""
    box = st.expander("Repeat or search", icon=":material/science:", key="train-sweep")
    with box:
        left, right = st.columns([1, _COLUMNS - 1])
        with left:
            seeds = st.number_input(
                "Seeds",
                1,
                _MOST_SEEDS,
                1,
                key="train-seeds",
                persist_state="session",
                help="Runs of the same settings that differ by their seed, shown as one row: mean "
                "and standard deviation.",
            )
        known = _varied(configs)
        with right:
            chosen = st.multiselect(
                "Search",
                list(known),
                key="train-vary",
                format_func=name_label,
                persist_state="session",
                placeholder="Settings to vary",
                help="Optuna tries values of them and keeps what is best on validation.",
            )
        plan = Plan(seeds=int(seeds))
        if chosen:
            plan = _pick_search(plan, configs[0].recipe if configs else "", chosen, known)
    return _pick_engine(plan)


def _pick_search(plan: Plan, recipe: str, chosen: list[str], known: dict[str, str]) -> Plan:
    texts: dict[str, str] = {}
    for start in range(0, len(chosen), _COLUMNS):
        row = st.columns(_COLUMNS)
        for column, name in zip(row, chosen[start : start + _COLUMNS], strict=False):
            key = f"train-range-{recipe}-{name}"
            st.session_state.setdefault(key, known[name])
            with column:
                texts[name] = st.text_input(
                    name_label(name),
                    key=key,
                    persist_state="session",
                    help="From..to, or values with commas between. A tenfold range or more is drawn "
                    "evenly in its logarithm.",
                )
    trials, at_once, prune = st.columns(_COLUMNS, vertical_alignment="bottom")
    with trials:
        count = st.number_input(
            "Trials",
            2,
            _MOST_TRIALS,
            20,
            key="train-trials",
            persist_state="session",
            help="How many settings are tried; fewer where there are fewer combinations.",
        )
    with at_once:
        beside = st.number_input(
            "Trials at once",
            1,
            _MOST_AT_ONCE,
            max(1, len(this_machine().gpus)),
            key="train-at-once",
            persist_state="session",
            help="One per device. With more, each trial knows less of the others' results.",
        )
    with prune:
        pruned = st.toggle(
            "Prune poor trials",
            True,
            key="train-prune",
            persist_state="session",
            help="Stops a trial that is below the median of the earlier ones at the same epoch, "
            "from the fifth trial on.",
        )
    try:
        ranges = tuple(parse_range(f"{name}={text}") for name, text in texts.items())
    except EmotionError as error:
        st.error(str(error).removeprefix("--vary "), icon=":material/error:")
        return Plan(plan.seeds, valid=False)
    return Plan(plan.seeds, ranges, int(count), int(beside), pruned)


def _pick_engine(plan: Plan) -> Plan:
    try:
        found = cluster()
    except EmotionError as error:
        show_error(error)
        return Plan(**vars(plan) | {"here": True})
    if found is None:
        return plan
    here = st.segmented_control(
        "Train on",
        list(_HERE),
        default=False,
        required=True,
        format_func=_HERE.__getitem__,
        key="train-here",
        persist_state="session",
        help=f"The cluster is Ray at {found.address}. There a run gets CPU cores; set Device to "
        "cuda under Machine for a GPU.",
    )
    return Plan(**vars(plan) | {"here": bool(here)})


def _varied(configs: Sequence[TrainConfig]) -> dict[str, str]:
    """Settings that can be varied, by name, with the values to begin with."""
    if not configs:
        return {}
    known = architectures()
    options = set.intersection(*(set(known[one.model].options) for one in configs))
    return suggested_ranges(configs[0], options)
