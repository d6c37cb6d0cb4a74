"""The forms of all answers, as the OpenAPI document describes them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from emotion_core.labels import NUM_CLASSES
from emotion_core.serve.refusal import Code

Share = Annotated[float, Field(ge=0, le=1)]
Box = Annotated[
    list[float],
    Field(
        min_length=4,
        max_length=4,
        description="Left, top, right, bottom in pixels of the file as it is shown (turned as its "
        "EXIF data says). A face at the edge may reach beyond it.",
    ),
]
Seven = Annotated[
    list[Share],
    Field(
        min_length=NUM_CLASSES,
        max_length=NUM_CLASSES,
        description="Calibrated probabilities in the order of `emotions`.",
    ),
]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FoundFace(_Answer):
    """A face of a picture."""

    box: Box
    score: Share = Field(description="The detector's certainty that this is a face.")
    degrees: float = Field(
        ge=-180, le=180, description="Turn against the clock that brought the face upright."
    )


class NamedFace(FoundFace):
    """A face with its expression."""

    emotion: str = Field(description="The most probable expression.")
    confidence: Share = Field(description="Its probability.")
    probabilities: Seven


class CutFace(FoundFace):
    """A face as the classifier sees it."""

    png: str = Field(description="Base64 of a gray PNG of 48 x 48 pixels.")


class _Picture(_Answer):
    name: str = Field(description="Name of the file, or `image N` where it has none.")
    width: int
    height: int
    notices: list[str] = Field(description="What you should know about how faces were found.")


class NamedPicture(_Picture):
    """A picture with the expressions on it, the largest face first."""

    faces: list[NamedFace]


class CutPicture(_Picture):
    """A picture with its faces, the largest first."""

    faces: list[CutFace]


class Calibration(_Answer):
    """How logits become probabilities; see `emotion_core.probabilities.softmax`."""

    temperature: float
    smoothing: float


class Model(_Answer):
    """The model that answers."""

    name: str
    architecture: str
    backend: str
    emotions: list[str] = Field(description="The order of all probabilities.")
    calibration: Calibration
    detector: str = Field(description="What finds the faces: `yunet` or `haar`.")


class ModelFacts(Model):
    """The model with what was measured on its test split; null where nothing was."""

    parameters: int
    test_accuracy: Share | None
    test_macro_f1: Share | None
    test_ece: Share | None
    data: str | None = Field(description="The data set that it was trained and tested on.")


class PredictAnswer(_Answer):
    """Expressions in all pictures of a request, in their order."""

    model: Model
    images: list[NamedPicture]


class FacesAnswer(_Answer):
    """Faces in all pictures of a request, in their order."""

    detector: str
    images: list[CutPicture]


class ModelsAnswer(_Answer):
    """The models of this server."""

    models: list[ModelFacts]


class Health(_Answer):
    """Sent while the server can answer."""

    status: str
    version: str


class Problem(_Answer):
    """Why there is no result."""

    code: Code
    message: str
    image: int | None = Field(description="Number of the picture that is the reason, from 0.")


class ProblemAnswer(_Answer):
    """The one form of all refusals."""

    error: Problem
