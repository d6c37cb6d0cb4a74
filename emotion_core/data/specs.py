"""Data sets made of others: joined, seen through corrections, or with one fold held out.

    collection:NAME          faces that were gathered on this machine (#12: labels after event 12)
    A+B                      both; test is that of the first part that has one, alone
    A*4+B                    the same, with only four of A's training faces for each one of B
    A+B^6                    both, each of B's training faces six times in an epoch
    A@NAME                   A with the corrections of an overlay, its test split as published
    A%2/5                    A's training faces with the second of five folds as test

A path that exists is always that path, whatever characters its name has.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from emotion_core.data.collected import last_event
from emotion_core.data.collection_file import COLLECTION_SPEC, LATEST, NAME
from emotion_core.errors import DataError
from emotion_core.paths import user_path

_FOLD = re.compile(r"(.+)%(\d{1,2})/(\d{1,2})")
_TIMES = re.compile(r"(.+)\*(\d{1,3})")
_REPEATS = re.compile(r"(.+)\^(\d{1,2})")
_OVERLAY = re.compile(rf"(.+)@({NAME.pattern})(?:#(\d+))?")
_COLLECTION = re.compile(rf"{COLLECTION_SPEC}({NAME.pattern})(?:#(\d+))?")


@dataclass(frozen=True)
class Spec:
    """One layer of a spec; ``parts`` are specs themselves.

    Attributes:
        kind: ``plain``, ``collection``, ``join``, ``overlay`` or ``fold``.
        parts: What it is made of; of ``plain`` and ``collection`` itself or the name alone.
        times: Of each part of a join: training faces per face of the others; 0 for all.
        repeats: Of each part of a join: how often an epoch has each of its training faces.
        name: Of the collection or overlay.
        event: Number of the last label event that counts.
        fold: Which fold is held out, from 1, and of how many.
    """

    kind: str
    parts: tuple[str, ...]
    times: tuple[int, ...] = ()
    repeats: tuple[int, ...] = ()
    name: str = ""
    event: int = LATEST
    fold: tuple[int, int] = (0, 0)


def parse_spec(text: str) -> Spec:
    """The outermost layer of a spec.

    Raises:
        DataError: a number in it makes no sense.
    """
    text = text.strip()
    if _is_place(text):
        return Spec("plain", (text,))
    if found := _COLLECTION.fullmatch(text):
        return Spec("collection", (text,), name=found[1], event=int(found[2] or LATEST))
    if text.startswith(COLLECTION_SPEC) and "+" not in text and "@" not in text and "%" not in text:
        raise DataError(
            f"'{text[:80]}' names no collection: collection:NAME takes lower-case letters, digits, "
            "'-', '_' and '.'."
        )
    if found := _FOLD.fullmatch(text):
        fold, folds = int(found[2]), int(found[3])
        if not 1 <= fold <= folds or folds < 2:
            raise DataError(f"'{text}': a fold is %K/N with K from 1 to N and N at least 2.")
        return Spec("fold", (found[1],), fold=(fold, folds))
    if "+" in text and all(part.strip() for part in text.split("+")):
        parts, repeats = zip(
            *(_number(p.strip(), _REPEATS, 1) for p in text.split("+")), strict=True
        )
        parts, times = zip(*(_number(part, _TIMES, 0) for part in parts), strict=True)
        return Spec("join", parts, times, repeats)
    if (found := _OVERLAY.fullmatch(text)) and "/" not in found[2]:
        event = int(found[3] or LATEST)
        return Spec("overlay", (found[1],), name=found[2], event=event)
    return Spec("plain", (text,))


def is_made(text: str) -> bool:
    """Whether a spec is more than a path, FER-2013 or drawn faces."""
    try:
        return parse_spec(text).kind != "plain"
    except DataError:
        return True


def sources_of(text: str) -> list[str]:
    """The plain specs and collections that a spec is made of."""
    spec = parse_spec(text)
    if spec.kind in ("plain", "collection"):
        return list(spec.parts)
    return [source for part in spec.parts for source in sources_of(part)]


def lasting(text: str, settle: Callable[[str], str]) -> str:
    """A spec that gives the same labels later: each collection and overlay with its last event.

    Args:
        text: The spec.
        settle: Makes a plain spec lasting.

    Raises:
        CollectionError: there is no such collection.
        DataError: what ``settle`` raises.
    """
    spec = parse_spec(text)
    if spec.kind == "plain":
        return settle(spec.parts[0])
    if spec.kind == "collection":
        event = last_event(spec.name) if spec.event == LATEST else spec.event
        return f"{COLLECTION_SPEC}{spec.name}#{event}"
    parts = [lasting(part, settle) for part in spec.parts]
    if spec.kind == "overlay":
        event = last_event(spec.name, "overlay") if spec.event == LATEST else spec.event
        return f"{parts[0]}@{spec.name}#{event}"
    if spec.kind == "fold":
        return f"{parts[0]}%{spec.fold[0]}/{spec.fold[1]}"
    marked = zip(parts, spec.times, spec.repeats, strict=True)
    return "+".join(
        part + (f"*{times}" if times else "") + (f"^{repeats}" if repeats > 1 else "")
        for part, times, repeats in marked
    )


def _number(part: str, mark: re.Pattern[str], usual: int) -> tuple[str, int]:
    """A part without the number at its end, and the number."""
    found = mark.fullmatch(part)
    return (found[1], int(found[2])) if found and not _is_place(part) else (part, usual)


def _is_place(text: str) -> bool:
    try:
        return user_path(text).exists()
    except (OSError, ValueError, RuntimeError):
        return False
