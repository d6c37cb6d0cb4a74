"""The last layer of a network, pulled a little towards one person's face."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emotion_core.errors import ProfileError
from emotion_core.labels import EMOTIONS, NUM_CLASSES

if TYPE_CHECKING:
    import torch
    from torch import nn

    from emotion_core.models.checkpoint import Classifier

# Strength of the pull towards the general head, chosen on simulated persons of its own
# (``python -m benchmarks.personal --choose``), not on those that the figures are of.
PULL_WEIGHTS = 0.03
PULL_BIAS = 0.1
_BATCH = 64
_NEUTRAL = EMOTIONS.index("neutral")


@dataclass(frozen=True)
class Head:
    """What is added to a network's last layer.

    Attributes:
        weights: float32 ``(7, D)``, added to its weights.
        bias: float32 ``(7,)``, added to its bias.
    """

    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Seen:
    """Faces as the general network sees them.

    Attributes:
        features: float64 ``(n, D)``, the input of the last layer.
        logits: float64 ``(n, 7)``, its output, divided by the calibrated temperature.
    """

    features: np.ndarray
    logits: np.ndarray


def last_layer(model: "nn.Module") -> "nn.Linear":
    """The layer whose output are the logits.

    Raises:
        ProfileError: the model does not end in such a layer.
    """
    from torch import nn

    found = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not found or found[-1].out_features != NUM_CLASSES:
        raise ProfileError("This model has no linear last layer, so it cannot learn one face.")
    return found[-1]


def look(classifier: "Classifier", faces: np.ndarray) -> Seen:
    """Penultimate features and logits of faces.

    Args:
        classifier: Any backend; its PyTorch module is used.
        faces: ``(n, 48, 48)`` uint8.

    Raises:
        ProfileError: the logits are not the last layer's own output.
    """
    import torch

    layer = last_layer(classifier.model)
    kept: list[np.ndarray] = []
    logits: list[np.ndarray] = []
    here = threading.get_ident()

    def keep(module: "nn.Module", inputs: tuple["torch.Tensor", ...]) -> None:
        if threading.get_ident() == here:  # a stream may use the same network meanwhile
            kept.append(inputs[0].float().cpu().numpy())

    handle = layer.register_forward_pre_hook(keep)
    try:
        for start in range(0, len(faces), _BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(faces[start : start + _BATCH]))
            with torch.inference_mode():
                prepared = classifier.preprocess.apply(batch.to(classifier.device))
                logits.append(classifier.model(prepared).float().cpu().numpy())
    finally:
        handle.remove()
    features, answers = np.concatenate(kept).astype(np.float64), np.concatenate(logits)
    own = features @ layer.weight.detach().cpu().numpy().T + layer.bias.detach().cpu().numpy()
    if not np.allclose(own, answers, atol=1e-2):
        raise ProfileError("This model changes its last layer's output, so a profile cannot.")
    return Seen(features, answers.astype(np.float64) / classifier.temperature)


def neutral_shift(seen: Seen) -> np.ndarray:
    """How a resting face moves the answers: ``(7,)`` to add in log-probability space.

    The shift that makes neutral frames neutral, pulled towards none.

    Args:
        seen: Frames of the neutral take.
    """
    from scipy.optimize import minimize

    def loss(shift: np.ndarray) -> tuple[float, np.ndarray]:
        probs = _softmax(seen.logits + shift)
        gradient = probs.mean(axis=0) - np.eye(NUM_CLASSES)[_NEUTRAL] + PULL_BIAS * shift
        value = -np.log(probs[:, _NEUTRAL] + 1e-12).mean() + PULL_BIAS / 2 * shift @ shift
        return float(value), gradient

    found: np.ndarray = minimize(loss, np.zeros(NUM_CLASSES), jac=True, method="L-BFGS-B").x
    return found


def fit_head(
    seen: Seen, labels: np.ndarray, temperature: float, *, pull: float = PULL_WEIGHTS
) -> Head:
    """Learn one person's takes: multinomial regression pulled towards the general head.

    Each expression counts the same, however many frames it has. It starts from the neutral shift.

    Args:
        seen: Frames of the first takes.
        labels: ``(n,)`` their expressions.
        temperature: The classifier's; the result is of its uncalibrated scale.
        pull: Strength of the pull; more keeps the head nearer to the general one.
    """
    from scipy.optimize import minimize

    scale = float(np.sqrt((seen.features**2).sum(axis=1).mean())) or 1.0
    features = seen.features / scale
    truth = np.eye(NUM_CLASSES)[labels]
    weight = (1 / truth.sum(axis=0).clip(1))[labels]
    weight /= weight.sum()
    neutral = labels == _NEUTRAL
    start = np.zeros(NUM_CLASSES)
    if neutral.any():
        start = neutral_shift(Seen(seen.features[neutral], seen.logits[neutral]))
    # The optimum lies in the span of the frames, so that their mutual products are enough.
    products = features @ features.T

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        alpha = values[:-NUM_CLASSES].reshape(-1, NUM_CLASSES)
        shift = values[-NUM_CLASSES:]
        moved = products @ alpha
        probs = _softmax(seen.logits + moved + start + shift)
        wrong = weight[:, None] * (probs - truth)
        value = -(weight * np.log((probs * truth).sum(axis=1) + 1e-12)).sum()
        value += pull / 2 * (alpha * moved).sum() + PULL_BIAS / 2 * shift @ shift
        first = products @ (wrong + pull * alpha)
        return float(value), np.append(first.ravel(), wrong.sum(axis=0) + PULL_BIAS * shift)

    size = (len(labels) + 1) * NUM_CLASSES
    found = minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    alpha, shift = found[:-NUM_CLASSES].reshape(-1, NUM_CLASSES), found[-NUM_CLASSES:]
    weights = temperature * (alpha.T @ features) / scale
    return Head(weights.astype(np.float32), (temperature * (start + shift)).astype(np.float32))


def answers(seen: Seen, head: Head | None, temperature: float) -> np.ndarray:
    """``(n,)`` most probable expressions, of the general network or with a head added."""
    logits = seen.logits
    if head is not None:
        logits = logits + (seen.features @ head.weights.T + head.bias) / temperature
    found: np.ndarray = logits.argmax(axis=1)
    return found


def with_head(classifier: "Classifier", head: Head, profile: str) -> "Classifier":
    """The same classifier for one person: as fast as before, and the given one stays as it is.

    Args:
        classifier: The general one.
        head: What is added to its last layer.
        profile: Name of the profile, which the result carries.

    Raises:
        ProfileError: the head is of another network.
    """
    import copy

    import torch

    from emotion_core.models.checkpoint import Classifier

    model = copy.deepcopy(classifier.model)
    layer = last_layer(model)
    if tuple(layer.weight.shape) != head.weights.shape:
        raise ProfileError(
            f"The profile has {head.weights.shape[1]} features, the model {layer.in_features}."
        )
    with torch.no_grad():
        layer.weight.add_(torch.from_numpy(head.weights).to(layer.weight))
        layer.bias.add_(torch.from_numpy(head.bias).to(layer.bias))
    return Classifier(
        model,
        name=classifier.name,
        architecture=classifier.architecture,
        options=classifier.options,
        preprocess=classifier.preprocess,
        temperature=classifier.temperature,
        smoothing=classifier.smoothing,
        backend="auto" if classifier.backend == "int8" else classifier.backend,
        device=classifier.device,
        profile=profile,
    )


def _softmax(logits: np.ndarray) -> np.ndarray:
    scaled = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: np.ndarray = scaled / scaled.sum(axis=1, keepdims=True)
    return found
