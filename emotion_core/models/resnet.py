"""ResNet-18 and ResNet-50 (He et al. 2016, "Deep Residual Learning for Image Recognition")."""

from typing import Any

from torch import nn

from emotion_core.labels import NUM_CLASSES
from emotion_core.models.options import check_stem
from emotion_core.models.pretrained import load_imagenet
from emotion_core.models.registry import register_model
from emotion_core.models.torchvision_compat import import_torchvision


@register_model
def resnet18(
    *, stem: str = "imagenet", pretrained: bool = False, dropout: float = 0.0
) -> nn.Module:
    """ResNet-18: eight residual blocks of two 3x3 convolutions, one-channel stem.

    Args:
        stem: ``imagenet`` (7x7 stride 2 + max pool: 48 px end as 2x2, as in the study),
            ``stride2`` (3x3 stride 2, ends as 3x3, about three times the work) or ``small``
            (3x3 stride 1, ends as 6x6, thirteen times the work).
        pretrained: Start from ImageNet weights.
        dropout: Probability before the classifier.
    """
    return _resnet("resnet18", "ResNet18_Weights", stem, pretrained, dropout)


@register_model
def resnet50(
    *, stem: str = "imagenet", pretrained: bool = False, dropout: float = 0.0
) -> nn.Module:
    """ResNet-50: sixteen residual bottleneck blocks, one-channel stem.

    Args:
        stem: As for resnet18.
        pretrained: Start from ImageNet weights.
        dropout: Probability before the classifier.
    """
    return _resnet("resnet50", "ResNet50_Weights", stem, pretrained, dropout)


def _resnet(name: str, weights: str, stem: str, pretrained: bool, dropout: float) -> nn.Module:
    check_stem(stem)
    models = import_torchvision().models
    net: nn.Module = getattr(models, name)(weights=None)
    kernel, stride = {"imagenet": (7, 2), "stride2": (3, 2), "small": (3, 1)}[stem]
    conv = nn.Conv2d(1, 64, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    net.conv1 = conv
    if stem != "imagenet":
        net.maxpool = nn.Identity()
    head: Any = net.fc
    net.fc = nn.Sequential(nn.Dropout(dropout), nn.Linear(head.in_features, NUM_CLASSES))
    if pretrained:
        entry = getattr(models, weights).IMAGENET1K_V1
        load_imagenet(net, entry, stem="conv1.weight", head="fc.")
    return net
