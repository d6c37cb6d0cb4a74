"""Residual network with squeeze-and-excitation for faces of 48 pixels."""

import torch
from torch import nn

from emotion_core.labels import NUM_CLASSES
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


def skip_some(found: torch.Tensor, share: float) -> torch.Tensor:
    """Blank a random share of a batch ``(N, C, H, W)`` and raise the rest, so that the mean stays."""
    keep = torch.rand(len(found), 1, 1, 1, device=found.device) >= share
    return found * keep / (1 - share)


class ExciteBlock(nn.Module):
    """Two 3x3 convolutions with squeeze-and-excitation (Hu et al. 2018) around a shortcut.

    Args:
        inputs: Channels that come in; of the shortcut's 1x1 convolution if outputs differ.
        outputs: Channels that go out.
        stride: 2 halves the resolution, in the shortcut by averaging.
        drop_path: Probability of skipping the block in training.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, drop_path: float) -> None:
        super().__init__()
        self.drop_path = drop_path
        last = nn.BatchNorm2d(outputs)
        # Start as the identity, so that early training sees a shallow net.
        nn.init.zeros_(last.weight)
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            last,
        )
        hidden = max(8, outputs // 8)
        self.excite = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(outputs, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, outputs, 1),
            nn.Sigmoid(),
        )
        shortcut: list[nn.Module] = []
        if stride > 1:
            shortcut.append(nn.AvgPool2d(stride))
        if inputs != outputs:
            shortcut += [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map ``(N, inputs, H, W)`` to ``(N, outputs, H / stride, W / stride)``."""
        found = self.body(images)
        found = found * self.excite(found)
        if self.training and self.drop_path:
            found = skip_some(found, self.drop_path)
        return torch.relu(found + self.shortcut(images))


class _AverageAndMaximum(nn.Module):
    """Global average and maximum of each channel, side by side."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, H, W)`` to ``(N, 2 C)``."""
        return torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
