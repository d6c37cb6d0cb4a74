"""Our own design: most accuracy for the arithmetic that a live CPU can afford."""

from torch import nn

from emotion_core.models.efficientnet_lite import build_lite0
from emotion_core.models.registry import register_model

# The last halving of EfficientNet-Lite0 is left out: a mouth or a brow keeps 6x6 places, not 3x3.
_STRIDES = (1, 2, 2, 2, 1, 1, 1)


@register_model
def emotion_net(
    *,
    side: int = 96,
    pretrained: bool = False,
    drop_path: float = 0.1,
    dropout: float = 0.3,
) -> nn.Module:
    """EfficientNet-Lite0 rebuilt for expressions: enlarged faces, finer last stages.

    Args:
        side: Pixels to which faces are enlarged first, a multiple of 32.
        pretrained: Start from ImageNet weights. A trained ``efficientnet_lite0`` is the better
            start: all its weights fit.
        drop_path: Probability of skipping the deepest block in training, growing linearly
            from 0 with depth (Huang et al. 2016).
        dropout: Probability before the classifier.
    """
    return build_lite0(side, _STRIDES, pretrained, drop_path, dropout)
