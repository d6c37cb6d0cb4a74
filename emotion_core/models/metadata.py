"""``model.json``: what turns a run's weights into answers."""

from dataclasses import dataclass
from typing import Annotated

from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import CheckpointError
from emotion_core.files import read_json
from emotion_core.labels import EMOTIONS
from emotion_core.models.preprocess import Preprocess
from emotion_core.records import Record, RecordError, Rule, Scalar
from emotion_core.runs.run import Run

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Metadata(Record):
    """``model.json``: what turns a run's weights into answers.

    Attributes:
        architecture: Registered model name.
        options: What it was created with.
        labels: Emotions in the order of the logits.
        input_size: Side of a face in pixels.
        mean, std, per_image: Pixel normalisation, as for ``Preprocess``.
        temperature, smoothing: Calibration, as for ``softmax``.
    """

    format: Annotated[
        int, Rule(f"{FORMAT}, as this version knows", lambda value: value == FORMAT)
    ] = FORMAT
    architecture: str
    options: dict[str, Scalar]
    labels: tuple[str, ...] = tuple(EMOTIONS)
    input_size: Annotated[
        int, Rule(f"{FACE_SIZE}, as this version knows", lambda value: value == FACE_SIZE)
    ] = FACE_SIZE
    mean: float
    std: float
    per_image: bool
    temperature: Annotated[float, Rule("above 0", lambda value: value > 0)]
    smoothing: Annotated[float, Rule("at least 0 and below 1", lambda value: 0 <= value < 1)] = 0.0

    @property
    def preprocess(self) -> Preprocess:
        """Its pixel normalisation."""
        return Preprocess(self.mean, self.std, self.per_image)


def read_metadata(run: Run) -> Metadata:
    """A run's ``model.json``.

    Raises:
        CheckpointError: it is missing, or a value breaks its rule.
    """
    try:
        return Metadata.from_json(read_json(run.model_path))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"Run '{run.name}' has no model.json, so no weights to load."
        ) from error
    except RecordError as error:
        raise CheckpointError(f"Run '{run.name}': model.json is malformed: {error}.") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"Run '{run.name}': model.json cannot be read ({error}).") from error
