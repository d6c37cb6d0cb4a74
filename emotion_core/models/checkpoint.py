"""Weights with the metadata that is needed to use them: ``model.safetensors`` + ``model.json``."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import CheckpointError
from emotion_core.files import regular, write_bytes, write_json
from emotion_core.labels import EMOTIONS
from emotion_core.machine import resolve_device
from emotion_core.models.metadata import Metadata, read_metadata
from emotion_core.models.options import without_pretrained
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.probabilities import Calibration, softmax
from emotion_core.records import Scalar
from emotion_core.runs.catalog import pick_run
from emotion_core.runs.run import Run


def save_checkpoint(
    run: Run,
    model: nn.Module,
    *,
    architecture: str,
    options: dict[str, Scalar],
    preprocess: Preprocess,
    temperature: float = 1.0,
    smoothing: float = 0.0,
    half: bool = False,
) -> None:
    """Write a model's weights and metadata into a run folder, atomically.

    Args:
        run: The run folder.
        model: The module; a compiled one must be passed uncompiled.
        architecture: Its registered name.
        options: What it was created with.
        preprocess: Its pixel normalisation.
        temperature: Calibration, as for ``softmax``.
        smoothing: The same.
        half: Store floating-point weights as fp16; they are widened again when loaded.
    """
    tensors = {}
    for name, value in model.state_dict().items():
        if half and value.is_floating_point():
            value = value.half()
        tensors[name] = value.detach().cpu().contiguous()
    # Through memory, because safetensors hides a full disk in an error of its own.
    write_bytes(run.weights_path, safetensors.torch.save(tensors))
    metadata = Metadata(
        architecture=architecture,
        options=options,
        mean=preprocess.mean,
        std=preprocess.std,
        per_image=preprocess.per_image,
        temperature=temperature,
        smoothing=smoothing,
    )
    write_json(run.model_path, metadata.to_json())


def set_calibration(run: Run, calibration: Calibration) -> None:
    """Store a calibration fitted after training."""
    metadata = replace(read_metadata(run), **calibration._asdict())
    write_json(run.model_path, metadata.to_json())


class Classifier:
    """A trained model ready to classify faces.

    Attributes:
        name: The run's name.
        architecture: Registered model name.
        options: What the model was created with.
        model: The module in eval mode.
        preprocess: Its pixel normalisation.
        temperature: Calibration; 1 leaves probabilities as trained.
        smoothing: Calibration; 0 leaves probabilities as trained.
        profile: Name of the personal profile that was added; empty for everybody's model. A
            personal model's converted graph is kept on no disk, so that deleting the profile is
            real.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        name: str,
        architecture: str,
        options: dict[str, Scalar],
        preprocess: Preprocess,
        temperature: float = 1.0,
        smoothing: float = 0.0,
        backend: str = "auto",
        device: str = "cpu",
        calibration: np.ndarray | None = None,
        profile: str = "",
    ) -> None:
        from emotion_core.models import backends  # loads onnxruntime, which training never needs

        self.model = model.eval().to(device)
        self.name = name
        self.architecture = architecture
        self.options = options
        self.preprocess = preprocess
        self.temperature, self.smoothing = temperature, smoothing
        self.device = device
        self.profile = profile
        self._forward = backends.create_backend(
            *(backend, self.model, preprocess),
            device=device,
            calibration=calibration,
            cached=not profile,
        )

    @property
    def backend(self) -> str:
        """Name of the inference backend in use."""
        return self._forward.kind

    def logits(self, faces: np.ndarray) -> np.ndarray:
        """Raw outputs, not calibrated.

        Args:
            faces: ``(N, 48, 48)`` uint8 gray faces.

        Returns:
            float32 ``(N, 7)``.

        Raises:
            CheckpointError: the array has another shape or type.
        """
        faces = np.asarray(faces)
        if faces.ndim != 3 or faces.shape[1:] != (FACE_SIZE, FACE_SIZE) or faces.dtype != np.uint8:
            raise CheckpointError(
                f"Faces must be uint8 of shape (N, {FACE_SIZE}, {FACE_SIZE}), got "
                f"{faces.dtype} of shape {faces.shape}."
            )
        if len(faces) == 0:
            return np.zeros((0, len(EMOTIONS)), np.float32)
        return self._forward(faces)

    def probs(self, faces: np.ndarray) -> np.ndarray:
        """Calibrated probabilities in the order of ``labels.EMOTIONS``.

        Args:
            faces: ``(N, 48, 48)`` uint8 gray faces.

        Returns:
            float32 ``(N, 7)``, rows sum to 1.

        Raises:
            CheckpointError: the array has another shape or type.
        """
        return softmax(self.logits(faces), self.temperature, self.smoothing).astype(np.float32)


def load_classifier(
    run_dir: str | Path | Run,
    *,
    backend: str = "auto",
    device: str = "cpu",
    calibration: np.ndarray | None = None,
) -> Classifier:
    """Load a run's weights for inference.

    Args:
        run_dir: A run, its folder, a part of its name that only one run has, or an architecture's
            name for its best run on validation.
        backend: ``auto`` (fastest of the exact ones that is installed), ``torch``, ``onnx`` or
            ``int8``.
        device: ``cpu``, ``cuda:N``, or ``auto`` for a GPU if there is one; only ``torch`` runs on
            CUDA.
        calibration: For ``int8``: a few hundred uint8 ``(N, 48, 48)`` faces of training or
            validation, that the ranges of the 8-bit numbers are taken from.

    Raises:
        RunError: there is no such run.
        ModelError: the backend is not there or cannot run this.
        ConfigError: the device is not there.
        CheckpointError: it has no weights, they do not fit its metadata, or another version wrote
            them.
    """
    run = run_dir if isinstance(run_dir, Run) else pick_run(run_dir)
    about = read_metadata(run)
    if about.labels != tuple(EMOTIONS):
        raise CheckpointError(
            f"Run '{run.name}' was trained for the labels {list(about.labels)}; this version "
            f"knows {list(EMOTIONS)} in this order."
        )
    # Its own weights replace those it started from, which need not be on this machine.
    model = create_model(about.architecture, **without_pretrained(about.options))
    load_weights(model, run)
    return Classifier(
        model,
        name=run.name,
        architecture=about.architecture,
        options=about.options,
        preprocess=about.preprocess,
        temperature=about.temperature,
        smoothing=about.smoothing,
        backend=backend,
        device=str(resolve_device(device)),
        calibration=calibration,
    )


def read_weights(run: Run) -> dict[str, torch.Tensor]:
    """A run's weights by name, in the precision they are stored in.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    if not run.weights_path.exists():
        raise CheckpointError(
            f"Run '{run.name}' has no weights (model.safetensors). It may have been shipped "
            "without them, or stopped before its first epoch ended."
        )
    try:
        return dict(safetensors.torch.load_file(regular(run.weights_path)))
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"Run '{run.name}': model.safetensors is damaged ({error})."
        ) from error


def load_weights(model: nn.Module, run: Run) -> None:
    """Copy a run's weights into a model of the same architecture.

    Raises:
        CheckpointError: the file is missing, damaged or of another architecture.
    """
    tensors = read_weights(run)
    expected = model.state_dict()
    for name, value in expected.items():
        if name not in tensors or tensors[name].shape != value.shape:
            found = tuple(tensors[name].shape) if name in tensors else "nothing"
            raise CheckpointError(
                f"Run '{run.name}': weights do not fit model.json; '{name}' should be "
                f"{tuple(value.shape)}, found {found}."
            )
    with torch.no_grad():
        model.load_state_dict({name: tensors[name].to(expected[name].dtype) for name in expected})
