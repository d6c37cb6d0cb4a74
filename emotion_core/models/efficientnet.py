"""EfficientNet-B0 (Tan & Le 2019, "EfficientNet: Rethinking Model Scaling")."""

from typing import Any

from torch import nn

from emotion_core.labels import NUM_CLASSES
from emotion_core.models.options import check_stem
from emotion_core.models.pretrained import load_imagenet
from emotion_core.models.registry import register_model
from emotion_core.models.torchvision_compat import import_torchvision


@register_model
def efficientnet_b0(
    *, stem: str = "imagenet", pretrained: bool = False, dropout: float = 0.2
) -> nn.Module:
    """EfficientNet-B0: inverted bottlenecks with squeeze-and-excitation, one-channel stem.

    The stem's kernel is 3x3 in every case, so all ImageNet weights fit; as in the ResNets the
    three stems halve the picture two, one or no times before the third stage.

    Args:
        stem: ``imagenet`` (ends as 2x2), ``stride2`` (second halving left out, ends as 3x3) or
            ``small`` (both left out, ends as 6x6).
        pretrained: Start from ImageNet weights.
        dropout: Probability before the classifier.
    """
    check_stem(stem)
    models = import_torchvision().models
    net: nn.Module = models.efficientnet_b0(
        weights=None, num_classes=NUM_CLASSES, dropout=float(dropout)
    )
    features: Any = net.features
    conv = nn.Conv2d(1, 32, 3, stride=1 if stem == "small" else 2, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    features[0][0] = conv
    if stem != "imagenet":
        depthwise: nn.Conv2d = features[2][0].block[1][0]
        depthwise.stride = (1, 1)
    if pretrained:
        entry = models.EfficientNet_B0_Weights.IMAGENET1K_V1
        load_imagenet(net, entry, stem="features.0.0.weight", head="classifier.1.")
    return net
