"""Improve the champion: go on from its weights with own faces among replayed earlier ones."""

import time
from collections.abc import Callable

from emotion_core.access import Action, require
from emotion_core.collect.gate import Gate, check
from emotion_core.data.collection_file import COLLECTION_SPEC
from emotion_core.data.sources import load_data
from emotion_core.data.specs import sources_of
from emotion_core.errors import CollectionError, RunError
from emotion_core.models.options import without_pretrained
from emotion_core.recipes import TrainConfig
from emotion_core.runs import registry
from emotion_core.runs.catalog import champion, load_run
from emotion_core.runs.run import Run
from emotion_core.training import jobs

# What each number brings is measured in docs/collections.md.
REPLAY = 20  # earlier faces each time that an own one is seen: enough not to forget
EPOCHS, LR = 2, 0.01  # far enough to learn, since most of the way is taken back:
SHARE = 0.25  # of the new weights in the mean with the old ones
TEACHER_SHARE = 0.8  # of the old run's answers against the labels of earlier faces
REPEATS = 6  # of an own face in an epoch, each time among other earlier faces
# Another camera is darker, softer, noisier and crops wider than the pictures that were learned first.
_CAMERA = {"blur": 0.5, "noise": 0.08, "scale": 0.3, "contrast": 0.4}
MOST_OWN = 1_300  # own faces of an epoch, repeats counted; FER-2013 has 20 times as many
LEAST_FACES = 20  # own training faces
_POLL_SECONDS = 0.5


def improve_config(
    collection: str,
    *,
    start: str = registry.CHAMPION,
    base: str = "",
    replay: int = REPLAY,
    epochs: int = EPOCHS,
    lr: float = LR,
    seed: int = 0,
) -> TrainConfig:
    """The settings of a run that goes on from an earlier one with a collection's faces.

    Args:
        collection: Its name. Sessions that are held out stay so.
        start: The run that it goes on from.
        base: Data set whose training faces are replayed; by default what that run learned first.
        replay: Replayed faces for each time that an own one is seen.
        epochs: Passes over both together.
        lr: Peak learning rate.
        seed: Of the run.

    Raises:
        CollectionError: the collection has too few confirmed faces to learn from.
        DataError, RunError: it, the data set or the run is not there.
    """
    own = load_data(f"{COLLECTION_SPEC}{collection}")
    learned = len(own.indices("train"))
    if learned < LEAST_FACES:
        raise CollectionError(
            f"Collection '{collection}' has {learned} confirmed faces to learn from, outside of "
            f"sessions that are held out; improving needs {LEAST_FACES}. Label more."
        )
    run = load_run(start)
    base = base or sources_of(run.config().data)[0]
    config = continued(
        run,
        data=f"{base}*{replay}+{COLLECTION_SPEC}{collection}^{repeats_of(learned)}",
        epochs=epochs,
        lr=lr,
        seed=seed,
    )
    note = f"Improved from {run.name} with {learned} own faces of {collection}."
    named = run.id if registry.is_alias(start) else start
    return config.replace(note=note, start_from=named, average_with=named, teacher=named)


def repeats_of(faces: int) -> int:
    """How often an epoch has each own face: less often where there are many, or earlier ones run out."""
    return max(1, min(REPEATS, MOST_OWN // faces))


def continued(
    run: Run, *, data: str, epochs: int = EPOCHS, lr: float = LR, seed: int = 0
) -> TrainConfig:
    """The settings of a short run that goes on from another one's weights, and has it as teacher.

    What each part is for is measured in docs/collections.md. Batch norms keep their statistics: a few
    augmented faces have others than those that the model will meet. The mean of old and new weights
    (Wortsman et al. 2022), mostly old, is taken where validation is no worse with it. Validation has
    earlier faces alone and would choose the epoch that learned least, so the last one is kept.
    """
    earlier = run.config().for_another_run()
    return earlier.replace(
        data=data,
        options=without_pretrained(earlier.options),
        start_from=run.id,
        average_with=run.id,
        average_share=SHARE,
        frozen_norm=True,
        teacher=run.id,
        teacher_share=TEACHER_SHARE,
        votes=0.0,  # own faces have none
        train_on="train",
        chosen_by="",
        epochs=epochs,
        lr=lr,
        warmup_epochs=0.2,
        schedule="cosine",
        optimizer="sgd",
        weight_decay=5e-4,  # the earlier run's may be AdamW's, a hundred times as large
        early_stopping=0,
        monitor="last",
        ema=0.99,
        mixup=0.0,
        seed=seed,
        **_CAMERA,
    )


def start_improving(config: TrainConfig) -> Run:
    """Queue the run as a job; gives it at once."""
    require(Action.COLLECT)
    return jobs.start(config)


def wait_for(run: Run, progress: Callable[[float], object] | None = None) -> None:
    """Wait for the end of a job.

    Raises:
        RunError: it failed or was stopped.
    """
    while (status := run.status()).state in ("queued", "running"):
        if progress:
            progress(status.epoch / max(status.epochs, 1))
        time.sleep(_POLL_SECONDS)
    if status.state != "finished":
        raise RunError(f"Run '{run.name}' is {status.state}. {status.error}".strip())


def promote(run: Run, *, why: str = "", anyway: str = "") -> tuple[registry.Entry, Gate]:
    """Make a run the champion if the gate lets it.

    Args:
        run: A finished run.
        why: In a sentence, for the history.
        anyway: Reason for promoting it although the gate refuses; written into the history.

    Raises:
        CollectionError: the gate refuses, and no reason was given.
    """
    require(Action.PROMOTE)
    old = champion()
    gate = check(old, run)
    if not gate.passed and not anyway.strip():
        raise CollectionError(
            f"Run '{run.name}' is not promoted. {' '.join(gate.refusals)} To promote it all the "
            'same, give a reason: --anyway "REASON".'
        )
    forced = "" if gate.passed else anyway.strip()
    return registry.promote(run, old, why=why, gate=gate.to_json(), forced=forced), gate
