"""The two networks: a generator with conditional batch norm, a projection discriminator.

They stride as DCGAN does (Radford et al. 2016): three times from 6 to 48 pixels, four times from 48
to 3. The class moves the generator's latent vector and sets scale and shift of each batch norm (de Vries
et al. 2017); it enters the discriminator by a product with its features (projection; Miyato & Koyama
2018). Spectral norm (Miyato et al. 2018) bounds the discriminator's slope.
"""

import itertools

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from emotion_core.generate.settings import GanSettings
from emotion_core.labels import NUM_CLASSES

_LEAK = 0.1
_START = 6  # side of the generator's first map, doubled three times to 48
_END = 3  # side of the discriminator's last map


class ConditionalNorm(nn.Module):
    """Batch norm whose scale and shift belong to the class."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Embedding(NUM_CLASSES, channels)
        self.shift = nn.Embedding(NUM_CLASSES, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, maps: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Normalised ``maps`` ``(N, C, H, W)``, scaled and shifted for ``labels`` ``(N,)``."""
        scale, shift = self.scale(labels)[..., None, None], self.shift(labels)[..., None, None]
        normed: torch.Tensor = self.norm(maps)
        shown: torch.Tensor = normed * scale + shift
        return shown


class Generator(nn.Module):
    """Faces from latent numbers and classes.

    Args:
        width: Channels at 24 pixels; twice as many at 12, four times at 6, half at 48.
        latent: Size of the latent vector.
    """

    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.latent = latent
        sizes = (4 * width, 2 * width, width, max(width // 2, 1))
        self.classes = nn.Embedding(NUM_CLASSES, latent)
        self.start = nn.Linear(latent, sizes[0] * _START**2)
        self.norms = nn.ModuleList(map(ConditionalNorm, sizes))
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(size, after, 4, stride=2, padding=1, bias=False)
            for size, after in itertools.pairwise(sizes)
        )
        self.last = nn.Conv2d(sizes[-1], 1, 3, padding=1)

    def forward(self, latents: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Faces ``(N, 1, 48, 48)`` in -1..1 from ``latents`` ``(N, L)`` and ``labels`` ``(N,)``."""
        moved = latents + self.classes(labels)
        maps = self.start(moved).view(len(latents), -1, _START, _START)
        maps = self.norms[0](maps, labels).relu()
        for up, norm in zip(self.ups, list(self.norms)[1:], strict=True):
            maps = norm(up(maps), labels).relu()
        face: torch.Tensor = self.last(maps)
        return face.tanh()


class Discriminator(nn.Module):
    """How real a face is as one of its class, unbounded.

    Args:
        width: Channels at 24 pixels; doubled at 12, 6 and 3.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = (1, width, 2 * width, 4 * width, 8 * width)
        self.downs = nn.ModuleList(
            spectral_norm(nn.Conv2d(size, after, 4, stride=2, padding=1))
            for size, after in itertools.pairwise(sizes)
        )
        # Of each place apart: summed over the places, expressions are hardly told from one another.
        seen = sizes[-1] * _END**2
        self.real = spectral_norm(nn.Linear(seen, 1))
        self.classes = spectral_norm(nn.Embedding(NUM_CLASSES, seen))

    def features(self, faces: torch.Tensor) -> torch.Tensor:
        """What is seen of ``faces`` ``(N, 1, 48, 48)`` in -1..1, whatever their class: ``(N, F)``."""
        maps = faces
        for down in self.downs:
            maps = nn.functional.leaky_relu(down(maps), _LEAK)
        return maps.flatten(1)

    def forward(self, faces: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Scores ``(N,)`` of ``faces`` ``(N, 1, 48, 48)`` in -1..1 with ``labels`` ``(N,)``."""
        return self.score(self.features(faces), labels)

    def score(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Scores ``(N,)`` of what ``features`` gave, with ``labels`` ``(N,)``."""
        real: torch.Tensor = self.real(features)[:, 0]
        placed: torch.Tensor = real + (self.classes(labels) * features).sum(1)
        return placed


def create_generator(settings: GanSettings) -> Generator:
    """A generator with fresh weights, drawn with torch's seed."""
    return _started(Generator(settings.width, settings.latent))


def create_discriminator(settings: GanSettings) -> Discriminator:
    """A discriminator with fresh weights, drawn with torch's seed."""
    return Discriminator(settings.width)


def _started(network: Generator) -> Generator:
    """Weights of DCGAN's size: torch's usual ones make the first faces gray."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.05 if isinstance(module, nn.Linear) else 0.02)
    return network
