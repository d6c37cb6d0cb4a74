"""Profiles as local files that can be listed, exported and deleted.

A profile is ``NAME.safetensors`` (what is added to the last layer of one run) beside ``NAME.json``
(which run, when, and the figures of the second takes). Pictures of the takes lie beside it only where
the person had them kept.
"""

import contextlib
import io
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emotion_core.access import Action, require
from emotion_core.errors import ProfileError, unknown
from emotion_core.files import read_json, regular, write_bytes, write_json
from emotion_core.labels import NUM_CLASSES
from emotion_core.paths import home_dir
from emotion_core.personal.head import Head
from emotion_core.personal.pictures import delete_pictures, pictures_in, write_pictures
from emotion_core.personal.profile import Profile, check_name, verdict
from emotion_core.personal.takes import Outcome, Takes

FORMAT = 1


def profiles_dir() -> Path:
    """Where profiles lie."""
    return home_dir() / "profiles"


def save_profile(profile: Profile, pictures: Takes | None = None) -> None:
    """Keep a profile, in place of one with its name.

    Args:
        profile: Of ``fit_profile``.
        pictures: Faces to keep beside it; None keeps no picture, nor those of the one before.

    Raises:
        ProfileError: it does not help on the second takes, or cannot be written; then nothing is
            kept.
    """
    from safetensors.numpy import save

    require(Action.COLLECT)
    if not profile.outcome.helps:
        raise ProfileError(f"The profile is not kept. {verdict(profile.outcome)}")
    values = asdict(profile)
    del values["head"]
    tensors = {"weights": profile.head.weights, "bias": profile.head.bias}
    try:
        profiles_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(_path(profile.name, "safetensors"), save(tensors))
        # Last: a profile is listed by this file, so that half of one never is.
        write_json(_path(profile.name, "json"), {"format": FORMAT} | values)
        delete_pictures(pictures_dir(profile.name))  # of an earlier profile with its name
        if pictures is not None:
            write_pictures(pictures_dir(profile.name), pictures)
    except OSError as error:
        with contextlib.suppress(OSError):
            _remove(profile.name)
        raise ProfileError(
            f"Profile '{profile.name}' cannot be written to {profiles_dir()} ({error.strerror}), so "
            "nothing of it is kept. Make room there, or name another folder in EMOTION_HOME."
        ) from error


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
    check_name(name)
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
        tensors = load_file(regular(_path(name, "safetensors")))
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
    """Copy a profile's two files, and its pictures where some were kept, into a folder.

    Returns:
        The paths of the copies.

    Raises:
        ProfileError: as ``load_profile``.
        OSError: the folder cannot be written.
    """
    require(Action.READ_DIARY)
    load_profile(name)
    copies = []
    for source in _files(name):
        copies.append(folder / source.relative_to(profiles_dir()))
        write_bytes(copies[-1], source.read_bytes(), parents=True)
    return copies


def zip_profile(name: str) -> bytes:
    """What ``export_profile`` copies, as one zip file.

    Raises:
        ProfileError: as ``load_profile``.
    """
    require(Action.READ_DIARY)
    load_profile(name)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in _files(name):
            archive.writestr(str(source.relative_to(profiles_dir())), source.read_bytes())
    return out.getvalue()


def delete_profile(name: str) -> None:
    """Remove a profile and its pictures, also a damaged one.

    Raises:
        ProfileError: there is none of this name, or a file of it cannot be removed.
    """
    require(Action.COLLECT)
    check_name(name)
    if not _files(name):
        load_profile(name)  # says which there are
    try:
        _remove(name)
    except OSError as error:
        raise ProfileError(f"{error.filename} cannot be removed ({error.strerror}).") from error


def pictures_dir(name: str) -> Path:
    """Where a profile's pictures lie, if the person had them kept."""
    return profiles_dir() / "pictures" / name


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _files(name: str) -> list[Path]:
    paths = [_path(name, suffix) for suffix in ("safetensors", "json")]
    return [*filter(Path.exists, paths), *pictures_in(pictures_dir(name))]


def _remove(name: str) -> None:
    for suffix in ("json", "safetensors"):
        _path(name, suffix).unlink(missing_ok=True)
    delete_pictures(pictures_dir(name))


def _path(name: str, suffix: str) -> Path:
    return profiles_dir() / f"{name}.{suffix}"
