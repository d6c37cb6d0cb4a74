"""MobileNetV3-Small (Howard et al. 2019, "Searching for MobileNetV3")."""

from typing import Any

from torch import nn

from emotion_core.labels import NUM_CLASSES
from emotion_core.models.options import check_stem
from emotion_core.models.pretrained import load_imagenet
from emotion_core.models.registry import register_model
from emotion_core.models.torchvision_compat import import_torchvision


@register_model
def mobilenet_v3_small(
    *, stem: str = "imagenet", pretrained: bool = False, dropout: float = 0.2
) -> nn.Module:
    """MobileNetV3-Small: the least work of all, made for phones, one-channel stem.

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
    net: nn.Module = models.mobilenet_v3_small(
        weights=None, num_classes=NUM_CLASSES, dropout=float(dropout)
    )
    features: Any = net.features
    conv = nn.Conv2d(1, 16, 3, stride=1 if stem == "small" else 2, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    features[0][0] = conv
    if stem != "imagenet":
        depthwise: nn.Conv2d = features[1].block[0][0]
        depthwise.stride = (1, 1)
    for module in net.modules():
        # torchvision's 0.01 is made for ImageNet's half million steps: on a small data set the
        # running statistics would still be those of the first steps when validation reads them.
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    if pretrained:
        entry = models.MobileNet_V3_Small_Weights.IMAGENET1K_V1
        load_imagenet(net, entry, stem="features.0.0.weight", head="classifier.3.")
    return net
