"""Why a model said what it said: Grad-CAM from the inside, occlusion from the outside.

The two answer the same question in independent ways. Where they agree the model very likely used
that part of the face; where they differ, trust neither.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import ModelError, unknown
from emotion_core.models.checkpoint import Classifier

# A 2x2 map, the last one of torchvision nets on 48 px, tells quadrants only.
_USEFUL_SIZE = 3


@dataclass(frozen=True)
class FeatureLayer:
    """A layer whose output is a map over the face.

    Attributes:
        name: Path inside the model, such as ``layer3``.
        size: Height of its map; width is the same.
    """

    name: str
    size: int


@dataclass(frozen=True)
class GradCam:
    """Grad-CAM of one face for every emotion.

    Attributes:
        layer: Where it was taken.
        maps: ``(7, size, size)`` float32, as computed, 0 or more, at the layer's own resolution.
        heat: ``(7, 48, 48)`` float32 in 0..1: the maps enlarged to the face, each divided by its
            own maximum. All 0 where nothing speaks for the emotion.
    """

    layer: FeatureLayer
    maps: np.ndarray
    heat: np.ndarray


@dataclass(frozen=True)
class Occlusion:
    """What covering a part of a face changes.

    Attributes:
        drop: ``(7, 48, 48)`` float32 in -1..1: how much an emotion's probability falls on average
            when a patch covers the pixel; negative where it rises.
        probs: ``(7,)`` float32 of the uncovered face.
    """

    drop: np.ndarray
    probs: np.ndarray


def feature_layers(model: nn.Module) -> list[FeatureLayer]:
    """The last layer of each map size in the order of the forward pass, found by running it once.

    Outer modules come before their parts: what leaves a block has all that the head will see,
    what passes inside it lacks the shortcut around it.

    Args:
        model: ``(N, 1, 48, 48)`` to logits, in eval mode.
    """
    found: dict[int, str] = {}

    def record(name: str, output: torch.Tensor) -> None:
        size = output.shape[-1]
        if size > 1 and name.count(".") <= found.get(size, name).count("."):
            found.pop(size, None)  # so that the order is that of the last call
            found[size] = name

    names = [name for name, _ in model.named_modules() if name]
    with _watch(model, names, record), torch.no_grad():
        model(torch.zeros(1, 1, FACE_SIZE, FACE_SIZE, device=next(model.parameters()).device))
    return [FeatureLayer(name, size) for size, name in found.items()]


def default_layer(layers: list[FeatureLayer]) -> FeatureLayer:
    """The deepest layer whose map is fine enough to point at a part of a face.

    Raises:
        ModelError: no layer has a map, so Grad-CAM is not defined.
    """
    if not layers:
        raise ModelError("Grad-CAM needs a convolutional layer; this model has none.")
    return next((item for item in reversed(layers) if item.size >= _USEFUL_SIZE), layers[-1])


def grad_cam(classifier: Classifier, face: np.ndarray, *, layer: str = "") -> GradCam:
    """Gradient-weighted class activation mapping (Selvaraju et al. 2017).

    Each channel of the layer is weighted by the mean gradient of an emotion's logit; the sum
    shows, where it is positive, what speaks for that emotion.

    Args:
        classifier: The model.
        face: ``(48, 48)`` uint8.
        layer: Name of one of ``feature_layers``; by default ``default_layer``.

    Raises:
        ModelError: there is no such layer.
    """
    model = classifier.model
    layers = feature_layers(model)
    names = [item.name for item in layers]
    if layer and layer not in names:
        raise ModelError(unknown("feature layer", layer, names))
    chosen = layers[names.index(layer)] if layer else default_layer(layers)

    seen: dict[int, torch.Tensor] = {}  # by size, because a layer may be called at several
    faces = torch.from_numpy(np.ascontiguousarray(face)[None]).to(next(model.parameters()).device)
    with (
        _watch(model, [chosen.name], lambda _, output: seen.update({output.shape[-1]: output})),
        torch.enable_grad(),
    ):
        # Frozen weights would leave no graph; a gradient wanted at the input always does.
        logits = model(classifier.preprocess.apply(faces).requires_grad_())[0]
        activation = seen[chosen.size]
        gradients = torch.cat(
            [torch.autograd.grad(logit, activation, retain_graph=True)[0] for logit in logits]
        )
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    maps = (weights * activation.detach()).sum(dim=1).relu().float().cpu().numpy()
    heat = np.stack([_enlarge(item) for item in maps])
    peak = heat.max(axis=(1, 2), keepdims=True)
    return GradCam(chosen, maps, heat / np.where(peak > 0, peak, 1.0))


def occlusion(
    classifier: Classifier, face: np.ndarray, *, patch: int = 12, step: int = 4
) -> Occlusion:
    """Occlusion sensitivity (Zeiler & Fergus 2014): cover each part of the face and look again.

    Args:
        classifier: The model.
        face: ``(48, 48)`` uint8.
        patch: Side of the square that covers, in pixels; it has the face's mean gray.
        step: Pixels between two positions; a divisor of ``patch`` covers every pixel.
    """
    face = np.asarray(face, np.uint8)
    # The patch also hangs over the edges, so that every pixel is covered equally often.
    starts = range(step - patch, FACE_SIZE, step)
    boxes = [
        (slice(max(0, top), top + patch), slice(max(0, left), left + patch))
        for top in starts
        for left in starts
    ]
    covered = np.repeat(face[None], len(boxes) + 1, axis=0)
    for index, (rows, columns) in enumerate(boxes, start=1):
        covered[index, rows, columns] = round(float(face.mean()))
    probs = classifier.probs(covered)
    total = np.zeros((probs.shape[1], FACE_SIZE, FACE_SIZE), np.float32)
    times = np.zeros((FACE_SIZE, FACE_SIZE), np.float32)
    for (rows, columns), after in zip(boxes, probs[1:], strict=True):
        total[:, rows, columns] += (probs[0] - after)[:, None, None]
        times[rows, columns] += 1
    return Occlusion(total / np.maximum(times, 1), probs[0])


@contextlib.contextmanager
def _watch(
    model: nn.Module, names: list[str], seen: Callable[[str, torch.Tensor], None]
) -> Iterator[None]:
    """Call ``seen(name, output)`` for the map-shaped outputs of some modules.

    A classifier is shared by all sessions of the dashboard, so only calls of this thread count.
    """
    thread = threading.get_ident()

    def hook(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        is_map = isinstance(output, torch.Tensor) and output.ndim == 4
        if is_map and threading.get_ident() == thread:
            seen(name, output)

    modules = dict(model.named_modules())
    handles = [modules[n].register_forward_hook(functools.partial(hook, n)) for n in names]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _enlarge(item: np.ndarray) -> np.ndarray:
    enlarged = cv2.resize(item, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, np.float32)
