"""What comes of a guided minute: a profile where it helps, and why the model is wrong."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotion_core.errors import ProfileError
from emotion_core.personal.diagnose import Finding, View, diagnose_answers, diagnose_view
from emotion_core.personal.profile import fit_profile
from emotion_core.personal.profile_files import save_profile
from emotion_core.personal.takes import Outcome, Takes, joined
from emotion_core.runs.run import Run

if TYPE_CHECKING:
    from emotion_core.models.checkpoint import Classifier


@dataclass(frozen=True)
class Conclusion:
    """Numbers and words of one minute; no picture.

    Attributes:
        name: Of the profile.
        run: Name of the run that it is of.
        outcome: What changed on the second takes; None where nothing could be learned.
        kept: Whether the profile was kept.
        problem: Why nothing could be learned; empty if it could.
        seen: How the faces were seen, problems first.
        answers: What the general model made of each expression, the worst first.
    """

    name: str
    run: str
    outcome: Outcome | None
    kept: bool
    problem: str
    seen: tuple[Finding, ...]
    answers: tuple[Finding, ...]


def conclude(
    name: str,
    run: Run,
    classifier: "Classifier",
    takes: Takes,
    view: View | None = None,
    *,
    pictures: bool = False,
) -> Conclusion:
    """Learn the first takes, judge by the second, keep the profile if it helps, and diagnose.

    Args:
        name: Of the profile; one of this name is replaced where the new one helps.
        run: Whose classifier it is.
        classifier: The general one.
        takes: uint8 faces ``(n, 48, 48)`` by expression and take.
        view: How the camera saw them.
        pictures: Keep the faces with the profile; never without one.

    Raises:
        ProfileError: the name is none, the model has no layer to learn, or there is no face at all.
        AccessError: the caller may keep no profile.
    """
    if not takes:
        raise ProfileError("No face was seen, so there is nothing to learn or to explain.")
    images, labels = joined(takes)
    answered = classifier.probs(images).argmax(axis=1)
    outcome, kept, problem = None, False, ""
    try:
        made = fit_profile(name, run, classifier, takes)
    except ProfileError as error:
        problem = str(error)
    else:
        outcome = made.outcome
        if outcome.helps:
            save_profile(made, takes if pictures else None)
            kept = True
    return Conclusion(
        *(name, run.name, outcome, kept, problem),
        tuple(diagnose_view(takes, view)),
        tuple(diagnose_answers(labels, answered)),
    )
