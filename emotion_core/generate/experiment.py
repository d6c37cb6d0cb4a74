"""What came of training on generated faces: the committed result of ``benchmarks.balance``.

The file is in the package once the experiment has run to its end; before that there is no figure.
"""

from dataclasses import dataclass
from pathlib import Path

from emotion_core.errors import DataError
from emotion_core.files import read_json
from emotion_core.records import Count, Record, RecordError, Share

RESULT = Path(__file__).with_name("balance.json")
METRICS = ("macro_f1", "accuracy", "recall_disgust", "recall_fear", "ece")
TITLES = {
    "macro_f1": "Macro-F1",
    "accuracy": "Accuracy",
    "recall_disgust": "Recall of disgust",
    "recall_fear": "Recall of fear",
    "ece": "ECE",
}


@dataclass(frozen=True)
class Figure(Record):
    """One metric of one way, on test.

    Attributes:
        mean: Over the seeds.
        interval: 95 % bootstrap interval of it over the test faces.
        change: Difference to the plain training, seed by seed, in the mean.
        change_interval: Its paired bootstrap interval.
        p_value: Paired t-test over the seeds, Holm-corrected over the ways; None for the plain
            training or a single seed.
    """

    mean: float
    interval: tuple[float, float]
    change: float
    change_interval: tuple[float, float]
    p_value: Share | None = None


@dataclass(frozen=True)
class Way(Record):
    """One way of training.

    Attributes:
        name: Its key.
        title: For people.
        faces: Training faces per epoch, those that are drawn again among them.
        generated: Share of them that a generator made.
        validation: Macro-F1 on validation, mean over the seeds; choices rest on it alone.
        figures: On test, by ``METRICS``.
    """

    name: str
    title: str
    faces: Count
    generated: Share
    validation: float
    figures: dict[str, Figure]


@dataclass(frozen=True)
class Experiment(Record):
    """The whole experiment.

    Attributes:
        date: When it ended, UTC.
        data: Name of the data set.
        model: Architecture, from fresh weights.
        epochs: Of each run.
        seeds: Runs per way.
        generator: Name of the generator, and its epoch.
        judge: The run that chose among the samples.
        test_faces: How many.
        ways: The plain training first.
        chosen: Name of the way that is best on validation.
    """

    date: str
    data: str
    model: str
    epochs: Count
    seeds: Count
    generator: str
    judge: str
    test_faces: Count
    ways: tuple[Way, ...]
    chosen: str


def load_experiment(path: Path = RESULT) -> Experiment | None:
    """The result; None before there is one.

    Raises:
        DataError: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        return Experiment.from_json(read_json(path))
    except (OSError, ValueError, RecordError) as error:
        raise DataError(
            f"{path} cannot be read ({error}). Run benchmarks.balance again."
        ) from error
