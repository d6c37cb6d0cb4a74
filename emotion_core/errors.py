"""Errors a user can act on. Each message names the thing, the rule, the value and the next step."""

import difflib
from collections.abc import Iterable


class EmotionError(Exception):
    """Base of all errors shown to the user as one line, without a traceback."""

    def __str__(self) -> str:
        """The message; what in it is no UTF-8 (of a file's name, say) becomes a code."""
        return super().__str__().encode("utf-8", "backslashreplace").decode()


class ConfigError(EmotionError):
    """A setting is unknown or outside its range."""


class DataError(EmotionError):
    """A data source is missing, malformed or unsafe to read."""


class CollectionError(EmotionError):
    """A collection is missing or damaged, or cannot be changed as asked."""


class FetchError(EmotionError):
    """A download failed or its checksum differs."""


class ModelError(EmotionError):
    """A model name or option is unknown, or a needed library is missing."""


class CheckpointError(EmotionError):
    """A weight file or its metadata cannot be used."""


class RunError(EmotionError):
    """A run folder is missing, broken or in the wrong state for what was asked."""


class TrainingError(EmotionError):
    """Training cannot go on: not-a-number loss, memory exhausted, disk full."""


class ImageError(EmotionError):
    """An uploaded picture or video cannot be read or is too large."""


class ImageSizeError(ImageError):
    """A picture has more pixels than are read."""


class AccessError(EmotionError):
    """The caller may not do this, or a password is wrong, weak or malformed."""


class LiveError(EmotionError):
    """The live pipeline cannot start or go on."""


class DiaryError(EmotionError):
    """The diary is off, damaged, or cannot take what was given."""


class RecordingError(EmotionError):
    """A recording is missing or damaged, or cannot be written."""


class ProfileError(EmotionError):
    """A personal profile is missing or damaged, or its takes cannot be used."""


_MOST_NAMED = 5  # of many choices; a line with all of them would not be read


def unknown(kind: str, name: str, choices: Iterable[str]) -> str:
    """Message for a name that is not among the choices; of many it lists the nearest alone."""
    names = sorted(choices)
    near = difflib.get_close_matches(name, names, n=_MOST_NAMED)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    if len(names) <= 2 * _MOST_NAMED:
        return f"Unknown {kind} '{name}'.{hint} Choose one of: {', '.join(names)}."
    if near[1:]:
        hint += f" Also near: {', '.join(near[1:])}."
    elif not near:
        shown = ", ".join(names[:_MOST_NAMED])
        hint = f" There are {len(names)}: {shown} and others."
    return f"Unknown {kind} '{name}'.{hint}"
