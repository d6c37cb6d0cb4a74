"""Our own design: most accuracy for the arithmetic that a live CPU can afford."""

import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.models.blocks import Enlarge, SameConv, classifier, skip_some
from emotion_core.models.face_weights import load_face_weights
from emotion_core.models.options import check_side
from emotion_core.models.registry import register_model

# Blocks, channels and the stride of the first block of each stage, as in dlib's network for face
# recognition, but for two things: its fifth stage (256 channels, one block) is left out, and the
# fourth does not halve again, so that a mouth or a brow keeps 6x6 places and not 3x3.
_STAGES = ((3, 32, 1), (4, 64, 2), (3, 128, 2), (3, 256, 1))


@register_model
def emotion_net(
    *,
    side: int = 96,
    pretrained: bool = False,
    drop_path: float = 0.1,
    dropout: float = 0.3,
) -> nn.Module:
    """A residual network that knows faces: dlib's for face recognition, finer and for expressions.

    What tells three million faces apart also sees brows and mouths. Its 3x3 convolutions are few
    channels wide, which a CPU computes and trains fast. ``research/convert_weights.py`` makes the
    weights (dlib's, CC0) from the package ``face_recognition_models``.

    Args:
        side: Pixels to which faces are enlarged first, a multiple of 32; the weights were learned
            on 150.
        pretrained: Start from the weights for face recognition (King 2017, 99.38 % on LFW).
        drop_path: Probability of skipping the deepest block in training, growing linearly
            from 0 with depth (Huang et al. 2016).
        dropout: Probability before the classifier.
    """
    check_side(side)
    total = sum(stage[0] for stage in _STAGES)
    inputs, blocks = _STAGES[0][1], list[nn.Module]()
    for depth, outputs, first_stride in _STAGES:
        for place in range(depth):
            stride = first_stride if place == 0 else 1
            blocks.append(_Block(inputs, outputs, stride, drop_path * len(blocks) / (total - 1)))
            inputs = outputs
    features = nn.Sequential(
        Enlarge(side),
        SameConv(1, _STAGES[0][1], 7, stride=2, bias=False),
        nn.BatchNorm2d(_STAGES[0][1]),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
        *blocks,
    )
    if pretrained:
        load_face_weights(features, "dlib")
    return nn.Sequential(
        *features,
        *classifier(inputs, dropout),
    )


class _Block(nn.Module):
    """Two 3x3 convolutions around a shortcut without weights: averaged places, channels of zeros."""

    def __init__(self, inputs: int, outputs: int, stride: int, drop_path: float) -> None:
        super().__init__()
        self.stride, self.added, self.drop_path = stride, outputs - inputs, drop_path
        self.body = nn.Sequential(
            SameConv(inputs, outputs, 3, stride=stride, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            SameConv(outputs, outputs, 3, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map ``(N, inputs, H, W)`` to ``(N, outputs, H // stride, W // stride)``."""
        found: torch.Tensor = self.body(images)
        found = skip_some(found, self.drop_path, training=self.training)
        if self.stride > 1:
            images = F.avg_pool2d(images, self.stride)
        if self.added:
            images = F.pad(images, (0, 0, 0, 0, 0, self.added))
        return F.relu(found + images)
