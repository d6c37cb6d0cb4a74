"""Which faces per step sees, and how: order, batches, augmentation, normalisation."""

import numpy as np
import torch

from emotion_core.models.preprocess import Preprocess
from emotion_core.recipes import TrainConfig
from emotion_core.training.augment import Augmentation
from emotion_core.training.optim import epoch_order


class Batches:
    """The training faces on the device, as uint8, and what each step makes of them.

    Attributes:
        faces: uint8 ``(n, 48, 48)`` on the device.
        preprocess: Pixel normalisation, measured on these faces where it needs them.
        size: Images per epoch.
        batch_size: Images per step.
        steps: Steps per epoch.
    """

    def __init__(
        self, faces: np.ndarray, labels: np.ndarray, config: TrainConfig, device: torch.device
    ) -> None:
        self.faces = torch.from_numpy(np.array(faces)).to(device)
        self.preprocess = fit_preprocess(config.normalize, faces)
        self._labels, self._config = labels, config
        self._augment = Augmentation.from_config(config)
        self._generator = torch.Generator(device)
        self.size, self.batch_size = len(self.order(0)), config.batch_size
        # A last image alone joins the batch before: batch norm needs two.
        self.steps = max(1, -(-(self.size - 1) // config.batch_size))

    def order(self, epoch: int) -> np.ndarray:
        """Positions an epoch visits; past the number of images they mean the augmented copy."""
        order = epoch_order(self._labels, self._config, epoch)
        if not self._config.plain_copy:
            return order
        both = np.concatenate([order, order + len(self._labels)])
        return np.random.default_rng((self._config.seed, epoch, 1)).permutation(both)

    def of_epoch(self, epoch: int) -> tuple[torch.Tensor, ...]:
        """Positions by step, on the device."""
        order = torch.from_numpy(self.order(epoch)).to(self.faces.device)
        sizes = [self._config.batch_size] * (self.steps - 1)
        return torch.split(order, [*sizes, len(order) - sum(sizes)])

    def images(
        self, positions: torch.Tensor, seed: int, part: torch.Tensor | slice = slice(None)
    ) -> torch.Tensor:
        """A step's images ``(N, 1, 48, 48)``, channels last: augmented, normalised.

        Args:
            positions: ``(N,)`` from ``of_epoch``.
            seed: Of all randomness in the augmentation.
            part: Places in the batch of the images to return; all are drawn, so that each is the
                same in every part.
        """
        self._generator.manual_seed(seed)
        count = len(self.faces)
        faces = self.faces[positions % count]
        changed = self._augment(faces, self._generator)
        if self._config.plain_copy:
            changed = torch.where((positions >= count).view(-1, 1, 1), changed, faces)
        images = self.preprocess.apply(changed[part])
        return images.contiguous(memory_format=torch.channels_last)


def fit_preprocess(normalize: str, faces: np.ndarray) -> Preprocess:
    """Constants of a normalisation, measured on the training faces where it needs them."""
    if normalize == "image":
        return Preprocess(per_image=True)
    if normalize == "unit":
        return Preprocess(mean=0.0, std=1.0, per_image=False)
    histogram = np.bincount(faces.ravel(), minlength=256) / faces.size
    values = np.arange(256) / 255
    mean = float(histogram @ values)
    return Preprocess(mean, float(np.sqrt(histogram @ (values - mean) ** 2)), per_image=False)
