"""Residual network with squeeze-and-excitation for faces of 48 pixels."""

import torch
from torch import nn

from emotion_core.labels import NUM_CLASSES
from emotion_core.models.blocks import ExciteBlock
from emotion_core.models.registry import register_model


@register_model
def senet(
    *, width: int = 40, blocks: int = 2, drop_path: float = 0.05, dropout: float = 0.3
) -> nn.Module:
    """Residual net with squeeze-and-excitation, made for 48 px faces on a CPU.

    Plain 3x3 convolutions use a CPU's vector units best; the first one halves the resolution,
    pooled shortcuts keep what strided ones drop, and average and maximum pooling together feed
    the classifier.

    Args:
        width: Channels of the first stage; later stages have 2, 4 and 6 times as many.
        blocks: Residual blocks of the two middle stages; the outer ones have one less, at least 1.
        drop_path: Probability of skipping the deepest block in training, growing linearly
            from 0 with depth (Huang et al. 2016).
        dropout: Probability before the classifier.
    """
    widths = (width, 2 * width, 4 * width, 6 * width)
    depths = (max(1, blocks - 1), blocks, blocks, max(1, blocks - 1))
    total = sum(depths)
    layers: list[nn.Module] = [
        nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    ]
    inputs, index = width, 0
    for stage, (outputs, depth) in enumerate(zip(widths, depths, strict=True)):
        for block in range(depth):
            stride = 2 if stage > 0 and block == 0 else 1
            layers.append(
                ExciteBlock(inputs, outputs, stride, drop_path * index / max(1, total - 1))
            )
            inputs, index = outputs, index + 1
    return nn.Sequential(
        *layers, _AverageAndMaximum(), nn.Dropout(dropout), nn.Linear(2 * inputs, NUM_CLASSES)
    )


class _AverageAndMaximum(nn.Module):
    """Global average and maximum of each channel, side by side."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, H, W)`` to ``(N, 2 C)``."""
        return torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
