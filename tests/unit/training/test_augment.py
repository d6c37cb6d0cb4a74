"""Augmentation keeps shapes and types, and each strength does what it says."""

import cv2
import numpy as np
import pytest
import torch

from emotion_core.recipes import TrainConfig
from emotion_core.training.augment import Augmentation, jpeg

NOTHING = Augmentation()


@pytest.fixture
def faces() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    coarse = torch.randint(0, 256, (8, 1, 6, 6), generator=generator).float()
    return (
        torch.nn.functional.interpolate(coarse, size=48, mode="bilinear").squeeze(1).to(torch.uint8)
    )


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_strength_changes_nothing(faces):
    assert torch.equal(NOTHING(faces, generator()), faces)


def test_certain_flip_is_an_exact_mirror(faces):
    assert torch.equal(Augmentation(flip=1.0)(faces, generator()), faces.flip(2))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rotation", 20.0),
        ("translation", 0.2),
        ("scale", 0.3),
        ("brightness", 0.4),
        ("contrast", 0.5),
        ("blur", 1.0),
        ("noise", 0.2),
        ("jpeg", 1.0),
        ("erasing", 1.0),
    ],
)
def test_each_strength_alone_changes_faces_and_keeps_their_form(faces, name, value):
    changed = Augmentation(**{name: value})(faces, generator())
    assert changed.shape == faces.shape
    assert changed.dtype == torch.uint8
    assert not torch.equal(changed, faces)


def test_the_seed_decides_the_draw(faces):
    augment = Augmentation.from_config(TrainConfig())
    first, again = augment(faces, generator(1)), augment(faces, generator(1))
    other = augment(faces, generator(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("quality", [20, 50, 80])
def test_jpeg_is_what_a_jpeg_file_keeps(faces, quality):
    found = jpeg(faces.float().unsqueeze(1), torch.full((len(faces),), float(quality)))
    for face, kept in zip(faces.numpy(), found[:, 0].numpy(), strict=True):
        _, file = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)
        assert np.abs(kept - decoded).mean() < 0.6
        assert np.abs(face.astype(float) - decoded).mean() > 0.8


def test_translation_moves_by_at_most_its_share_of_the_width():
    dot = torch.zeros(64, 48, 48, dtype=torch.uint8)
    dot[:, 23:25, 23:25] = 255
    moved = Augmentation(translation=0.1)(dot, generator())
    rows, columns = torch.nonzero(moved.amax(0) > 60, as_tuple=True)
    reach = 0.1 * 48 + 1.5
    assert (rows.float() - 23.5).abs().max() <= reach
    assert (columns.float() - 23.5).abs().max() <= reach
    assert (columns.float() - 23.5).abs().max() > 2


def test_erasing_fills_two_to_twenty_percent_with_the_mean():
    faces = torch.arange(48 * 48).remainder(256).to(torch.uint8).view(1, 48, 48).repeat(64, 1, 1)
    changed = Augmentation(erasing=1.0)(faces, generator())
    share = (changed != faces).float().mean(dim=(1, 2))
    assert share.max() <= 0.25
    assert share.min() >= 0.005


def test_from_config_takes_every_strength():
    config = TrainConfig(flip=0.1, rotation=1.0, noise=0.02, blur=0.3)
    augment = Augmentation.from_config(config)
    assert (augment.flip, augment.rotation, augment.noise, augment.blur) == (0.1, 1.0, 0.02, 0.3)
