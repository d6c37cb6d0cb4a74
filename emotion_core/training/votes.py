"""A second head that learns FER+ votes beside the labels, and is dropped before weights are kept.

The last layer gets eight further outputs in training. In evaluation it answers as without them, so
that validation and averaged weights know nothing of the second head.
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.data.faces import FaceData
from emotion_core.data.ferplus import CLASSES, votes_of
from emotion_core.errors import TrainingError
from emotion_core.labels import NUM_CLASSES

_HEAD = "votes"


class TwoHeads(nn.Linear):
    """A last layer with a second one beside it: ``(N, 7 + 8)`` in training, ``(N, 7)`` in evaluation."""

    def __init__(self, last: nn.Linear) -> None:
        super().__init__(last.in_features, last.out_features, bias=last.bias is not None)
        self.load_state_dict(last.state_dict())
        self.votes = nn.Linear(last.in_features, CLASSES)
        self.train(last.training)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs ``(N, 7 + 8)`` or ``(N, 7)`` for features ``(N, F)``."""
        labels = super().forward(features)
        return torch.cat([labels, self.votes(features)], dim=1) if self.training else labels

    def alone(self) -> nn.Linear:
        """The layer without the second head."""
        last = nn.Linear(
            self.in_features, self.out_features, self.bias is not None, self.weight.device
        )
        kept = {name: value for name, value in self.state_dict().items() if _HEAD not in name}
        last.load_state_dict(kept)
        return last.train(self.training).requires_grad_(self.weight.requires_grad)


def add_head(model: nn.Module) -> None:
    """Give a network the second head, in place, with fresh weights.

    Raises:
        TrainingError: its last layer is of another kind.
    """
    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == NUM_CLASSES
    ]
    if not found:
        raise TrainingError(
            "votes: this architecture has no last linear layer of seven outputs that a second head "
            "could stand beside. Leave votes out, or choose another architecture."
        )
    name, last = found[-1]
    _replace(model, name, TwoHeads(last))


def without_head(model: nn.Module) -> nn.Module:
    """The network as it is kept: a copy without the second head; itself where it has none."""
    if not any(isinstance(module, TwoHeads) for module in model.modules()):
        return model
    plain = copy.deepcopy(model)
    for name, module in list(plain.named_modules()):
        if isinstance(module, TwoHeads):
            _replace(plain, name, module.alone())
    return plain


def voted(data: FaceData, learned: np.ndarray) -> torch.Tensor:
    """Votes of the faces to learn as targets ``(n, 8)``: shares, or zeros where nobody saw an emotion.

    Raises:
        TrainingError: none of these faces has votes here.
    """
    votes = votes_of(data)
    if votes is None or not votes[learned, :CLASSES].any():
        raise TrainingError(
            f"votes: no FER+ votes for the faces of {data.name} are on this machine. Bring them with: "
            "python -m emotion_core data fetch ferplus"
        )
    counts = torch.from_numpy(votes[learned, :CLASSES].astype(np.float32))
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1)


def votes_loss(logits: torch.Tensor, votes: torch.Tensor, share: float) -> torch.Tensor:
    """Cross-entropy with the votes, mean over the batch; a face without votes adds nothing.

    Args:
        logits: ``(N, 8)`` of the second head, for faces mixed with those of the reversed batch.
        votes: ``(N, 8)`` of the faces themselves.
        share: Of each face in its mixture.
    """
    mixed = torch.lerp(votes.flip(0), votes, share)
    return F.cross_entropy(logits, mixed)


def _replace(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, layer)
