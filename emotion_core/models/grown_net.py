"""A network that grows out of a trained one."""

from torch import nn

from emotion_core.models.blocks import ExciteBlock
from emotion_core.models.registry import register_model
from emotion_core.models.sequential import POOLED, sequential, stage_widths


@register_model
def grown_net(
    *, width: int = 32, blocks: int = 1, drop_path: float = 0.1, dropout: float = 0.3
) -> nn.Module:
    """The sequential stack grown deeper: residual blocks before each pooling.

    The blocks start as the identity, so that a trained ``sequential`` of the same width can be
    grown into this network without losing what it knows (Net2Net, Chen et al. 2016): start from
    such a run.

    Args:
        width: As in ``sequential``.
        blocks: Residual blocks with squeeze-and-excitation in each of the four stages.
        drop_path: Probability of skipping the deepest block in training, growing linearly
            from 0 with depth (Huang et al. 2016).
        dropout: Probability before the classifier.
    """
    net = sequential(width=width, dropout=dropout)
    total = blocks * len(POOLED)
    for stage, (index, channels) in enumerate(zip(POOLED, stage_widths(width)[1:], strict=True)):
        drops = [drop_path * (stage * blocks + i) / max(1, total - 1) for i in range(blocks)]
        # Under the pooling's own index, so that names of the stack's weights stay.
        net[index] = nn.Sequential(
            *(ExciteBlock(channels, channels, 1, drop) for drop in drops), net[index]
        )
    return net
