"""The study's own two convolutional networks, layer by layer as it printed them."""

from torch import nn

from emotion_core.labels import NUM_CLASSES
from emotion_core.models.registry import register_model

_CHANNELS = (1, 32, 64, 128, 512, 1024)
_KERNELS = (5, 5, 5, 5, 3)


@register_model
def block_cnn(*, dropout: float = 0.2) -> nn.Module:
    """The study's best network: five blocks of convolution, batch norm, ReLU and max pool.

    7,210,439 parameters. Five pools reduce 48 x 48 to 1 x 1, so the head sees 1024 numbers.

    Args:
        dropout: Probability after blocks 4 and 5 and in the head.
    """
    return _study_cnn(dropout, batch_norm=True)


@register_model
def plain_cnn(*, dropout: float = 0.2) -> nn.Module:
    """The study's baseline: block_cnn without batch norm, dropout in the head alone.

    7,206,919 parameters.

    Args:
        dropout: Probability in the head.
    """
    return _study_cnn(dropout, batch_norm=False)


def _study_cnn(dropout: float, *, batch_norm: bool) -> nn.Module:
    layers: list[nn.Module] = []
    for block, kernel in enumerate(_KERNELS, start=1):
        inputs, outputs = _CHANNELS[block - 1], _CHANNELS[block]
        layers.append(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))
        if batch_norm:
            layers.append(nn.BatchNorm2d(outputs))
        layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        if batch_norm and block >= 4:
            layers.append(nn.Dropout(dropout))
    head = [
        nn.Flatten(),
        nn.Linear(1024, 512),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(512, 128),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(128, NUM_CLASSES),
    ]
    return nn.Sequential(*layers, *head)
