"""Faces drawn from a trained generator."""

import json

import numpy as np
import safetensors
import safetensors.torch
import torch

from emotion_core.errors import RunError
from emotion_core.files import regular, write_bytes
from emotion_core.generate.folder import GanRun
from emotion_core.generate.networks import Generator
from emotion_core.labels import EMOTIONS, NUM_CLASSES

SHEET_COLUMNS = 10
_BATCH = 256
_GAP = 2  # pixels between the faces of a sheet
_UNREADABLE = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    safetensors.SafetensorError,
)


def save_generator(run: GanRun, generator: torch.nn.Module, epoch: int) -> None:
    """Write the averaged generator with what it takes to make it again."""
    settings = run.settings()
    shape = {"width": settings.width, "latent": settings.latent, "epoch": epoch}
    tensors = {name: value.contiguous() for name, value in generator.state_dict().items()}
    data = safetensors.torch.save(tensors, {"generator": json.dumps(shape)})
    write_bytes(run.weights_path, data)


def load_generator(run: GanRun) -> tuple[Generator, int]:
    """The averaged generator, ready to draw on the CPU, and the epoch after which it was saved.

    Raises:
        RunError: no epoch is finished, or the file is damaged.
    """
    if not run.weights_path.exists():
        raise RunError(f"Generator '{run.name}' has not finished its first epoch yet.")
    try:
        with safetensors.safe_open(regular(run.weights_path), "pt") as file:
            shape = json.loads((file.metadata() or {})["generator"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        generator = Generator(int(shape["width"]), int(shape["latent"]))
        generator.load_state_dict(tensors)
    except _UNREADABLE as error:
        raise RunError(
            f"Generator '{run.name}': {run.weights_path.name} cannot be read ({error})."
        ) from error
    return generator.eval().requires_grad_(False), int(shape["epoch"])


def draw_faces(generator: Generator, labels: np.ndarray, seed: int) -> np.ndarray:
    """Faces of given classes, the same for the same seed.

    Args:
        generator: In evaluation mode; its device is used.
        labels: ``(n,)`` int64.
        seed: Of the latent vectors.

    Returns:
        ``(n, 48, 48)`` uint8.
    """
    draws = torch.Generator().manual_seed(seed)
    latents = torch.randn(len(labels), generator.latent, generator=draws)
    return drawn(generator, latents, torch.from_numpy(np.asarray(labels, np.int64)))


def drawn(generator: Generator, latents: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    """Faces ``(n, 48, 48)`` uint8 of latent vectors ``(n, L)`` and labels ``(n,)``."""
    device = generator.last.weight.device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(labels), _BATCH):
            part = slice(start, start + _BATCH)
            faces = generator(latents[part].to(device), labels[part].to(device))
            parts.append(((faces[:, 0] + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 48, 48), np.uint8)


def draw_sheet(generator: Generator, seed: int) -> np.ndarray:
    """A sample sheet: a row per class, the same latent vectors in each row and at each epoch.

    Args:
        generator: In evaluation mode.
        seed: Of the training.

    Returns:
        ``(348, 498)`` uint8: 7 rows of 10 faces, 2 white pixels apart.
    """
    draws = torch.Generator().manual_seed(seed + 1)
    latents = torch.randn(SHEET_COLUMNS, generator.latent, generator=draws)
    labels = torch.arange(NUM_CLASSES).repeat_interleave(SHEET_COLUMNS)
    faces = drawn(generator, latents.repeat(NUM_CLASSES, 1), labels)
    rows = faces.reshape(NUM_CLASSES, SHEET_COLUMNS, *faces.shape[1:])
    padded = np.pad(rows, ((0, 0), (0, 0), (0, _GAP), (0, _GAP)), constant_values=255)
    sheet = padded.transpose(0, 2, 1, 3).reshape(len(EMOTIONS) * padded.shape[2], -1)
    return np.ascontiguousarray(sheet[:-_GAP, :-_GAP])
