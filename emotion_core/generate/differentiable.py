"""DiffAugment (Zhao et al. 2020): real and generated faces are changed alike, with gradients.

The discriminator then cannot remember the few faces of a rare class. Colours have no meaning here,
so of the paper's changes brightness, contrast, translation and cutout are left. All but contrast are
milder than in the paper, whose strengths are for hundreds of faces: with those, a discriminator that
had seen 8,000 of FER-2013's faces told them from noise hardly better than by chance.
"""

import torch

_SHIFT = 3  # pixels, a sixteenth of the side
_HOLE = 12  # side of the square that is cut out, a quarter of the face's
_LIGHT = 0.2  # added or taken, of a range from -1 to 1
_CONTRAST = 0.8, 1.8  # least and most, as factors


def augment(faces: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
    """Change each face's light, contrast and place, and cut a square out.

    Args:
        faces: ``(N, 1, 48, 48)`` in -1..1.
        draws: Source of all randomness, on the CPU: the same draws on every device.

    Returns:
        ``(N, 1, 48, 48)``; gradients pass through. Gray (0) fills what has no pixel.
    """
    count, side = len(faces), faces.shape[-1]
    device = faces.device
    light, contrast = torch.rand(2, count, 1, 1, 1, generator=draws).to(device)
    faces = faces + (light - 0.5) * 2 * _LIGHT
    mean = faces.mean((1, 2, 3), keepdim=True)
    least, most = _CONTRAST
    faces = (faces - mean) * (least + contrast * (most - least)) + mean
    shifts = torch.randint(-_SHIFT, _SHIFT + 1, (2, count, 1), generator=draws).to(device)
    centres = torch.randint(0, side, (2, count, 1), generator=draws).to(device)
    places = torch.arange(side, device=device)
    # One gather moves all faces: each row and column is read where it comes from.
    rows, columns = (places + shifts[0]), (places + shifts[1])
    inside = _within(rows, side)[:, :, None] & _within(columns, side)[:, None]
    flat = rows.clamp(0, side - 1)[:, :, None] * side + columns.clamp(0, side - 1)[:, None]
    moved = faces.flatten(1).gather(1, flat.flatten(1)).view_as(faces)
    hole = [(places - centre + _HOLE // 2) for centre in centres]
    cut = _within(hole[0], _HOLE)[:, :, None] & _within(hole[1], _HOLE)[:, None]
    return moved * (inside & ~cut)[:, None]


def _within(places: torch.Tensor, size: int) -> torch.Tensor:
    return (places >= 0) & (places < size)
