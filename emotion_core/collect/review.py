"""What to label next: the least certain and most different faces, and always some at random."""

from collections.abc import Sequence

import numpy as np

from emotion_core.collect.neighbours import Vectors, spread
from emotion_core.collect.query import PAGE, Filter, Item, face_ids, find_faces, list_faces

SHARE_RANDOM = 0.2
RANDOM_WAS_AS_GOOD = (
    "In published trials on facial expressions, choosing by uncertainty was no better than random "
    "choice. So a fifth of these faces is drawn at random."
)
_CHOICE = 5  # uncertain faces for each that is shown; the most different of them are
_TO_DO = Filter(state="to do", order="least certain")


def next_faces(
    name: str, vectors: Vectors | None = None, *, count: int = PAGE, seed: int = 0
) -> list[Item]:
    """The faces of a collection to label next.

    Args:
        name: Of the collection.
        vectors: Features of its faces, for diversity; None goes by files alone.
        count: How many.
        seed: Of the random share.

    Raises:
        CollectionError: there is no such collection.
    """
    waiting = face_ids(name, _TO_DO)
    drawn = np.random.default_rng(seed).permutation(waiting)[: round(count * SHARE_RANDOM)]
    least = list_faces(name, _TO_DO, limit=_CHOICE * count)[0]
    chance = find_faces(name, [int(face) for face in drawn])
    return review_queue(least, chance, count, vectors)


def review_queue(
    least: Sequence[Item], chance: Sequence[Item], count: int, vectors: Vectors | None = None
) -> list[Item]:
    """Uncertain faces from different files that differ from one another, then the random ones.

    Args:
        least: Faces without a confirmed label, the least certain first.
        chance: Faces that were drawn at random.
        count: How many to choose in all.
        vectors: Features of the faces.
    """
    taken = {item.id for item in chance}
    turns: dict[str, int] = {}  # how many of a file come before: one from each file first
    order = []
    for item in least:
        if item.id not in taken:
            order.append((turns.setdefault(item.origin, 0), item))
            turns[item.origin] += 1
    order.sort(key=lambda pair: pair[0])
    return [*spread([item for _, item in order], vectors, count - len(chance)), *chance]
