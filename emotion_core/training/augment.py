"""Batched augmentation on the device, driven by one explicit generator."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from emotion_core.recipes import TrainConfig

# Annex K of the JPEG standard (ITU-T T.81): steps of the frequencies of gray, at quality 50.
_JPEG_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


@dataclass(frozen=True)
class Augmentation:
    """Random changes of faces; strengths as in ``TrainConfig``'s augmentation group."""

    flip: float = 0.0
    rotation: float = 0.0
    translation: float = 0.0
    scale: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: float = 0.0
    erasing: float = 0.0

    @classmethod
    def from_config(cls, config: TrainConfig) -> "Augmentation":
        """Take the strengths from a training config."""
        return cls(**{name: getattr(config, name) for name in cls.__dataclass_fields__})

    def __call__(self, faces: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Draw one random variant of each face.

        Args:
            faces: ``(N, 48, 48)`` uint8.
            generator: Source of all randomness, on the device of ``faces``.

        Returns:
            ``(N, 48, 48)`` uint8, a new tensor.
        """
        images = faces.to(torch.float32).unsqueeze(1)
        images = self._geometry(images, generator)
        images = self._sharpness(images, generator)
        images = self._light(images, generator)
        images = self._compress(images, generator)
        images = self._erase(images, generator)
        return images.round().clamp(0, 255).to(torch.uint8).squeeze(1)

    def _geometry(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if not (self.flip or self.rotation or self.translation or self.scale):
            return images
        count = len(images)
        angle = _spread(count, math.radians(self.rotation), images, generator)
        # Symmetric in log scale, so that zooming in and out are equally likely.
        zoom = torch.exp(_spread(count, math.log1p(self.scale), images, generator))
        mirror = 1.0 - 2.0 * _chance(count, self.flip, images, generator)
        # grid_sample's coordinates span -1..1, twice the share of the width.
        shift_x = _spread(count, 2 * self.translation, images, generator)
        shift_y = _spread(count, 2 * self.translation, images, generator)
        cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        matrix = torch.stack(
            [
                torch.stack([cos * mirror, -sin, shift_x], dim=1),
                torch.stack([sin * mirror, cos, shift_y], dim=1),
            ],
            dim=1,
        )
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        # Replicated borders are also what a live crop beyond the frame's edge looks like.
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def _sharpness(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if not self.blur:
            return images
        count, size = len(images), images.shape[-1]
        chosen = _chance(count, self.blur, images, generator).bool()
        low = torch.rand(count, generator=generator, device=images.device) < 0.5
        # One low resolution a batch keeps this a batched operation.
        factor = 0.4 + 0.4 * torch.rand(1, generator=generator, device=images.device).item()
        small = F.interpolate(images, size=max(8, round(size * factor)), mode="area")
        coarse = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
        blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        out = torch.where((chosen & low).view(-1, 1, 1, 1), coarse, images)
        return torch.where((chosen & ~low).view(-1, 1, 1, 1), blurred, out)

    def _light(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count = len(images)
        if self.contrast:
            factor = 1 + _spread(count, self.contrast, images, generator).view(-1, 1, 1, 1)
            mean = images.mean(dim=(2, 3), keepdim=True)
            images = (images - mean) * factor + mean
        if self.brightness:
            images = images + 255 * _spread(count, self.brightness, images, generator).view(
                -1, 1, 1, 1
            )
        if self.noise:
            strength = torch.rand(count, generator=generator, device=images.device).view(
                -1, 1, 1, 1
            )
            noise = torch.randn(images.shape, generator=generator, device=images.device)
            images = images + 255 * self.noise * strength * noise
        return images

    def _compress(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if not self.jpeg:
            return images
        count, device = len(images), images.device
        chosen = _chance(count, self.jpeg, images, generator).bool()
        quality = 15 + 65 * torch.rand(count, generator=generator, device=device)
        # A crop seldom begins where a block of the photograph did.
        offset = torch.randint(8, (2,), generator=generator, device=device).tolist()
        moved = images.clamp(0, 255).roll(offset, dims=(2, 3))
        back = jpeg(moved, quality).roll([-step for step in offset], dims=(2, 3))
        return torch.where(chosen.view(-1, 1, 1, 1), back, images)

    def _erase(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if not self.erasing:
            return images
        count, size = len(images), images.shape[-1]
        chosen = _chance(count, self.erasing, images, generator).bool()
        # Area 2 to 20 % and aspect 1:3 to 3:1 (Zhong et al. 2020), filled with the mean gray.
        area = 0.02 + 0.18 * torch.rand(count, generator=generator, device=images.device)
        aspect = torch.exp(_spread(count, math.log(3), images, generator))
        height = (area * aspect).sqrt().clamp(max=1) * size
        width = (area / aspect).sqrt().clamp(max=1) * size
        top = torch.rand(count, generator=generator, device=images.device) * (size - height)
        left = torch.rand(count, generator=generator, device=images.device) * (size - width)
        line = torch.arange(size, device=images.device)
        rows = (line >= top[:, None]) & (line < (top + height)[:, None])
        columns = (line >= left[:, None]) & (line < (left + width)[:, None])
        hole = (rows[:, :, None] & columns[:, None, :] & chosen[:, None, None]).unsqueeze(1)
        return torch.where(hole, images.mean(dim=(2, 3), keepdim=True), images)


def jpeg(images: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """What JPEG leaves of gray images: frequencies of 8 x 8 blocks, rounded.

    Args:
        images: float ``(N, 1, H, W)`` in 0..255; height and width are multiples of 8.
        quality: ``(N,)`` from 1 to 100, as libjpeg means it.

    Returns:
        float ``(N, 1, H, W)``.
    """
    count, _, height, width = images.shape
    place = torch.arange(8, device=images.device, dtype=images.dtype)
    wave = torch.cos(math.pi / 8 * (place + 0.5) * place[:, None]) / 2  # the discrete cosines
    wave[0] /= math.sqrt(2)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50).view(-1, 1, 1, 1, 1)
    steps = torch.tensor(_JPEG_STEPS, device=images.device, dtype=images.dtype)
    steps = (steps * scale).round().clamp(1, 255)
    blocks = (images - 128).reshape(count, height // 8, 8, width // 8, 8).transpose(2, 3)
    kept = ((wave @ blocks @ wave.T) / steps).round() * steps
    pixels = (wave.T @ kept @ wave).transpose(2, 3).reshape(images.shape)
    return (pixels + 128).clamp(0, 255)


def _spread(
    count: int, limit: float, like: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Uniform numbers in -limit..limit."""
    return (2 * torch.rand(count, generator=generator, device=like.device) - 1) * limit


def _chance(
    count: int, probability: float, like: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """1.0 with the given probability, else 0.0."""
    return (torch.rand(count, generator=generator, device=like.device) < probability).float()
