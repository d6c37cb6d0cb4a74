"""What was measured and kept of a generator's samples, as files of its folder. Does not load torch."""

from dataclasses import dataclass

from emotion_core.errors import RunError
from emotion_core.files import read_json
from emotion_core.generate.folder import GanRun
from emotion_core.records import Count, Record, RecordError, Share
from emotion_core.tasks import Task


@dataclass(frozen=True)
class Nearness(Record):
    """How like the nearest training face is, in the median.

    Attributes:
        samples: Of the samples, -1..1.
        unseen: Of held-out real faces.
        nearer: Chance that a sample is nearer to its training face than a held-out face is to its
            own; about 0.5 or less without copying.
        p_value: Of the hypothesis that samples are not nearer.
    """

    samples: float
    unseen: float
    nearer: Share
    p_value: Share


@dataclass(frozen=True)
class Quality(Record):
    """What was measured of a generator's samples.

    Attributes:
        date: When, UTC.
        epoch: Of the generator.
        judge: The run whose features and answers were used.
        faces: Samples, and as many held-out real faces, of the same classes.
        reference: Training faces that the features were compared with.
        fid: Of samples and training faces, on the judge's features.
        fid_real: Of held-out and training faces.
        kid: Mean and standard deviation over blocks, likewise.
        kid_real: Of held-out and training faces.
        agreement: Share of the samples that the judge gives the class they were made for.
        agreement_real: Share of the held-out faces that it gives their label.
        per_class: ``agreement`` by emotion, of those with samples.
        pixels: Nearness by normalised pixels, to all training faces, mirrored or not.
        features: Nearness by the judge's features, to ``reference`` training faces.
        twins: Share of the samples that show the photograph of a training face.
        twins_real: Of the held-out faces.
    """

    date: str
    epoch: Count
    judge: str
    faces: Count
    reference: Count
    fid: float
    fid_real: float
    kid: tuple[float, float]
    kid_real: tuple[float, float]
    agreement: Share
    agreement_real: Share
    per_class: dict[str, Share]
    pixels: Nearness
    features: Nearness
    twins: Share
    twins_real: Share


def load_quality(run: GanRun) -> Quality | None:
    """What was measured; None before.

    Raises:
        RunError: the file is damaged.
    """
    if not run.quality_path.exists():
        return None
    try:
        return Quality.from_json(read_json(run.quality_path))
    except (OSError, ValueError, RecordError) as error:
        raise RunError(
            f"Generator '{run.name}': {run.quality_path.name} cannot be read ({error}). Measure it "
            f"again: python -m emotion_core generate quality {run.name}"
        ) from error


def quality_task(run: GanRun) -> Task:
    """The measurement in the background."""
    return Task(run, "quality", f"Generator '{run.name}' is being measured already.")


def keep_task(run: GanRun) -> Task:
    """The keeping of samples in the background."""
    return Task(run, "keep", f"Samples of generator '{run.name}' are being kept already.")


@dataclass(frozen=True)
class KeptFaces(Record):
    """The last keeping of samples: ``kept.json``.

    Attributes:
        collection: Where they are.
        words: What became of the samples, a sentence per class.
    """

    collection: str
    words: tuple[str, ...]


def load_kept(run: GanRun) -> KeptFaces | None:
    """The last keeping; None before, or where the file is damaged: the faces are there anyway."""
    try:
        return KeptFaces.from_json(read_json(run.kept_path))
    except (OSError, ValueError, RecordError):
        return None
