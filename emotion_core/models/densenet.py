"""DenseNet-121 (Huang et al. 2017, "Densely Connected Convolutional Networks")."""

from typing import Any

from torch import nn

from emotion_core.labels import NUM_CLASSES
from emotion_core.models.options import check_stem
from emotion_core.models.pretrained import load_imagenet
from emotion_core.models.registry import register_model
from emotion_core.models.torchvision_compat import import_torchvision


@register_model
def densenet121(
    *, stem: str = "imagenet", pretrained: bool = False, dropout: float = 0.0
) -> nn.Module:
    """DenseNet-121: four dense blocks, each layer reads all earlier ones, one-channel stem.

    Args:
        stem: ``imagenet`` (7x7 stride 2 + max pool, ends as 1x1), ``stride2`` (3x3 stride 2, no
            pool, ends as 3x3) or ``small`` (3x3 stride 1, no pool, ends as 6x6).
        pretrained: Start from ImageNet weights.
        dropout: Probability before the classifier.
    """
    check_stem(stem)
    models = import_torchvision().models
    net: nn.Module = models.densenet121(weights=None)
    features: Any = net.features
    kernel, stride = {"imagenet": (7, 2), "stride2": (3, 2), "small": (3, 1)}[stem]
    conv = nn.Conv2d(1, 64, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight)
    features.conv0 = conv
    if stem != "imagenet":
        features.pool0 = nn.Identity()
    net.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(1024, NUM_CLASSES))
    if pretrained:
        entry = models.DenseNet121_Weights.IMAGENET1K_V1
        load_imagenet(net, entry, stem="features.conv0.weight", head="classifier.")
    return net
