"""My face: a personal head as one local file that can be listed, exported and deleted.

A profile is ``NAME.safetensors`` (what is added to the last layer of one run) beside ``NAME.json``
(which run, when, and the figures of the second takes). It holds no picture.
"""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion_core.access import Action, require
from emotion_core.errors import ProfileError, unknown
from emotion_core.files import read_json, sha256_file, write_bytes, write_json
from emotion_core.labels import NUM_CLASSES
from emotion_core.paths import home_dir
from emotion_core.personal.head import Head, answers, fit_head, look, with_head
from emotion_core.personal.takes import Outcome, Takes, joined, outcome, split_takes
from emotion_core.runs.run import Run

if TYPE_CHECKING:
    from emotion_core.models.checkpoint import Classifier

FORMAT = 1
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


def profiles_dir() -> Path:
    """Where profiles lie."""
    return home_dir() / "profiles"


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
    _check_name(name)
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


def save_profile(profile: Profile) -> None:
    """Keep a profile, in place of one with its name.

    Raises:
        ProfileError: it does not help on the second takes; then nothing is kept.
    """
    from safetensors.numpy import save

    require(Action.COLLECT)
    if not profile.outcome.helps:
        raise ProfileError(f"The profile is not kept. {verdict(profile.outcome)}")
    values = asdict(profile)
    del values["head"]
    tensors = {"weights": profile.head.weights, "bias": profile.head.bias}
    profiles_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
    write_bytes(_path(profile.name, "safetensors"), save(tensors))
    # Last: a profile is listed by this file, so that half of one never is.
    write_json(_path(profile.name, "json"), {"format": FORMAT} | values)


def list_profiles() -> list[Profile]:
    """All profiles that can be read, by name; none where nothing was kept."""
    require(Action.READ_DIARY)
    found = []
    for path in sorted(profiles_dir().glob("*.json")):
        try:
            found.append(load_profile(path.stem))
        except ProfileError:
            continue  # told when it is asked for by its name
    return found


def load_profile(name: str) -> Profile:
    """A profile by name.

    Raises:
        ProfileError: there is none, it is damaged, or a later version wrote it.
    """
    import safetensors
    from safetensors.numpy import load_file

    require(Action.READ_DIARY)
    _check_name(name)
    path = _path(name, "json")
    if not path.is_file():
        names = [item.stem for item in profiles_dir().glob("*.json")]
        if not names:
            raise ProfileError(f"There is no profile '{name}': there is none yet.")
        raise ProfileError(unknown("profile", name, names))
    try:
        values = read_json(path)
        if values.pop("format") != FORMAT:
            raise ValueError("another format")
        numbers = {key: _tuples(value) for key, value in values.pop("outcome").items()}
        tensors = load_file(_path(name, "safetensors"))
        head = Head(tensors["weights"], tensors["bias"])
        if head.bias.shape != (NUM_CLASSES,) or len(head.weights) != NUM_CLASSES:
            raise ValueError("its arrays have another shape")
        if not all(np.isfinite(part).all() for part in (head.weights, head.bias)):
            raise ValueError("its arrays hold no numbers")
        return Profile(**values, outcome=Outcome(**numbers), head=head)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProfileError(f"Profile '{name}' is damaged ({error}). Delete it.") from error
    except safetensors.SafetensorError as error:
        raise ProfileError(f"Profile '{name}' is damaged ({error}). Delete it.") from error


def export_profile(name: str, folder: Path) -> list[Path]:
    """Copy a profile's two files into a folder; gives their paths.

    Raises:
        ProfileError: as ``load_profile``.
        OSError: the folder cannot be written.
    """
    require(Action.READ_DIARY)
    load_profile(name)
    copies = []
    for suffix in ("safetensors", "json"):
        source = _path(name, suffix)
        copies.append(folder / source.name)
        write_bytes(copies[-1], source.read_bytes(), parents=True)
    return copies


def delete_profile(name: str) -> None:
    """Remove a profile, also a damaged one.

    Raises:
        ProfileError: there is none of this name.
    """
    require(Action.COLLECT)
    _check_name(name)
    paths = [_path(name, suffix) for suffix in ("json", "safetensors")]
    if not any(path.exists() for path in paths):
        load_profile(name)  # says which there are
    for path in paths:
        path.unlink(missing_ok=True)


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
    ends = f"90 % interval of the gain {100 * found.low:+.0f} to {100 * found.high:+.0f} points"
    told = (
        f"On the second takes: {found.before:.0%} correct before, {found.after:.0%} after; {ends}"
    )
    if found.helps:
        return f"{told}."
    if found.gain <= 0:
        return f"{told}. It does not help on takes that it has not learned."
    return f"{told}. The interval does not exclude a loss on takes that it has not learned."


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ProfileError(
            f"'{name}' is no name of a profile: lower-case letters, digits, '-' and '_', 40 at most."
        )


def _path(name: str, suffix: str) -> Path:
    return profiles_dir() / f"{name}.{suffix}"
