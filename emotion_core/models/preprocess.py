"""Face crop to network input: the one function shared by training, evaluation and live."""

from dataclasses import dataclass

import torch

# Below this deviation (of 0..1) a face is blank; dividing by less would only amplify noise.
_MIN_STD = 0.02


@dataclass(frozen=True)
class Preprocess:
    """Pixel normalisation; its constants are stored with the weights.

    Attributes:
        mean: Subtracted from pixels scaled to 0..1.
        std: Divides afterwards.
        per_image: Use each image's own mean and deviation instead, which cancels the camera's
            brightness and contrast; ``mean`` and ``std`` are then unused.
    """

    mean: float = 0.0
    std: float = 1.0
    per_image: bool = True

    def apply(self, faces: torch.Tensor) -> torch.Tensor:
        """Normalise faces.

        Args:
            faces: ``(N, 48, 48)`` uint8, or float in 0..255.

        Returns:
            float32 ``(N, 1, 48, 48)``.
        """
        images = faces.to(torch.float32).div(255.0).unsqueeze(1)
        if not self.per_image:
            return images.sub(self.mean).div(self.std)
        std, mean = torch.std_mean(images, dim=(2, 3), correction=0, keepdim=True)
        return images.sub(mean).div(std.clamp_min(_MIN_STD))
