"""My face: a personal head, held to second takes and added to one run's last layer."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emotion_core.errors import ProfileError
from emotion_core.files import sha256_file
from emotion_core.personal.head import Head, answers, fit_head, look, with_head
from emotion_core.personal.takes import Outcome, Takes, joined, outcome, split_takes
from emotion_core.runs.run import Run
from emotion_core.units import percent, percent_range

if TYPE_CHECKING:
    from emotion_core.models.checkpoint import Classifier

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Profile:
    """A personal head with what is known of it.

    Attributes:
        name: Unique among the user's profiles.
        run: Name of the run that it belongs to.
        weights_sha256: Of that run's weights; the profile fits no others.
        created: UTC ISO 8601.
        outcome: What it changed on the second takes.
        head: What is added to the last layer.
    """

    name: str
    run: str
    weights_sha256: str
    created: str
    outcome: Outcome
    head: Head


def fit_profile(name: str, run: Run, classifier: "Classifier", takes: Takes) -> Profile:
    """Learn the first takes and measure on the second, which are not learned.

    Nothing is written: ``save_profile`` does that, and keeps only what helps.

    Args:
        name: Lower-case letters, digits, ``-`` and ``_``.
        run: Whose classifier it is.
        classifier: Of the general model.
        takes: Two of neutral and of two more expressions at least.

    Raises:
        ProfileError: the name is none, or the takes cannot be used.
    """
    check_name(name)
    first, second = split_takes(takes)
    images, labels = joined(first)
    head = fit_head(look(classifier, images), labels, classifier.temperature)
    images, labels = joined(second)
    seen = look(classifier, images)
    general, own = (answers(seen, each, classifier.temperature) for each in (None, head))
    return Profile(
        name,
        run.name,
        sha256_file(run.weights_path),
        datetime.now(UTC).isoformat(timespec="seconds"),
        outcome(labels, general, own),
        head,
    )


def apply_profile(profile: Profile, run: Run, classifier: "Classifier") -> "Classifier":
    """The classifier as one person's: what Live, photo and video use in place of the general one.

    It is as fast as the general one, and the general one stays as it is for everybody else.

    Raises:
        ProfileError: the profile was made with another run or with other weights of it.
    """
    if profile.run != run.name or profile.weights_sha256 != sha256_file(run.weights_path):
        raise ProfileError(
            f"Profile '{profile.name}' was made with run '{profile.run}' as it was then. Choose that "
            "run, or make the profile again."
        )
    return with_head(classifier, profile.head, profile.name)


def verdict(found: Outcome) -> str:
    """What a profile changes, in one sentence."""
    told = (
        f"On the second takes: {percent(found.before, 0)} correct before, "
        f"{percent(found.after, 0)} after; 90 % interval of the gain "
        f"{percent_range((found.low, found.high), sign=True)} points"
    )
    if found.helps:
        return f"{told}."
    if found.gain <= 0:
        return f"{told}. It does not help on takes that it has not learned."
    return f"{told}. The interval does not exclude a loss on takes that it has not learned."


def check_name(name: str) -> None:
    """Refuse what cannot name a profile.

    Raises:
        ProfileError: it has other letters, or too many.
    """
    if not _NAME.fullmatch(name):
        raise ProfileError(
            f"'{name}' is not a name of a profile: lower-case letters, digits, '-' and '_', 40 at most."
        )
