"""Parts of networks that several families share."""

import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.labels import NUM_CLASSES


class Enlarge(nn.Module):
    """Bilinear enlargement, so that faces have the size of features that others taught."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map ``(N, 1, H, W)`` to ``(N, 1, side, side)``."""
        return F.interpolate(images, size=self.side, mode="bilinear", align_corners=False)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": where sides are even and the stride is 2, one
    pixel more on the right and below."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, H, W)`` to ``(N, D, H / stride, W / stride)``."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        if before != after:
            images = F.pad(images, (before, after) * 2)
            before = 0
        return F.conv2d(images, self.weight, stride=stride, padding=before, groups=self.groups)


def same_conv_relu6(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A padded convolution, batch norm and ReLU6, as Google's mobile networks have them."""
    return [
        SameConv(inputs, outputs, kernel, stride=stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
        nn.ReLU6(inplace=True),
    ]


def classifier(channels: int, dropout: float) -> list[nn.Module]:
    """From maps ``(N, channels, H, W)`` to logits: the mean over places, dropout, one layer."""
    return [
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(channels, NUM_CLASSES),
    ]


def skip_some(found: torch.Tensor, share: float, *, training: bool) -> torch.Tensor:
    """In training, blank a random share of a batch ``(N, C, H, W)`` and raise the rest.

    The mean stays as it is (stochastic depth, Huang et al. 2016).
    """
    if not training or not share:
        return found
    keep = torch.rand(len(found), 1, 1, 1, device=found.device) >= share
    return found * keep / (1 - share)
