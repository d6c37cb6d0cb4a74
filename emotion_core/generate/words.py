"""What was measured and kept, in sentences: one place for the page and the command line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from emotion_core.generate.experiment import Experiment
from emotion_core.generate.results import Nearness, Quality
from emotion_core.units import faces, number, p_value, percent, several

if TYPE_CHECKING:
    from emotion_core.generate.keep import Kept  # loads torch

_COPIED = 0.05  # p-value below which samples count as nearer


def quality_words(found: Quality) -> list[str]:
    """The figures of a generator's samples, each beside that of held-out real faces."""
    worst = min(found.per_class, key=found.per_class.__getitem__)
    return [
        f"{faces(found.faces)} drawn after epoch {found.epoch}, judged by {found.judge}.",
        f"FID on its features: {number(found.fid, 2)}; held-out real faces {number(found.fid_real, 2)}.",
        f"KID on its features: {_kid(found.kid)}; held-out real faces {_kid(found.kid_real)}.",
        f"Class agreement: {percent(found.agreement)}; held-out real faces "
        f"{percent(found.agreement_real)}. Lowest: {worst}, {percent(found.per_class[worst])}.",
        f"By pixels, {_nearness(found.pixels)}",
        f"By features, {_nearness(found.features)}",
        f"Samples that show a training photograph: {percent(found.twins, 2)}; held-out real faces "
        f"{percent(found.twins_real, 2)}.",
    ]


def kept_words(kept: "Mapping[str, Kept]") -> list[str]:
    """What became of the samples, a line per class."""
    lines = []
    for emotion, row in kept.items():
        line = (
            f"{emotion}: {row.before + row.kept:,} of {row.wanted:,} kept, {row.kept:,} of them now. "
            f"{row.drawn:,} drawn, {row.disagreed:,} of another class, {row.twins:,} near twins."
        )
        lines.append(line + (f" {row.missing:,} are missing." if row.missing else ""))
    return lines or ["Every class has enough faces already."]


def experiment_words(found: Experiment) -> str:
    """What the experiment trained and tested."""
    return (
        f"{found.model} from fresh weights, {several(found.epochs, 'epoch')}, "
        f"{several(found.seeds, 'seed')} per way, on "
        f"{found.test_faces:,} test faces of {found.data}."
    )


def _kid(value: tuple[float, float]) -> str:
    return f"{number(value[0], 4)} ± {number(value[1], 4)}"


def _nearness(found: Nearness) -> str:
    more = "nearer" if found.p_value < _COPIED else "not nearer"
    return (
        f"samples are {more} to training faces than held-out faces are: likeness "
        f"{number(found.samples, 3)} against {number(found.unseen, 3)} in the median, chance "
        f"{percent(found.nearer, 0)} to be nearer ({p_value(found.p_value)})."
    )
