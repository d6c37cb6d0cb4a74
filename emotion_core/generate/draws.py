"""What a generator learns, and what each step draws of it."""

import numpy as np
import torch

from emotion_core.data.faces import FaceData
from emotion_core.data.generated import is_generated
from emotion_core.data.splits import split_indices
from emotion_core.errors import DataError
from emotion_core.generate.settings import GanSettings
from emotion_core.labels import NUM_CLASSES

_LEAST_FACES = 2


class Faces:
    """The real faces, and what each step draws of them.

    Attributes:
        steps: Steps per epoch.
    """

    def __init__(
        self, faces: np.ndarray, labels: np.ndarray, settings: GanSettings, device: torch.device
    ) -> None:
        order = np.argsort(labels, kind="stable")
        self._faces = torch.from_numpy(np.array(faces[order]))
        counts = torch.from_numpy(np.bincount(labels, minlength=NUM_CLASSES))
        self._counts, self._firsts = counts, counts.cumsum(0) - counts
        self._batch, self._latent, self._device = settings.batch_size, settings.latent, device
        self.steps = max(1, len(faces) // settings.batch_size)

    def real(self, draws: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Faces ``(N, 1, 48, 48)`` in -1..1, half of them mirrored, and their labels ``(N,)``."""
        labels = self._classes(draws)
        places = torch.rand(self._batch, generator=draws, dtype=torch.float64)
        rows = self._firsts[labels] + (places * self._counts[labels]).long()
        faces = self._faces[rows].to(self._device).float()[:, None] / 127.5 - 1
        mirrored = torch.rand(self._batch, 1, 1, 1, generator=draws).to(self._device) < 0.5
        return torch.where(mirrored, faces.flip(3), faces), labels.to(self._device)

    def latents(self, draws: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Latent vectors ``(N, L)`` and the labels ``(N,)`` that they are to have."""
        labels = self._classes(draws)
        latents = torch.randn(self._batch, self._latent, generator=draws)
        return latents.to(self._device), labels.to(self._device)

    def offsets(self, draws: torch.Generator) -> torch.Tensor:
        """How many classes ``(N,)`` to go on, to one that is not the face's."""
        found = torch.randint(1, NUM_CLASSES, (self._batch,), generator=draws)
        return found.to(self._device)

    def _classes(self, draws: torch.Generator) -> torch.Tensor:
        shares = self._counts.double().sqrt()
        return torch.multinomial(shares, self._batch, replacement=True, generator=draws)


def learned_faces(data: FaceData) -> np.ndarray:
    """Positions that a generator learns: training faces, without those that a generator made.

    Raises:
        DataError: there are too few.
    """
    train = split_indices(data).train
    real: np.ndarray = train[~is_generated(data)[train]]
    if len(real) < _LEAST_FACES:
        raise DataError(
            f"'{data.name}' ({data.source}) has too few training faces to generate more."
        )
    return real
